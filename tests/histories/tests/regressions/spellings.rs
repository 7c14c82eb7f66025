//! Of one thing in two spellings.

use std::sync::Arc;

use histories::step::{Duplicates, Requests, ScalingoFault};
use histories::universe::{AppSlot, Destination, Form, Namespace, Slot};
use histories::{Digester, History, Step};

use super::{apply, keeps_every_promise, wait};

/// A destination, and which of its tokens.
const TOKENS: [(Destination, u8); 6] = [
    (Destination::Datadog, 0),
    (Destination::Datadog, 1),
    (Destination::Datadog, 2),
    (Destination::Syslog, 2),
    (Destination::Appsignal, 1),
    (Destination::Logtail, 2),
];

fn token(slot: Slot, destination: Destination, version: u8) -> Step {
    Step::Secret { namespace: slot.namespace(), destination, version }
}

/// The token that was listed as it was given was not recognised, and the drain was added once more.
#[test]
fn a_drain_whose_answer_was_lost_is_found_by_a_token_that_is_listed_as_it_was_given() {
    for (destination, version) in TOKENS {
        keeps_every_promise(
            1,
            &[
                Step::Form(Form::Raw),
                Step::Duplicates(Duplicates::Accepted),
                token(Slot::A1, destination, version),
                apply(Slot::A1, AppSlot::Shop, false, destination),
                Step::Scalingo { requests: Requests::Add, fault: ScalingoFault::ResetAfter, times: 1 },
                Step::Start,
                wait(300_000),
            ],
        );
    }
}

/// A backup was restored, and the drain was added once more. The judge excuses that: where it cannot be told, it must be so.
#[test]
fn a_drain_whose_record_was_lost_is_adopted_by_a_token_that_is_listed_as_it_was_given() {
    for (destination, version) in TOKENS {
        for form in [Form::Raw, Form::Documented] {
            let steps = vec![
                Step::Form(form),
                Step::Duplicates(Duplicates::Accepted),
                token(Slot::A1, destination, version),
                apply(Slot::A1, AppSlot::Shop, false, destination),
                Step::Start,
                wait(20_000),
                Step::Backup { slot: Slot::A1 },
                Step::Restore { slot: Slot::A1, same_uid: false },
                wait(20_000),
            ];
            let (verdict, journal) =
                History { seed: 1, steps }.run_with_journal(&Arc::new(Digester::default()));
            assert!(verdict.broken.is_empty(), "{:#?}", verdict.broken);
            let additions = journal.iter().filter(|line| line.contains(" POST /v1/apps/"));
            assert_eq!(additions.count(), 1, "{destination:?} {version} {form:?}");
        }
    }
}

/// One of them looks like the escaped form of the other.
#[test]
fn two_tokens_of_which_one_looks_like_the_other_escaped_have_a_drain_each() {
    for form in [Form::Raw, Form::Documented] {
        let datadog = |slot| apply(slot, AppSlot::Shop, false, Destination::Datadog);
        keeps_every_promise(
            1,
            &[
                Step::Form(form),
                token(Slot::A1, Destination::Datadog, 0),
                token(Slot::B1, Destination::Datadog, 1),
                datadog(Slot::A1),
                datadog(Slot::B1),
                Step::Scalingo { requests: Requests::Add, fault: ScalingoFault::ResetAfter, times: 2 },
                Step::Start,
                wait(300_000),
                Step::Secret { namespace: Namespace::A, destination: Destination::Datadog, version: 1 },
                wait(20_000),
                Step::Secret { namespace: Namespace::B, destination: Destination::Datadog, version: 0 },
            ],
        );
    }
}

/// Each had a drain of its own, or the second was refused for ever.
#[test]
fn two_spellings_of_one_host_are_one_drain() {
    for given in [false, true] {
        for destination in [Destination::Papertrail, Destination::Syslog] {
            let wants = |slot| apply(slot, AppSlot::Shop, false, destination);
            keeps_every_promise(
                1,
                &[
                    Step::HostsAsGiven(given),
                    wants(Slot::A2),
                    Step::Start,
                    wait(5_000),
                    wants(Slot::A1),
                    wait(20_000),
                    Step::Delete { slot: Slot::A2 },
                    wait(20_000),
                    wants(Slot::A2),
                    wait(20_000),
                    Step::Delete { slot: Slot::A1 },
                ],
            );
        }
    }
}

/// A custom type of a known name is that type, and an unknown one is told from others by its name.
#[test]
fn a_custom_type_and_the_known_type_of_its_name_are_one_drain() {
    let shop = |slot, destination| apply(slot, AppSlot::Shop, false, destination);
    keeps_every_promise(
        1,
        &[
            shop(Slot::A2, Destination::Datadog),
            Step::Start,
            wait(5_000),
            shop(Slot::A1, Destination::Datadog),
            shop(Slot::B1, Destination::Logtail),
            shop(Slot::B2, Destination::Appsignal),
            wait(20_000),
            Step::Delete { slot: Slot::A2 },
            shop(Slot::B1, Destination::Appsignal),
            shop(Slot::B2, Destination::Logtail),
            wait(20_000),
        ],
    );
}
