//! The world of one history: the two servers, the people at them, and the operators.

mod kept;
mod kubernetes;
mod scalingo;
mod sight;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use in_memory_api_server::{ApiServer, Definition, Settings, Turns};
use jiff::SignedDuration;
use logdrain_operator::drain::Digester;
use scalingo_simulator::{Simulator, Target};
use serde_json::Value;

use crate::operator::{OWN_NAMESPACE, Operator, Surroundings};
use crate::sabotage::Sabotage;
use crate::speaker::Speaker;
use crate::step::{KubernetesFault, Step};
use crate::universe::{AppSlot, Destination, Form, GOOD_TOKENS, Namespace, Slot, api_token};
use crate::witness::Witness;

use self::kept::Kept;
use self::kubernetes::BackupOfAll;
pub use self::scalingo::Listed;
use self::sight::Sight;

const KIND: &str = "LogDrain";
/// Requests a minute: more than any history needs that says nothing of it.
const PLENTY: usize = 1_000;

/// Everything there is.
pub struct World {
    pub surroundings: Surroundings,
    pub operators: Vec<Operator>,
    started: u64,
    requests_per_minute: usize,
    had_two: bool,
    /// The app that a slot means now, by id.
    apps: BTreeMap<AppSlot, String>,
    apps_made: u8,
    /// The app of which the change feed tells nothing, whichever has its name.
    hidden: Option<AppSlot>,
    /// What the API tokens see.
    pub sight: Sight,
    pub form: Form,
    /// Values of Secrets with destinations.
    pub secrets: BTreeMap<(Namespace, Destination), u8>,
    pub tokens: BTreeMap<Namespace, u8>,
    /// Drains that nobody may touch.
    pub foreign: Vec<(Target, String)>,
    /// Drains added by hand that are like a wanted one, by documented URL.
    pub copies: BTreeMap<(Target, String), usize>,
    /// Those of them that nobody but their owner may take, however the operators' own drains beside them come and go.
    pub kept: Kept,
    /// URLs that may be left behind, and be there more than once: the records of them were lost.
    pub excused: BTreeSet<String>,
    /// URLs that may be left behind: they were to be retained. Where their form shows what they are, whoever wants them
    /// again adopts them.
    pub retained: BTreeSet<String>,
    /// Whether Scalingo has ever written URLs in a form that does not.
    pub was_unreadable: bool,
    /// Whether it has ever written them in a form that it does not document.
    was_undocumented: bool,
    /// How many steps have had Kubernetes refuse writes of `LogDrain`s.
    pub forbidden: u64,
    /// What a `LogDrain` has asked for since it is there.
    wishes: BTreeMap<Slot, BTreeSet<Destination>>,
    backups: BTreeMap<Slot, Value>,
    backup_of_all: Option<BackupOfAll>,
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
            lease_faults: Arc::default(),
            elects: Arc::default(),
            witness: Arc::new(Witness::new(digester)),
            sabotage,
            random: Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))),
        };
        let mut world = Self {
            surroundings,
            operators: Vec::new(),
            started: 0,
            requests_per_minute: PLENTY,
            had_two: false,
            apps: BTreeMap::new(),
            apps_made: 0,
            hidden: None,
            sight: Sight::default(),
            form: Form::Documented,
            secrets: BTreeMap::new(),
            tokens: BTreeMap::new(),
            foreign: Vec::new(),
            copies: BTreeMap::new(),
            kept: Kept::default(),
            excused: BTreeSet::new(),
            retained: BTreeSet::new(),
            was_unreadable: false,
            was_undocumented: false,
            forbidden: 0,
            wishes: BTreeMap::new(),
            backups: BTreeMap::new(),
            backup_of_all: None,
        };
        for version in 0..GOOD_TOKENS {
            world.simulator().add_token(&format!("operator-{version}"), &api_token(version));
        }
        world.server().ensure_namespace(OWN_NAMESPACE);
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
        // Before people do what would make a gap of it: nobody else may look for long.
        self.witness().judge_removals(self.server(), self.simulator());
        self.operators.retain(|operator| !operator.is_ended());
        if self.operators.len() > 1 && !self.elects() {
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
            Step::Request { slot, text } => self.request(slot, text),
            // As for `add_foreign`: what they leave behind must show that it leads elsewhere.
            Step::Retain { retain: true, .. } | Step::ForceDelete { .. } if self.was_undocumented => {}
            Step::Retain { slot, retain } => {
                let policy = if retain { "Retain" } else { "Delete" };
                self.edit(slot, |spec| spec["deletionPolicy"] = policy.into());
                self.excuse_retained(slot);
            }
            Step::Delete { slot } => {
                if self.was_undocumented {
                    self.edit(slot, |spec| spec["deletionPolicy"] = "Delete".into());
                }
                let _ = self.server().delete(KIND, slot.namespace().name(), slot.name());
                self.excuse_retained(slot);
            }
            Step::ForceDelete { slot } => {
                let urls = self.wished(slot);
                self.excused.extend(urls);
                self.kept.cannot_be_told();
                self.server().remove_without_finalizer(KIND, slot.namespace().name(), slot.name());
                self.witness().count("taken out by force");
            }
            Step::Backup { slot } => {
                if let Some(object) = self.object(slot) {
                    self.backups.insert(slot, object);
                }
            }
            Step::Restore { slot, same_uid } => self.restore(slot, same_uid),
            Step::BackupAll => self.back_up_all(),
            Step::RestoreAll { seconds } => self.restore_all(Duration::from_secs(seconds.into())),
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
            Step::Kubernetes { fault, times } => {
                self.forbidden += u64::from(fault == KubernetesFault::Forbidden);
                self.surroundings.faults.add(fault, times);
            }
            Step::Elect if self.started == 0 => self.surroundings.elects.store(true, Ordering::Relaxed),
            Step::Lease { fault, times } => self.surroundings.lease_faults.add(fault, times),
            Step::CutOff { nth, seconds } => {
                let time = Duration::from_secs(seconds.into());
                match nth {
                    Some(nth) => self.operator(nth).into_iter().for_each(|operator| operator.cut_off(time)),
                    None => self.operators.iter().for_each(|operator| operator.cut_off(time)),
                }
                let who = if nth.is_some() { "one" } else { "all" };
                self.witness().count(&format!("cut off from Kubernetes: {who}"));
            }
            Step::KubernetesCalm => {
                self.surroundings.faults.clear();
                self.surroundings.lease_faults.clear();
            }
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
            Step::Halt { nth, seconds } => {
                if let Some(operator) = self.operator(nth) {
                    operator.halt(Duration::from_secs(seconds.into()));
                    self.witness().count("stood still");
                }
            }
            Step::SetBack { nth, minutes } if self.elects() => {
                if let Some(operator) = self.operator(nth) {
                    operator.set_back(SignedDuration::from_mins(minutes.into()));
                    self.witness().count("a clock set back");
                }
            }
            Step::Elect | Step::SetBack { .. } => {}
            ref step => self.happen_at_scalingo(step),
        }
    }

    fn operator(&self, nth: u8) -> Option<&Operator> {
        self.operators.get(usize::from(nth) % self.operators.len().max(1))
    }

    /// Whether two operators were ever at work at once, with no Lease to choose between them.
    ///
    /// A resource's version guards its own records only. Two operators that look at two resources of one target at the same
    /// moment do not see each other's intents: the same drain can be added twice, or be left by both; and one may take the drain
    /// that the other has just added for the one whose answer it waits for itself. So without a Lease two copies, drains left
    /// behind and drains that are not there are not held against a history with two operators. What nobody recorded must not be
    /// deleted all the same, and no secret be shown. With a Lease nothing is excused.
    pub fn had_two_at_work(&self) -> bool {
        self.had_two && !self.elects()
    }

    fn elects(&self) -> bool {
        self.surroundings.elects.load(Ordering::Relaxed)
    }

    /// Whether there was one operator all the time.
    pub fn had_one_operator(&self) -> bool {
        let has_ended = self.witness().counts().keys().any(|what| what.starts_with("lease: "));
        self.started == 1 && !has_ended
    }

    /// Starts an operator, unless there are two.
    pub fn start(&mut self) {
        if self.operators.len() < 2 {
            self.started += 1;
            self.operators.push(Operator::start(&self.surroundings, self.started, self.requests_per_minute));
        }
        if self.operators.len() > 1 {
            self.had_two = true;
            if self.elects() {
                self.witness().count("two operators, one Lease");
            } else {
                self.witness().count("two operators at once");
                self.kept.cannot_be_told();
                self.witness().is_restless();
            }
        }
    }
}
