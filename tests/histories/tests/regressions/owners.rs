//! Of several that want the same drain.

use std::sync::Arc;

use histories::step::{Duplicates, KubernetesFault};
use histories::universe::{AppSlot, Destination, Slot};
use histories::{Digester, History, Step};

use super::{apply, keeps_every_promise, wait};

/// Nobody called the one that was a duplicate: the owner had gone without being released, and the checks of its target were others'.
#[test]
fn a_duplicate_whose_owner_was_taken_out_by_force_takes_over() {
    let shop = |slot, destination| apply(slot, AppSlot::Shop, false, destination);
    for missed in [false, true] {
        let mut steps = vec![
            shop(Slot::A1, Destination::Datadog),
            Step::Start,
            wait(5_000),
            shop(Slot::A2, Destination::Datadog),
            shop(Slot::B1, Destination::Syslog),
            wait(30_000),
        ];
        if missed {
            steps.push(Step::PauseWatches(true));
        }
        steps.extend([Step::ForceDelete { slot: Slot::A1 }, wait(1_000)]);
        if missed {
            steps.extend([Step::PauseWatches(false), Step::ExpireWatches]);
        }
        keeps_every_promise(1, &steps);
    }
}

/// Its owner had gone when it was written that it was a duplicate.
#[test]
fn a_duplicate_whose_owner_goes_while_it_says_so_takes_over() {
    let blog = |slot, destination| apply(slot, AppSlot::Blog, false, destination);
    keeps_every_promise(
        711_538,
        &[
            blog(Slot::B1, Destination::Datadog),
            blog(Slot::A2, Destination::Syslog),
            Step::Start,
            wait(581),
            blog(Slot::B2, Destination::Papertrail),
            blog(Slot::A2, Destination::Datadog),
            wait(559),
            Step::Kubernetes { fault: KubernetesFault::LoseAnswer, times: 2 },
            Step::Delete { slot: Slot::B1 },
            wait(4_000),
        ],
    );
}

/// It said so of the one of two older ones that had gone.
#[test]
fn a_duplicate_names_the_owner_that_is_left() {
    let shop = |slot| apply(slot, AppSlot::Shop, false, Destination::Datadog);
    keeps_every_promise(
        901_491,
        &[
            shop(Slot::A1),
            Step::Start,
            shop(Slot::B1),
            shop(Slot::A2),
            wait(40_000),
            Step::Kubernetes { fault: KubernetesFault::LoseAnswer, times: 2 },
            Step::Delete { slot: Slot::A2 },
            wait(883),
        ],
    );
}

/// It called itself again as soon as it had failed.
#[test]
fn a_duplicate_whose_owner_is_gone_is_not_tried_again_and_again_while_it_fails() {
    let shop = |slot| apply(slot, AppSlot::Shop, false, Destination::Datadog);
    let steps = vec![
        shop(Slot::A1),
        Step::Start,
        wait(5_000),
        shop(Slot::A2),
        shop(Slot::B1),
        wait(30_000),
        Step::Kubernetes { fault: KubernetesFault::Status(503), times: 200 },
        Step::ForceDelete { slot: Slot::A1 },
        wait(20_000),
    ];
    keeps_every_promise(1, &steps);
    let digester = Arc::new(Digester::default());
    let (_, lines) = History { seed: 1, steps }.run_with_journal(&digester);
    let failed = lines.iter().filter(|line| line.contains("Status(503)")).count();
    assert!((2..60).contains(&failed), "{failed} requests have failed");
}

/// Two that shared a drain left it at once, one by going and one for another app: each deleted one, and the second was a person's.
#[test]
fn of_several_that_leave_a_drain_only_the_last_deletes_it() {
    let papertrail = |slot, app| apply(slot, app, false, Destination::Papertrail);
    let copy =
        Step::Copy { app: AppSlot::Shop, addon: false, destination: Destination::Papertrail, version: 0 };
    let shared = vec![
        Step::Duplicates(Duplicates::Accepted),
        papertrail(Slot::B1, AppSlot::Shop),
        Step::Start,
        papertrail(Slot::A2, AppSlot::Shop),
        wait(20_000),
        copy,
    ];
    let leaves = [
        vec![papertrail(Slot::A2, AppSlot::Blog), Step::Delete { slot: Slot::B1 }],
        vec![Step::Delete { slot: Slot::B1 }, papertrail(Slot::A2, AppSlot::Blog)],
        vec![Step::Delete { slot: Slot::B1 }, Step::Delete { slot: Slot::A2 }],
        // Another comes to share it meanwhile.
        vec![
            papertrail(Slot::A2, AppSlot::Blog),
            papertrail(Slot::A1, AppSlot::Shop),
            Step::Delete { slot: Slot::B1 },
        ],
    ];
    for leave in leaves {
        keeps_every_promise(1_201_629, &[shared.clone(), leave].concat());
    }
}
