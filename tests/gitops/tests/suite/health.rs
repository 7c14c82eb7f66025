//! The health that Argo CD shows.

use std::collections::BTreeSet;

use gitops::{
    Standing,
    argo::{self, Health},
    read, scripts, testdata,
};
use logdrain_operator::crd::Reason;
use serde::Deserialize;
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;

use super::{ready, recorded, standing};

/// `health_test.yaml`, as Argo CD's own tests read it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tests {
    tests: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Test {
    input_path: String,
    health_status: Health,
}

/// Reason and message of `Ready`.
fn why(object: &Value) -> String {
    let said = |field: &str| ready(object)[field].as_str().expect("a text");
    format!("{}: {}", said("reason"), said("message"))
}

fn status(object: &Value) -> String {
    argo::health(object).expect("the script runs").status
}

#[test]
fn there_is_a_recorded_object_for_every_reason() {
    let objects = testdata::all().expect("the recorded objects");
    let seen: BTreeSet<&str> =
        objects.values().filter_map(|object| ready(object)["reason"].as_str()).collect();
    assert_eq!(seen, Reason::iter().map(<&str>::from).collect());
    for standing_of in [Standing::Deleting, Standing::Behind, Standing::Suspended] {
        assert!(objects.values().any(|object| standing(object) == standing_of), "{standing_of:?}");
    }
}

#[test]
fn what_passes_is_progressing_and_only_what_a_person_must_mend_is_degraded() {
    for (name, object) in testdata::all().expect("the recorded objects") {
        let health = argo::health(&object).expect("the script runs");
        assert_eq!(health.status, standing(&object).argo_cd(), "{name}");
        if !matches!(standing(&object), Standing::Deleting | Standing::Behind) {
            assert_eq!(health.message, why(&object), "{name}");
        }
    }
}

#[test]
fn what_health_test_yaml_expects_comes_about_of_every_object_that_the_script_is_asked_for() {
    let tests: Tests = testdata::yaml(&scripts().join("health_test.yaml")).expect("the tests");
    let mut covered = BTreeSet::new();
    for test in tests.tests {
        let object: Value = testdata::yaml(&scripts().join(&test.input_path)).expect("an object");
        assert_eq!(
            argo::health(&object).expect("the script runs"),
            test.health_status,
            "{}",
            test.input_path
        );
        assert!(covered.insert(test.input_path.clone()), "{} twice", test.input_path);
    }
    // Argo CD's own tests run the script itself, which is asked of no object that is being deleted.
    let recorded = testdata::all().expect("the recorded objects").into_iter();
    let asked = recorded.filter(|(_, object)| standing(object) != Standing::Deleting);
    let expected: BTreeSet<String> = asked.map(|(name, _)| format!("testdata/{name}.yaml")).collect();
    assert_eq!(covered, expected);
}

#[test]
fn whatever_it_says_a_status_behind_its_generation_is_progressing() {
    for (name, object) in testdata::all().expect("the recorded objects") {
        let mut behind = object.clone();
        behind["metadata"]["generation"] = json!(99);
        assert_eq!(status(&behind), "Progressing", "{name}");
    }
}

#[test]
fn of_what_is_being_deleted_argo_cd_shows_the_same_whatever_holds_it_up() {
    for (name, object) in testdata::all().expect("the recorded objects") {
        let mut deleted = object;
        deleted["metadata"]["deletionTimestamp"] = json!("2026-11-23T12:00:00Z");
        let health = argo::health(&deleted).expect("an answer");
        assert_eq!(
            (health.status.as_str(), health.message.as_str()),
            ("Progressing", "Pending deletion"),
            "{name}"
        );
    }
    let script = read(&scripts().join("health.lua")).expect("the script");
    assert!(!script.contains("deletionTimestamp"), "a branch that is never run");
}

#[test]
fn an_object_that_says_less_than_the_operator_does_is_progressing() {
    let synced = recorded("synced");
    for path in ["/status", "/status/conditions", "/status/observedGeneration", "/status/conditions/0/type"] {
        let mut object = synced.clone();
        *object.pointer_mut(path).expect("it is there") = Value::Null;
        if path.ends_with("type") {
            object["status"]["conditions"][0]["type"] = json!("Other");
        }
        assert_eq!(status(&object), "Progressing", "{path}");
    }
    let mut both = synced.clone();
    let conditions = both["status"]["conditions"].as_array_mut().expect("conditions");
    conditions.push(json!({"type": "Reconciling", "status": "True"}));
    assert_eq!(status(&both), "Progressing", "Reconciling beside Ready");
    let mut off = synced;
    let conditions = off["status"]["conditions"].as_array_mut().expect("conditions");
    conditions.push(json!({"type": "Stalled", "status": "False"}));
    assert_eq!(status(&off), "Healthy", "a condition that is off");
}

#[test]
fn a_script_has_no_more_of_the_library_than_argo_cd_gives_it() {
    let object = recorded("synced");
    for missing in ["string", "os", "io", "debug", "math"] {
        let kind: String = argo::run(&format!("return type({missing})"), &object).expect("a text");
        assert_eq!(kind, "nil", "{missing}");
    }
    let version: String = argo::run("return _VERSION", &object).expect("a text");
    assert_eq!(version, "Lua 5.1");
    argo::run::<String>("return ('a'):upper()", &object).expect_err("texts have no methods");
    argo::run::<String>("return require('os').date('%c')", &object).expect_err("only flags that are known");
    argo::run::<String>("return require('io')", &object).expect_err("only os can be asked for");
}
