//! Of deletions, and of copies that they would take along.

use histories::Step;
use histories::step::{DeleteForm, Duplicates, KubernetesFault, Lag, Requests, ScalingoFault};
use histories::universe::{AppSlot, Destination, Namespace, Slot};

use super::{apply, keeps_every_promise, wait};

/// The way to delete that had been seen to work was tried alone from then on, though Scalingo refused it.
#[test]
fn another_way_to_delete_is_tried_where_the_one_that_worked_is_refused() {
    keeps_every_promise(
        15264,
        &[
            Step::DeleteForm(DeleteForm::QueryElseRefused),
            Step::Start,
            apply(Slot::A2, AppSlot::Blog, false, Destination::Datadog),
            wait(2814),
            apply(Slot::A2, AppSlot::Blog, false, Destination::Syslog),
            wait(2000),
            Step::DeleteForm(DeleteForm::BodyElseRefused),
            Step::Delete { slot: Slot::A2 },
        ],
    );
}

/// An answer of success other than the documented one to a deletion was taken for a drain that is gone.
#[test]
fn a_deletion_that_is_answered_otherwise_than_documented_is_checked() {
    keeps_every_promise(
        68033,
        &[
            Step::Feed { shown: true, delay_seconds: 170, hidden_for: None, addon_names: true },
            Step::Apply {
                slot: Slot::B1,
                app: AppSlot::Shop,
                by_id: true,
                addon: false,
                destination: Destination::Appsignal,
            },
            apply(Slot::B2, AppSlot::Shop, true, Destination::Papertrail),
            Step::Start,
            Step::Scalingo { requests: Requests::Add, fault: ScalingoFault::Unauthorized, times: 2 },
            Step::Copy { app: AppSlot::Shop, addon: false, destination: Destination::Datadog, version: 0 },
            Step::Scalingo { requests: Requests::Exchange, fault: ScalingoFault::ResetAfter, times: 4 },
            wait(40_000),
            apply(Slot::A1, AppSlot::Shop, false, Destination::Papertrail),
            Step::RenameApp { app: AppSlot::Shop },
            wait(250_000),
            Step::Scalingo { requests: Requests::Delete, fault: ScalingoFault::WrongTypeAfter, times: 4 },
            wait(30_000),
            Step::Apply {
                slot: Slot::A1,
                app: AppSlot::Shop,
                by_id: true,
                addon: false,
                destination: Destination::Datadog,
            },
            wait(1000),
            apply(Slot::A1, AppSlot::Blog, true, Destination::Datadog),
            wait(1000),
            apply(Slot::A2, AppSlot::Blog, false, Destination::Syslog),
            wait(3337),
            Step::Delete { slot: Slot::A2 },
            Step::RevokeBearers,
            wait(92),
        ],
    );
}

/// A person deleted the drain right after a deletion that was ignored, which then was taken for one that works.
#[test]
fn a_form_to_delete_is_not_proven_by_what_a_person_deletes() {
    keeps_every_promise(
        89733,
        &[
            Step::DeleteForm(DeleteForm::QueryElseIgnored),
            apply(Slot::A1, AppSlot::Shop, true, Destination::Syslog),
            apply(Slot::B1, AppSlot::Blog, false, Destination::Datadog),
            Step::Start,
            wait(2_000),
            Step::Delete { slot: Slot::A1 },
            Step::RemoveBehind { app: AppSlot::Shop, addon: true, nth: 1 },
            wait(6_000),
            Step::Delete { slot: Slot::B1 },
        ],
    );
}

/// A deletion that had been answered with 504 took effect once its drain was wanted again and the one in its place was gone.
#[test]
fn a_drain_that_a_late_deletion_may_take_is_not_counted_on() {
    for fault in [ScalingoFault::LateGateway { seconds: 40 }, ScalingoFault::Late { seconds: 25 }] {
        keeps_every_promise(
            1,
            &[
                apply(Slot::A1, AppSlot::Shop, false, Destination::Datadog),
                Step::Start,
                wait(5_000),
                Step::Scalingo { requests: Requests::Delete, fault, times: 1 },
                apply(Slot::A1, AppSlot::Shop, false, Destination::Syslog),
                wait(8_000),
                apply(Slot::A1, AppSlot::Shop, false, Destination::Datadog),
                wait(60_000),
            ],
        );
    }
}

/// The same, where the one whose drain it was is gone and another wants it, and where the process was killed.
#[test]
fn a_drain_that_a_late_deletion_may_take_is_not_shared() {
    for kill in [None, Some(Step::Kill { nth: 0 })] {
        let mut steps = vec![
            Step::Elect,
            apply(Slot::A1, AppSlot::Shop, false, Destination::Datadog),
            Step::Start,
            Step::Start,
            wait(60_000),
            Step::Scalingo {
                requests: Requests::Delete,
                fault: ScalingoFault::Late { seconds: 45 },
                times: 1,
            },
            Step::Delete { slot: Slot::A1 },
            wait(3_000),
        ];
        steps.extend(kill);
        steps.extend([apply(Slot::A2, AppSlot::Shop, false, Destination::Datadog), wait(120_000)]);
        keeps_every_promise(1, &steps);
    }
}

/// With `Retain` the resource was let go while its addition was under way: the one that came in its place saw no drain, and added
/// another.
#[test]
fn a_resource_that_retains_its_drain_is_not_let_go_while_a_request_is_out() {
    keeps_every_promise(
        1,
        &[
            Step::Duplicates(Duplicates::Accepted),
            Step::Start,
            wait(5_000),
            Step::Scalingo { requests: Requests::Add, fault: ScalingoFault::Late { seconds: 45 }, times: 1 },
            apply(Slot::A1, AppSlot::Shop, false, Destination::Datadog),
            wait(35_000),
            Step::Retain { slot: Slot::A1, retain: true },
            Step::Delete { slot: Slot::A1 },
            wait(2_000),
            apply(Slot::A1, AppSlot::Shop, false, Destination::Datadog),
            wait(1_000),
            apply(Slot::A2, AppSlot::Shop, false, Destination::Datadog),
        ],
    );
}

/// A deletion names a URL and may take all drains with it: while there are several, nothing is deleted, whatever else happens.
#[test]
fn a_copy_that_a_deletion_would_take_along_stays() {
    let datadog = |slot, app| apply(slot, app, false, Destination::Datadog);
    let (shop, blog) = (AppSlot::Shop, AppSlot::Blog);
    for more in [
        vec![Step::Delete { slot: Slot::B1 }, wait(98_000), datadog(Slot::A2, shop), wait(40_000)],
        vec![Step::Delete { slot: Slot::B1 }, wait(5_000), Step::Kill { nth: 0 }, wait(5_000), Step::Start],
        vec![datadog(Slot::B1, blog), wait(30_000), Step::DeleteApp { app: blog }],
        vec![datadog(Slot::B1, blog), wait(30_000), Step::Suspend { slot: Slot::B1, suspend: true }],
        vec![datadog(Slot::B1, blog), wait(30_000), datadog(Slot::B1, shop)],
        vec![datadog(Slot::B1, blog), wait(30_000), Step::RemoveBehind { app: shop, addon: false, nth: 0 }],
    ] {
        let mut steps = vec![
            Step::Duplicates(Duplicates::Accepted),
            Step::DeleteRemovesAll(true),
            Step::Start,
            datadog(Slot::B1, shop),
            wait(20_000),
            Step::Copy { app: shop, addon: false, destination: Destination::Datadog, version: 0 },
            wait(20_000),
        ];
        steps.extend(more);
        keeps_every_promise(1, &steps);
    }
}

/// A list that lagged behind showed one of two: the other was taken for deleted by a person, and both were left behind.
#[test]
fn a_list_that_lags_behind_does_not_decide_for_a_person() {
    keeps_every_promise(
        1,
        &[
            Step::Duplicates(Duplicates::Accepted),
            Step::Start,
            apply(Slot::B1, AppSlot::Shop, false, Destination::Datadog),
            wait(20_000),
            Step::Lag { seconds: 1, kind: Lag::All },
            Step::Copy { app: AppSlot::Shop, addon: false, destination: Destination::Datadog, version: 0 },
            wait(2_000),
            Step::Delete { slot: Slot::B1 },
            wait(1_000),
            Step::Lag { seconds: 8, kind: Lag::All },
            Step::Kill { nth: 0 },
            wait(100),
            Step::Start,
            wait(30_000),
        ],
    );
}

/// The operator added a drain, and lost its role before it could record the URL.
#[test]
fn a_drain_that_could_not_be_recorded_any_more_goes_with_its_resource() {
    keeps_every_promise(
        74905,
        &[
            apply(Slot::B1, AppSlot::Shop, true, Destination::Datadog),
            Step::Start,
            Step::Scalingo {
                requests: Requests::Add,
                fault: ScalingoFault::DelayBefore { seconds: 9 },
                times: 4,
            },
            wait(1_946),
            Step::Kubernetes { fault: KubernetesFault::Forbidden, times: 8 },
            Step::Delete { slot: Slot::B1 },
            wait(20_000),
        ],
    );
}

/// One of two drains with one URL had gone with its resource, and another resource adopted the one that people keep. The process ended
/// before it could tell, and the judge took the adopted drain for one that was added.
#[test]
fn a_copy_that_was_adopted_without_a_word_is_not_missed() {
    let shop = |slot, destination| apply(slot, AppSlot::Shop, false, destination);
    let blog = |slot, destination| apply(slot, AppSlot::Blog, false, destination);
    let (datadog, papertrail) = (Destination::Datadog, Destination::Papertrail);
    keeps_every_promise(
        26_300,
        &[
            Step::Elect,
            Step::Duplicates(Duplicates::Accepted),
            Step::Apply {
                slot: Slot::A2,
                app: AppSlot::Shop,
                by_id: true,
                addon: false,
                destination: datadog,
            },
            Step::Start,
            wait(325),
            Step::Secret { namespace: Namespace::A, destination: datadog, version: 2 },
            wait(35),
            Step::PauseWatches(true),
            blog(Slot::B2, Destination::Syslog),
            blog(Slot::A2, Destination::Syslog),
            wait(4_000),
            Step::PauseWatches(false),
            shop(Slot::B1, papertrail),
            wait(27_000),
            Step::Copy { app: AppSlot::Shop, addon: false, destination: papertrail, version: 0 },
            wait(2_000),
            Step::Scalingo {
                requests: Requests::Delete,
                fault: ScalingoFault::LateGateway { seconds: 14 },
                times: 1,
            },
            blog(Slot::B1, papertrail),
            wait(28_000),
            shop(Slot::A2, papertrail),
            wait(45),
            Step::Start,
        ],
    );
}
