//! Which resource is reconciled when: whoever has news of a resource calls for it here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::ResourceExt;
use tokio::{sync::Notify, time::Instant};

use super::{
    schedule::{Crowd, Schedule},
    view::View,
};
use crate::{
    crd::LogDrain,
    scalingo::budget::Class,
    state::{listings::Key, queue::Queue, sweeps::Sweeps},
};

/// All that decides when a resource is reconciled.
pub struct Dispatch {
    /// Which resource is worked on when.
    pub queue: Queue<String, Class>,
    /// When each resource is due, and why.
    pub schedule: Schedule,
    /// Told when a target is to be checked otherwise than planned.
    pub sweeps_changed: Notify,
    sweeps: Mutex<Sweeps>,
    pub(super) view: Arc<View>,
}

impl Dispatch {
    /// Nothing to reconcile yet.
    #[must_use]
    pub fn new(view: Arc<View>, sweeps: Sweeps, random: fastrand::Rng) -> Self {
        Self {
            queue: Queue::default(),
            schedule: Schedule::new(random),
            sweeps_changed: Notify::new(),
            sweeps: Mutex::new(sweeps),
            view,
        }
    }

    /// Lets a resource be reconciled, if it is to be: it has changed.
    pub fn look_at(&self, object: &LogDrain) {
        let uid = object.uid().unwrap_or_default();
        self.queue.want(uid, self.schedule.class(object), Instant::now());
    }

    /// Whether a resource that waits to be reconciled is to be looked at anew: people have changed what is wanted, or have come to
    /// wait for what nobody waited for.
    #[must_use]
    pub fn is_outdated(&self, uid: &str) -> bool {
        self.view.get(uid).is_none_or(|object| self.schedule.is_outdated(&object))
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

    fn enqueue(&self, uid: &str) {
        if let Some(object) = self.view.get(uid) {
            self.look_at(&object);
        }
    }

    /// A resource is as it should be, by the list that was asked for at this time: it rests until its target is
    /// checked.
    pub fn enroll_in_sweep(&self, object: &Arc<LogDrain>, key: &Key, checked: Option<Instant>) {
        self.schedule.rest(object);
        let uid = object.uid().unwrap_or_default();
        self.sweeps().join(&uid, key, checked, Instant::now());
        self.sweeps_changed.notify_one();
    }

    /// A resource is looked after otherwise than with its target.
    pub fn withdraw_from_sweep(&self, uid: &str) {
        if self.sweeps().has(uid) {
            self.sweeps().leave(uid);
            self.sweeps_changed.notify_one();
        }
    }

    /// The targets that are checked now and then.
    pub fn sweeps(&self) -> MutexGuard<'_, Sweeps> {
        self.sweeps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never reconciles a resource again: it is gone.
    pub fn forget(&self, uid: &str) {
        self.schedule.remove(uid);
        self.withdraw_from_sweep(uid);
    }
}
