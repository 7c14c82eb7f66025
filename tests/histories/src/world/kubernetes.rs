//! What people do with kubectl, and with etcd.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use in_memory_api_server::Backup;
use logdrain_operator::crd::REQUESTED_AT;
use serde_json::{Value, json};

use super::{KIND, World};
use crate::universe::{ADDON, AppSlot, Destination, Namespace, Slot, VERSIONS, api_token};

/// All that is kept in etcd, and what it means.
#[derive(Clone)]
pub(super) struct BackupOfAll {
    etcd: Backup,
    secrets: BTreeMap<(Namespace, Destination), u8>,
    tokens: BTreeMap<Namespace, u8>,
    wishes: BTreeMap<Slot, BTreeSet<Destination>>,
}

impl World {
    /// The `LogDrain` in a slot.
    pub fn object(&self, slot: Slot) -> Option<Value> {
        self.server().get(KIND, slot.namespace().name(), slot.name())
    }

    pub(super) fn apply(
        &mut self,
        slot: Slot,
        app: AppSlot,
        by_id: bool,
        addon: bool,
        destination: Destination,
    ) {
        let id = self.apps.get(&app).filter(|_| by_id);
        let mut spec = destination.spec(slot.spells_oddly());
        spec["app"] = id.map_or(app.names()[0], String::as_str).into();
        if addon {
            spec["addon"] = ADDON.into();
        }
        if self.object(slot).is_none() {
            self.wishes.remove(&slot);
        }
        self.wishes.entry(slot).or_default().insert(destination);
        let _ = self.server().apply(json!({
            "apiVersion": "logs.scalingo.com/v1", "kind": KIND, "spec": spec,
            "metadata": {"namespace": slot.namespace().name(), "name": slot.name()},
        }));
    }

    pub(super) fn edit(&self, slot: Slot, change: impl FnOnce(&mut Value)) {
        let change = |object: &mut Value| change(&mut object["spec"]);
        let _ = self.server().edit(KIND, slot.namespace().name(), slot.name(), change);
    }

    pub(super) fn request(&self, slot: Slot, text: u8) {
        let ask = |object: &mut Value| {
            object["metadata"]["annotations"][REQUESTED_AT] = format!("request {text}").into();
        };
        let _ = self.server().edit(KIND, slot.namespace().name(), slot.name(), ask);
    }

    /// What a `LogDrain` leaves behind that goes with `Retain`.
    pub(super) fn excuse_retained(&mut self, slot: Slot) {
        let retains = self.object(slot).is_none_or(|object| {
            object["spec"]["deletionPolicy"] == "Retain" && !object["metadata"]["deletionTimestamp"].is_null()
        });
        if retains {
            let urls = self.wished(slot);
            self.retained.extend(urls);
        }
    }

    /// The URLs of all that a `LogDrain` has asked for.
    pub(super) fn wished(&self, slot: Slot) -> Vec<String> {
        let wishes = self.wishes.get(&slot).into_iter().flatten();
        wishes.flat_map(|wish| (0..VERSIONS).flat_map(|version| wish.urls(version))).collect()
    }

    pub(super) fn restore(&mut self, slot: Slot, same_uid: bool) {
        let Some(backup) = self.backups.get(&slot).cloned() else { return };
        if !backup["metadata"]["deletionTimestamp"].is_null() {
            return;
        }
        let urls = self.wished(slot);
        self.excused.extend(urls);
        self.kept.cannot_be_told();
        let (namespace, name) = (slot.namespace().name(), slot.name());
        self.server().remove_without_finalizer(KIND, namespace, name);
        self.witness().is_restless();
        if same_uid {
            let mut object = backup;
            if let Some(object) = object.as_object_mut() {
                object.remove("status");
            }
            self.server().restore(&object);
        } else {
            let _ = self.server().apply(json!({
                "apiVersion": backup["apiVersion"], "kind": KIND, "spec": backup["spec"],
                "metadata": {
                    "namespace": namespace, "name": name, "finalizers": backup["metadata"]["finalizers"],
                },
            }));
        }
    }

    pub(super) fn back_up_all(&mut self) {
        self.backup_of_all = Some(BackupOfAll {
            etcd: self.server().backup(),
            secrets: self.secrets.clone(),
            tokens: self.tokens.clone(),
            wishes: self.wishes.clone(),
        });
    }

    /// Records of what was added since are lost, so that its drains may be left behind, and be added again.
    pub(super) fn restore_all(&mut self, outage: Duration) {
        let Some(backup) = self.backup_of_all.clone() else { return };
        for (slot, wishes) in backup.wishes {
            self.wishes.entry(slot).or_default().extend(wishes);
        }
        let urls: Vec<String> = Slot::ALL.iter().flat_map(|slot| self.wished(*slot)).collect();
        self.excused.extend(urls);
        self.kept.cannot_be_told();
        (self.secrets, self.tokens) = (backup.secrets, backup.tokens);
        self.operators.iter().for_each(|operator| operator.cut_off(outage));
        self.server().roll_back(&backup.etcd);
        self.witness().is_restless();
        self.witness().count("etcd restored");
    }

    pub fn put_secret(&mut self, namespace: Namespace, destination: Destination, version: u8) {
        self.secrets.insert((namespace, destination), version);
        let _ = self.server().apply(json!({
            "apiVersion": "v1", "kind": "Secret", "stringData": {"value": destination.pasted(version)},
            "metadata": {"namespace": namespace.name(), "name": destination.secret()},
        }));
    }

    pub fn put_api_token(&mut self, namespace: Namespace, version: u8) {
        self.tokens.insert(namespace, version);
        let _ = self.server().apply(json!({
            "apiVersion": "v1", "kind": "Secret", "stringData": {"api_token": api_token(version)},
            "metadata": {"namespace": namespace.name(), "name": "scalingo"},
        }));
    }
}
