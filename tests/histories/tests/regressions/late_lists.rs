//! Of lists that lag behind changes.

use std::sync::Arc;
use std::time::Duration;

use histories::step::{DeleteForm, Duplicates, Lag, Requests, ScalingoFault};
use histories::universe::{AppSlot, Destination, Form, Slot};
use histories::{Digester, History, Step};
use jiff::Timestamp;

use super::{apply, keeps_every_promise, wait};

const KINDS: [Lag; 3] = [Lag::All, Lag::Some, Lag::First];

fn shop(slot: Slot, destination: Destination) -> Step {
    apply(slot, AppSlot::Shop, false, destination)
}

fn lag(kind: Lag) -> Step {
    Step::Lag { seconds: 8, kind }
}

fn keep_promises(steps: impl Fn(Lag) -> Vec<Step>) {
    for kind in KINDS {
        keeps_every_promise(1, &steps(kind));
    }
}

/// The list that a neighbour asked for did not show the drain yet, which was taken for gone and added once more.
#[test]
fn a_drain_that_a_list_does_not_show_yet_is_not_added_again() {
    keep_promises(|kind| {
        vec![
            Step::Duplicates(Duplicates::Accepted),
            Step::Start,
            lag(kind),
            shop(Slot::A1, Destination::Datadog),
            wait(4_000),
            shop(Slot::A2, Destination::Syslog),
            wait(60_000),
        ]
    });
}

/// The same where the process is another by then, and where the neighbour wants the same.
#[test]
fn a_drain_that_a_list_does_not_show_yet_is_not_added_by_another() {
    let same = shop(Slot::B1, Destination::Datadog);
    for middle in [vec![same.clone()], vec![Step::Kill { nth: 0 }, Step::Start, same]] {
        keep_promises(|kind| {
            let begin = vec![
                Step::Duplicates(Duplicates::Accepted),
                Step::Start,
                lag(kind),
                shop(Slot::A1, Destination::Datadog),
                wait(3_000),
            ];
            [begin, middle.clone(), vec![wait(60_000)]].concat()
        });
    }
}

/// The list did not show the drain that was to go: its record was dropped, and it stayed for ever.
#[test]
fn a_drain_that_a_list_does_not_show_yet_is_not_left_behind() {
    for end in [vec![], vec![Step::Kill { nth: 0 }, Step::Start]] {
        for form in [DeleteForm::Either, DeleteForm::QueryElseIgnored] {
            keep_promises(|kind| {
                let begin = vec![
                    Step::DeleteForm(form),
                    Step::Start,
                    lag(kind),
                    shop(Slot::A1, Destination::Datadog),
                    wait(4_000),
                    Step::Delete { slot: Slot::A1 },
                ];
                [begin, end.clone(), vec![wait(60_000)]].concat()
            });
        }
    }
}

/// Scalingo refused the second one, and with the intent went the record of the first.
#[test]
fn an_addition_that_is_refused_leaves_the_earlier_record_of_its_drain() {
    keep_promises(|kind| {
        vec![
            Step::Form(Form::Opaque),
            Step::Start,
            lag(kind),
            shop(Slot::A1, Destination::Datadog),
            wait(4_000),
            Step::Request { slot: Slot::A1, text: 1 },
            wait(5_000),
            Step::Delete { slot: Slot::A1 },
            wait(60_000),
        ]
    });
}

/// How often operators that read the feed have asked for a drain until the last step was over; none where none reads it.
fn additions(steps: &[Step]) -> Option<usize> {
    let digester = Arc::new(Digester::default());
    let run = |seed| History { seed, steps: steps.to_vec() }.run_with_journal(&digester);
    let reads_feed = |lines: &Vec<String>| lines.iter().any(|line| line.contains("GET /v1/events"));
    let (verdict, lines) = (1..20).map(run).find(|(_, lines)| reads_feed(lines))?;
    assert!(verdict.broken.is_empty(), "{:#?}", verdict.broken);
    let time = |line: &String| line.split(' ').next().and_then(|time| time.parse::<Timestamp>().ok());
    let waits = steps.iter().map(|step| match step {
        Step::Wait { milliseconds } => *milliseconds,
        _ => 0,
    });
    let length = Duration::from_millis(waits.sum());
    let end = lines.first().and_then(time)? + length;
    let is_addition = |line: &&String| line.contains("POST") && line.contains("/log_drains");
    Some(lines.iter().filter(is_addition).filter(|line| time(line).is_some_and(|time| time < end)).count())
}

/// A drain that had just been deleted was still listed, and was taken for the one that was wanted again.
#[test]
fn a_drain_that_is_listed_although_it_is_gone_is_not_adopted() {
    for (gone, count) in [(Step::Delete { slot: Slot::A1 }, 2), (shop(Slot::A1, Destination::Syslog), 3)] {
        for kind in KINDS {
            let steps = [
                shop(Slot::A1, Destination::Datadog),
                Step::Start,
                wait(30_000),
                lag(kind),
                gone.clone(),
                wait(4_000),
                shop(Slot::B1, Destination::Datadog),
                // Sooner than the next check of the target.
                wait(60_000),
            ];
            assert_eq!(additions(&steps), Some(count), "{kind:?} {gone}");
        }
    }
}

/// It has been deleted behind the operator's back, and the list that the feed led to still showed it.
#[test]
fn a_drain_of_whose_deletion_the_feed_tells_is_added_again_soon() {
    for kind in KINDS {
        let steps = [
            shop(Slot::A1, Destination::Datadog),
            Step::Start,
            wait(118_000),
            lag(kind),
            Step::RemoveBehind { app: AppSlot::Shop, addon: false, nth: 0 },
            wait(60_000),
        ];
        assert_eq!(additions(&steps), Some(2), "{kind:?}");
    }
}

/// A drain was there twice after an error of the application that had added it.
#[test]
fn an_addition_that_was_answered_with_a_failure_is_looked_for_in_a_later_list() {
    for fault in [ScalingoFault::Error500After, ScalingoFault::Html502After, ScalingoFault::WrongTypeAfter] {
        keep_promises(|kind| {
            vec![
                Step::Duplicates(Duplicates::Accepted),
                Step::Form(Form::Opaque),
                Step::Start,
                lag(kind),
                Step::Scalingo { requests: Requests::Add, fault, times: 1 },
                shop(Slot::A1, Destination::Datadog),
                wait(60_000),
            ]
        });
    }
}

/// A person deleted two drains that could not be told apart. A late list showed one of them still when the same URL was added again,
/// and the second of the two was taken for the neighbour's.
#[test]
fn a_drain_that_is_added_again_is_not_counted_twice() {
    keeps_every_promise(
        91_598,
        &[
            Step::Form(Form::Opaque),
            Step::Elect,
            Step::Apply {
                slot: Slot::B2,
                app: AppSlot::Blog,
                by_id: true,
                addon: false,
                destination: Destination::Logtail,
            },
            apply(Slot::A2, AppSlot::Blog, false, Destination::Elk),
            Step::Start,
            Step::Lag { seconds: 6, kind: Lag::All },
            Step::Scalingo { requests: Requests::Add, fault: ScalingoFault::Html502After, times: 2 },
            wait(3_000),
            apply(Slot::A2, AppSlot::Shop, false, Destination::Papertrail),
            wait(7_000),
            wait(5_849),
            Step::Start,
        ],
    );
}
