//! The configuration of kube-state-metrics asks for fields that there are.

use std::collections::BTreeSet;
use std::fs;

use monitoring::{read, repository};
use serde_json::Value;

pub const RECORDED: &str = "deploy/argocd/resource_customizations/logs.scalingo.com/LogDrain/testdata";

fn resource() -> Value {
    let config = read("deploy/monitoring/kube-state-metrics.yaml").unwrap();
    assert_eq!(config["kind"], "CustomResourceStateMetrics");
    let resources = config["spec"]["resources"].as_array().unwrap();
    assert_eq!(resources.len(), 1);
    resources[0].clone()
}

fn path(value: &Value) -> Vec<String> {
    let parts = value.as_array().into_iter().flatten();
    parts.map(|part| part.as_str().unwrap().to_owned()).collect()
}

/// All paths from the root of a metric with what it is for; of what stands in a list, the path of the list first.
fn paths(metric: &Value) -> Vec<Vec<String>> {
    let each = &metric["each"];
    let fields = ["info", "gauge", "stateSet"].map(|field| &each[field]);
    let kind = fields.into_iter().find(|kind| kind.is_object()).unwrap();
    let root = path(&kind["path"]);
    let labels = kind["labelsFromPath"].as_object().into_iter().flatten().map(|(_, label)| path(label));
    let inner = labels.chain(Some(path(&kind["valueFrom"])));
    inner.map(|inner| root.iter().cloned().chain(inner).collect()).collect()
}

fn objects() -> Vec<Value> {
    let entries = fs::read_dir(repository().join(RECORDED)).unwrap();
    let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files.map(|file| read(&format!("{RECORDED}/{file}")).unwrap()).collect()
}

/// What an object has at a path; of a list, what its items have.
fn found<'a>(value: &'a Value, path: &[String]) -> Vec<&'a Value> {
    match (value, path) {
        (Value::Array(items), _) => items.iter().flat_map(|item| found(item, path)).collect(),
        (_, []) => vec![value],
        (_, [first, rest @ ..]) => value.get(first).map(|inner| found(inner, rest)).unwrap_or_default(),
    }
}

/// Whether the schema of the definition has a path.
fn is_defined(schema: &Value, path: &[String]) -> bool {
    if schema["items"].is_object() {
        return is_defined(&schema["items"], path);
    }
    match path {
        [] => true,
        [first, rest @ ..] => schema["properties"].get(first).is_some_and(|inner| is_defined(inner, rest)),
    }
}

#[test]
fn it_is_about_the_resource_as_it_is_served() {
    let crd = read("crds/logs.scalingo.com_logdrains.yaml").unwrap();
    let kind = &resource()["groupVersionKind"];
    assert_eq!(kind["group"], crd["spec"]["group"]);
    assert_eq!(kind["kind"], crd["spec"]["names"]["kind"]);
    let versions = crd["spec"]["versions"].as_array().unwrap();
    assert!(versions.iter().any(|version| version["name"] == kind["version"] && version["served"] == true));
}

#[test]
fn each_path_is_in_the_definition_or_in_what_the_server_adds() {
    let crd = read("crds/logs.scalingo.com_logdrains.yaml").unwrap();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let (resource, objects) = (resource(), objects());
    let labels = resource["labelsFromPath"].as_object().unwrap().values().map(path);
    let metrics = resource["metrics"].as_array().unwrap();
    let all: BTreeSet<Vec<String>> = labels.chain(metrics.iter().flat_map(paths)).collect();
    assert!(all.len() > 12, "{all:#?}");
    for path in &all {
        let is_recorded = objects.iter().any(|object| !found(object, path).is_empty());
        let is_there = if path[0] == "metadata" { is_recorded } else { is_defined(schema, path) };
        assert!(is_there, "{path:?}");
    }
}

#[test]
fn each_metric_has_a_value_for_what_the_operator_has_written() {
    let (resource, objects) = (resource(), objects());
    assert!(objects.len() > 14, "{}", objects.len());
    for metric in resource["metrics"].as_array().unwrap() {
        let name = metric["name"].as_str().unwrap();
        let has_any = |object: &Value| paths(metric).iter().any(|path| !found(object, path).is_empty());
        assert!(objects.iter().any(has_any), "{name}");
    }
}

/// kube-state-metrics logs an error for each gauge whose path leads to nothing; what may be missing is to be its `valueFrom`. The
/// conditions are missing only until the operator has seen the resource.
#[test]
fn the_path_of_each_metric_leads_somewhere_in_whatever_the_operator_has_written() {
    let (resource, objects) = (resource(), objects());
    for metric in resource["metrics"].as_array().unwrap() {
        let each = &metric["each"];
        let kind =
            ["info", "gauge", "stateSet"].map(|kind| &each[kind]).into_iter().find(|kind| kind.is_object());
        let path = path(&kind.unwrap()["path"]);
        for object in objects.iter().filter(|object| object["status"]["conditions"].is_array()) {
            assert!(!found(object, &path).is_empty(), "{}: {path:?} of {object:#}", metric["name"]);
        }
    }
}

#[test]
fn the_states_of_a_condition_are_those_that_are_written() {
    let resource = resource();
    let metrics = resource["metrics"].as_array().unwrap();
    let metric = metrics.iter().find(|metric| metric["name"] == "status_condition").unwrap();
    let listed: BTreeSet<String> = path(&metric["each"]["stateSet"]["list"]).into_iter().collect();
    let at = ["status", "conditions", "status"].map(str::to_owned);
    let objects = objects();
    let written: BTreeSet<String> = objects
        .iter()
        .flat_map(|object| found(object, &at))
        .map(|state| state.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(listed, written);
}
