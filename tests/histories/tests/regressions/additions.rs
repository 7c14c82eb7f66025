//! Of additions, names and watches.

use std::sync::Arc;

use histories::step::{Duplicates, KubernetesFault, Requests, ScalingoFault};
use histories::universe::{AppSlot, Destination, Form, Namespace, Slot, VERSIONS};
use histories::{Digester, History, Step};

use super::{apply, keeps_every_promise, wait};

/// The drain of a lost answer was shown as if it were of the new type, for which its token looked like a host.
#[test]
fn a_drain_that_is_found_after_its_spec_has_changed_shows_no_token() {
    keeps_every_promise(
        21599,
        &[
            apply(Slot::A1, AppSlot::Shop, false, Destination::Datadog),
            Step::Start,
            Step::Scalingo { requests: Requests::Add, fault: ScalingoFault::Late { seconds: 25 }, times: 3 },
            wait(1000),
            apply(Slot::A1, AppSlot::Blog, false, Destination::Elk),
        ],
    );
}

/// The event was repeated at each look, since the condition spoke of the addon alone.
#[test]
fn a_renamed_app_is_not_told_of_again_and_again_while_its_addon_is_missing() {
    keeps_every_promise(
        21707,
        &[
            apply(Slot::B2, AppSlot::Blog, false, Destination::Datadog),
            Step::Start,
            wait(10_000),
            apply(Slot::B2, AppSlot::Blog, true, Destination::Datadog),
            Step::RenameApp { app: AppSlot::Blog },
        ],
    );
}

/// While one of two operators waited for the budget with its plan in hand, the other added the drain; the plan was
/// then carried out on top of that.
#[test]
fn what_another_operator_has_done_is_seen_after_a_wait_for_the_budget() {
    keeps_every_promise(
        1048,
        &[
            Step::Duplicates(Duplicates::Accepted),
            apply(Slot::A1, AppSlot::Shop, false, Destination::Appsignal),
            apply(Slot::B1, AppSlot::Shop, false, Destination::Elk),
            Step::Start,
            Step::Start,
            Step::Scalingo {
                requests: Requests::Add,
                fault: ScalingoFault::TooMany { retry_after: None },
                times: 4,
            },
            wait(190_000),
        ],
    );
}

/// The operator that had let it go took it for gone for ever.
#[test]
fn a_resource_restored_with_its_uid_is_looked_after_again() {
    keeps_every_promise(
        41934,
        &[
            apply(Slot::B2, AppSlot::Shop, false, Destination::Appsignal),
            Step::Start,
            wait(50_000),
            Step::Backup { slot: Slot::B2 },
            Step::Delete { slot: Slot::B2 },
            wait(20_000),
            Step::Restore { slot: Slot::B2, same_uid: true },
        ],
    );
}

/// A neighbour that wants the same added a second drain once it had waited long enough: the one whose answer was lost could not
/// be looked for by its own resource, for want of a Secret.
#[test]
fn the_unfinished_addition_of_a_resource_that_lacks_its_secret_is_found_by_its_neighbour() {
    let datadog = Destination::Datadog;
    keeps_every_promise(
        43260,
        &[
            Step::Form(Form::Opaque),
            Step::Duplicates(Duplicates::Accepted),
            apply(Slot::A2, AppSlot::Shop, false, datadog),
            Step::Start,
            Step::Scalingo {
                requests: Requests::Add,
                fault: ScalingoFault::LateGateway { seconds: 36 },
                times: 1,
            },
            wait(4000),
            Step::RemoveSecret { namespace: Namespace::A, destination: datadog },
            wait(30_000),
            apply(Slot::B2, AppSlot::Shop, false, datadog),
        ],
    );
}

/// A check by one resource of an app told nothing of what the names that others go by had come to mean.
#[test]
fn a_name_that_has_come_to_mean_another_app_is_noticed_for_each_resource() {
    keeps_every_promise(
        307,
        &[
            Step::Apply {
                slot: Slot::A2,
                app: AppSlot::Blog,
                by_id: true,
                addon: false,
                destination: Destination::Syslog,
            },
            Step::Start,
            wait(10_000),
            Step::RenameApp { app: AppSlot::Blog },
            apply(Slot::A1, AppSlot::Shop, false, Destination::Appsignal),
            wait(2000),
            Step::CreateApp { app: AppSlot::Blog },
            apply(Slot::B1, AppSlot::Blog, false, Destination::Datadog),
        ],
    );
}

/// A copy that a neighbour had added since, and recorded, was taken for the drain whose answer was lost.
#[test]
fn a_neighbours_copy_of_a_drain_that_was_there_before_is_left_to_a_person() {
    keeps_every_promise(
        63586,
        &[
            Step::Form(Form::Opaque),
            Step::Duplicates(Duplicates::Accepted),
            Step::Copy { app: AppSlot::Shop, addon: false, destination: Destination::Datadog, version: 0 },
            apply(Slot::B1, AppSlot::Shop, false, Destination::Elk),
            Step::Start,
            Step::Scalingo { requests: Requests::Add, fault: ScalingoFault::Html502Before, times: 4 },
            apply(Slot::B2, AppSlot::Shop, false, Destination::Datadog),
            wait(600_000),
            apply(Slot::B2, AppSlot::Shop, false, Destination::Elk),
        ],
    );
}

/// The answer to a write of its own was lost while its watch was late: each look then met the same conflict, and the
/// next one came a second later, each with its requests.
#[test]
fn a_conflict_while_the_watch_is_late_costs_one_more_look() {
    let steps = [
        Step::Elect,
        Step::Start,
        Step::PauseWatches(true),
        apply(Slot::A1, AppSlot::Shop, false, Destination::Datadog),
        wait(20_000),
        Step::RenameApp { app: AppSlot::Shop },
        Step::Kubernetes { fault: KubernetesFault::LoseAnswer, times: 1 },
        wait(80_000),
    ];
    let digester = Arc::new(Digester::default());
    for seed in 224_081..224_091 {
        let (verdict, journal) = History { seed, steps: steps.to_vec() }.run_with_journal(&digester);
        assert!(verdict.broken.is_empty(), "seed {seed}: {:#?}", verdict.broken);
        let looks = journal.iter().take_while(|line| line.as_str() < "2027-01-15T08:01:40");
        let looks = looks.filter(|line| line.contains(" GET /v1/apps/shop ")).count();
        assert!(looks < 5, "seed {seed}: {looks} looks: {journal:#?}");
    }
}

/// The host of such a URL was taken from the middle of it: user and part of the password stood in the status.
#[test]
fn a_url_whose_password_is_not_encoded_shows_nothing_of_it() {
    let elk = Destination::Elk;
    keeps_every_promise(
        1,
        &[
            Step::Secret { namespace: Namespace::A, destination: elk, version: VERSIONS },
            apply(Slot::A1, AppSlot::Shop, false, elk),
            Step::Start,
            wait(30_000),
            Step::Secret { namespace: Namespace::A, destination: elk, version: 1 },
            wait(30_000),
            Step::Secret { namespace: Namespace::A, destination: elk, version: VERSIONS },
            wait(30_000),
            Step::Delete { slot: Slot::A1 },
        ],
    );
}

/// Both drains had been removed and were added again, of which one was answered by nothing. The URL that was there again stood in the
/// record of its owner, and was taken for what may be anybody's.
#[test]
fn a_drain_that_is_back_under_its_recorded_url_is_its_owners() {
    keeps_every_promise(
        55_159,
        &[
            Step::Form(Form::Opaque),
            apply(Slot::B1, AppSlot::Shop, false, Destination::Appsignal),
            apply(Slot::A2, AppSlot::Shop, false, Destination::Datadog),
            Step::Start,
            wait(28_000),
            Step::Scalingo {
                requests: Requests::Add,
                fault: ScalingoFault::DelayBefore { seconds: 40 },
                times: 4,
            },
            Step::RemoveBehind { app: AppSlot::Shop, addon: false, nth: 3 },
            Step::RemoveBehind { app: AppSlot::Shop, addon: false, nth: 3 },
            wait(37_000),
        ],
    );
}
