use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kube::ResourceExt;
use tokio::time::Instant;

use crate::{
    crd::{DrainState, LogDrain, LogDrainStatus},
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
    /// Called, since when, and not looked at since.
    called: Mutex<HashMap<String, Instant>>,
    random: Mutex<fastrand::Rng>,
}

struct Entry {
    form: Form,
    due: Due,
    failures: u32,
    called: bool,
}

enum Due {
    At(Instant),
    /// Only once it is called, or somebody else has written another status than this.
    Never(Option<LogDrainStatus>),
}

/// What is to be done about a resource now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Look at it.
    Look(Asked),
    /// Leave it alone for so long.
    Wait(Duration),
    /// Leave it alone until it is called or has changed.
    Rest,
}

/// Why a resource is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What Scalingo has listed since then is new enough.
    pub since: Instant,
    /// Whether this process has not looked at it yet, and nobody has called for it.
    pub is_first: bool,
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

    /// What is to be done about this resource, in this form. A look is to follow where it says so: an earlier call
    /// is answered by it.
    #[must_use]
    pub fn turn(&self, object: &LogDrain) -> Turn {
        let now = Instant::now();
        let first = Asked { since: now, is_first: true };
        let Some(uid) = object.uid() else { return Turn::Look(first) };
        if let Some(since) = self.called().remove(&uid) {
            return Turn::Look(Asked { since, is_first: false });
        }
        let entries = self.entries();
        let Some(entry) = entries.get(&uid) else { return Turn::Look(first) };
        match &entry.due {
            _ if entry.form != Form::of(object) => {}
            Due::Never(status) if *status == object.status => return Turn::Rest,
            Due::At(due) if *due > now => return Turn::Wait(*due - now),
            Due::At(_) | Due::Never(_) => {}
        }
        Turn::Look(Asked { since: now, is_first: false })
    }

    /// Look again after about this long: with up to a tenth of it more or less.
    pub fn after(&self, object: &LogDrain, wait: Duration) -> Duration {
        let wait = self.jittered(wait);
        self.enter(object, Due::At(Instant::now() + wait), 0);
        wait
    }

    /// Look again only once it is called or has changed.
    pub fn rest(&self, object: &LogDrain) {
        self.enter(object, Due::Never(object.status.clone()), 0);
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
        self.enter(object, Due::At(Instant::now() + wait), failures.saturating_add(1));
        wait
    }

    /// Look at once, or once more when the look that is under way has ended, with what is listed since then.
    /// Something has changed, so failures are counted anew.
    pub fn now(&self, uid: &str, since: Instant) {
        let mut called = self.called();
        let latest = called.get(uid).map_or(since, |earlier| since.max(*earlier));
        called.insert(uid.to_owned(), latest);
        if let Some(entry) = self.entries().get_mut(uid) {
            entry.due = Due::At(Instant::now());
            entry.called = true;
            entry.failures = 0;
        }
    }

    /// Look at once at what rests: nobody waits for it.
    pub fn check(&self, uid: &str) {
        if let Some(entry) = self.entries().get_mut(uid) {
            entry.due = Due::At(Instant::now());
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
        self.called().retain(|uid, _| uids.contains(uid));
    }

    fn enter(&self, object: &LogDrain, due: Due, failures: u32) {
        let Some(uid) = object.uid() else { return };
        // Called during the look that has just ended: the next one is for that.
        let called = self.called().contains_key(&uid);
        let entry = Entry { form: Form::of(object), due, failures, called };
        self.entries().insert(uid, entry);
    }

    fn jittered(&self, wait: Duration) -> Duration {
        let share = self.random.lock().unwrap_or_else(PoisonError::into_inner).f64();
        wait.mul_f64(0.9 + share / 5.0)
    }

    fn called(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
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

    fn looks(turn: Turn) -> bool {
        matches!(turn, Turn::Look(_))
    }

    #[tokio::test(start_paused = true)]
    async fn a_resource_is_left_alone_until_it_is_due_or_has_changed() {
        let schedule = schedule();
        let first = Turn::Look(Asked { since: Instant::now(), is_first: true });
        assert_eq!(schedule.turn(&object(1)), first);
        let wait = schedule.after(&object(1), Duration::from_secs(600));
        assert!((540..=660).contains(&wait.as_secs()), "{wait:?}");
        assert_eq!(schedule.turn(&object(1)), Turn::Wait(wait));
        let again = Turn::Look(Asked { since: Instant::now(), is_first: false });
        assert_eq!(schedule.turn(&object(2)), again, "a new generation is looked at");
        let mut going = object(1);
        going.metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(schedule.turn(&going), again, "a deletion is looked at");
        tokio::time::advance(wait).await;
        assert!(looks(schedule.turn(&object(1))));
    }

    #[tokio::test(start_paused = true)]
    async fn what_rests_is_looked_at_when_it_is_checked_called_or_changed() {
        let schedule = schedule();
        schedule.rest(&object(1));
        tokio::time::advance(Duration::from_secs(1_000_000)).await;
        assert_eq!(schedule.turn(&object(1)), Turn::Rest);
        assert!(looks(schedule.turn(&object(2))));
        let mut steady = object(1);
        steady.status =
            Some(crate::crd::LogDrainStatus { observed_generation: Some(1), ..Default::default() });
        assert!(looks(schedule.turn(&steady)), "somebody has written a status");
        schedule.rest(&steady);
        assert_eq!(schedule.turn(&steady), Turn::Rest);
        schedule.check("u");
        assert!(looks(schedule.turn(&steady)));
        assert_eq!(schedule.class(&steady), Class::Background);
        schedule.rest(&steady);
        schedule.now("u", Instant::now());
        assert!(looks(schedule.turn(&steady)));
        assert_eq!(schedule.class(&steady), Class::Interactive);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_says_since_when_a_list_is_new_enough() {
        let schedule = schedule();
        let begin = Instant::now();
        tokio::time::advance(Duration::from_secs(5)).await;
        schedule.now("u", begin);
        assert_eq!(schedule.turn(&object(1)), Turn::Look(Asked { since: begin, is_first: false }));
        schedule.now("u", begin + Duration::from_secs(3));
        schedule.now("u", begin + Duration::from_secs(1));
        let latest = Asked { since: begin + Duration::from_secs(3), is_first: false };
        assert_eq!(schedule.turn(&object(1)), Turn::Look(latest));
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
        schedule.now("u", Instant::now());
        assert!(looks(schedule.turn(&object(1))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_during_a_look_is_not_lost_with_its_end() {
        let schedule = schedule();
        assert!(looks(schedule.turn(&object(1))), "the look begins");
        schedule.now("u", Instant::now());
        let wait = schedule.after(&object(1), Duration::from_secs(600));
        assert!(looks(schedule.turn(&object(1))), "another look answers the call");
        assert_eq!(schedule.turn(&object(1)), Turn::Wait(wait), "and no third one");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_called_has_not_failed_yet() {
        let schedule = schedule();
        for _ in 0..6 {
            schedule.after_failure(&object(1), Duration::ZERO);
        }
        schedule.now("u", Instant::now());
        assert!(schedule.after_failure(&object(1), Duration::ZERO) < Duration::from_secs(6));
    }

    #[tokio::test(start_paused = true)]
    async fn only_those_that_are_there_are_kept() {
        let schedule = schedule();
        let wait = schedule.after(&object(1), Duration::from_secs(600));
        schedule.keep_only(&["u".to_owned()].into());
        assert_eq!(schedule.turn(&object(1)), Turn::Wait(wait));
        schedule.keep_only(&HashSet::new());
        assert!(looks(schedule.turn(&object(1))));
    }
}
