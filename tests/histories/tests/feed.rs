//! When a drain that was removed by hand is there again, by what the change feed shows of its app.

use std::sync::Arc;

use histories::Digester;
use histories::History;

use histories::Step;
use histories::step::Step::{Apply, CreateApp, Feed, RemoveBehind, RenameApp, Start, Wait};
use histories::universe::{AppSlot, Destination, Slot};
use jiff::Timestamp;

/// What people do comes so long after the beginning: by then an echo is missed that does not come.
const DONE_AFTER: i64 = 200;

/// How many seconds a removed drain is missing, with an operator that reads the feed.
fn missing(shown: bool, delay_seconds: u8, hidden_for: Option<AppSlot>) -> Option<i64> {
    let feed = Feed { shown, delay_seconds, hidden_for, addon_names: false };
    added_again(feed, &[RemoveBehind { app: AppSlot::Shop, addon: false, nth: 0 }])
}

/// How many seconds after people have done this the drain of the one `LogDrain` is added again.
fn added_again(feed: Step, done: &[Step]) -> Option<i64> {
    let added = added(feed, done)?;
    assert_eq!(added.len(), 2, "{added:?}");
    Some(added[1])
}

fn apply(slot: Slot, destination: Destination) -> Step {
    Apply { slot, app: AppSlot::Shop, by_id: false, addon: false, destination }
}

/// When drains are added, in seconds after people have done this to an app with one `LogDrain`.
fn added(feed: Step, done: &[Step]) -> Option<Vec<i64>> {
    let digester = Arc::new(Digester::default());
    let mut steps = vec![feed, apply(Slot::A1, Destination::Datadog), Start, Wait { milliseconds: 200_000 }];
    steps.extend_from_slice(done);
    steps.push(Wait { milliseconds: 700_000 });
    let reads_feed = |lines: &Vec<String>| lines.iter().any(|line| line.contains("GET /v1/events"));
    let run = |seed| History { seed, steps: steps.clone() }.run_with_journal(&digester);
    // Most operators read the feed.
    let (verdict, lines) = (1..20).map(run).find(|(_, lines)| reads_feed(lines))?;
    assert_eq!(verdict.broken, [""; 0], "{lines:#?}");
    let time = |line: &String| line.split(' ').next().and_then(|time| time.parse::<Timestamp>().ok());
    let begun = lines.first().and_then(time)?;
    let additions = lines.iter().filter(|line| line.contains("POST") && line.contains("/log_drains"));
    Some(additions.filter_map(time).map(|time| time.duration_since(begun).as_secs() - DONE_AFTER).collect())
}

#[test]
fn what_the_feed_shows_is_healed_within_its_interval() {
    assert!((0..=20).contains(&missing(true, 0, None).unwrap()));
    assert!((60..=80).contains(&missing(true, 60, None).unwrap()), "the feed is a minute late");
    assert!((0..=20).contains(&missing(true, 0, Some(AppSlot::Blog)).unwrap()), "another app is not shown");
}

/// Covered, it would be checked 280 s after the removal; once its first echo is missed, every 5 min.
#[test]
fn an_app_that_the_feed_does_not_show_is_checked_every_resync() {
    assert!((80..=130).contains(&missing(true, 0, Some(AppSlot::Shop)).unwrap()));
    assert!((80..=130).contains(&missing(false, 0, None).unwrap()), "the feed shows nothing at all");
}

/// Where the feed tells of all apps, names are looked up again after 8 min.
#[test]
fn a_name_that_has_come_to_mean_another_app_that_the_feed_does_not_show_is_noticed_by_the_next_check() {
    let hidden = Feed { shown: true, delay_seconds: 0, hidden_for: Some(AppSlot::Shop), addon_names: false };
    let swap = [RenameApp { app: AppSlot::Shop }, CreateApp { app: AppSlot::Shop }];
    let after = added_again(hidden, &swap).unwrap();
    assert!((80..=130).contains(&after), "{after}");
}

/// The `LogDrain` in sync is the only one in the routine check of its app.
#[test]
fn a_list_that_a_new_resource_asks_for_tells_of_the_one_that_was_there() {
    let removed = RemoveBehind { app: AppSlot::Shop, addon: false, nth: 0 };
    let unseen = Feed { shown: false, delay_seconds: 0, hidden_for: None, addon_names: false };
    let added = added(unseen, &[removed, apply(Slot::A2, Destination::Syslog)]).unwrap();
    assert_eq!(added.len(), 3, "{added:?}");
    assert!(added[1..].iter().all(|after| (0..=20).contains(after)), "{added:?}");
}
