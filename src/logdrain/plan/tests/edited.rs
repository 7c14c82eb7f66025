//! Records that a person has edited. What each form means is the table of `record.rs`.

use super::*;

/// An own record of a `LogDrain` that is being deleted.
fn going(records: Vec<DrainRecord>, listed: Vec<Listed>) -> Case {
    Case { records, listed, ..Case::default() }
}

fn forget(record: DrainRecord, because: Forgotten) -> Step {
    Step::Forget { record, because }
}

fn edited(state: DrainState, url: Option<&str>, listed_before: &[&str]) -> DrainRecord {
    let url_digest = url.map(str::to_owned);
    let listed_before = listed_before.iter().map(|digest| (*digest).to_owned()).collect();
    DrainRecord { url_digest, state, listed_before, ..active("d", "") }
}

#[test]
fn each_form_has_its_meaning() {
    let phase = |record| Record::from(record).phase;
    let (early, url) = (Timestamp::MIN, || digest("u"));
    assert_eq!(phase(active("d", "u")), Phase::Active { url: url() });
    assert_eq!(
        phase(adding("d", &["x"])),
        Phase::Adding { since: at(0), listed_before: vec![digest("x")], answered: None }
    );
    for copies in [1, 3] {
        let begun = Phase::Deleting { url: url(), since: Some(at(0)), copies };
        assert_eq!(phase(deleting("d", "u", copies)), begun);
    }

    for state in [DrainState::Active, DrainState::Deleting] {
        for none in [None, Some("")] {
            assert_eq!(phase(edited(state, none, &["", "x", "x"])), Phase::Nameless);
        }
    }
    assert_eq!(phase(edited(DrainState::Active, Some("u"), &["u", "u"])), Phase::Active { url: url() });
    for none in [&[][..], &["x", "y"]] {
        assert_eq!(phase(edited(DrainState::Deleting, Some("u"), none)), Phase::Active { url: url() });
    }
    assert_eq!(
        phase(edited(DrainState::Deleting, Some("u"), &["u", "x", "u"])),
        Phase::Deleting { url: url(), since: None, copies: 2 }
    );
    let adding = |answered| Phase::Adding { since: early, listed_before: Vec::new(), answered };
    assert_eq!(phase(edited(DrainState::Adding, Some(""), &[])), adding(None));
    assert_eq!(phase(edited(DrainState::Adding, Some("u"), &[])), adding(Some(url())));
}

#[test]
fn one_of_two_records_of_one_drain_has_it_deleted() {
    let other = || DrainRecord { url: Some("datadog://***".into()), ..active("d", "u") };
    for second in [active("d", "u"), other()] {
        going(vec![active("d", "u"), second.clone()], vec![listed("u", Other)])
            .gives(vec![forget(active("d", "u"), Forgotten::Shared), delete(second)], InSync);
    }
    // One that is kept is kept for both.
    Case { records: vec![active("d", "u"), other()], listed: vec![listed("u", Other)], ..wants("d") }
        .gives(vec![forget(other(), Forgotten::Shared)], InSync);
}

#[test]
fn a_url_of_two_own_destinations_goes_with_the_last_of_them() {
    let records = || vec![active("d", "u"), active("e", "u")];
    going(records(), vec![listed("u", Other)])
        .gives(vec![forget(active("d", "u"), Forgotten::Shared), delete(active("e", "u"))], InSync);
    going(records(), vec![listed("u", Other); 2])
        .gives(vec![leave_to_person(active("d", "u"), 2), leave_to_person(active("e", "u"), 2)], InSync);
}

#[test]
fn a_deletion_that_notes_no_copies_counts_those_of_now() {
    let record = || edited(DrainState::Deleting, Some("u"), &[]);
    let twice = || vec![listed("u", Other); 2];
    going(vec![record()], twice()).gives(vec![leave_to_person(record(), 2)], InSync);
    let shared = Case { peers: vec![peer(1, vec![active("d", "u")])], ..going(vec![record()], twice()) };
    shared.gives(vec![forget(record(), Forgotten::Shared)], InSync);
    // What is wanted stays, and the record says so.
    Case { records: vec![record()], listed: twice(), ..wants("d") }
        .gives(vec![Step::Mend { record: record(), url: digest("u") }], InSync);
}

#[test]
fn a_request_without_a_time_counts_as_sent_when_this_process_began_to_lead() {
    let adding = || edited(DrainState::Adding, None, &[]);
    let case = |later| Case { records: vec![adding()], later, led_since: 50, ..wants("d") };
    case(139).gives(vec![], WaitForAnswer(at(160)));
    case(140).gives(vec![Step::Add { drifted: false }], InSync);
    // One of a deletion that was sent before counts as sent then, too.
    let is_there = || vec![listed("u", Other)];
    let case = |later| Case { later, led_since: 50, ..going(vec![deleting("d", "u", 1)], is_there()) };
    case(139).gives(vec![], WaitForAnswer(at(160)));
    case(140).gives(vec![delete(deleting("d", "u", 1))], InSync);
}

/// It was waited for until then, for hours.
#[test]
fn a_request_of_a_time_yet_to_come_counts_as_sent_when_it_was_first_seen() {
    for since in [at(21_600), Timestamp::MAX] {
        let dated = |record| DrainRecord { since: Some(Time(since)), ..record };
        let case = |later| Case { seen: Some(15), later, ..Case::default() };
        let adds = |later| Case { records: vec![dated(adding("d", &[]))], wanted: Some("d"), ..case(later) };
        adds(104).gives(vec![], WaitForAnswer(at(125)));
        adds(105).gives(vec![Step::Add { drifted: false }], InSync);
        let goes = || dated(deleting("d", "u", 1));
        let deletes = |later| Case { records: vec![goes()], listed: vec![listed("u", Other)], ..case(later) };
        deletes(104).gives(vec![], WaitForAnswer(at(125)));
        deletes(105).gives(vec![delete(goes())], InSync);
        let peers = || vec![peer(1, vec![dated(adding("d", &[]))])];
        let waits = |later| Case { peers: peers(), wanted: Some("d"), ..case(later) };
        waits(104).gives(vec![], WaitForPeer("shop/peer-1".into(), at(125)));
        waits(105).gives(vec![Step::Add { drifted: false }], InSync);
    }
}

#[test]
fn a_clock_that_was_set_back_since_this_process_began_to_lead_makes_no_request_last_longer() {
    let case = |later| Case {
        records: vec![adding("d", &[])],
        led_since: 21_600,
        seen: Some(15),
        later,
        ..wants("d")
    };
    case(104).gives(vec![], WaitForAnswer(at(125)));
    case(105).gives(vec![Step::Add { drifted: false }], InSync);
}

#[test]
fn an_addition_with_a_url_is_the_drain_with_that_url_where_it_is_listed() {
    let record = || edited(DrainState::Adding, Some("u"), &["u"]);
    going(vec![record()], vec![listed("u", Other)]).gives(
        vec![Step::Resolve { record: record(), url: digest("u") }, delete(resolved(&record(), &digest("u")))],
        InSync,
    );
    going(vec![record()], vec![listed("x", Other)]).gives(vec![], WaitForAnswer(at(110)));
}

#[test]
fn of_two_additions_each_is_looked_for_and_nothing_is_added_before() {
    let case = |records| Case { records, led_since: -1000, ..wants("d") };
    let old = || DrainRecord { since: Some(Time(at(-200))), ..adding("e", &[]) };
    case(vec![old(), adding("d", &[])])
        .gives(vec![forget(old(), Forgotten::NeverAdded)], WaitForAnswer(at(110)));
    case(vec![adding("d", &[])]).gives(vec![], WaitForAnswer(at(110)));
    let twice = || vec![adding("d", &[]); 2];
    Case { later: 200, ..case(twice()) }
        .gives(vec![forget(adding("d", &[]), Forgotten::NeverAdded)], LookAgain);
}

#[test]
fn a_record_that_names_nothing_goes_without_a_request() {
    for nameless in [DrainState::Active, DrainState::Deleting].map(|state| edited(state, None, &["x", "x"])) {
        going(vec![nameless.clone()], vec![listed("x", Same), listed("x", Possible)])
            .gives(vec![forget(nameless.clone(), Forgotten::Gone)], InSync);
        // What is added takes its place.
        Case { records: vec![nameless], ..wants("d") }.gives(vec![Step::Add { drifted: true }], InSync);
    }
}
