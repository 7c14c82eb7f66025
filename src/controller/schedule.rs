use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kube::ResourceExt;
use tokio::time::Instant;

use crate::{
    crd::{DrainState, LogDrain},
    scalingo::budget::Class,
};

/// First wait after a failure that may pass.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// Longest wait after a failure that may pass.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// What fails this often in a row is tried again in the background.
const BACKGROUND_AFTER: u32 = 3;

/// When each resource is to be looked at again.
///
/// Every write of its own comes back as a watch event: without this it would cost another look.
pub struct Schedule {
    entries: Mutex<HashMap<String, Entry>>,
    /// Called, and not looked at since.
    called: Mutex<HashSet<String>>,
    random: Mutex<fastrand::Rng>,
}

struct Entry {
    form: Form,
    due: Instant,
    failures: u32,
    called: bool,
}

/// What of a resource, once changed, is worth a look at once.
#[derive(PartialEq, Eq)]
struct Form {
    generation: Option<i64>,
    deleting: bool,
}

impl Form {
    fn of(object: &LogDrain) -> Self {
        Self {
            generation: object.metadata.generation,
            deleting: object.metadata.deletion_timestamp.is_some(),
        }
    }
}

impl Schedule {
    /// An empty schedule; jitter comes from this source.
    #[must_use]
    pub fn new(random: fastrand::Rng) -> Self {
        Self { entries: Mutex::default(), called: Mutex::default(), random: Mutex::new(random) }
    }

    /// How long this resource, in this form, can still be left alone; `None` when it is due, which is to be
    /// followed by a look: an earlier call is answered by it.
    #[must_use]
    pub fn wait(&self, object: &LogDrain) -> Option<Duration> {
        let uid = object.uid()?;
        if self.called().remove(&uid) {
            return None;
        }
        let entries = self.entries();
        let entry = entries.get(&uid)?;
        let wait = entry.due.checked_duration_since(Instant::now())?;
        (entry.form == Form::of(object) && !wait.is_zero()).then_some(wait)
    }

    /// Look again after about this long: with up to a tenth of it more or less.
    pub fn after(&self, object: &LogDrain, wait: Duration) -> Duration {
        let wait = self.jittered(wait);
        self.enter(object, wait, 0);
        wait
    }

    /// Look again after a failure that may pass: the longer, the more there were in a row.
    pub fn after_failure(&self, object: &LogDrain, at_least: Duration) -> Duration {
        let uid = object.uid().unwrap_or_default();
        let failures = match self.entries().get(&uid) {
            Some(entry) if entry.form == Form::of(object) => entry.failures,
            _ => 0,
        };
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_WAIT);
        let wait = self.jittered(wait).max(at_least);
        self.enter(object, wait, failures.saturating_add(1));
        wait
    }

    /// Look at once, or once more when the look that is under way has ended. Something has changed, so failures
    /// are counted anew.
    pub fn now(&self, uid: &str) {
        self.called().insert(uid.to_owned());
        if let Some(entry) = self.entries().get_mut(uid) {
            entry.due = Instant::now();
            entry.called = true;
            entry.failures = 0;
        }
    }

    /// Whether a person waits for this look: for what has changed or has been called for, for what is not done
    /// yet, and for the first tries after a failure.
    #[must_use]
    pub fn class(&self, object: &LogDrain) -> Class {
        let status = object.status.as_ref();
        let is_new = status.and_then(|status| status.observed_generation) != object.metadata.generation;
        let is_open = status
            .is_some_and(|status| status.drains.iter().any(|record| record.state != DrainState::Active));
        let entries = self.entries();
        let entry =
            object.uid().and_then(|uid| entries.get(&uid)).filter(|entry| entry.form == Form::of(object));
        let called = entry.is_some_and(|entry| entry.called);
        let failures = entry.map_or(0, |entry| entry.failures);
        let is_going = object.metadata.deletion_timestamp.is_some();
        let waits = is_new || is_open || called || is_going || failures > 0;
        if waits && failures < BACKGROUND_AFTER { Class::Interactive } else { Class::Background }
    }

    /// Never look again.
    pub fn remove(&self, uid: &str) {
        self.entries().remove(uid);
        self.called().remove(uid);
    }

    /// Never look again at those that are not among these.
    pub fn keep_only(&self, uids: &HashSet<String>) {
        self.entries().retain(|uid, _| uids.contains(uid));
        self.called().retain(|uid| uids.contains(uid));
    }

    fn enter(&self, object: &LogDrain, wait: Duration, failures: u32) {
        let Some(uid) = object.uid() else { return };
        // Called during the look that has just ended: the next one is for that.
        let called = self.called().contains(&uid);
        let entry = Entry { form: Form::of(object), due: Instant::now() + wait, failures, called };
        self.entries().insert(uid, entry);
    }

    fn jittered(&self, wait: Duration) -> Duration {
        let share = self.random.lock().unwrap_or_else(PoisonError::into_inner).f64();
        wait.mul_f64(0.9 + share / 5.0)
    }

    fn called(&self) -> MutexGuard<'_, HashSet<String>> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{DrainType, LogDrainSpec};

    fn object(generation: i64) -> LogDrain {
        let mut object = LogDrain::new("x", LogDrainSpec::new("shop", DrainType::Datadog));
        object.metadata.uid = Some("u".into());
        object.metadata.generation = Some(generation);
        object
    }

    fn schedule() -> Schedule {
        Schedule::new(fastrand::Rng::with_seed(1))
    }

    #[tokio::test(start_paused = true)]
    async fn a_resource_is_left_alone_until_it_is_due_or_has_changed() {
        let schedule = schedule();
        assert_eq!(schedule.wait(&object(1)), None);
        let wait = schedule.after(&object(1), Duration::from_secs(600));
        assert!((540..=660).contains(&wait.as_secs()), "{wait:?}");
        assert_eq!(schedule.wait(&object(1)), Some(wait));
        assert_eq!(schedule.wait(&object(2)), None, "a new generation is looked at");
        let mut going = object(1);
        going.metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(schedule.wait(&going), None, "a deletion is looked at");
        tokio::time::advance(wait).await;
        assert_eq!(schedule.wait(&object(1)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_wait_longer_and_longer_until_one_success_or_change() {
        let schedule = schedule();
        let mut waits = Vec::new();
        for _ in 0..9 {
            waits.push(schedule.after_failure(&object(1), Duration::ZERO).as_secs_f64());
        }
        for (wait, expected) in waits.iter().zip([5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]) {
            assert!((expected * 0.9..=expected * 1.1).contains(wait), "{wait} for {expected}");
        }
        schedule.after(&object(1), Duration::from_secs(1));
        assert!(schedule.after_failure(&object(1), Duration::ZERO) < Duration::from_secs(6));
        schedule.after_failure(&object(1), Duration::ZERO);
        assert!(schedule.after_failure(&object(2), Duration::ZERO) < Duration::from_secs(6));
        assert_eq!(schedule.after_failure(&object(2), Duration::from_secs(90)), Duration::from_secs(90));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_called_is_due() {
        let schedule = schedule();
        schedule.after(&object(1), Duration::from_secs(600));
        schedule.now("u");
        assert_eq!(schedule.wait(&object(1)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_during_a_look_is_not_lost_with_its_end() {
        let schedule = schedule();
        assert_eq!(schedule.wait(&object(1)), None, "the look begins");
        schedule.now("u");
        let wait = schedule.after(&object(1), Duration::from_secs(600));
        assert_eq!(schedule.wait(&object(1)), None, "another look answers the call");
        assert_eq!(schedule.wait(&object(1)), Some(wait), "and no third one");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_called_has_not_failed_yet() {
        let schedule = schedule();
        for _ in 0..6 {
            schedule.after_failure(&object(1), Duration::ZERO);
        }
        schedule.now("u");
        assert!(schedule.after_failure(&object(1), Duration::ZERO) < Duration::from_secs(6));
    }

    #[tokio::test(start_paused = true)]
    async fn only_those_that_are_there_are_kept() {
        let schedule = schedule();
        let wait = schedule.after(&object(1), Duration::from_secs(600));
        schedule.keep_only(&["u".to_owned()].into());
        assert_eq!(schedule.wait(&object(1)), Some(wait));
        schedule.keep_only(&HashSet::new());
        assert_eq!(schedule.wait(&object(1)), None);
    }
}
