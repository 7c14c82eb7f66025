use super::*;

#[test]
fn a_lost_answer_is_looked_for_then_waited_for_then_given_up() {
    let case = || Case { records: vec![adding("d", &["x"])], listed: vec![other("x")], ..wants("d") };
    case().gives(vec![], WaitForAnswer(at(110)));
    Case { later: 89, ..case() }.gives(vec![], WaitForAnswer(at(110)));
    Case { later: 90, ..case() }.gives(vec![Step::Add { drifted: false }], InSync);
    for (likeness, later) in [(Same, 0), (Same, 90), (Possible, 90)] {
        Case { listed: vec![other("x"), listed("u", likeness)], later, ..case() }
            .gives(vec![Step::Resolve { record: adding("d", &["x"]), url: digest("u") }], InSync);
    }
}

#[test]
fn what_only_may_be_the_lost_one_is_not_taken_while_that_may_yet_come() {
    let foreign = || listed("foreign", Possible);
    let case = |listed, later| Case { records: vec![adding("d", &[])], listed, later, ..wants("d") };
    case(vec![foreign()], 0).gives(vec![], WaitForAnswer(at(110)));
    case(vec![foreign()], 89).gives(vec![], WaitForAnswer(at(110)));
    case(vec![foreign(), listed("u", Possible)], 90).gives(vec![], Ambiguous(2));
    case(vec![foreign(), listed("u", Same)], 0)
        .gives(vec![Step::Resolve { record: adding("d", &[]), url: digest("u") }], InSync);
}

#[test]
fn a_second_copy_of_a_url_that_was_listed_before_is_new() {
    Case {
        records: vec![adding("d", &["u"])],
        listed: vec![listed("u", Possible), listed("u", Possible)],
        later: 90,
        ..wants("d")
    }
    .gives(vec![Step::Resolve { record: adding("d", &["u"]), url: digest("u") }], InSync);
    Case { records: vec![adding("d", &["u"])], listed: vec![listed("u", Possible)], ..wants("d") }
        .gives(vec![], WaitForAnswer(at(110)));
}

#[test]
fn the_own_drain_that_is_back_is_not_taken_for_that_of_a_rival() {
    let records = vec![active("d", "u"), adding("d", &[])];
    let case = |later| Case {
        records: records.clone(),
        listed: vec![listed("u", Possible)],
        peers: vec![peer(1, vec![adding("e", &[])])],
        later,
        ..wants("d")
    };
    case(89).gives(vec![], WaitForAnswer(at(110)));
    case(90).gives(vec![Step::Forget { record: adding("d", &[]), because: Forgotten::NeverAdded }], InSync);
    // Another that shows every value is the one that was asked for.
    let both = vec![listed("u", Possible), listed("v", Same)];
    let plan = Case { listed: both, ..case(90) }.plan();
    assert_eq!(plan.steps.first(), Some(&Step::Resolve { record: adding("d", &[]), url: digest("v") }));
}

#[test]
fn a_copy_that_may_be_a_peers_is_left_to_a_person() {
    let case = |listed| Case {
        records: vec![adding("d", &["u"])],
        listed,
        peers: vec![peer(1, vec![active("e", "u")])],
        later: 90,
        ..wants("d")
    };
    case(vec![listed("u", Possible); 2]).gives(vec![], Ambiguous(1));
    case(vec![listed("u", Possible); 3])
        .gives(vec![Step::Resolve { record: adding("d", &["u"]), url: digest("u") }], InSync);
    case(vec![listed("u", Possible)]).gives(vec![Step::Add { drifted: false }], InSync);
}

#[test]
fn a_peer_that_may_have_added_no_drain_is_not_given_an_own_one() {
    let case = |count| Case {
        records: vec![active("e", "u")],
        listed: vec![listed("u", Possible); count],
        peers: vec![peer(1, vec![adding("d", &["u"])])],
        later: 90,
        ..wants("d")
    };
    case(2).gives(vec![], Ambiguous(1));
    let adopt = Step::Adopt { url: digest("u"), how: Adoption::Shared };
    assert_eq!(case(3).plan().steps.first(), Some(&adopt));
}

#[test]
fn a_new_drain_that_leads_elsewhere_or_is_claimed_is_not_the_lost_one() {
    let records = vec![adding("d", &[])];
    Case { records: records.clone(), listed: vec![listed("u", Other)], ..wants("d") }
        .gives(vec![], WaitForAnswer(at(110)));
    Case {
        records,
        listed: vec![listed("u", Possible)],
        peers: vec![peer(1, vec![active("e", "u")])],
        ..wants("d")
    }
    .gives(vec![], WaitForAnswer(at(110)));
}

#[test]
fn new_drains_that_cannot_be_told_apart_are_left_to_a_person() {
    let case = || Case {
        records: vec![active("old", "o"), adding("d", &["o"])],
        listed: vec![other("o"), listed("u", Possible), listed("v", Possible)],
        ..wants("d")
    };
    case().gives(vec![], WaitForAnswer(at(110)));
    Case { later: 90, ..case() }.gives(vec![], Ambiguous(2));
    // One that shows every value decides it.
    Case { listed: vec![other("o"), listed("u", Same), listed("v", Possible)], ..case() }.gives(
        vec![Step::Resolve { record: adding("d", &["o"]), url: digest("u") }, delete(active("old", "o"))],
        InSync,
    );
}

#[test]
fn with_two_lost_answers_on_one_target_one_possible_drain_is_nobodys() {
    let case = || Case {
        records: vec![adding("d", &[])],
        listed: vec![listed("u", Possible)],
        peers: vec![peer(1, vec![adding("e", &[])])],
        ..wants("d")
    };
    case().gives(vec![], WaitForAnswer(at(110)));
    Case { later: 90, ..case() }.gives(vec![], Ambiguous(1));
    Case { listed: vec![listed("u", Same)], ..case() }
        .gives(vec![Step::Resolve { record: adding("d", &[]), url: digest("u") }], InSync);
}

#[test]
fn an_addition_that_is_no_longer_wanted_is_found_and_deleted() {
    let found = resolved(&adding("old", &[]), &digest("u"));
    let case = |later| Case {
        records: vec![adding("old", &[])],
        listed: vec![listed("u", Possible)],
        later,
        ..wants("d")
    };
    case(0).gives(vec![], WaitForAnswer(at(110)));
    case(90).gives(
        vec![
            Step::Resolve { record: adding("old", &[]), url: digest("u") },
            Step::Add { drifted: false },
            delete(found),
        ],
        InSync,
    );
    Case { records: vec![adding("old", &[])], later: 90, ..Case::default() }
        .gives(vec![Step::Forget { record: adding("old", &[]), because: Forgotten::NeverAdded }], InSync);
}

#[test]
fn what_another_process_has_sent_counts_as_sent_no_earlier_than_this_one_began_to_lead() {
    let case = |later| Case { records: vec![adding("d", &["x"])], later, led_since: 50, ..wants("d") };
    case(139).gives(vec![], WaitForAnswer(at(160)));
    case(140).gives(vec![Step::Add { drifted: false }], InSync);
}
