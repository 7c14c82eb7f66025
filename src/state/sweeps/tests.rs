use std::collections::HashSet;

use super::*;
use crate::{drain::Target, scalingo::ApiToken};

const RESYNC: Duration = Duration::from_secs(600);
const SWEEP: Duration = Duration::from_secs(86_400);

fn key(token: &str, app: usize) -> Key {
    let target = Target { region: "osc-fr1".into(), app_id: format!("{app:04}"), addon: None };
    (ApiToken::new(token).unwrap().key(), target)
}

/// Sweeps of so many targets with one resource each, checked so long after the beginning.
fn sweeps(count: usize, checked: Option<Duration>) -> (Sweeps, Instant) {
    let begin = Instant::now();
    let mut sweeps = Sweeps::new(RESYNC, SWEEP);
    for app in 0..count {
        let uid = format!("u{app:04}");
        let checked = checked.map(|checked| begin + checked);
        sweeps.join(&uid, &key("one", app), checked, begin);
    }
    (sweeps, begin)
}

/// Lets checks happen, each at once, and gives when which was begun.
fn run(sweeps: &mut Sweeps, begin: Instant, until: Duration, covered: bool) -> Vec<(Duration, String)> {
    let mut now = begin;
    let mut checks = Vec::new();
    loop {
        match sweeps.next(now, |_| covered) {
            NextCheck::Check(uid) => {
                let key = sweeps.members[uid.as_str()].clone();
                checks.push((now.duration_since(begin), uid.clone()));
                sweeps.join(&uid, &key, Some(now), now);
            }
            NextCheck::At(at) if at.duration_since(begin) <= until => now = at,
            NextCheck::At(_) | NextCheck::Idle => return checks,
        }
    }
}

#[test]
fn after_a_start_checks_are_spread_over_the_whole_interval() {
    for (covered, interval) in [(true, SWEEP), (false, RESYNC)] {
        let (mut sweeps, begin) = sweeps(100, None);
        let checks = run(&mut sweeps, begin, interval, covered);
        assert_eq!(checks.len(), 100);
        let each: HashSet<&String> = checks.iter().map(|(_, uid)| uid).collect();
        assert_eq!(each.len(), 100);
        for (index, (at, _)) in (1_u32..).zip(&checks) {
            assert_eq!(*at, interval / 100 * index);
        }
    }
}

#[test]
fn what_was_all_checked_at_once_is_spread_again_and_nothing_waits_longer_than_the_interval() {
    let (mut sweeps, begin) = sweeps(7, Some(Duration::ZERO));
    let checks = run(&mut sweeps, begin, SWEEP * 5, true);
    assert!((35..=36).contains(&checks.len()), "{}", checks.len());
    let mut last: HashMap<&String, Duration> = HashMap::new();
    for (at, uid) in &checks {
        let before = last.insert(uid, *at).unwrap_or_default();
        assert!(*at <= before + SWEEP, "{uid} at {at:?} after {before:?}");
    }
    assert!(sweeps.achieved(begin + SWEEP * 5, |_| true)["sweep"] <= SWEEP);
}

#[test]
fn what_has_only_just_been_checked_is_left_alone_for_an_eighth_of_the_interval() {
    let (mut sweeps, begin) = sweeps(100, Some(Duration::ZERO));
    let checks = run(&mut sweeps, begin, SWEEP, true);
    assert_eq!(checks[0].0, SWEEP / 8);
    assert_eq!(checks[1].0, SWEEP / 8 + SWEEP / 100);
    assert_eq!(checks.len(), 100);
}

#[test]
fn the_last_one_left_is_not_forgotten_when_the_others_go() {
    let (mut sweeps, begin) = sweeps(100, None);
    let first = run(&mut sweeps, begin, SWEEP / 50 * 49, true);
    let checked: HashSet<&String> = first.iter().map(|(_, uid)| uid).collect();
    let left = (0..100).map(|app| format!("u{app:04}")).find(|uid| !checked.contains(uid)).unwrap();
    for app in 0..100 {
        let uid = format!("u{app:04}");
        if uid != left {
            sweeps.leave(&uid);
        }
    }
    let checks = run(&mut sweeps, begin, SWEEP, true);
    assert_eq!(checks, [(SWEEP, left)], "it was there from the beginning");
}

#[test]
fn one_check_serves_all_resources_of_a_target_and_no_other_token() {
    let begin = Instant::now();
    let mut sweeps = Sweeps::new(RESYNC, SWEEP);
    for uid in ["a", "b", "c"] {
        sweeps.join(uid, &key("one", 1), None, begin);
    }
    sweeps.join("d", &key("other", 1), None, begin);
    let checks = run(&mut sweeps, begin, RESYNC, false);
    assert_eq!(checks.len(), 2, "{checks:?}");
    assert_eq!(sweeps.members(&key("one", 1)).len(), 3);
}

#[test]
fn what_nobody_knows_is_checked_soon_but_few_at_a_time() {
    let (mut sweeps, begin) = sweeps(10, Some(Duration::ZERO));
    sweeps.lose_track(key("one", 0).0, "osc-secnum-fr1");
    assert!(matches!(sweeps.next(begin, |_| true), NextCheck::At(_)), "another region");
    sweeps.lose_track(key("one", 0).0, "osc-fr1");
    let mut checks = Vec::new();
    while let NextCheck::Check(uid) = sweeps.next(begin, |_| true) {
        checks.push(uid);
    }
    assert_eq!(checks.len(), UNDER_WAY);
    let later = begin + Duration::from_secs(1);
    sweeps.join(&checks[0], &key("one", 0), Some(later), later);
    assert!(matches!(sweeps.next(later, |_| true), NextCheck::Check(..)));
    assert_eq!(sweeps.next(later, |_| true), NextCheck::Idle);
}

#[test]
fn a_check_that_is_lost_is_begun_again() {
    let (mut sweeps, begin) = sweeps(1, None);
    assert_eq!(sweeps.next(begin, |_| false), NextCheck::At(begin + RESYNC));
    let check = sweeps.next(begin + RESYNC, |_| false);
    assert!(matches!(check, NextCheck::Check(..)));
    assert_eq!(sweeps.next(begin + RESYNC + LOST - Duration::from_secs(1), |_| false), NextCheck::Idle);
    assert_eq!(sweeps.next(begin + RESYNC + LOST, |_| false), check);
}

#[test]
fn who_is_not_covered_any_more_is_due_at_once() {
    let (mut sweeps, begin) = sweeps(1, Some(Duration::ZERO));
    assert!(matches!(sweeps.next(begin + RESYNC * 2, |_| true), NextCheck::At(_)));
    assert!(matches!(sweeps.next(begin + RESYNC * 2, |_| false), NextCheck::Check(..)));
}

/// The only kind there is, with what is said of it.
fn only(of_kinds: BTreeMap<&'static str, Duration>) -> Option<(&'static str, Duration)> {
    assert!(of_kinds.len() < 2, "{of_kinds:?}");
    of_kinds.into_iter().next()
}

#[test]
fn the_achieved_interval_is_what_the_slowest_had() {
    let (mut sweeps, begin) = sweeps(2, Some(Duration::ZERO));
    let of_sweep = |seconds| Some(("sweep", Duration::from_secs(seconds)));
    assert_eq!(only(sweeps.achieved(begin, |_| true)), of_sweep(0));
    assert_eq!(only(sweeps.oldest(begin, |_| true)), of_sweep(0));
    let later = begin + Duration::from_secs(900);
    sweeps.join("u0000", &key("one", 0), Some(later), later);
    assert_eq!(only(sweeps.achieved(later, |_| true)), of_sweep(900));
    assert_eq!(only(sweeps.oldest(later, |_| true)), of_sweep(900), "the other one was not checked since");
    sweeps.join("u0001", &key("one", 1), Some(later), later);
    assert_eq!(only(sweeps.achieved(later + Duration::from_secs(1), |_| true)), of_sweep(900));
    assert_eq!(only(sweeps.oldest(later + Duration::from_secs(1), |_| true)), of_sweep(1));
    let next = later + Duration::from_secs(10);
    for (index, uid) in ["u0000", "u0001"].into_iter().enumerate() {
        sweeps.join(uid, &key("one", index), Some(next), next);
    }
    assert_eq!(only(sweeps.achieved(next, |_| true)), of_sweep(10), "what is over is over");
    assert_eq!(only(Sweeps::new(RESYNC, SWEEP).achieved(later, |_| true)), None);
    assert_eq!(only(Sweeps::new(RESYNC, SWEEP).oldest(later, |_| true)), None);
}

#[test]
fn each_kind_has_its_own_age_and_that_of_a_resync_begins_when_the_feed_fails() {
    let (mut sweeps, begin) = sweeps(2, Some(Duration::ZERO));
    let first_only = |checked: &Key| *checked == key("one", 0);
    let seconds = |ages: BTreeMap<&'static str, Duration>| {
        ages.into_iter().map(|(kind, age)| (kind, age.as_secs())).collect::<Vec<_>>()
    };
    let day = begin + Duration::from_secs(80_000);
    assert_eq!(seconds(sweeps.oldest(day, |_| true)), [("sweep", 80_000)]);
    // It fails for the second target.
    assert_eq!(seconds(sweeps.oldest(day, first_only)), [("resync", 0), ("sweep", 80_000)]);
    let later = day + Duration::from_secs(700);
    assert_eq!(seconds(sweeps.oldest(later, first_only)), [("resync", 700), ("sweep", 80_700)]);
    assert_eq!(seconds(sweeps.achieved(later, first_only)), [("resync", 700), ("sweep", 80_700)]);
    sweeps.join("u0001", &key("one", 1), Some(later), later);
    assert_eq!(seconds(sweeps.achieved(later, first_only)), [("resync", 700), ("sweep", 80_700)]);
    let next = later + Duration::from_secs(100);
    assert_eq!(seconds(sweeps.oldest(next, first_only)), [("resync", 100), ("sweep", 80_800)]);
    assert_eq!(seconds(sweeps.oldest(next, |_| true)), [("sweep", 80_800)], "it answers again");
}

#[test]
fn all_resources_come_after_one_another_in_a_circle() {
    let (sweeps, _) = sweeps(3, None);
    let mut uid = String::new();
    let mut order = Vec::new();
    for _ in 0..4 {
        let (next, count) = sweeps.after(&uid).unwrap();
        assert_eq!(count, 3);
        order.push(next.clone());
        uid = next;
    }
    assert_eq!(order, ["u0000", "u0001", "u0002", "u0000"]);
    assert_eq!(Sweeps::new(RESYNC, SWEEP).after(""), None);
}
