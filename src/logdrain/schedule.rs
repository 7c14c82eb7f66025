//! When each resource is reconciled again. In memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kube::ResourceExt;
use tokio::time::Instant;

use crate::{
    crd::{DrainState, LogDrain, Revision},
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
    random: Mutex<fastrand::Rng>,
}

/// What is known of when a resource is due.
#[derive(Default)]
struct Entry {
    /// What the last reconciliation has left behind, if there was one.
    next: Option<Planned>,
    /// Called, and not reconciled since.
    call: Option<Call>,
    request: Option<Box<Request>>,
    /// The last reconciliation has failed, and may have written what it does not know of.
    has_failed: bool,
    /// It waits for the request budget.
    waiting: Option<Box<Waiting>>,
}

/// The next reconciliation.
struct Planned {
    /// The form that it was planned for.
    revision: Revision,
    due: Due,
    /// What Scalingo has listed since then is new enough; from when it is due on where there is none.
    since: Option<Instant>,
    failures: u32,
    called: Option<Crowd>,
}

/// In which form and class a resource waits, and for which request.
struct Waiting {
    revision: Revision,
    class: Class,
    request: Option<String>,
}

/// With whom a resource is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Only once it is called, or somebody else has written another status than this form has, or taken its finalizer away.
    Never(Arc<LogDrain>),
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
        Self { entries: Mutex::default(), random: Mutex::new(random) }
    }

    /// What is to be done about this resource, in this form. A reconciliation is to follow where it says so: an earlier call
    /// is answered by it, and so is what a person has requested.
    #[must_use]
    pub fn decide(&self, object: &Arc<LogDrain>) -> Decision {
        let now = Instant::now();
        let mut entries = self.entries();
        let entry = entries.entry(object.uid().unwrap_or_default()).or_default();
        let turn = entry.turn_without_request(object, now);
        let Some(text) = object.open_request() else {
            entry.request = None;
            return turn;
        };
        let new = || Box::new(Request { text: text.to_owned(), seen: now, is_taken: false });
        let request = entry.request.get_or_insert_with(new);
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
                if let Some(next) = &mut entry.next {
                    next.failures = 0;
                }
                Decision::Reconcile(Trigger { since: trigger.since.max(seen), ..trigger })
            }
            Decision::Wait(wait) if gathered > now => Decision::Wait(wait.min(gathered - now)),
            Decision::Reconcile(_) | Decision::Rest if gathered > now => Decision::Wait(gathered - now),
            _ => {
                request.is_taken = true;
                if let Some(next) = &mut entry.next {
                    // A reconciliation that comes to nothing is followed by another.
                    next.due = Due::At(now);
                    next.failures = 0;
                }
                Decision::Reconcile(Trigger { since: seen, may_stand: false })
            }
        }
    }

    /// A reconciliation waits for the request budget, in this form and class.
    pub fn waits(&self, object: &LogDrain, class: Class) {
        let request = object.open_request().map(str::to_owned);
        let waiting = Waiting { revision: Revision::of(object), class, request };
        self.with(object, |entry| entry.waiting = Some(Box::new(waiting)));
    }

    /// Whether one that waits is to begin anew.
    #[must_use]
    pub fn is_outdated(&self, object: &LogDrain) -> bool {
        let entries = self.entries();
        let entry = object.metadata.uid.as_ref().and_then(|uid| entries.get(uid));
        let before = entry.and_then(|entry| Some((entry, entry.waiting.as_ref()?)));
        before.is_none_or(|(entry, before)| {
            let is_requested =
                object.open_request().is_some_and(|text| before.request.as_deref() != Some(text));
            let is_urgent = entry.call.is_some() && class(object, Some(entry)) < before.class;
            before.revision != Revision::of(object) || is_requested || is_urgent
        })
    }

    /// Reconcile again after about this long: with up to a tenth of it more or less.
    pub fn after(&self, object: &LogDrain, wait: Duration) -> Duration {
        let wait = self.jittered(wait);
        self.enter(object, Due::At(Instant::now() + wait), None, 0);
        wait
    }

    /// Reconcile again with what is listed since then, when another may have asked for it.
    pub fn with_list(&self, object: &LogDrain, since: Instant) -> Duration {
        let left = since.saturating_duration_since(Instant::now());
        // With up to a tenth more or less it still comes later.
        let wait = self.jittered(left.mul_f64(1.2) + MARGIN);
        self.enter(object, Due::At(Instant::now() + wait), Some(since), 0);
        wait
    }

    /// Reconcile again only once it is called or has changed.
    pub fn rest(&self, object: &Arc<LogDrain>) {
        self.enter(object, Due::Never(object.clone()), None, 0);
    }

    /// Reconcile again after a failure that may pass: the later, the more there were in a row, but not before the first of these
    /// times, nor after the second.
    pub fn after_failure(&self, object: &LogDrain, at_least: Duration, at_most: Duration) -> Duration {
        let revision = Revision::of(object);
        let failures = self.with(object, |entry| {
            entry.next.as_ref().filter(|next| next.revision == revision).map_or(0, |next| next.failures)
        });
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_WAIT);
        let wait = self.jittered(wait).max(at_least).min(at_most);
        self.enter(object, Due::At(Instant::now() + wait), None, failures.saturating_add(1));
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
        let mut entries = self.entries();
        let entry = entries.entry(uid.to_owned()).or_default();
        // What is due is due for something else.
        let rests = entry.next.as_ref().is_none_or(|next| matches!(next.due, Due::Never(_)));
        let may_stand = entry.call.map_or(rests, |earlier| earlier.may_stand);
        let call = Call {
            since: entry.call.map_or(call.since, |earlier| call.since.max(earlier.since)),
            // A call of few is more urgent.
            crowd: entry.call.map_or(call.crowd, |earlier| call.crowd.min(earlier.crowd)),
            may_stand: call.may_stand && may_stand,
        };
        entry.call = Some(call);
        if let Some(next) = &mut entry.next {
            next.due = Due::At(Instant::now());
            next.since = None;
            // The more urgent call counts until a reconciliation has answered both.
            next.called = Some(next.called.map_or(call.crowd, |before| before.min(call.crowd)));
            next.failures = 0;
        }
    }

    /// Whether nothing but a call or a change has it reconciled again.
    #[must_use]
    pub fn rests(&self, uid: &str) -> bool {
        let entries = self.entries();
        let next = entries.get(uid).and_then(|entry| entry.next.as_ref());
        next.is_some_and(|next| matches!(next.due, Due::Never(_)))
    }

    /// Whether it was called since its last reconciliation began.
    #[must_use]
    pub fn is_called(&self, uid: &str) -> bool {
        self.entries().get(uid).is_some_and(|entry| entry.call.is_some())
    }

    /// Reconcile at once what rests: nobody waits for it.
    pub fn check(&self, uid: &str) {
        if let Some(next) = self.entries().get_mut(uid).and_then(|entry| entry.next.as_mut()) {
            next.due = Due::At(Instant::now());
        }
    }

    /// The class of this reconciliation's requests.
    ///
    /// A person waits for a change, a requested check, a call, unfinished work, and the first tries after a failure.
    /// It is a rollout where the drain was never there, or many resources were called together.
    #[must_use]
    pub fn class(&self, object: &LogDrain) -> Class {
        let entries = self.entries();
        class(object, object.metadata.uid.as_ref().and_then(|uid| entries.get(uid)))
    }

    /// Notes whether the reconciliation that ends has failed. Gives whether the one before it had.
    pub fn ends(&self, object: &LogDrain, has_failed: bool) -> bool {
        self.with(object, |entry| std::mem::replace(&mut entry.has_failed, has_failed))
    }

    /// Never reconcile again.
    pub fn remove(&self, uid: &str) {
        self.entries().remove(uid);
    }

    fn enter(&self, object: &LogDrain, due: Due, since: Option<Instant>, failures: u32) {
        self.with(object, |entry| {
            // Called during the reconciliation that has just ended: the next one is for that.
            let called = entry.call.map(|call| call.crowd);
            entry.next = Some(Planned { revision: Revision::of(object), due, since, failures, called });
            entry.waiting = None;
        });
    }

    fn with<T>(&self, object: &LogDrain, change: impl FnOnce(&mut Entry) -> T) -> T {
        change(self.entries().entry(object.uid().unwrap_or_default()).or_default())
    }

    fn jittered(&self, wait: Duration) -> Duration {
        let share = self.random.lock().unwrap_or_else(PoisonError::into_inner).f64();
        wait.mul_f64(0.9 + share / 5.0)
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn turn_without_request(&mut self, object: &Arc<LogDrain>, now: Instant) -> Decision {
        if let Some(Call { since, may_stand, crowd }) = self.call.take() {
            let next = self.next.get_or_insert_with(|| Planned {
                revision: Revision::of(object),
                due: Due::At(now),
                since: None,
                failures: 0,
                called: Some(crowd),
            });
            // A reconciliation that comes to nothing is followed by another.
            next.due = Due::At(now);
            let may_stand = may_stand && !self.has_failed;
            return Decision::Reconcile(Trigger { since, may_stand });
        }
        let Some(next) = &mut self.next else {
            return Decision::Reconcile(Trigger { since: now, may_stand: true });
        };
        match &next.due {
            _ if next.revision != Revision::of(object) => {}
            Due::Never(form) if (object.is_held() || !form.is_held()) && form.status == object.status => {
                // The store has this form: the other one is to go.
                next.due = Due::Never(object.clone());
                return Decision::Rest;
            }
            Due::At(due) if *due > now => return Decision::Wait(*due - now),
            Due::At(_) => {
                let since = next.since.take().unwrap_or(now);
                return Decision::Reconcile(Trigger { since, may_stand: false });
            }
            Due::Never(_) => {}
        }
        Decision::Reconcile(Trigger { since: now, may_stand: false })
    }
}

fn class(object: &LogDrain, entry: Option<&Entry>) -> Class {
    let status = object.status.as_ref();
    let is_new = status.and_then(|status| status.observed_generation) != object.metadata.generation;
    let has = |is_active: bool| {
        let mut records = status.iter().flat_map(|status| &status.drains);
        records.any(|record| (record.state == DrainState::Active) == is_active)
    };
    let next = entry.and_then(|entry| entry.next.as_ref());
    let next = next.filter(|next| next.revision == Revision::of(object));
    let called = next.and_then(|next| next.called);
    let failures = next.map_or(0, |next| next.failures);
    let is_being_deleted = object.metadata.deletion_timestamp.is_some();
    let is_requested = object.open_request().is_some();
    let waits = is_new || has(false) || is_requested || called.is_some() || is_being_deleted || failures > 0;
    let is_of_many = !has(true) || !is_new && called == Some(Crowd::Many);
    match () {
        () if !waits || failures >= BACKGROUND_AFTER => Class::Background,
        () if is_of_many && !is_requested && !is_being_deleted => Class::Rollout,
        () => Class::Interactive,
    }
}

#[cfg(test)]
mod tests;
