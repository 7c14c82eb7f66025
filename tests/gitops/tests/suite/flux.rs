//! What Flux's libraries say of the recorded objects.

use gitops::{Standing, flux, testdata};
use serde_json::Value;

use super::{ready, standing};

#[test]
fn what_passes_is_in_progress_and_only_what_a_person_must_mend_has_failed() {
    let recorded = testdata::all().expect("the recorded objects");
    let objects: Vec<Value> = recorded.values().cloned().collect();
    let verdicts = flux::judge(&objects).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(verdicts.len(), objects.len());
    for ((name, object), verdict) in recorded.iter().zip(verdicts) {
        assert_eq!(verdict.status, standing(object).kstatus(), "{name}: {verdict:?}");
        if matches!(standing(object), Standing::Waits | Standing::NeedsAPerson) {
            assert_eq!(ready(object)["message"], verdict.message.as_str(), "{name}");
        }
        // Before the first visit there is nothing that the operator has written.
        if !ready(object).is_null() {
            assert_eq!((verdict.fail.as_str(), verdict.warn.as_str()), ("", ""), "{name}");
        }
    }
}

#[test]
fn a_status_against_the_conventions_is_noticed() {
    let mut recorded = testdata::all().expect("the recorded objects");
    let mut both = recorded.remove("rejected").expect("it is there");
    let conditions = both["status"]["conditions"].as_array_mut().expect("conditions");
    let mut reconciling = conditions[1].clone();
    reconciling["type"] = "Reconciling".into();
    conditions.push(reconciling);
    let mut behind = recorded.remove("synced").expect("it is there");
    behind["status"]["conditions"][0]["observedGeneration"] = 0.into();
    let verdicts = flux::judge(&[both, behind]).unwrap_or_else(|error| panic!("{error}"));
    assert!(verdicts[0].fail.contains("Only one of Reconciling condition or Stalled"), "{verdicts:?}");
    assert!(verdicts[1].fail.contains("ObservedGeneration"), "{verdicts:?}");
}
