//! Which resource is reconciled when, and why: the only owner of all that says so.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kube::ResourceExt;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    admitted::Admitted,
    schedule::{Crowd, Decision, Schedule},
    view::View,
};
use crate::{
    crd::LogDrain,
    drain::Target,
    scalingo::{TokenKey, budget::Class},
    state::{
        listings::Key,
        queue::{AtOnce, Idle, Next, Queue},
        sweeps::{NextCheck, Sweeps},
    },
};

/// All that decides when a resource is reconciled. A resource joins a routine check when it rests, and leaves it when a
/// reconciliation ends otherwise.
pub struct Dispatch {
    queue: Queue<String, Class>,
    schedule: Schedule,
    sweeps: Mutex<Sweeps>,
    /// Told when a target is to be checked otherwise than planned.
    sweeps_changed: Notify,
    pub(super) view: Arc<View>,
}

/// A time for each kind of target.
pub type Ages = BTreeMap<&'static str, Duration>;

/// What follows a reconciliation, unless the resource changes or is called before.
pub enum Followup {
    /// Nothing.
    Rest,
    /// A routine check of its target. The resource is in order by the list of this time. Without one, it was in order when the
    /// process began.
    Check(Key, Option<Instant>),
    /// Another reconciliation, after about this long.
    After(Duration),
    /// Another, with what is listed since then.
    WithList(Instant),
    /// Another, later with each failure in a row, but not before the first of these times, nor after the second.
    AfterFailure(Duration, Duration),
    /// Another, after this long: something has come in between, and the watch may be late to tell it.
    Again(Duration),
}

impl Dispatch {
    /// Nothing to reconcile yet.
    #[must_use]
    pub fn new(view: Arc<View>, sweeps: Sweeps, random: fastrand::Rng) -> Self {
        Self {
            queue: Queue::default(),
            schedule: Schedule::new(random),
            sweeps: Mutex::new(sweeps),
            sweeps_changed: Notify::new(),
            view,
        }
    }

    /// Has each resource reconciled at its turn. Begins nothing once it is `stopping`, and ends when all that was begun has.
    pub(crate) async fn work<F>(
        &self,
        most: usize,
        stopping: &CancellationToken,
        reconcile: impl Fn(String, Option<Admitted>) -> F,
    ) where
        F: Future<Output = Next<Class, Admitted>>,
    {
        // People do not wait for a rollout to make room.
        let at_once = AtOnce { all: most, more: (Class::Interactive, most.div_ceil(4)) };
        let is_outdated = |uid: &String| self.view.get(uid).is_none_or(|object| self.is_outdated(&object));
        self.queue.work(at_once, stopping, reconcile, Admitted::holds_a_request, is_outdated).await;
    }

    /// To be held by a reconciliation while it waits for what others have.
    #[must_use]
    pub fn idle(&self) -> Idle<'_, String, Class> {
        self.queue.idle()
    }

    /// Lets a resource be reconciled, if it is to be: it has changed.
    pub fn look_at(&self, object: &LogDrain) {
        let uid = object.uid().unwrap_or_default();
        self.queue.want(uid, self.schedule.class(object), Instant::now());
    }

    /// What is to be done about a resource now. An earlier call is answered by the reconciliation that follows.
    #[must_use]
    pub fn decide(&self, object: &Arc<LogDrain>) -> Decision {
        self.schedule.decide(object)
    }

    /// In which class a reconciliation of a resource asks for requests now.
    #[must_use]
    pub fn class(&self, object: &LogDrain) -> Class {
        self.schedule.class(object)
    }

    /// A reconciliation waits for the request budget, in this form and class.
    pub fn waits(&self, object: &LogDrain, class: Class) {
        self.schedule.waits(object, class);
    }

    /// Whether a resource that waits to be reconciled is to be looked at anew: people have changed what is wanted, or have come to
    /// wait for what nobody waited for.
    #[must_use]
    pub fn is_outdated(&self, object: &LogDrain) -> bool {
        self.schedule.is_outdated(object)
    }

    /// Notes whether the reconciliation that ends has failed. Gives whether the one before it had.
    pub fn ends(&self, object: &LogDrain, has_failed: bool) -> bool {
        self.schedule.ends(object, has_failed)
    }

    /// Says what follows a reconciliation that has ended. Gives when the next one comes by itself.
    pub fn follow_up(&self, object: &Arc<LogDrain>, followup: Followup) -> Option<Duration> {
        let wait = match followup {
            Followup::Check(key, checked) => {
                self.schedule.rest(object);
                let uid = object.uid().unwrap_or_default();
                self.lock_sweeps().join(&uid, &key, checked, Instant::now());
                self.sweeps_changed.notify_one();
                return None;
            }
            Followup::Rest => {
                self.schedule.rest(object);
                None
            }
            Followup::After(wait) => Some(self.schedule.after(object, wait)),
            Followup::WithList(since) => Some(self.schedule.with_list(object, since)),
            Followup::AfterFailure(at_least, at_most) => {
                Some(self.schedule.after_failure(object, at_least, at_most))
            }
            Followup::Again(wait) => Some(wait),
        };
        self.withdraw(&object.uid().unwrap_or_default());
        wait
    }

    /// Calls for a reconciliation of this resource at once, with what is listed since then.
    pub fn call(&self, uid: &str, since: Instant) {
        self.call_with(uid, since, Crowd::Few);
    }

    /// The same, of one that is called with others.
    pub fn call_with(&self, uid: &str, since: Instant, crowd: Crowd) {
        self.schedule.now(uid, since, crowd);
        self.enqueue(uid);
    }

    /// The same, of one that may be as its status says all the same.
    pub fn prove(&self, uid: &str, since: Instant, crowd: Crowd) {
        self.schedule.prove(uid, since, crowd);
        self.enqueue(uid);
    }

    /// Lets a resource that rests be reconciled, though nobody waits for it.
    pub fn check(&self, uid: &str) {
        self.schedule.check(uid);
        self.enqueue(uid);
    }

    /// Whether nothing but a call or a change has it reconciled again.
    #[must_use]
    pub fn rests(&self, uid: &str) -> bool {
        self.schedule.rests(uid)
    }

    /// Whether it was called since its last reconciliation began.
    #[must_use]
    pub fn is_called(&self, uid: &str) -> bool {
        self.schedule.is_called(uid)
    }

    /// Never reconciles a resource again: it is gone.
    pub fn forget(&self, uid: &str) {
        self.schedule.remove(uid);
        self.withdraw(uid);
    }

    /// Takes a resource out of the routine check of its target: what is listed there does not tell of it.
    pub fn withdraw(&self, uid: &str) {
        let mut sweeps = self.lock_sweeps();
        if sweeps.has(uid) {
            sweeps.leave(uid);
            self.sweeps_changed.notify_one();
        }
    }

    /// The resources in the routine check of a target.
    #[must_use]
    pub fn members(&self, key: &Key) -> Vec<String> {
        self.lock_sweeps().members(key)
    }

    /// The resources in routine checks that use a token in a region, with their targets.
    #[must_use]
    pub fn members_of(&self, token: TokenKey, region: &str) -> Vec<(String, Target)> {
        self.lock_sweeps().members_of(token, region)
    }

    /// The resource that follows this one in the circle of all routine checks, and how many resources the circle has.
    #[must_use]
    pub fn checked_after(&self, uid: &str) -> Option<(String, usize)> {
        self.lock_sweeps().after(uid)
    }

    /// What the routine checks have to do now. `is_covered` tells whether the change feed tells of a target's changes.
    pub fn next_check(&self, is_covered: impl Fn(&Key) -> bool) -> NextCheck {
        self.lock_sweeps().next(Instant::now(), is_covered)
    }

    /// The longest that a target of each kind has waited between two checks, and waits for its next one.
    pub fn check_ages(&self, is_covered: impl Fn(&Key) -> bool) -> (Ages, Ages) {
        let (mut sweeps, now) = (self.lock_sweeps(), Instant::now());
        (sweeps.achieved(now, &is_covered), sweeps.oldest(now, &is_covered))
    }

    /// Has the routine checks look again at what the change feeds tell of.
    pub fn coverage_changed(&self) {
        self.sweeps_changed.notify_one();
    }

    /// Nobody knows what has happened to the targets of a token in a region: they are checked soon.
    pub fn lose_track(&self, token: TokenKey, region: &str) {
        self.lock_sweeps().lose_track(token, region);
        self.sweeps_changed.notify_one();
    }

    /// Waits until a target is to be checked otherwise than planned.
    pub async fn checks_changed(&self) {
        self.sweeps_changed.notified().await;
    }

    fn enqueue(&self, uid: &str) {
        if let Some(object) = self.view.get(uid) {
            self.look_at(&object);
        }
    }

    fn lock_sweeps(&self) -> MutexGuard<'_, Sweeps> {
        self.sweeps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the resources whose time has come.
    #[cfg(test)]
    pub(crate) fn take_due(&self) -> Vec<String> {
        self.queue.take_due()
    }
}
