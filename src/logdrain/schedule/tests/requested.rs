//! Checks that a person asks for by the annotation.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_request_is_looked_at_soon_with_what_is_listed_since_it_was_seen() {
    let schedule = schedule();
    schedule.rest(&shared(&object(1)));
    let seen = Instant::now();
    assert_eq!(schedule.decide(&shared(&requesting(1, "a"))), Decision::Wait(GATHER));
    assert_eq!(schedule.class(&requesting(1, "a")), Class::Interactive);
    tokio::time::advance(GATHER).await;
    let decision = Decision::Reconcile(Trigger { since: seen, may_stand: false });
    assert_eq!(schedule.decide(&shared(&requesting(1, "a"))), decision);
    assert!(
        reconciles(schedule.decide(&shared(&requesting(1, "a")))),
        "the reconciliation has come to nothing"
    );
    let done = handled(requesting(1, "a"));
    schedule.rest(&shared(&done));
    assert_eq!(schedule.decide(&shared(&done)), Decision::Rest);
    let mut other = done.clone();
    other.metadata.annotations.as_mut().unwrap().insert("other".into(), "annotation".into());
    assert_eq!(schedule.decide(&shared(&other)), Decision::Rest, "another annotation asks for nothing");
    let mut again = requesting(1, "b");
    again.status.clone_from(&done.status);
    assert_eq!(schedule.decide(&shared(&again)), Decision::Wait(GATHER), "another text is another request");
    let mut taken_away = object(1);
    taken_away.status.clone_from(&done.status);
    assert_eq!(schedule.decide(&shared(&taken_away)), Decision::Rest);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_during_a_look_is_not_lost_with_its_end() {
    let schedule = schedule();
    schedule.rest(&shared(&object(1)));
    assert_eq!(schedule.decide(&shared(&requesting(1, "a"))), Decision::Wait(GATHER));
    tokio::time::advance(GATHER).await;
    assert!(reconciles(schedule.decide(&shared(&requesting(1, "a")))), "the reconciliation begins");
    let mut ended = requesting(1, "b");
    ended.status = handled(requesting(1, "a")).status;
    schedule.rest(&shared(&ended));
    assert_eq!(schedule.decide(&shared(&ended)), Decision::Wait(GATHER));
    tokio::time::advance(GATHER).await;
    assert!(reconciles(schedule.decide(&shared(&ended))));
}

#[tokio::test(start_paused = true)]
async fn what_has_changed_too_waits_for_no_request_and_what_waits_is_hurried() {
    let schedule = schedule();
    let since = Instant::now();
    schedule.rest(&shared(&object(1)));
    let changed = Decision::Reconcile(Trigger { since, may_stand: false });
    assert_eq!(schedule.decide(&shared(&requesting(2, "a"))), changed);
    for _ in 0..6 {
        schedule.after_failure(&object(2), Duration::ZERO, Duration::MAX);
    }
    assert_eq!(schedule.decide(&shared(&requesting(2, "b"))), Decision::Wait(GATHER));
    tokio::time::advance(GATHER).await;
    assert!(reconciles(schedule.decide(&shared(&requesting(2, "b")))));
    assert!(
        schedule.after_failure(&handled(requesting(2, "b")), Duration::ZERO, Duration::MAX)
            < Duration::from_secs(6)
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_from_before_this_process_is_no_first_look() {
    let schedule = schedule();
    assert_eq!(schedule.decide(&shared(&requesting(1, "a"))), Decision::Wait(GATHER));
    tokio::time::advance(GATHER).await;
    assert!(matches!(
        schedule.decide(&shared(&requesting(1, "a"))),
        Decision::Reconcile(Trigger { may_stand: false, .. })
    ));
    let schedule = self::schedule();
    let first = Decision::Reconcile(Trigger { since: Instant::now(), may_stand: true });
    assert_eq!(schedule.decide(&shared(&handled(requesting(1, "a")))), first);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_interactive_however_often_the_resource_has_failed_and_whether_it_was_due_or_not() {
    for is_due in [false, true] {
        let schedule = schedule();
        let mut wait = Duration::ZERO;
        for _ in 0..BACKGROUND_AFTER {
            wait = schedule.after_failure(&object(1), Duration::ZERO, Duration::MAX);
            tokio::time::advance(wait).await;
        }
        wait = schedule.after_failure(&object(1), wait, Duration::MAX);
        assert_eq!(schedule.class(&object(1)), Class::Background);
        assert_eq!(schedule.decide(&shared(&requesting(1, "a"))), Decision::Wait(GATHER));
        tokio::time::advance(if is_due { wait } else { GATHER }).await;
        assert!(reconciles(schedule.decide(&shared(&requesting(1, "a")))));
        assert_eq!(schedule.class(&requesting(1, "a")), Class::Interactive, "{is_due}");
    }
}
