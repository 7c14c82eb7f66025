//! Lists that may lag behind: what they do not tell for sure is left as it is until one does.

use super::*;

fn forget(record: DrainRecord, because: Forgotten) -> Step {
    Step::Forget { record, because }
}

#[test]
fn what_is_missing_is_added_again_by_a_list_that_tells() {
    let case = |doubts| Case { records: vec![active("d", "u")], doubts, ..wants("d") };
    case(&["u"]).gives(vec![], Unconfirmed(at(30)));
    case(&["v"]).gives(vec![Step::Add { drifted: true }], InSync);
}

#[test]
fn what_is_missing_is_not_taken_for_gone_because_another_is_recognised() {
    let case = |doubts| Case {
        records: vec![active("d", "u")],
        listed: vec![listed("v", Same)],
        doubts,
        ..wants("d")
    };
    case(&["u"]).gives(vec![], Unconfirmed(at(30)));
    case(&[]).gives(vec![Step::Adopt { url: digest("v"), how: Adoption::Recognised }], InSync);
}

#[test]
fn what_a_neighbour_has_and_is_missing_is_not_added_beside_it() {
    let case = |doubts| Case { peers: vec![peer(1, vec![active("d", "u")])], doubts, ..wants("d") };
    case(&["u"]).gives(vec![], Unconfirmed(at(30)));
    case(&[]).gives(vec![Step::Add { drifted: false }], Duplicate("shop/peer-1".into()));
    // What it has of another destination does not matter.
    let other = Case { peers: vec![peer(1, vec![active("e", "u")])], doubts: &["u"], ..wants("d") };
    other.gives(vec![Step::Add { drifted: false }], InSync);
}

#[test]
fn what_goes_and_is_missing_is_forgotten_by_a_list_that_tells() {
    let records = || vec![active("d", "u"), active("e", "v")];
    let case = |doubts| Case { records: records(), listed: vec![other("v")], doubts, ..Case::default() };
    case(&["u"]).gives(vec![delete(active("e", "v"))], Unconfirmed(at(30)));
    case(&[]).gives(vec![forget(active("d", "u"), Forgotten::Gone), delete(active("e", "v"))], InSync);
}

#[test]
fn an_old_one_that_is_missing_is_left_to_a_later_list_behind_the_addition_of_the_new_one() {
    let case = Case { records: vec![active("old", "u")], doubts: &["u"], ..wants("d") };
    case.gives(vec![Step::Add { drifted: false }], Unconfirmed(at(30)));
}

#[test]
fn a_deletion_is_not_done_while_its_drain_is_doubtful() {
    for record in [deleting("d", "u", 1), DrainRecord { since: None, ..deleting("d", "u", 1) }] {
        let going = |doubts| Case { records: vec![record.clone()], doubts, ..Case::default() };
        going(&["u"]).gives(vec![], Unconfirmed(at(30)));
        going(&[]).gives(vec![forget(record.clone(), Forgotten::Gone)], InSync);
        let again = Case { records: vec![record.clone()], doubts: &["u"], ..wants("d") };
        again.gives(vec![], Unconfirmed(at(30)));
        let neighbour = Case { peers: vec![peer(1, vec![record.clone()])], doubts: &["u"], ..wants("d") };
        neighbour.gives(vec![], Unconfirmed(at(30)));
    }
}

#[test]
fn what_was_told_to_be_deleted_and_is_still_listed_is_neither_kept_nor_deleted_nor_adopted() {
    let is_listed = |like| vec![listed("u", like)];
    let kept =
        Case { records: vec![active("d", "u")], listed: is_listed(Other), doubts: &["u"], ..wants("d") };
    kept.gives(vec![], Unconfirmed(at(30)));
    let going = Case { records: vec![active("d", "u")], listed: is_listed(Other), ..Case::default() };
    Case { doubts: &["u"], ..going }.gives(vec![], Unconfirmed(at(30)));
    Case { listed: is_listed(Same), doubts: &["u"], ..wants("d") }.gives(vec![], Unconfirmed(at(30)));
    Case { listed: is_listed(Possible), doubts: &["u"], ..wants("d") }
        .gives(vec![Step::Add { drifted: false }], InSync);
}

#[test]
fn what_was_told_to_be_deleted_is_not_the_drain_of_a_lost_answer() {
    let case = |doubts| Case {
        records: vec![adding("d", &[])],
        listed: vec![listed("u", Same)],
        doubts,
        ..wants("d")
    };
    case(&["u"]).gives(vec![], WaitForAnswer(at(110)));
    Case { later: 90, ..case(&["u"]) }.gives(vec![], Unconfirmed(at(30)));
    case(&[]).gives(vec![Step::Resolve { record: adding("d", &[]), url: digest("u") }], InSync);
}

#[test]
fn an_addition_beside_an_earlier_record_ends_with_one_of_them() {
    // The drain was there all the time.
    let records = || vec![active("d", "u"), adding("d", &[])];
    Case { records: records(), listed: vec![listed("u", Other)], ..wants("d") }
        .gives(vec![], WaitForAnswer(at(110)));
    Case { records: records(), listed: vec![listed("u", Other)], later: 90, ..wants("d") }
        .gives(vec![forget(adding("d", &[]), Forgotten::NeverAdded)], InSync);
    Case { records: records(), listed: vec![listed("v", Same)], ..wants("d") }.gives(
        vec![
            Step::Resolve { record: adding("d", &[]), url: digest("v") },
            forget(active("d", "u"), Forgotten::Gone),
        ],
        InSync,
    );
}
