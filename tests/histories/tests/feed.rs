//! When a drain that was removed by hand is there again, by what the change feed shows of its app.

use std::sync::Arc;

use histories::Digester;
use histories::History;

use histories::step::Step::{Apply, Feed, RemoveBehind, Start, Wait};
use histories::universe::{AppSlot, Destination, Slot};
use jiff::Timestamp;

/// The removal comes so long after the beginning: by then an echo is missed that does not come.
const REMOVED_AFTER: i64 = 200;

/// How many seconds a removed drain is missing, with an operator that reads the feed.
fn missing(shown: bool, delay_seconds: u8, hidden_for: Option<AppSlot>) -> Option<i64> {
    let digester = Arc::new(Digester::default());
    let steps = vec![
        Feed { shown, delay_seconds, hidden_for, addon_names: false },
        Apply {
            slot: Slot::A1,
            app: AppSlot::Shop,
            by_id: false,
            addon: false,
            destination: Destination::Datadog,
        },
        Start,
        Wait { milliseconds: 200_000 },
        RemoveBehind { app: AppSlot::Shop, addon: false, nth: 0 },
        Wait { milliseconds: 700_000 },
    ];
    let reads_feed = |lines: &Vec<String>| lines.iter().any(|line| line.contains("GET /v1/events"));
    let run = |seed| History { seed, steps: steps.clone() }.run_with_journal(&digester);
    // Most operators read the feed.
    let (verdict, lines) = (1..20).map(run).find(|(_, lines)| reads_feed(lines))?;
    assert_eq!(verdict.broken, [""; 0], "{lines:#?}");
    let time = |line: &String| line.split(' ').next().and_then(|time| time.parse::<Timestamp>().ok());
    let begun = lines.first().and_then(time)?;
    let added: Vec<i64> = lines
        .iter()
        .filter(|line| line.contains("POST") && line.contains("/log_drains"))
        .filter_map(time)
        .map(|time| time.duration_since(begun).as_secs())
        .collect();
    assert_eq!(added.len(), 2, "{lines:#?}");
    Some(added[1] - REMOVED_AFTER)
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
