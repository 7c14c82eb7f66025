//! Of clocks that are wrong by hours.

use histories::Step;
use histories::step::{Requests, ScalingoFault};
use histories::universe::{AppSlot, Destination, Slot};

use super::{apply, keeps_every_promise, wait};

const HOURS: u16 = 6 * 60;

fn lost_addition() -> Step {
    Step::Scalingo { requests: Requests::Add, fault: ScalingoFault::Late { seconds: 45 }, times: 1 }
}

/// The resource was Progressing until the clock had come to the time of its own intent again.
#[test]
fn an_answer_that_was_lost_before_the_clock_was_set_back_is_waited_for_no_longer() {
    keeps_every_promise(
        1,
        &[
            Step::Elect,
            Step::Start,
            wait(60_000),
            lost_addition(),
            apply(Slot::A1, AppSlot::Shop, false, Destination::Datadog),
            wait(10_000),
            Step::SetBack { nth: 0, minutes: HOURS },
        ],
    );
}

/// The same of an intent of after that: this process had begun to lead at a time yet to come.
#[test]
fn an_answer_that_was_lost_after_the_clock_was_set_back_is_waited_for_no_longer() {
    keeps_every_promise(
        1,
        &[
            Step::Elect,
            Step::Start,
            wait(60_000),
            Step::SetBack { nth: 0, minutes: HOURS },
            lost_addition(),
            apply(Slot::A1, AppSlot::Shop, false, Destination::Datadog),
        ],
    );
}

/// The same of an intent whose writer's clock was ahead, for its resource and for a neighbour that wants the same.
#[test]
fn an_intent_of_a_leader_whose_clock_was_ahead_is_waited_for_no_longer() {
    keeps_every_promise(
        1,
        &[
            Step::Elect,
            Step::Start,
            wait(60_000),
            Step::Start,
            Step::SetBack { nth: 1, minutes: HOURS },
            lost_addition(),
            apply(Slot::A1, AppSlot::Shop, false, Destination::Datadog),
            wait(10_000),
            Step::Kill { nth: 0 },
            apply(Slot::B1, AppSlot::Shop, false, Destination::Datadog),
        ],
    );
}
