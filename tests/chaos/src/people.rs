//! The people who change things, at both ends, and in the end put them in order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use logdrain_operator::crd::{LogDrain, REQUESTED_AT};
use scalingo_simulator::UnheededDelete;
use serde_json::json;

use crate::Error;
use crate::change::{Change, Duplicates, Size, Wish};
use crate::setting::Setting;
use crate::universe::{Kind, TOKENS, VERSIONS, api_token};
use crate::witness::Witness;

/// Between two changes, in milliseconds.
const PACE: std::ops::Range<u64> = 10..120;

/// What people have asked for so far.
pub struct People {
    setting: Arc<Setting>,
    witness: Arc<Witness>,
    size: Size,
    random: Rng,
    wishes: Vec<Option<Wish>>,
    /// Values of Secrets with destinations.
    pub secrets: BTreeMap<(usize, Kind), u8>,
    tokens: BTreeMap<usize, u8>,
    /// The text of the last request for a check, by the `LogDrain`'s uid.
    pub requests: BTreeMap<String, String>,
}

impl People {
    pub fn new(setting: &Arc<Setting>, witness: &Arc<Witness>, size: Size, random: Rng) -> Self {
        Self {
            setting: Arc::clone(setting),
            witness: Arc::clone(witness),
            size,
            random,
            wishes: vec![None; size.logdrains],
            secrets: BTreeMap::new(),
            tokens: BTreeMap::new(),
            requests: BTreeMap::new(),
        }
    }

    /// All Secrets, and all `LogDrain`s.
    pub async fn begin(&mut self) -> Result<(), Error> {
        self.complete_secrets().await?;
        self.complete_logdrains().await
    }

    /// How many `LogDrain`s there are to be.
    pub fn logdrains(&self) -> usize {
        self.size.logdrains
    }

    /// Changes something at random, after a moment.
    pub async fn change(&mut self) -> Result<(), Error> {
        tokio::time::sleep(Duration::from_millis(self.random.u64(PACE))).await;
        let change = Change::random(&mut self.random, self.size);
        if self.make(change).await? {
            self.witness.count(&format!("change: {}", change.name()));
        }
        Ok(())
    }

    /// Puts everything in order that only a person can: all `LogDrain`s are there and at work, with all that they need.
    pub async fn settle(&mut self) -> Result<(), Error> {
        // One that an earlier kill has half added may be refused as a duplicate, for good where nothing is to be read.
        self.make(Change::Duplicates(Duplicates::Merged)).await?;
        self.complete_secrets().await?;
        for slot in 0..self.size.logdrains {
            self.make(Change::Suspend { slot, suspend: false }).await?;
        }
        self.complete_logdrains().await
    }

    async fn complete_secrets(&mut self) -> Result<(), Error> {
        for namespace in 0..self.size.namespaces {
            if !self.tokens.contains_key(&namespace) {
                let version = self.random.u8(..TOKENS);
                self.make(Change::ApiToken { namespace, version }).await?;
            }
            for kind in Kind::ALL {
                if !self.secrets.contains_key(&(namespace, kind)) {
                    let version = self.random.u8(..VERSIONS);
                    self.make(Change::Secret { namespace, kind, version }).await?;
                }
            }
        }
        Ok(())
    }

    /// Creates those that are not there. One that is still going stays as it is.
    pub async fn complete_logdrains(&mut self) -> Result<(), Error> {
        for slot in 0..self.size.logdrains {
            let api = self.api(slot);
            let there = api.get_opt(&name(slot)).await.map_err(Error::kubernetes("get a LogDrain"))?;
            if there.is_none() {
                let wish = Wish::random(&mut self.random, self.size);
                self.make(Change::Apply { slot, wish }).await?;
            }
        }
        Ok(())
    }

    /// Deletes all `LogDrain`s, none of which is to leave anything behind.
    pub async fn delete_all(&mut self) -> Result<(), Error> {
        for slot in 0..self.size.logdrains {
            self.make(Change::Retain { slot, retain: false }).await?;
            self.make(Change::Delete { slot }).await?;
        }
        Ok(())
    }

    /// Lets a change happen; gives whether there was anything to change.
    async fn make(&mut self, change: Change) -> Result<bool, Error> {
        let simulator = &self.setting.simulator;
        match change {
            Change::Apply { slot, wish } => return self.apply(slot, |_| Some(wish)).await,
            Change::Suspend { slot, suspend } => {
                let suspended = |wish: Option<Wish>| {
                    wish.filter(|wish| wish.suspend != suspend).map(|wish| Wish { suspend, ..wish })
                };
                return self.apply(slot, suspended).await;
            }
            Change::Retain { slot, retain } => {
                let retained = |wish: Option<Wish>| {
                    wish.filter(|wish| wish.retain != retain).map(|wish| Wish { retain, ..wish })
                };
                return self.apply(slot, retained).await;
            }
            Change::Delete { slot } => {
                let deleted = self.api(slot).delete(&name(slot), &DeleteParams::default()).await;
                unless_missing(deleted, "delete a LogDrain")?;
                return Ok(self.wishes[slot].take().is_some());
            }
            Change::Request { slot } => return self.request(slot).await,
            Change::Secret { namespace, kind, version } => {
                self.secrets.insert((namespace, kind), version);
                self.put_secret(namespace, kind.name(), &kind.secret(version)).await?;
            }
            Change::RemoveSecret { namespace, kind } => {
                self.secrets.remove(&(namespace, kind));
                self.remove_secret(namespace, kind.name()).await?;
            }
            Change::ApiToken { namespace, version } => {
                self.tokens.insert(namespace, version);
                let data = json!({"api_token": api_token(version)});
                self.put_secret(namespace, "scalingo", &data).await?;
            }
            Change::RemoveApiToken { namespace } => {
                self.tokens.remove(&namespace);
                self.remove_secret(namespace, "scalingo").await?;
            }
            Change::RevokeBearers => {
                for version in 0..TOKENS {
                    simulator.revoke_bearers(&format!("operator-{version}"));
                }
            }
            Change::RemoveBehind { target, nth } => return Ok(self.remove_behind(target, nth)),
            Change::Duplicates(duplicates) => simulator.set(|settings| {
                settings.duplicates = match duplicates {
                    Duplicates::Refused => scalingo_simulator::Duplicates::Refused,
                    Duplicates::Accepted => scalingo_simulator::Duplicates::Accepted,
                    Duplicates::Merged => scalingo_simulator::Duplicates::Merged,
                };
            }),
            Change::DeleteRemovesAll(all) => simulator.set(|settings| settings.delete_removes_all = all),
            Change::DeleteForm { body, query } => simulator.set(|settings| {
                settings.delete_by_body = body;
                settings.delete_by_query = query;
                settings.unheeded_delete = UnheededDelete::Refused422;
            }),
        }
        Ok(true)
    }

    /// Makes of what was wished for a `LogDrain` what is wished for now.
    async fn apply(
        &mut self,
        slot: usize,
        change: impl FnOnce(Option<Wish>) -> Option<Wish>,
    ) -> Result<bool, Error> {
        let Some(wish) = change(self.wishes[slot]) else { return Ok(false) };
        let app = &self.setting.apps[wish.app];
        let mut spec = wish.destination.spec();
        spec["app"] = if wish.by_id { app.id.as_str() } else { app.name.as_str() }.into();
        if let Some(addon) = app.addon.as_ref().filter(|_| wish.addon) {
            spec["addon"] = addon.as_str().into();
        }
        spec["suspend"] = wish.suspend.into();
        spec["deletionPolicy"] = if wish.retain { "Retain" } else { "Delete" }.into();
        let object = json!({
            "apiVersion": "logs.scalingo.com/v1", "kind": "LogDrain", "spec": spec,
            "metadata": {"name": name(slot)},
        });
        self.wishes[slot] = Some(wish);
        let applied = self.api(slot).patch(&name(slot), &applying(), &Patch::Apply(object)).await;
        applied.map_err(Error::kubernetes("apply a LogDrain"))?;
        Ok(true)
    }

    /// Asks for a check as `kubectl annotate` does: what is applied stays as it is.
    async fn request(&mut self, slot: usize) -> Result<bool, Error> {
        let text = format!("request {}", self.random.u64(..));
        let annotated = json!({"metadata": {"annotations": {REQUESTED_AT: text}}});
        let patched =
            self.api(slot).patch(&name(slot), &PatchParams::default(), &Patch::Merge(annotated)).await;
        let Some(object) = unless_missing(patched, "annotate a LogDrain")? else { return Ok(false) };
        self.requests.insert(object.metadata.uid.unwrap_or_default(), text);
        Ok(true)
    }

    async fn put_secret(&self, namespace: usize, name: &str, data: &serde_json::Value) -> Result<(), Error> {
        let object = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data,
        });
        let applied = self.secrets_of(namespace).patch(name, &applying(), &Patch::Apply(object)).await;
        applied.map(drop).map_err(Error::kubernetes("apply a Secret"))
    }

    async fn remove_secret(&self, namespace: usize, name: &str) -> Result<(), Error> {
        let deleted = self.secrets_of(namespace).delete(name, &DeleteParams::default()).await;
        unless_missing(deleted, "delete a Secret").map(drop)
    }

    fn remove_behind(&self, target: usize, nth: usize) -> bool {
        let all = self.setting.simulator.all_drains();
        let Some((target, mut urls)) = all.get(target % all.len().max(1)).cloned() else { return false };
        let foreign = &self.setting.foreign;
        urls.retain(|url| !foreign.iter().any(|(at, foreign)| *at == target && foreign == url));
        let Some(url) = urls.get(nth % urls.len().max(1)) else { return false };
        self.setting.simulator.remove_drain_behind(target, url).is_ok()
    }

    fn api(&self, slot: usize) -> Api<LogDrain> {
        let namespaces = &self.setting.namespaces;
        Api::namespaced(self.setting.client.clone(), &namespaces[slot % namespaces.len()])
    }

    fn secrets_of(&self, namespace: usize) -> Api<Secret> {
        Api::namespaced(self.setting.client.clone(), &self.setting.namespaces[namespace])
    }
}

fn name(slot: usize) -> String {
    format!("drain-{slot:02}")
}

fn applying() -> PatchParams {
    PatchParams::apply("people").force()
}

fn unless_missing<T>(result: kube::Result<T>, what: &'static str) -> Result<Option<T>, Error> {
    match result {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(Error::kubernetes(what)(error)),
        Ok(there) => Ok(Some(there)),
    }
}
