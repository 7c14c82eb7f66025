use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::*;
use crate::crd::{DrainType, LogDrainSpec, LogDrainStatus, tests::active};

mod requested;

fn object(generation: i64) -> LogDrain {
    let mut object = LogDrain::new("x", LogDrainSpec::new("shop", DrainType::Datadog));
    object.metadata.uid = Some("u".into());
    object.metadata.generation = Some(generation);
    object
}

fn shared(object: &LogDrain) -> Arc<LogDrain> {
    Arc::new(object.clone())
}

fn schedule() -> Schedule {
    Schedule::new(fastrand::Rng::with_seed(1))
}

fn reconciles(decision: Decision) -> bool {
    matches!(decision, Decision::Reconcile(_))
}

#[tokio::test(start_paused = true)]
async fn a_resource_is_left_alone_until_it_is_due_or_has_changed() {
    let schedule = schedule();
    let first = Decision::Reconcile(Trigger { since: Instant::now(), may_stand: true });
    assert_eq!(schedule.decide(&shared(&object(1))), first);
    let wait = schedule.after(&object(1), Duration::from_secs(600));
    assert!((540..=660).contains(&wait.as_secs()), "{wait:?}");
    assert_eq!(schedule.decide(&shared(&object(1))), Decision::Wait(wait));
    let again = Decision::Reconcile(Trigger { since: Instant::now(), may_stand: false });
    assert_eq!(schedule.decide(&shared(&object(2))), again, "a new generation is reconciled");
    let mut going = object(1);
    going.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    assert_eq!(schedule.decide(&shared(&going)), again, "a deletion is reconciled");
    tokio::time::advance(wait).await;
    assert!(reconciles(schedule.decide(&shared(&object(1)))));
}

#[tokio::test(start_paused = true)]
async fn what_rests_is_looked_at_when_it_is_checked_called_or_changed() {
    let schedule = schedule();
    schedule.rest(&shared(&object(1)));
    tokio::time::advance(Duration::from_secs(1_000_000)).await;
    assert_eq!(schedule.decide(&shared(&object(1))), Decision::Rest);
    assert!(reconciles(schedule.decide(&shared(&object(2)))));
    let mut steady = object(1);
    steady.status = Some(LogDrainStatus {
        observed_generation: Some(1),
        drains: vec![active("v1:d", "v1:u")],
        ..LogDrainStatus::default()
    });
    assert!(reconciles(schedule.decide(&shared(&steady))), "somebody has written a status");
    schedule.rest(&shared(&steady));
    assert_eq!(schedule.decide(&shared(&steady)), Decision::Rest);
    schedule.check("u");
    assert!(reconciles(schedule.decide(&shared(&steady))));
    assert_eq!(schedule.class(&steady), Class::Background);
    schedule.rest(&shared(&steady));
    schedule.now("u", Instant::now(), Crowd::Few);
    assert!(reconciles(schedule.decide(&shared(&steady))));
    assert_eq!(schedule.class(&steady), Class::Interactive);
    schedule.rest(&shared(&steady));
    schedule.now("u", Instant::now(), Crowd::of(FEW + 1));
    assert!(reconciles(schedule.decide(&shared(&steady))));
    assert_eq!(schedule.class(&steady), Class::Rollout);
    schedule.rest(&shared(&steady));
    schedule.now("u", Instant::now(), Crowd::Few);
    schedule.now("u", Instant::now(), Crowd::Many);
    assert_eq!(schedule.class(&steady), Class::Interactive, "it was called for its own sake too");
    assert!(reconciles(schedule.decide(&shared(&steady))));
    schedule.now("u", Instant::now(), Crowd::Many);
    assert_eq!(schedule.class(&steady), Class::Interactive, "the first call is not answered yet");
    steady.metadata.generation = Some(2);
    assert_eq!(schedule.class(&steady), Class::Interactive, "a person has changed it");
}

#[test]
fn only_whose_drain_was_never_there_belongs_to_a_rollout_by_itself() {
    let class = |change: fn(&mut LogDrain)| {
        let mut object = object(1);
        change(&mut object);
        schedule().class(&object)
    };
    assert_eq!(class(|_| {}), Class::Rollout);
    assert_eq!(class(|object| *object = requesting(1, "a")), Class::Interactive);
    let deleted =
        |object: &mut LogDrain| object.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    assert_eq!(class(deleted), Class::Interactive);
    let was_there = |object: &mut LogDrain| {
        let drains = vec![active("v1:d", "v1:u")];
        object.status = Some(LogDrainStatus { drains, ..LogDrainStatus::default() });
    };
    assert_eq!(class(was_there), Class::Interactive);
}

#[tokio::test(start_paused = true)]
async fn what_rests_is_looked_at_when_somebody_has_taken_its_finalizer_away() {
    let schedule = schedule();
    let mut held = object(1);
    held.metadata.finalizers = Some(vec![crate::crd::FINALIZER.to_owned()]);
    schedule.rest(&shared(&held));
    assert_eq!(schedule.decide(&shared(&held)), Decision::Rest);
    assert!(reconciles(schedule.decide(&shared(&object(1)))));
    // One that never had it may rest without.
    schedule.rest(&shared(&object(1)));
    assert_eq!(schedule.decide(&shared(&object(1))), Decision::Rest);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_list_comes_after_it_and_takes_that_of_another() {
    let schedule = schedule();
    let begin = Instant::now();
    let reconcile = |since| Decision::Reconcile(Trigger { since, may_stand: false });
    for _ in 0..100 {
        let since = Instant::now() + Duration::from_secs(10);
        let wait = schedule.with_list(&object(1), since);
        assert!((10_500..14_000).contains(&wait.as_millis()), "{wait:?}");
        tokio::time::advance(wait).await;
        assert_eq!(schedule.decide(&shared(&object(1))), reconcile(since));
        assert_eq!(schedule.decide(&shared(&object(1))), reconcile(Instant::now()), "once");
    }
    schedule.with_list(&object(1), begin);
    assert_eq!(schedule.decide(&shared(&object(2))), reconcile(Instant::now()), "it has changed");
    schedule.with_list(&object(1), begin);
    schedule.now("u", Instant::now(), Crowd::Few);
    assert_eq!(schedule.decide(&shared(&object(1))), reconcile(Instant::now()), "it is called");
    assert_eq!(schedule.decide(&shared(&object(1))), reconcile(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn a_call_says_since_when_a_list_is_new_enough() {
    let schedule = schedule();
    let begin = Instant::now();
    tokio::time::advance(Duration::from_secs(5)).await;
    schedule.now("u", begin, Crowd::Few);
    assert_eq!(
        schedule.decide(&shared(&object(1))),
        Decision::Reconcile(Trigger { since: begin, may_stand: false })
    );
    schedule.now("u", begin + Duration::from_secs(3), Crowd::Few);
    schedule.now("u", begin + Duration::from_secs(1), Crowd::Few);
    let latest = Trigger { since: begin + Duration::from_secs(3), may_stand: false };
    assert_eq!(schedule.decide(&shared(&object(1))), Decision::Reconcile(latest));
}

#[tokio::test(start_paused = true)]
async fn failures_wait_longer_and_longer_until_one_success_or_change() {
    let schedule = schedule();
    let mut waits = Vec::new();
    for _ in 0..9 {
        waits.push(schedule.after_failure(&object(1), Duration::ZERO, Duration::MAX).as_secs_f64());
    }
    for (wait, expected) in waits.iter().zip([5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]) {
        assert!((expected * 0.9..=expected * 1.1).contains(wait), "{wait} for {expected}");
    }
    schedule.after(&object(1), Duration::from_secs(1));
    assert!(schedule.after_failure(&object(1), Duration::ZERO, Duration::MAX) < Duration::from_secs(6));
    schedule.after_failure(&object(1), Duration::ZERO, Duration::MAX);
    assert!(schedule.after_failure(&object(2), Duration::ZERO, Duration::MAX) < Duration::from_secs(6));
    assert_eq!(
        schedule.after_failure(&object(2), Duration::from_secs(90), Duration::MAX),
        Duration::from_secs(90)
    );
    assert_eq!(
        schedule.after_failure(&object(2), Duration::ZERO, Duration::from_secs(7)),
        Duration::from_secs(7)
    );
    assert!(
        schedule.after_failure(&object(2), Duration::ZERO, Duration::MAX) > Duration::from_secs(30),
        "it counts too"
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_is_called_is_due() {
    let schedule = schedule();
    schedule.after(&object(1), Duration::from_secs(600));
    schedule.now("u", Instant::now(), Crowd::Few);
    assert!(reconciles(schedule.decide(&shared(&object(1)))));
}

#[tokio::test(start_paused = true)]
async fn a_call_during_a_look_is_not_lost_with_its_end() {
    let schedule = schedule();
    assert!(reconciles(schedule.decide(&shared(&object(1)))), "the reconciliation begins");
    schedule.now("u", Instant::now(), Crowd::Few);
    let wait = schedule.after(&object(1), Duration::from_secs(600));
    assert!(reconciles(schedule.decide(&shared(&object(1)))), "another reconciliation answers the call");
    assert!(reconciles(schedule.decide(&shared(&object(1)))), "until one comes to its end");
    let wait = schedule.after(&object(1), wait);
    assert_eq!(schedule.decide(&shared(&object(1))), Decision::Wait(wait), "and no more");
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_reconciliation_comes_to_nothing_is_answered_by_the_next() {
    let schedule = schedule();
    let sure = Decision::Reconcile(Trigger { since: Instant::now(), may_stand: false });
    for is_known in [false, true] {
        if is_known {
            schedule.rest(&shared(&object(1)));
        }
        schedule.now("u", Instant::now(), Crowd::Few);
        schedule.now("u", Instant::now(), Crowd::Few);
        assert_eq!(schedule.decide(&shared(&object(1))), sure);
        // It was outdated, and has entered nothing.
        assert_eq!(schedule.decide(&shared(&object(1))), sure);
        assert_eq!(schedule.class(&object(1)), Class::Rollout, "it was never there");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_due_is_not_left_as_it_is_for_being_proved() {
    let schedule = schedule();
    schedule.rest(&shared(&object(1)));
    schedule.check("u");
    schedule.prove("u", Instant::now(), Crowd::Few);
    let sure = Decision::Reconcile(Trigger { since: Instant::now(), may_stand: false });
    assert_eq!(schedule.decide(&shared(&object(1))), sure);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_called_has_not_failed_yet() {
    let schedule = schedule();
    for _ in 0..6 {
        schedule.after_failure(&object(1), Duration::ZERO, Duration::MAX);
    }
    schedule.now("u", Instant::now(), Crowd::Few);
    assert!(schedule.after_failure(&object(1), Duration::ZERO, Duration::MAX) < Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_forgotten() {
    let schedule = schedule();
    let wait = schedule.after(&object(1), Duration::from_secs(600));
    schedule.remove("x");
    assert_eq!(schedule.decide(&shared(&object(1))), Decision::Wait(wait));
    schedule.remove("u");
    assert!(reconciles(schedule.decide(&shared(&object(1)))));
}

fn requesting(generation: i64, text: &str) -> LogDrain {
    let mut object = object(generation);
    object.metadata.annotations = Some([(crate::crd::REQUESTED_AT.to_owned(), text.to_owned())].into());
    object
}

fn handled(mut object: LogDrain) -> LogDrain {
    let last_handled_requested_at = object.requested_at().map(str::to_owned);
    object.status = Some(LogDrainStatus { last_handled_requested_at, ..LogDrainStatus::default() });
    object
}

#[tokio::test(start_paused = true)]
async fn who_is_called_is_known_until_a_look_begins() {
    let schedule = schedule();
    schedule.rest(&shared(&object(1)));
    assert!(!schedule.is_called("u"));
    schedule.now("u", Instant::now(), Crowd::Few);
    assert!(schedule.is_called("u"));
    assert!(reconciles(schedule.decide(&shared(&object(1)))));
    assert!(!schedule.is_called("u"));
}

#[test]
fn a_reconciliation_knows_whether_the_one_before_it_failed() {
    let schedule = schedule();
    let ends = |has_failed| schedule.ends(&object(1), has_failed);
    assert_eq!([false, true, true, false, false].map(ends), [false, false, true, true, false]);
    ends(true);
    schedule.remove("u");
    assert!(!ends(false));
}

#[tokio::test(start_paused = true)]
async fn only_who_waits_for_no_time_rests() {
    let schedule = schedule();
    assert!(!schedule.rests("u"), "it is not known");
    schedule.rest(&shared(&object(1)));
    assert!(schedule.rests("u"));
    schedule.now("u", Instant::now(), Crowd::Few);
    assert!(!schedule.rests("u"));
    schedule.after_failure(&object(1), Duration::ZERO, Duration::MAX);
    assert!(!schedule.rests("u"), "it comes by itself, later and later");
}

#[tokio::test(start_paused = true)]
async fn what_may_stand_is_to_be_proved_unless_it_is_called_for_sure_too() {
    let schedule = schedule();
    schedule.rest(&shared(&object(1)));
    let now = Instant::now();
    let reconcile = |may_stand| Decision::Reconcile(Trigger { since: now, may_stand });
    schedule.prove("u", now, Crowd::Few);
    assert_eq!(schedule.decide(&shared(&object(1))), reconcile(true));
    for is_first_sure in [true, false] {
        schedule.rest(&shared(&object(1)));
        if is_first_sure {
            schedule.now("u", now, Crowd::Few);
        }
        schedule.prove("u", now, Crowd::Few);
        if !is_first_sure {
            schedule.now("u", now, Crowd::Few);
        }
        assert_eq!(schedule.decide(&shared(&object(1))), reconcile(false));
    }
}
