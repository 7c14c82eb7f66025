//! Histories that once broke a promise, shortened.

use std::sync::Arc;

use histories::step::{DeleteForm, Duplicates, KubernetesFault, Requests, ScalingoFault};
use histories::universe::{AppSlot, Destination, Form, Namespace, Slot};
use histories::{Digester, History, Step};

/// With other seeds too: how long each request takes follows from it, and what once met by chance may meet no more.
fn keeps_every_promise(seed: u64, steps: &[Step]) {
    let digester = Arc::new(Digester::default());
    for seed in seed..seed + 10 {
        let verdict = History { seed, steps: steps.to_vec() }.run(&digester, None);
        assert!(verdict.broken.is_empty(), "seed {seed}: {:#?}", verdict.broken);
    }
}

fn apply(slot: Slot, app: AppSlot, addon: bool, destination: Destination) -> Step {
    Step::Apply { slot, app, by_id: false, addon, destination }
}

fn wait(milliseconds: u64) -> Step {
    Step::Wait { milliseconds }
}

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

/// A deletion took a copy along that was a person's, a neighbour had its own in the place by then, and Scalingo took no second one.
#[test]
fn what_cannot_be_added_again_beside_a_neighbours_drain_holds_up_no_deletion() {
    let papertrail = |slot| apply(slot, AppSlot::Shop, false, Destination::Papertrail);
    keeps_every_promise(
        1,
        &[
            Step::Start,
            wait(300_000),
            Step::DeleteRemovesAll(true),
            papertrail(Slot::A2),
            wait(10_000),
            Step::Copy { app: AppSlot::Shop, addon: false, destination: Destination::Papertrail, version: 0 },
            Step::Scalingo { requests: Requests::Delete, fault: ScalingoFault::ResetAfter, times: 2 },
            Step::Delete { slot: Slot::A2 },
            wait(18_000),
            papertrail(Slot::B1),
            wait(40_000),
        ],
    );
}

/// The same where Scalingo takes a second one: the person has theirs again, and the neighbour its own.
#[test]
fn a_copy_that_a_deletion_took_along_comes_back_beside_a_neighbours_drain() {
    let papertrail = |slot| apply(slot, AppSlot::Shop, false, Destination::Papertrail);
    for late in [0, 5] {
        keeps_every_promise(
            1,
            &[
                Step::Duplicates(Duplicates::Accepted),
                Step::DeleteRemovesAll(true),
                Step::Start,
                papertrail(Slot::A2),
                wait(10_000),
                Step::Copy {
                    app: AppSlot::Shop,
                    addon: false,
                    destination: Destination::Papertrail,
                    version: 0,
                },
                Step::Scalingo {
                    requests: Requests::Delete,
                    fault: ScalingoFault::LateGateway { seconds: late },
                    times: 1,
                },
                Step::Delete { slot: Slot::A2 },
                wait(98_000),
                papertrail(Slot::B1),
                wait(40_000),
            ],
        );
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
