//! Of apps that an API token does not see any more, and of those that were deleted.

use histories::Step;
use histories::universe::{AppSlot, Destination, Namespace, Slot};

use super::{apply, keeps_every_promise, wait};

fn hide(version: u8) -> Step {
    Step::Sight { app: AppSlot::Shop, version, sees: false }
}

fn show(version: u8) -> Step {
    Step::Sight { app: AppSlot::Shop, version, sees: true }
}

/// The resource went at once, and its drain stayed for ever.
#[test]
fn an_app_that_is_hidden_while_its_resource_is_deleted_keeps_no_drain() {
    for addon in [false, true] {
        keeps_every_promise(
            1,
            &[
                apply(Slot::A1, AppSlot::Shop, addon, Destination::Datadog),
                Step::Start,
                wait(20_000),
                hide(0),
                Step::Delete { slot: Slot::A1 },
                wait(200_000),
                show(0),
            ],
        );
    }
}

/// The same of a drain of an earlier target.
#[test]
fn an_app_that_is_hidden_when_its_resource_turns_to_another_keeps_no_drain() {
    keeps_every_promise(
        1,
        &[
            apply(Slot::A1, AppSlot::Shop, false, Destination::Datadog),
            Step::Start,
            wait(20_000),
            hide(0),
            apply(Slot::A1, AppSlot::Blog, false, Destination::Datadog),
            wait(200_000),
            show(0),
        ],
    );
}

/// The same where another token is given in the place of the one that has lost sight, and where the operator is killed.
#[test]
fn another_token_that_sees_the_app_has_its_drain_deleted() {
    for kill in [None, Some(Step::Kill { nth: 0 })] {
        let mut steps = vec![
            Step::Elect,
            apply(Slot::A1, AppSlot::Shop, false, Destination::Datadog),
            Step::Start,
            Step::Start,
            wait(60_000),
            hide(0),
            Step::Delete { slot: Slot::A1 },
            wait(100_000),
        ];
        steps.extend(kill);
        steps.extend([wait(100_000), Step::ApiToken { namespace: Namespace::A, version: 1 }]);
        keeps_every_promise(1, &steps);
    }
}
