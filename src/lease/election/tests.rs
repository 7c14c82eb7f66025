use super::*;

const DURATION: Duration = Duration::from_secs(15);

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn election(identity: &str) -> Election {
    Election::new("logdrain-operator".into(), identity.into(), DURATION)
}

/// As the API server would answer this move.
fn written(made: Move, version: u32) -> Lease {
    let (Move::Create(mut lease) | Move::Replace(mut lease)) = made else { panic!("{made:?}") };
    assert_eq!(lease.metadata.resource_version.is_some(), version > 1, "an update says what it is of");
    lease.metadata.resource_version = Some(version.to_string());
    lease
}

/// Held by `other`, taken at second 0.
fn held() -> Lease {
    let mut other = election("other");
    let now = Instant::now();
    other.observe(None, now);
    written(other.next(now, time(0)), 1)
}

fn spec_of(lease: &Lease) -> LeaseSpec {
    lease.spec.clone().unwrap()
}

#[test]
fn nothing_is_done_before_the_lease_was_read() {
    assert_eq!(election("me").next(Instant::now(), time(0)), Move::Wait);
}

#[test]
fn a_lease_that_is_not_there_is_created() {
    let mut election = election("me");
    let now = Instant::now();
    election.observe(None, now);
    let lease = written(election.next(now, time(7)), 1);
    assert_eq!(lease.metadata.name.as_deref(), Some("logdrain-operator"));
    let spec = spec_of(&lease);
    assert_eq!(spec.holder_identity.as_deref(), Some("me"));
    assert_eq!(spec.lease_duration_seconds, Some(15));
    assert_eq!(spec.acquire_time, Some(MicroTime(time(7))));
    assert_eq!(spec.lease_transitions, Some(0));
    assert_eq!(election.handover(now), None);
}

#[test]
fn another_is_waited_for_as_long_as_it_asked_from_when_it_was_first_seen_so() {
    let mut election = election("me");
    let now = Instant::now();
    // Its clock is an hour behind: that says nothing.
    for second in 0..15 {
        let now = now + Duration::from_secs(second);
        election.observe(Some(held()), now);
        assert_eq!(election.next(now, time(3_600)), Move::Wait, "{second}");
    }
    let taken = written(election.next(now + DURATION, time(3_600)), 2);
    let spec = spec_of(&taken);
    assert_eq!(spec.holder_identity.as_deref(), Some("me"));
    assert_eq!(spec.acquire_time, Some(MicroTime(time(3_600))));
    assert_eq!(spec.lease_transitions, Some(1));
    assert_eq!(taken.metadata.resource_version.as_deref(), Some("2"));
    let before = |second| Some(Handover { ago: Duration::from_secs(second), led: Duration::ZERO });
    assert_eq!(election.handover(now + DURATION), before(1), "it was last seen in the second before");
    assert_eq!(election.handover(now + DURATION * 10), before(136));
}

#[test]
fn the_holders_own_duration_counts() {
    let mut lease = held();
    lease.spec.as_mut().unwrap().lease_duration_seconds = Some(60);
    let mut election = election("me");
    let now = Instant::now();
    election.observe(Some(lease), now);
    assert_eq!(election.next(now + Duration::from_secs(59), time(59)), Move::Wait);
    assert_ne!(election.next(now + Duration::from_secs(60), time(60)), Move::Wait);
}

#[test]
fn only_a_renewal_makes_the_wait_longer() {
    let mut election = election("me");
    let now = Instant::now();
    election.observe(Some(held()), now);
    let mut labelled = held();
    labelled.metadata.labels = Some([("team".to_owned(), "logs".to_owned())].into());
    labelled.metadata.resource_version = Some("2".into());
    election.observe(Some(labelled.clone()), now + Duration::from_secs(10));
    assert_ne!(election.next(now + DURATION, time(15)), Move::Wait, "a label is no renewal");
    labelled.spec.as_mut().unwrap().renew_time = Some(MicroTime(time(11)));
    election.observe(Some(labelled), now + Duration::from_secs(11));
    assert_eq!(election.next(now + DURATION, time(15)), Move::Wait);
    let taken = written(election.next(now + Duration::from_secs(26), time(26)), 3);
    assert!(taken.metadata.labels.is_some(), "what others have written there stays");
}

#[test]
fn what_is_deleted_under_its_holder_is_waited_for_too() {
    let mut election = election("me");
    let now = Instant::now();
    election.observe(Some(held()), now);
    election.observe(None, now + Duration::from_secs(10));
    assert_eq!(election.next(now + DURATION, time(15)), Move::Wait);
    election.observe(None, now + Duration::from_secs(20));
    assert!(matches!(election.next(now + Duration::from_secs(25), time(25)), Move::Create(_)));
}

#[test]
fn the_own_one_is_renewed_at_any_time_and_keeps_its_beginning() {
    let mut election = election("me");
    let now = Instant::now();
    election.observe(None, now);
    let lease = written(election.next(now, time(0)), 1);
    election.observe(Some(lease), now);
    assert!(election.is_own());
    let renewed = spec_of(&written(election.next(now, time(2)), 2));
    assert_eq!(renewed.acquire_time, Some(MicroTime(time(0))));
    assert_eq!(renewed.renew_time, Some(MicroTime(time(2))));
    assert_eq!(renewed.lease_transitions, Some(0));
    assert_eq!(election.handover(now), None);
}

#[test]
fn what_was_left_is_taken_at_once_and_tells_how_long_its_last_holder_led() {
    let now = Instant::now();
    let mut other = election("other");
    other.observe(Some(held()), now);
    for second in [60, 61] {
        let left = other.released(time(second)).unwrap();
        assert_eq!(spec_of(&left).holder_identity.as_deref(), Some(""));
        let mut election = election("me");
        election.observe(Some(left.clone()), now);
        assert_eq!(election.holder(), None);
        // Its own clock is an hour off.
        let spec = spec_of(&written(election.next(now, time(3_600)), 3));
        assert_eq!(spec.lease_transitions, Some(1));
        let led = Duration::from_secs(second.unsigned_abs());
        assert_eq!(election.handover(now), Some(Handover { ago: Duration::ZERO, led }));
        // What was seen to be so for a minute was left longer ago.
        let later = now + Duration::from_secs(60);
        election.observe(Some(left), later);
        assert_eq!(election.handover(later), Some(Handover { ago: Duration::from_secs(60), led }));
    }
    let mut stranger = election("stranger");
    stranger.observe(Some(held()), now);
    assert_eq!(stranger.released(time(30)), None, "only its holder leaves it");
}
