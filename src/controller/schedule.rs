use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kube::ResourceExt;
use tokio::time::Instant;

use crate::{
    crd::{DrainState, LogDrain, LogDrainStatus, Revision},
    scalingo::budget::Class,
};

/// First wait after a failure that may pass.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// Longest wait after a failure that may pass.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// How long it is waited after a request for a check: those who ask for several resources do so within moments, and
/// one list that is sent then is new enough for all.
const GATHER: Duration = Duration::from_millis(500);

/// How much later than a list is good enough it is asked for.
const MARGIN: Duration = Duration::from_millis(500);

/// How many that are called together one person may have changed by hand.
const FEW: usize = 10;

/// What fails this often in a row is tried again in the background.
const BACKGROUND_AFTER: u32 = 3;

/// When each resource is to be reconciled again.
///
/// Every write of its own comes back as a watch event: without this it would cost another reconciliation.
pub struct Schedule {
    entries: Mutex<HashMap<String, Entry>>,
    /// Called, and not reconciled since.
    called: Mutex<HashMap<String, Call>>,
    requests: Mutex<HashMap<String, Request>>,
    /// Whose last reconciliation has failed, and may have written what it does not know of.
    failed: Mutex<HashSet<String>>,
    /// What waits for the request budget.
    waiting: Mutex<HashMap<String, Waiting>>,
    random: Mutex<fastrand::Rng>,
}

/// In which form and class a resource waits, and for which request.
struct Waiting {
    revision: Revision,
    class: Class,
    request: Option<String>,
}

struct Entry {
    revision: Revision,
    due: Due,
    /// What Scalingo has listed since then is new enough; from when it is due on where there is none.
    since: Option<Instant>,
    failures: u32,
    called: Option<Crowd>,
}

/// With whom a resource is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    /// With few others, or none.
    Few,
    /// With many others, for the same reason.
    Many,
}

impl Crowd {
    /// Of so many who are called together.
    #[must_use]
    pub fn of(count: usize) -> Self {
        if count > FEW { Self::Many } else { Self::Few }
    }
}

#[derive(Clone, Copy)]
struct Call {
    since: Instant,
    crowd: Crowd,
    /// Whether the resource may be as its status says all the same.
    may_stand: bool,
}

/// What a person has asked for by the annotation.
struct Request {
    text: String,
    seen: Instant,
    /// Whether a reconciliation has begun since.
    is_taken: bool,
}

enum Due {
    At(Instant),
    /// Only once it is called, or somebody else has written another status than this, or taken the finalizer away.
    Never {
        status: Option<LogDrainStatus>,
        is_held: bool,
    },
}

/// What is to be done about a resource now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Reconcile it.
    Reconcile(Trigger),
    /// Leave it alone for so long.
    Wait(Duration),
    /// Leave it alone until it is called or has changed.
    Rest,
}

/// Why a resource is reconciled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// What Scalingo has listed since then is new enough.
    pub since: Instant,
    /// Whether it may be as its status says, so that there is nothing to look at.
    pub may_stand: bool,
}

impl Schedule {
    /// An empty schedule; jitter comes from this source.
    #[must_use]
    pub fn new(random: fastrand::Rng) -> Self {
        Self {
            entries: Mutex::default(),
            called: Mutex::default(),
            requests: Mutex::default(),
            failed: Mutex::default(),
            waiting: Mutex::default(),
            random: Mutex::new(random),
        }
    }

    /// What is to be done about this resource, in this form. A reconciliation is to follow where it says so: an earlier call
    /// is answered by it, and so is what a person has requested.
    #[must_use]
    pub fn decide(&self, object: &LogDrain) -> Decision {
        let now = Instant::now();
        let turn = self.turn_without_request(object, now);
        let uid = object.uid().unwrap_or_default();
        let mut requests = self.requests();
        let Some(text) = object.open_request() else {
            requests.remove(&uid);
            return turn;
        };
        let new = || Request { text: text.to_owned(), seen: now, is_taken: false };
        let request = requests.entry(uid.clone()).or_insert_with(new);
        if request.text != text {
            *request = new();
        }
        if request.is_taken {
            return turn;
        }
        let (seen, gathered) = (request.seen, request.seen + GATHER);
        match turn {
            Decision::Reconcile(trigger) if !trigger.may_stand => {
                request.is_taken = true;
                if let Some(entry) = self.entries().get_mut(&uid) {
                    entry.failures = 0;
                }
                Decision::Reconcile(Trigger { since: trigger.since.max(seen), ..trigger })
            }
            Decision::Wait(wait) if gathered > now => Decision::Wait(wait.min(gathered - now)),
            Decision::Reconcile(_) | Decision::Rest if gathered > now => Decision::Wait(gathered - now),
            _ => {
                request.is_taken = true;
                if let Some(entry) = self.entries().get_mut(&uid) {
                    // A reconciliation that comes to nothing is followed by another.
                    entry.due = Due::At(now);
                    entry.failures = 0;
                }
                Decision::Reconcile(Trigger { since: seen, may_stand: false })
            }
        }
    }

    fn turn_without_request(&self, object: &LogDrain, now: Instant) -> Decision {
        let first = Trigger { since: now, may_stand: true };
        let Some(uid) = object.uid() else { return Decision::Reconcile(first) };
        if let Some(Call { since, may_stand, .. }) = self.called().remove(&uid) {
            return Decision::Reconcile(Trigger { since, may_stand });
        }
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(&uid) else { return Decision::Reconcile(first) };
        match &entry.due {
            _ if entry.revision != Revision::of(object) => {}
            Due::Never { status, is_held: was_held }
                if *status == object.status && (object.is_held() || !was_held) =>
            {
                return Decision::Rest;
            }
            Due::At(due) if *due > now => return Decision::Wait(*due - now),
            Due::At(_) => {
                let since = entry.since.take().unwrap_or(now);
                return Decision::Reconcile(Trigger { since, may_stand: false });
            }
            Due::Never { .. } => {}
        }
        Decision::Reconcile(Trigger { since: now, may_stand: false })
    }

    /// A reconciliation waits for the request budget, in this form and class.
    pub fn waits(&self, object: &LogDrain, class: Class) {
        let request = object.open_request().map(str::to_owned);
        let waiting = Waiting { revision: Revision::of(object), class, request };
        self.waiting().insert(object.uid().unwrap_or_default(), waiting);
    }

    /// Whether one that waits is to begin anew.
    #[must_use]
    pub fn is_outdated(&self, object: &LogDrain) -> bool {
        let uid = object.uid().unwrap_or_default();
        let class = self.class(object);
        self.waiting().get(&uid).is_none_or(|before| {
            let is_requested =
                object.open_request().is_some_and(|text| before.request.as_deref() != Some(text));
            let is_urgent = self.is_called(&uid) && class < before.class;
            before.revision != Revision::of(object) || is_requested || is_urgent
        })
    }

    /// Reconcile again after about this long: with up to a tenth of it more or less.
    pub fn after(&self, object: &LogDrain, wait: Duration) -> Duration {
        let wait = self.jittered(wait);
        self.enter(object, Due::At(Instant::now() + wait), 0);
        wait
    }

    /// Reconcile again with what is listed since then, when another may have asked for it.
    pub fn with_list(&self, object: &LogDrain, since: Instant) -> Duration {
        let left = since.saturating_duration_since(Instant::now());
        // With up to a tenth more or less it still comes later.
        let wait = self.after(object, left.mul_f64(1.2) + MARGIN);
        if let Some(entry) = self.entries().get_mut(&object.uid().unwrap_or_default()) {
            entry.since = Some(since);
        }
        wait
    }

    /// Reconcile again only once it is called or has changed.
    pub fn rest(&self, object: &LogDrain) {
        self.enter(object, Due::Never { status: object.status.clone(), is_held: object.is_held() }, 0);
    }

    /// Reconcile again after a failure that may pass: the longer, the more there were in a row.
    pub fn after_failure(&self, object: &LogDrain, at_least: Duration) -> Duration {
        self.after_failure_between(object, at_least, Duration::MAX)
    }

    /// The same, but not later than after this time.
    pub fn after_failure_within(&self, object: &LogDrain, at_most: Duration) -> Duration {
        self.after_failure_between(object, Duration::ZERO, at_most)
    }

    fn after_failure_between(&self, object: &LogDrain, at_least: Duration, at_most: Duration) -> Duration {
        let uid = object.uid().unwrap_or_default();
        let failures = match self.entries().get(&uid) {
            Some(entry) if entry.revision == Revision::of(object) => entry.failures,
            _ => 0,
        };
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_WAIT);
        let wait = self.jittered(wait).max(at_least).min(at_most);
        self.enter(object, Due::At(Instant::now() + wait), failures.saturating_add(1));
        wait
    }

    /// Reconcile at once, or once more when the reconciliation that is under way has ended, with what is listed since then.
    /// Something has changed, so failures are counted anew.
    pub fn now(&self, uid: &str, since: Instant, crowd: Crowd) {
        self.call(uid, Call { since, crowd, may_stand: false });
    }

    /// The same of one that may be as its status says all the same.
    pub fn prove(&self, uid: &str, since: Instant, crowd: Crowd) {
        self.call(uid, Call { since, crowd, may_stand: true });
    }

    fn call(&self, uid: &str, call: Call) {
        let Call { since, crowd, may_stand } = call;
        let mut called = self.called();
        let earlier = called.get(uid);
        let since = earlier.map_or(since, |earlier| since.max(earlier.since));
        let may_stand = may_stand && earlier.is_none_or(|earlier| earlier.may_stand);
        called.insert(uid.to_owned(), Call { since, crowd, may_stand });
        if let Some(entry) = self.entries().get_mut(uid) {
            entry.due = Due::At(Instant::now());
            entry.since = None;
            entry.called = Some(crowd);
            entry.failures = 0;
        }
    }

    /// Whether nothing but a call or a change has it reconciled again.
    #[must_use]
    pub fn rests(&self, uid: &str) -> bool {
        self.entries().get(uid).is_some_and(|entry| matches!(entry.due, Due::Never { .. }))
    }

    /// Whether it was called since its last reconciliation began.
    #[must_use]
    pub fn is_called(&self, uid: &str) -> bool {
        self.called().contains_key(uid)
    }

    /// Reconcile at once what rests: nobody waits for it.
    pub fn check(&self, uid: &str) {
        if let Some(entry) = self.entries().get_mut(uid) {
            entry.due = Due::At(Instant::now());
        }
    }

    /// The class of this reconciliation's requests.
    ///
    /// A person waits for a change, a requested check, a call, unfinished work, and the first tries after a failure.
    /// It is a rollout where the drain was never there, or many resources were called together.
    #[must_use]
    pub fn class(&self, object: &LogDrain) -> Class {
        let status = object.status.as_ref();
        let is_new = status.and_then(|status| status.observed_generation) != object.metadata.generation;
        let is_open = status
            .is_some_and(|status| status.drains.iter().any(|record| record.state != DrainState::Active));
        let entries = self.entries();
        let entry = object
            .uid()
            .and_then(|uid| entries.get(&uid))
            .filter(|entry| entry.revision == Revision::of(object));
        let called = entry.and_then(|entry| entry.called);
        let failures = entry.map_or(0, |entry| entry.failures);
        let is_being_deleted = object.metadata.deletion_timestamp.is_some();
        let is_requested = object.open_request().is_some();
        let waits = is_new || is_open || is_requested || called.is_some() || is_being_deleted || failures > 0;
        let was_there = status
            .is_some_and(|status| status.drains.iter().any(|record| record.state == DrainState::Active));
        let is_of_many = !was_there || !is_new && called == Some(Crowd::Many);
        match () {
            () if !waits || failures >= BACKGROUND_AFTER => Class::Background,
            () if is_of_many && !is_requested && !is_being_deleted => Class::Rollout,
            () => Class::Interactive,
        }
    }

    /// Notes whether the reconciliation that ends has failed. Gives whether the one before it had.
    pub fn ends(&self, uid: &str, has_failed: bool) -> bool {
        let mut failed = self.failed();
        if has_failed { !failed.insert(uid.to_owned()) } else { failed.remove(uid) }
    }

    /// Never reconcile again.
    pub fn remove(&self, uid: &str) {
        self.failed().remove(uid);
        self.waiting().remove(uid);
        self.entries().remove(uid);
        self.called().remove(uid);
        self.requests().remove(uid);
    }

    fn enter(&self, object: &LogDrain, due: Due, failures: u32) {
        let Some(uid) = object.uid() else { return };
        // Called during the reconciliation that has just ended: the next one is for that.
        let called = self.called().get(&uid).map(|call| call.crowd);
        let entry = Entry { revision: Revision::of(object), due, since: None, failures, called };
        self.entries().insert(uid, entry);
    }

    fn jittered(&self, wait: Duration) -> Duration {
        let share = self.random.lock().unwrap_or_else(PoisonError::into_inner).f64();
        wait.mul_f64(0.9 + share / 5.0)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn called(&self) -> MutexGuard<'_, HashMap<String, Call>> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn requests(&self) -> MutexGuard<'_, HashMap<String, Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self) -> MutexGuard<'_, HashSet<String>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
