//! The world of one history: the two servers, the people at them, and the operators.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use in_memory_api_server::{ApiServer, Definition, Settings, Turns};
use logdrain_operator::controller::Sabotage;
use logdrain_operator::drain::Digester;
use scalingo_simulator::{Simulator, Target, UnheededDelete, UrlForm};
use serde_json::{Value, json};

use crate::operator::{Operator, Surroundings};
use crate::speaker::Speaker;
use crate::step::{DeleteForm, Duplicates, Step};
use crate::universe::{
    ADDON, AppSlot, Destination, Form, GOOD_TOKENS, Namespace, Slot, VERSIONS, api_token, foreign, in_order,
};
use crate::witness::Witness;

const KIND: &str = "LogDrain";

/// Everything there is.
pub struct World {
    pub surroundings: Surroundings,
    pub operators: Vec<Operator>,
    started: u64,
    had_two: bool,
    /// The app that a slot means now, by id.
    apps: BTreeMap<AppSlot, String>,
    apps_made: u8,
    pub form: Form,
    /// Values of Secrets with destinations.
    pub secrets: BTreeMap<(Namespace, Destination), u8>,
    pub tokens: BTreeMap<Namespace, u8>,
    /// Drains that nobody may touch.
    pub foreign: Vec<(Target, String)>,
    /// Drains added by hand that are like a wanted one, by documented URL.
    pub copies: BTreeMap<(Target, String), usize>,
    /// URLs that may be left behind: the records of them were lost, or they were to be retained.
    pub excused: BTreeSet<String>,
    /// What a `LogDrain` has asked for since it is there.
    wishes: BTreeMap<Slot, BTreeSet<Destination>>,
    backups: BTreeMap<Slot, Value>,
}

impl World {
    /// A world with two apps, an addon, and all Secrets; without operator and `LogDrain`.
    pub fn new(seed: u64, digester: Arc<Digester>, sabotage: Option<Sabotage>, speaker: Speaker) -> Self {
        let mut definitions = Definition::builtin();
        let crd = serde_json::to_value(logdrain_operator::crd::definition()).unwrap_or_default();
        definitions.extend(Definition::from_crd(&crd));
        let turns = Turns::new(seed, Duration::from_millis(1)).asked_by(move || speaker.current());
        let settings = Settings { seed, turns: Some(turns.clone()), ..Settings::default() };
        let simulator = Simulator::seeded(seed, settings.start);
        let surroundings = Surroundings {
            server: ApiServer::new(settings, definitions),
            simulator,
            turns,
            faults: Arc::default(),
            witness: Arc::new(Witness::new(digester)),
            sabotage,
            random: Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))),
        };
        let mut world = Self {
            surroundings,
            operators: Vec::new(),
            started: 0,
            had_two: false,
            apps: BTreeMap::new(),
            apps_made: 0,
            form: Form::Documented,
            secrets: BTreeMap::new(),
            tokens: BTreeMap::new(),
            foreign: Vec::new(),
            copies: BTreeMap::new(),
            excused: BTreeSet::new(),
            wishes: BTreeMap::new(),
            backups: BTreeMap::new(),
        };
        for version in 0..GOOD_TOKENS {
            world.simulator().add_token(&format!("operator-{version}"), &api_token(version));
        }
        for app in AppSlot::ALL {
            world.create_app(app);
        }
        world.create_addon(AppSlot::Shop);
        for namespace in Namespace::ALL {
            world.put_api_token(namespace, 0);
            for destination in Destination::ALL {
                world.put_secret(namespace, destination, 0);
            }
        }
        world
    }

    pub fn simulator(&self) -> &Simulator {
        &self.surroundings.simulator
    }

    pub fn server(&self) -> &ApiServer {
        &self.surroundings.server
    }

    pub fn witness(&self) -> &Witness {
        &self.surroundings.witness
    }

    /// Lets a step happen. One that makes no sense here, since others were left out, does nothing.
    pub async fn take(&mut self, step: &Step) {
        self.witness().look(self.server());
        self.operators.retain(|operator| !operator.is_ended());
        if self.operators.len() > 1 {
            self.witness().is_restless();
        }
        match step {
            Step::Wait { milliseconds } => tokio::time::sleep(Duration::from_millis(*milliseconds)).await,
            step => self.happen(step),
        }
        self.operators.retain(|operator| !operator.is_ended());
        self.witness().look(self.server());
    }

    fn happen(&mut self, step: &Step) {
        match *step {
            Step::Apply { slot, app, by_id, addon, destination } => {
                self.apply(slot, app, by_id, addon, destination);
            }
            Step::Suspend { slot, suspend } => self.edit(slot, |spec| spec["suspend"] = suspend.into()),
            Step::Retain { slot, retain } => {
                let policy = if retain { "Retain" } else { "Delete" };
                self.edit(slot, |spec| spec["deletionPolicy"] = policy.into());
                self.excuse_retained(slot);
            }
            Step::Delete { slot } => {
                let _ = self.server().delete(KIND, slot.namespace().name(), slot.name());
                self.excuse_retained(slot);
            }
            Step::Backup { slot } => {
                if let Some(object) = self.object(slot) {
                    self.backups.insert(slot, object);
                }
            }
            Step::Restore { slot, same_uid } => self.restore(slot, same_uid),
            Step::Secret { namespace, destination, version } => {
                self.put_secret(namespace, destination, version);
            }
            Step::RemoveSecret { namespace, destination } => {
                self.secrets.remove(&(namespace, destination));
                let _ = self.server().delete("Secret", namespace.name(), destination.secret());
            }
            Step::ApiToken { namespace, version } => self.put_api_token(namespace, version),
            Step::RemoveApiToken { namespace } => {
                self.tokens.remove(&namespace);
                let _ = self.server().delete("Secret", namespace.name(), "scalingo");
            }
            Step::ExpireWatches => self.server().expire_watches(),
            Step::BreakWatches => self.server().break_watches(),
            Step::PauseWatches(paused) => {
                self.operators.iter().for_each(|operator| operator.pause_watches(paused));
            }
            Step::Kubernetes { fault, times } => self.surroundings.faults.add(fault, times),
            Step::KubernetesCalm => self.surroundings.faults.clear(),
            Step::Start => self.start(),
            Step::Kill { nth } => {
                if let Some(operator) = self.operator(nth) {
                    operator.kill();
                    self.witness().count("killed");
                }
            }
            Step::KillAt { nth, request, made } => {
                if let Some(operator) = self.operator(nth) {
                    operator.kill_at(request, made);
                }
            }
            ref step => self.happen_at_scalingo(step),
        }
    }

    fn happen_at_scalingo(&mut self, step: &Step) {
        match *step {
            Step::RevokeBearers => {
                for version in 0..GOOD_TOKENS {
                    self.simulator().revoke_bearers(&format!("operator-{version}"));
                }
            }
            Step::Foreign { app, addon, number } => self.add_foreign(app, addon, number),
            Step::Copy { app, addon, destination, version } => self.copy(app, addon, destination, version),
            Step::RemoveBehind { app, addon, nth } => self.remove_behind(app, addon, nth),
            Step::RenameApp { app } => {
                let Some(id) = self.apps.get(&app) else { return };
                let [first, second] = app.names();
                let is_first = self.simulator().app_id(first).as_ref() == Some(id);
                let name = if is_first { second } else { first };
                if self.simulator().app_id(name).is_none() {
                    let _ = self.simulator().rename_app(id, name);
                }
            }
            Step::DeleteApp { app } => {
                let Some(id) = self.apps.remove(&app) else { return };
                self.witness().is_restless();
                self.foreign.retain(|(target, _)| target.app != id);
                self.copies.retain(|(target, _), _| target.app != id);
                let _ = self.simulator().delete_app(&id);
            }
            Step::CreateApp { app } => self.create_app(app),
            Step::DeleteAddon { app } => {
                let Some(id) = self.apps.get(&app).cloned() else { return };
                self.witness().is_restless();
                let gone = Target::from((&id, ADDON));
                self.foreign.retain(|(target, _)| *target != gone);
                self.copies.retain(|(target, _), _| *target != gone);
                let _ = self.simulator().delete_addon(&id, ADDON);
            }
            Step::CreateAddon { app } => self.create_addon(app),
            Step::Scalingo { requests, fault, times } => {
                self.witness().count(&format!("Scalingo: {}", fault.name()));
                for rule in fault.rules(requests, times) {
                    self.simulator().add_rule(rule);
                }
            }
            Step::ScalingoCalm => self.simulator().clear_rules(),
            Step::Form(form) => self.write_in(form),
            Step::Duplicates(duplicates) => self.simulator().set(|settings| {
                settings.duplicates = match duplicates {
                    Duplicates::Refused => scalingo_simulator::Duplicates::Refused,
                    Duplicates::Accepted => scalingo_simulator::Duplicates::Accepted,
                    Duplicates::Merged => scalingo_simulator::Duplicates::Merged,
                };
            }),
            Step::DeleteRemovesAll(all) => self.simulator().set(|settings| settings.delete_removes_all = all),
            // A way to delete that was seen to work is trusted from then on: an API that would no longer heed it, and say
            // that it does, is none that could be lived with.
            Step::DeleteForm(DeleteForm::QueryElseIgnored) if self.started > 0 => {}
            Step::DeleteForm(form) => self.simulator().set(|settings| {
                settings.delete_by_body = matches!(form, DeleteForm::Either | DeleteForm::BodyElseRefused);
                settings.delete_by_query = form != DeleteForm::BodyElseRefused;
                settings.unheeded_delete = match form {
                    DeleteForm::QueryElseIgnored => UnheededDelete::Ignored,
                    _ => UnheededDelete::Refused422,
                };
            }),
            _ => {}
        }
    }

    fn write_in(&mut self, form: Form) {
        self.form = form;
        let form = match form {
            Form::Documented => UrlForm::Documented,
            Form::Reordered => UrlForm::Reordered,
            Form::Opaque => UrlForm::Opaque,
        };
        self.simulator().set(|settings| settings.url_forms = [("*".to_owned(), form)].into());
    }

    fn operator(&self, nth: u8) -> Option<&Operator> {
        self.operators.get(usize::from(nth) % self.operators.len().max(1))
    }

    /// Whether two operators were ever at work at once.
    ///
    /// A resource's version guards its own records only. Two operators that look at two resources of one target at the same
    /// moment do not see each other's intents: the same drain can be added twice, or be left by both. A lease must guarantee
    /// that never two write at Scalingo for one target within the time that a request may take effect in (100 s); until there
    /// is one, two copies and drains left behind are not held against a history with two operators. What nobody recorded must
    /// not be deleted all the same, no secret shown, and every wanted drain be there.
    pub fn had_two_operators(&self) -> bool {
        self.had_two
    }

    /// Starts an operator, unless there are two.
    pub fn start(&mut self) {
        if self.operators.len() < 2 {
            self.started += 1;
            self.operators.push(Operator::start(&self.surroundings, self.started));
        }
        if self.operators.len() > 1 {
            self.had_two = true;
            self.witness().count("two operators at once");
            self.witness().is_restless();
        }
    }

    /// The `LogDrain` in a slot.
    pub fn object(&self, slot: Slot) -> Option<Value> {
        self.server().get(KIND, slot.namespace().name(), slot.name())
    }

    fn apply(&mut self, slot: Slot, app: AppSlot, by_id: bool, addon: bool, destination: Destination) {
        let id = self.apps.get(&app).filter(|_| by_id);
        let mut spec = destination.spec();
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

    fn edit(&self, slot: Slot, change: impl FnOnce(&mut Value)) {
        let change = |object: &mut Value| change(&mut object["spec"]);
        let _ = self.server().edit(KIND, slot.namespace().name(), slot.name(), change);
    }

    /// What a `LogDrain` leaves behind that goes with `Retain`.
    fn excuse_retained(&mut self, slot: Slot) {
        let retains = self.object(slot).is_none_or(|object| {
            object["spec"]["deletionPolicy"] == "Retain" && !object["metadata"]["deletionTimestamp"].is_null()
        });
        if retains {
            self.excuse(slot, None);
        }
    }

    fn excuse(&mut self, slot: Slot, except: Option<Destination>) {
        let wishes = self.wishes.get(&slot).cloned().unwrap_or_default();
        let versions = (0..VERSIONS).flat_map(|version| {
            wishes
                .iter()
                .filter(|wish| Some(**wish) != except)
                .flat_map(move |wish| wish.urls(version))
                .collect::<Vec<_>>()
        });
        self.excused.extend(versions.collect::<Vec<_>>());
    }

    fn restore(&mut self, slot: Slot, same_uid: bool) {
        let Some(backup) = self.backups.get(&slot).cloned() else { return };
        if !backup["metadata"]["deletionTimestamp"].is_null() {
            return;
        }
        self.excuse(slot, None);
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

    pub fn put_secret(&mut self, namespace: Namespace, destination: Destination, version: u8) {
        self.secrets.insert((namespace, destination), version);
        let _ = self.server().apply(json!({
            "apiVersion": "v1", "kind": "Secret", "stringData": {"value": destination.value(version)},
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

    fn target(&self, app: AppSlot, addon: bool) -> Option<Target> {
        let id = self.apps.get(&app)?;
        let target = if addon { Target::from((id, ADDON)) } else { Target::from(id) };
        let is_there = self.simulator().all_drains().iter().any(|(there, _)| *there == target);
        is_there.then_some(target)
    }

    /// A drain in no documented form that comes while an answer is missing cannot be told from the one that was asked for
    /// (design: likeness), so such drains come before the first operator only.
    fn add_foreign(&mut self, app: AppSlot, addon: bool, number: u8) {
        let url = foreign(number);
        if url.starts_with("https") && self.started > 0 {
            return;
        }
        let Some(target) = self.target(app, addon) else { return };
        if self.simulator().add_drain_behind(target.clone(), &url).is_ok() {
            self.foreign.push((target, url));
        }
    }

    /// As for [`Self::add_foreign`]: only what shows in its form that it leads elsewhere may come at any time.
    fn copy(&mut self, app: AppSlot, addon: bool, destination: Destination, version: u8) {
        let tells =
            matches!(destination, Destination::Datadog | Destination::Syslog | Destination::Papertrail);
        if self.started > 0 && !(tells && self.form == Form::Documented) {
            return;
        }
        let Some(target) = self.target(app, addon) else { return };
        let documented = destination.documented(version);
        if self.simulator().add_drain_behind(target.clone(), &self.form.write(&documented)).is_ok() {
            *self.copies.entry((target, documented)).or_default() += 1;
        }
    }

    fn remove_behind(&mut self, app: AppSlot, addon: bool, nth: u8) {
        let Some(target) = self.target(app, addon) else { return };
        let is_foreign =
            |url: &String| self.foreign.iter().any(|(at, foreign)| *at == target && foreign == url);
        let mut urls = self.simulator().drains(target.clone());
        urls.retain(|url| !is_foreign(url));
        if let Some(url) = urls.get(usize::from(nth) % urls.len().max(1)) {
            self.witness().is_restless();
            let _ = self.simulator().remove_drain_behind(target, url);
        }
    }

    fn create_app(&mut self, app: AppSlot) {
        let name = app.names()[0];
        if self.simulator().app_id(name).is_none() {
            self.apps_made += 1;
            let id = format!("5af97be7ff688d00012200{:02x}", self.apps_made);
            self.simulator().add_app_with_id(name, &id);
            self.apps.insert(app, id);
        }
    }

    fn create_addon(&self, app: AppSlot) {
        if let (Some(id), None) = (self.apps.get(&app), self.target(app, true)) {
            let _ = self.simulator().add_addon_with_id(id, "postgresql", true, ADDON);
        }
    }

    /// All drains, their URLs in order.
    pub fn drains(&self) -> Vec<(Target, Vec<String>)> {
        let all = self.simulator().all_drains().into_iter();
        all.map(|(target, urls)| (target, urls.iter().map(|url| in_order(url)).collect())).collect()
    }
}
