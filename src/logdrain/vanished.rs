//! How long a target is waited for that Scalingo does not find. In memory.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use kube::ResourceExt;
use tokio::time::Instant;

use crate::{
    crd::{LogDrain, Revision},
    drain::Target,
};

/// Until when a target is waited for that Scalingo does not find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// By this process's own clock, which decides: nobody sets it.
    pub end: Instant,
    /// By the time of day when the wait began, for people: it stays the same from one try to the next.
    pub until: Timestamp,
}

/// Targets whose drains are to go and that Scalingo does not find, each with the resource that waits.
///
/// Only in memory: after a restart the wait begins anew, so that neither a restart nor a wrong clock ends it early.
#[derive(Default)]
pub struct Vanished {
    known: Mutex<HashMap<(String, Target), (Revision, Patience)>>,
}

impl Vanished {
    /// Scalingo has not found a target for this resource. Gives until when it is waited for: this long since it was first not found
    /// for this form of the resource.
    pub fn not_found(
        &self,
        object: &LogDrain,
        target: &Target,
        (now, time): (Instant, Timestamp),
        gone_after: Duration,
    ) -> Patience {
        let revision = Revision::of(object);
        let begin = || {
            let until = time.checked_add(gone_after).unwrap_or(Timestamp::MAX);
            (revision, Patience { end: now + gone_after, until })
        };
        let mut known = self.known();
        let entry = known.entry((object.uid().unwrap_or_default(), target.clone())).or_insert_with(begin);
        if entry.0 != revision {
            *entry = begin();
        }
        entry.1
    }

    /// Scalingo has found a target.
    pub fn found(&self, uid: &str, target: &Target) {
        let mut known = self.known();
        if !known.is_empty() {
            known.remove(&(uid.to_owned(), target.clone()));
        }
    }

    /// Forgets a resource.
    pub fn forget(&self, uid: &str) {
        self.known().retain(|(other, _), _| other != uid);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<(String, Target), (Revision, Patience)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{DrainType, LogDrainSpec};

    const GONE_AFTER: Duration = Duration::from_secs(600);

    fn object(uid: &str, generation: i64) -> LogDrain {
        let mut object = LogDrain::new(uid, LogDrainSpec::new("shop", DrainType::Datadog));
        object.metadata.uid = Some(uid.into());
        object.metadata.generation = Some(generation);
        object
    }

    fn target(app: &str) -> Target {
        Target { region: "osc-fr1".into(), app_id: app.into(), addon: None }
    }

    #[test]
    fn a_target_is_waited_for_since_it_was_first_not_found() {
        let (vanished, begin) = (Vanished::default(), Instant::now());
        let after = |object: &LogDrain, app: &str, seconds: u64| {
            let now = begin + Duration::from_secs(seconds);
            // The time of day may be set while the wait goes on.
            let time = Timestamp::from_second(if seconds > 100 { 1 } else { 1_000_000 }).unwrap();
            let patience = vanished.not_found(object, &target(app), (now, time), GONE_AFTER);
            ((patience.end - begin).as_secs(), patience.until.as_second())
        };
        let first = object("a", 1);
        assert_eq!(after(&first, "x", 10), (610, 1_000_600));
        assert_eq!(after(&first, "x", 500), (610, 1_000_600));
        assert_eq!(after(&first, "y", 20), (620, 1_000_600), "another target");
        assert_eq!(after(&object("b", 1), "x", 30), (630, 1_000_600), "another resource");
        vanished.found("b", &target("x"));
        assert_eq!(after(&first, "x", 550).0, 610);
        assert_eq!(after(&object("b", 1), "x", 40).0, 640, "it was found meanwhile");

        let mut changed = object("a", 2);
        assert_eq!(after(&changed, "x", 50).0, 650, "a person has changed it and waits for what comes of it");
        changed.metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH));
        assert_eq!(after(&changed, "x", 60).0, 660);
        assert_eq!(after(&changed, "x", 61).0, 660);

        vanished.forget("b");
        assert_eq!(vanished.known().len(), 2);
        vanished.forget("a");
        assert!(vanished.known().is_empty());
    }

    #[test]
    fn no_time_is_too_long() {
        let now = (Instant::now(), Timestamp::MAX);
        let patience = Vanished::default().not_found(&object("a", 1), &target("x"), now, GONE_AFTER);
        assert_eq!(patience.until, Timestamp::MAX);
    }
}
