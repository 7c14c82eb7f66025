use super::*;
use crate::scalingo::{ApiToken, event::Change};

const INTERVAL: Duration = Duration::from_secs(15);
const REGION: &str = "osc-fr1";

fn token(name: &str) -> TokenKey {
    ApiToken::new(name).unwrap().key()
}

fn feed(name: &str) -> FeedKey {
    (token(name), REGION.to_owned())
}

fn key(name: &str, app: &str) -> Key {
    (token(name), target(app))
}

fn target(app: &str) -> Target {
    Target { region: REGION.into(), app_id: app.into(), addon: None }
}

fn url(text: &str) -> Digest {
    Digest::recorded(text)
}

fn event(id: &str) -> Event {
    Event { id: id.into(), app_id: "a".into(), app_name: "shop".into(), change: Change::Other }
}

fn started(names: &[&str]) -> (Feeds, Instant, BTreeSet<FeedKey>) {
    let now = Instant::now();
    let in_use: BTreeSet<FeedKey> = names.iter().map(|name| feed(name)).collect();
    let mut feeds = Feeds::new(Some(INTERVAL));
    assert_eq!(feeds.due(&in_use, now).len(), names.len());
    (feeds, now, in_use)
}

#[test]
fn a_feed_is_read_at_once_and_then_at_its_interval() {
    let (mut feeds, begin, in_use) = started(&["one"]);
    assert!(feeds.is_first(&feed("one")));
    assert_eq!(feeds.due(&in_use, begin + INTERVAL), [], "it is under way");
    assert_eq!(feeds.next(), None);
    feeds.read(&feed("one"), begin, &[], true, begin);
    assert!(!feeds.is_first(&feed("one")));
    assert_eq!(feeds.next(), Some(begin + INTERVAL));
    assert_eq!(feeds.due(&in_use, begin + INTERVAL), [feed("one")]);
    feeds.put_off(&feed("one"), begin + INTERVAL);
    assert_eq!(feeds.next(), Some(begin + INTERVAL * 2));
    assert_eq!(feeds.due(&BTreeSet::new(), begin + INTERVAL * 2), []);
    assert_eq!(feeds.next(), None, "nobody uses it any more");
}

#[test]
fn the_age_is_that_of_the_feed_that_was_read_longest_ago() {
    let (mut feeds, begin, in_use) = started(&["one", "two"]);
    let at = |seconds| begin + Duration::from_secs(seconds);
    let age = |feeds: &Feeds, seconds| feeds.age(at(seconds)).map(|age| age.as_secs());
    feeds.read(&feed("one"), at(1), &[], true, at(1));
    assert_eq!(age(&feeds, 10), Some(10), "the other one was never read");
    feeds.read(&feed("two"), at(10), &[], true, at(10));
    assert_eq!(age(&feeds, 10), Some(9));
    feeds.due(&in_use, at(20));
    feeds.failed(&feed("one"), at(20));
    assert_eq!(age(&feeds, 20), Some(19), "a failure is no answer");
    feeds.due(&[feed("two")].into(), at(21));
    assert_eq!(age(&feeds, 21), Some(11), "nobody uses the other one any more");
    feeds.due(&BTreeSet::new(), at(22));
    assert_eq!(age(&feeds, 22), None);
}

#[test]
fn events_are_new_once_also_behind_known_ones() {
    let (mut feeds, now, _) = started(&["one"]);
    let key = feed("one");
    let (events, meets) = feeds.unseen(&key, vec![event("3"), event("1")]);
    assert_eq!((events.len(), meets), (2, false));
    feeds.read(&key, now, &events, true, now);
    let (events, meets) = feeds.unseen(&key, vec![event("4"), event("3"), event("2"), event("1")]);
    assert_eq!((events, meets), (vec![event("4"), event("2")], true));
}

#[test]
fn a_deletion_is_proved_by_the_event_of_the_app_or_with_an_answer_by_that_of_an_addon() {
    let (mut feeds, now, _) = started(&["one"]);
    let addon = |app: &str| Target { addon: Some("ad-1".into()), ..target(app) };
    let of = |app: &str, change| Event { app_id: app.into(), change, ..event(app) };
    let events = [of("a", Change::AppDeleted), of("b", Change::AddonDeleted), of("c", Change::AddonAdded)];
    for missing in [Missing::App, Missing::Addon, Missing::Unknown] {
        assert!(!feeds.proves_deletion(&target("a"), missing), "{missing:?}");
    }
    // What the first page tells of before this process is proof too.
    feeds.read(&feed("one"), now, &events, true, now);
    for missing in [Missing::App, Missing::Addon, Missing::Drain, Missing::Unknown] {
        let proves = |target| feeds.proves_deletion(&target, missing);
        assert!(proves(target("a")) && proves(addon("a")), "{missing:?}: with the app goes all of it");
        assert!(!proves(target("b")) && !proves(target("c")) && !proves(addon("c")), "{missing:?}");
        let elsewhere = Target { region: "osc-secnum-fr1".into(), ..target("a") };
        assert!(!proves(elsewhere), "{missing:?}");
        // Another addon of the app may have been meant, and the app may be hidden since.
        assert_eq!(proves(addon("b")), missing == Missing::Addon, "{missing:?}");
    }
    feeds.tidy(now, |_, app| app == "b");
    assert!(!feeds.proves_deletion(&target("a"), Missing::App));
    assert!(feeds.proves_deletion(&addon("b"), Missing::Addon));
}

#[test]
fn only_the_latest_events_are_known_again() {
    let (mut feeds, now, _) = started(&["one"]);
    let key = feed("one");
    let events: Vec<Event> = (0..=KNOWN).rev().map(|id| event(&id.to_string())).collect();
    feeds.read(&key, now, &events, true, now);
    assert!(!feeds.unseen(&key, vec![event("0")]).1);
    assert!(feeds.unseen(&key, vec![event("1")]).1);
}

#[test]
fn an_echo_is_recognised_for_some_time() {
    let (mut feeds, now, _) = started(&["one"]);
    let may_echo = |feeds: &Feeds| feeds.may_echo(&feed("one"), &target("a"), Kind::Added);
    feeds.wrote(&key("one", "a"), Kind::Added, url("u"), now);
    feeds.tidy(now + RECOGNISED - Duration::from_secs(1), |_, _| true);
    assert!(may_echo(&feeds));
    feeds.tidy(now + RECOGNISED, |_, _| true);
    assert!(!may_echo(&feeds));
}

#[test]
fn an_own_write_is_echoed_once_in_each_feed() {
    let (mut feeds, now, _) = started(&["one", "other"]);
    feeds.wrote(&key("one", "a"), Kind::Added, url("u"), now);
    assert!(!feeds.may_echo(&feed("one"), &target("b"), Kind::Added));
    assert!(!feeds.may_echo(&feed("one"), &target("a"), Kind::Deleted));
    assert!(!feeds.is_echo(&feed("one"), &target("a"), Kind::Added, &url("v")));
    for name in ["one", "other"] {
        assert!(feeds.may_echo(&feed(name), &target("a"), Kind::Added));
        assert!(feeds.is_echo(&feed(name), &target("a"), Kind::Added, &url("u")));
        assert!(!feeds.is_echo(&feed(name), &target("a"), Kind::Added, &url("u")), "somebody else's");
    }
}

#[test]
fn an_app_whose_echo_does_not_come_is_not_covered_until_one_comes() {
    let (mut feeds, begin, _) = started(&["one"]);
    let one = feed("one");
    feeds.wrote(&key("one", "a"), Kind::Added, url("u"), begin);
    let early = begin + ECHO - Duration::from_secs(1);
    assert_eq!(feeds.read(&one, early, &[], true, early), [""; 0]);
    assert!(feeds.covers(&key("one", "a"), early));
    let late = begin + ECHO;
    assert_eq!(feeds.read(&one, late, &[], true, late), ["a"]);
    assert_eq!(feeds.read(&one, late, &[], true, late), [""; 0], "it is told once");
    assert!(!feeds.covers(&key("one", "a"), late));
    assert!(feeds.covers(&key("one", "b"), late));
    assert!(feeds.is_echo(&one, &target("a"), Kind::Added, &url("u")));
    assert!(feeds.covers(&key("one", "a"), late));
    assert_eq!(feeds.read(&one, late, &[], true, late), [""; 0]);
}

#[test]
fn an_echo_that_may_not_have_been_read_is_not_missed() {
    let (mut feeds, begin, _) = started(&["one"]);
    feeds.wrote(&key("one", "a"), Kind::Added, url("u"), begin);
    assert_eq!(feeds.read(&feed("one"), begin + ECHO, &[], false, begin + ECHO), [""; 0]);
    assert_eq!(feeds.read(&feed("one"), begin + ECHO, &[], true, begin + ECHO), [""; 0]);
    assert!(feeds.is_echo(&feed("one"), &target("a"), Kind::Added, &url("u")), "it is known all the same");
}

#[test]
fn another_tokens_echo_is_not_expected() {
    let (mut feeds, begin, _) = started(&["one", "other"]);
    feeds.wrote(&key("other", "a"), Kind::Added, url("u"), begin);
    assert_eq!(feeds.read(&feed("one"), begin + ECHO, &[], true, begin + ECHO), [""; 0]);
    assert_eq!(feeds.read(&feed("other"), begin + ECHO, &[], true, begin + ECHO), ["a"]);
}

#[test]
fn a_feed_that_fails_covers_nothing_and_is_asked_less_often() {
    let (mut feeds, begin, in_use) = started(&["one"]);
    let one = feed("one");
    assert!(feeds.covers(&key("one", "a"), begin), "nothing speaks against it");
    let mut now = begin;
    let mut waits = Vec::new();
    for attempt in 0..7 {
        assert_eq!(feeds.failed(&one, now), attempt == 0);
        assert!(feeds.is_failing(&one));
        assert!(!feeds.covers(&key("one", "a"), now));
        let due = feeds.next().unwrap();
        waits.push((due - now).as_secs());
        now = due;
        assert_eq!(feeds.due(&in_use, now), std::slice::from_ref(&one));
    }
    assert_eq!(waits, [15, 30, 60, 120, 240, 300, 300]);
    feeds.read(&one, now, &[], true, now);
    assert!(feeds.covers(&key("one", "a"), now));
    assert!(!feeds.covers(&key("one", "a"), now + SILENCE), "it was not read for long");
    assert_eq!(feeds.due(&in_use, now + SILENCE), [one]);
    assert!(feeds.covers(&key("one", "a"), now + SILENCE), "it is being read");
}

#[test]
fn without_an_interval_nothing_is_covered_or_remembered() {
    let now = Instant::now();
    let mut feeds = Feeds::new(None);
    feeds.wrote(&key("one", "a"), Kind::Added, url("u"), now);
    assert!(!feeds.may_echo(&feed("one"), &target("a"), Kind::Added));
    assert!(!feeds.covers(&key("one", "a"), now));
    assert!(!feeds.answers(token("one"), REGION, now));
}

#[test]
fn names_are_told_of_where_no_app_in_use_is_hidden() {
    let (mut feeds, begin, _) = started(&["one", "other"]);
    let tells = |feeds: &Feeds, name: &str| feeds.tells_of_all(token(name), REGION, begin + ECHO);
    feeds.wrote(&key("one", "a"), Kind::Added, url("u"), begin);
    for name in ["one", "other"] {
        feeds.read(&feed(name), begin + ECHO, &[], true, begin + ECHO);
    }
    assert!(!tells(&feeds, "one") && tells(&feeds, "other"));
    feeds.tidy(begin + ECHO, |region, app| (region, app) == (REGION, "a"));
    assert!(!tells(&feeds, "one"));
    feeds.tidy(begin + ECHO, |region, app| (region, app) == (REGION, "b"));
    assert!(tells(&feeds, "one"), "nobody has a drain on it any more");
    assert_eq!(feeds.read(&feed("one"), begin + ECHO * 2, &[], true, begin + ECHO * 2), [""; 0]);
    assert!(tells(&feeds, "one"));
    assert!(!Feeds::new(None).tells_of_all(token("one"), REGION, begin));
}
