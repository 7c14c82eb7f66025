//! One at a time on a target.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::OwnedMutexGuard;

use crate::drain::Target;

/// Lets work on one target happen one after the other.
#[derive(Default)]
pub struct TargetLocks {
    locks: Mutex<HashMap<Target, Weak<tokio::sync::Mutex<()>>>>,
}

impl TargetLocks {
    /// Waits until nobody else works on any of these targets.
    ///
    /// They are taken in order, so that two who need the same ones never wait for each other.
    pub async fn lock(&self, targets: &BTreeSet<Target>) -> Vec<OwnedMutexGuard<()>> {
        let mut guards = Vec::with_capacity(targets.len());
        for target in targets {
            guards.push(self.of(target).lock_owned().await);
        }
        guards
    }

    /// The same, where nobody works on any of them.
    #[must_use]
    pub fn try_lock(&self, targets: &BTreeSet<Target>) -> Option<Vec<OwnedMutexGuard<()>>> {
        targets.iter().map(|target| self.of(target).try_lock_owned().ok()).collect()
    }

    fn of(&self, target: &Target) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(target).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(tokio::sync::Mutex::new(()));
        locks.insert(target.clone(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn targets(ids: &[&str]) -> BTreeSet<Target> {
        let target = |id: &&str| Target { region: "r".into(), app_id: (*id).into(), addon: None };
        ids.iter().map(target).collect()
    }

    #[tokio::test]
    async fn one_target_is_worked_on_by_one_at_a_time() {
        let locks = TargetLocks::default();
        let first = locks.lock(&targets(&["a", "b"])).await;
        assert!(locks.lock(&targets(&["b", "c"])).now_or_never().is_none());
        assert!(locks.lock(&targets(&["c"])).now_or_never().is_some());
        assert!(locks.try_lock(&targets(&["a", "c"])).is_none());
        assert!(locks.try_lock(&targets(&["c"])).is_some());
        drop(first);
        assert!(locks.lock(&targets(&["b", "c"])).now_or_never().is_some());
        assert_eq!(locks.locks.lock().unwrap().values().filter(|lock| lock.strong_count() > 0).count(), 0);
    }
}
