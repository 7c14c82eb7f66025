//! The actions that Argo CD offers.

use std::{collections::BTreeMap, fs};

use gitops::{
    Standing,
    argo::{self, Action, NOW},
    customization::ACTIONS,
    scripts, testdata,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{assert_generated, recorded, standing};

const REQUESTED_AT: &str = "logs.scalingo.com/requestedAt";

/// `action_test.yaml`, as Argo CD's own tests read it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Tests {
    discovery_tests: Vec<DiscoveryTest>,
    action_tests: Vec<ActionTest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DiscoveryTest {
    input_path: String,
    result: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(flatten)]
    action: Action,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ActionTest {
    action: String,
    input_path: String,
    expected_output_path: String,
}

fn tests() -> Tests {
    testdata::yaml(&scripts().join("actions/action_test.yaml")).expect("the tests")
}

/// The names of the actions that can be chosen.
fn enabled(object: &Value) -> Vec<String> {
    let actions = argo::actions(object).expect("the script runs");
    actions.into_iter().filter(|(_, action)| !action.disabled).map(|(name, _)| name).collect()
}

#[test]
fn what_action_test_yaml_expects_comes_about() {
    let directory = scripts().join("actions");
    for test in tests().discovery_tests {
        let object: Value = testdata::yaml(&directory.join(&test.input_path)).expect("an object");
        let expected: BTreeMap<String, Action> =
            test.result.into_iter().map(|named| (named.name, named.action)).collect();
        assert_eq!(argo::actions(&object).expect("the script runs"), expected, "{}", test.input_path);
    }
    for test in tests().action_tests {
        let object: Value = testdata::yaml(&directory.join(&test.input_path)).expect("an object");
        let acted = argo::act(&test.action, &object).expect("the script runs");
        let text = serde_saphyr::to_string(&acted).expect("YAML");
        assert_generated(&directory.join(&test.expected_output_path), &text);
    }
}

#[test]
fn every_action_is_offered_has_a_script_and_is_tested() {
    let expected = ACTIONS.map(str::to_owned);
    let offered: Vec<String> = argo::actions(&recorded("synced")).expect("it runs").into_keys().collect();
    let mut sorted = expected.clone();
    sorted.sort();
    assert_eq!(offered, sorted);
    let mut scripted: Vec<String> = fs::read_dir(scripts().join("actions"))
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("action.lua").is_file())
        .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    scripted.sort();
    assert_eq!(scripted, sorted);
    let mut tested: Vec<String> = tests().action_tests.into_iter().map(|test| test.action).collect();
    tested.sort();
    tested.dedup();
    assert_eq!(tested, sorted);
}

#[test]
fn what_can_be_chosen_follows_from_how_the_object_stands() {
    for (name, object) in testdata::all().expect("the recorded objects") {
        let expected: &[&str] = match standing(&object) {
            Standing::Deleting => &[],
            Standing::Suspended => &["resume"],
            _ => &["check-now", "suspend"],
        };
        assert_eq!(enabled(&object), expected, "{name}");
    }
}

#[test]
fn each_action_changes_one_field() {
    for (name, object) in testdata::all().expect("the recorded objects") {
        for (action, field, value) in [("suspend", "suspend", true), ("resume", "suspend", false)] {
            let mut expected = object.clone();
            expected["spec"][field] = json!(value);
            assert_eq!(argo::act(action, &object).expect("it runs"), expected, "{action} of {name}");
        }
        let mut expected = object.clone();
        expected["metadata"]["annotations"] = json!({REQUESTED_AT: NOW});
        assert_eq!(argo::act("check-now", &object).expect("it runs"), expected, "check-now of {name}");
    }
}

#[test]
fn other_annotations_stay_and_an_earlier_request_is_replaced() {
    let mut object = recorded("synced");
    object["metadata"]["annotations"] = json!({"team": "shop", REQUESTED_AT: "long ago"});
    let acted = argo::act("check-now", &object).expect("it runs");
    assert_eq!(acted["metadata"]["annotations"], json!({"team": "shop", REQUESTED_AT: NOW}));
}
