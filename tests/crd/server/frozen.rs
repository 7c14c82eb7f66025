//! `v1` does not break: what it has ever taken, each later definition takes. The files of `tests/crd/v1` say what that is.

use std::collections::BTreeMap;

use logdrain_operator::crd::{LogDrainSpec, LogDrainStatus, definition};
use serde_json::{Value, json};

use super::{answers, kubectl, kubectl_output, manifest, namespace};

fn list(text: &str) -> Vec<Value> {
    serde_saphyr::from_str(text).expect("a list")
}

fn fields() -> Vec<Value> {
    list(include_str!("../v1/fields.yaml"))
}

fn specs() -> Vec<Value> {
    list(include_str!("../v1/specs.yaml"))
}

fn statuses() -> Vec<Value> {
    list(include_str!("../v1/statuses.yaml"))
}

/// Each field of a schema by its path, and whether it must be there.
fn walk<'a>(path: &str, schema: &'a Value, required: bool, all: &mut BTreeMap<String, (&'a Value, bool)>) {
    all.insert(path.to_owned(), (schema, required));
    let must_be_there = schema["required"].as_array();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let required = must_be_there.into_iter().flatten().any(|one| one == name.as_str());
        walk(&format!("{path}.{name}"), property, required, all);
    }
    if schema["items"].is_object() {
        walk(&format!("{path}[]"), &schema["items"], false, all);
    }
}

/// What a schema does that `v1` has promised not to, and the fields of which `v1` does not know yet.
fn broken(schema: &Value, known: &[Value]) -> Vec<String> {
    let mut now = BTreeMap::new();
    for part in ["spec", "status"] {
        walk(part, &schema["properties"][part], part == "spec", &mut now);
    }
    let mut broken = Vec::new();
    for field in known {
        let path = field["path"].as_str().expect("a path");
        let Some((schema, required)) = now.remove(path) else {
            broken.push(format!("{path} is gone"));
            continue;
        };
        for part in ["type", "format", "default"] {
            if schema[part] != field[part] {
                broken.push(format!("{path}: its {part} was {}, now {}", field[part], schema[part]));
            }
        }
        if required && field["required"] == false {
            broken.push(format!("{path} is required now"));
        }
        let values = |schema: &Value| schema["enum"].as_array().cloned().unwrap_or_default();
        let (before, after) = (values(field), values(schema));
        for value in before.iter().filter(|value| !after.contains(value)) {
            broken.push(format!("{path} does not take {value} any more"));
        }
        if before.is_empty() && !after.is_empty() {
            broken.push(format!("{path} takes only some values now"));
        } else {
            broken.extend(after.iter().filter(|value| !before.contains(value)).map(|value| {
                format!("{path} takes {value} now: add it to its line in tests/crd/v1/fields.yaml")
            }));
        }
    }
    // The next definition would be free to take it away again.
    broken.extend(now.keys().map(|path| format!("{path} is new: add a line to tests/crd/v1/fields.yaml")));
    broken
}

fn schema() -> Value {
    let definition = serde_json::to_value(definition()).expect("serialises");
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

#[test]
fn no_field_of_v1_goes_turns_required_or_gets_another_type_or_default() {
    assert_eq!(broken(&schema(), &fields()), [""; 0]);
}

#[test]
fn each_break_of_v1_would_be_noticed() {
    type Change = fn(&mut Value);
    let breaks: [(Change, &str); 8] = [
        (
            |spec| drop(spec["properties"].as_object_mut().expect("fields").remove("port")),
            "spec.port is gone",
        ),
        (
            |spec| spec["required"].as_array_mut().expect("fields").push("port".into()),
            "spec.port is required now",
        ),
        (|spec| spec["properties"]["port"]["type"] = "string".into(), "spec.port: its type was"),
        (|spec| spec["properties"]["suspend"]["default"] = true.into(), "spec.suspend: its default was"),
        (|spec| spec["properties"]["type"]["enum"] = json!(["elk"]), "spec.type does not take"),
        (
            |spec| spec["properties"]["host"]["enum"] = json!(["localhost"]),
            "spec.host takes only some values",
        ),
        (
            |spec| spec["properties"]["type"]["enum"].as_array_mut().expect("types").push("new".into()),
            "spec.type takes \"new\" now",
        ),
        (|spec| spec["properties"]["new"] = json!({"type": "string"}), "spec.new is new"),
    ];
    for (change, expected) in breaks {
        let mut schema = schema();
        change(&mut schema["properties"]["spec"]);
        let broken = broken(&schema, &fields());
        assert!(broken.iter().any(|one| one.starts_with(expected)), "{expected}: {broken:?}");
    }
}

/// Whether something is at a path, in one of a list's items at least.
fn has(value: &Value, path: &str) -> bool {
    let Some((first, rest)) = path.split_once('.').or((!path.is_empty()).then_some((path, ""))) else {
        return !value.is_null();
    };
    match first.strip_suffix("[]") {
        Some(name) => value[name].as_array().into_iter().flatten().any(|item| has(item, rest)),
        None => has(&value[first], rest),
    }
}

#[test]
fn every_field_of_v1_is_used_by_what_it_has_taken() {
    let objects: Vec<Value> = specs().into_iter().map(|spec| json!({"spec": spec})).collect();
    let objects = objects.into_iter().chain(statuses().into_iter().map(|status| json!({"status": status})));
    let objects: Vec<Value> = objects.collect();
    for field in fields() {
        let path = field["path"].as_str().expect("a path");
        assert!(objects.iter().any(|object| has(object, path)), "nothing has {path}");
        for value in field["enum"].as_array().into_iter().flatten() {
            let text = format!("\"{}\":{value}", path.rsplit('.').next().expect("a name"));
            assert!(objects.iter().any(|object| object.to_string().contains(&text)), "nothing has {text}");
        }
    }
}

#[test]
fn every_spec_that_v1_has_taken_is_taken() {
    let specs = specs();
    let defaults = schema()["properties"]["spec"]["properties"]["apiTokenSecretRef"]["default"].clone();
    for (spec, answer) in specs.iter().zip(answers(&namespace(), &specs)) {
        assert_eq!(answer, "", "{spec}");
        // The operator sees it with what the server adds.
        let mut seen = spec.clone();
        if let Some(given) = seen.get_mut("apiTokenSecretRef").and_then(Value::as_object_mut) {
            for (part, default) in defaults.as_object().expect("a reference") {
                given.entry(part).or_insert_with(|| default.clone());
            }
        }
        serde_json::from_value::<LogDrainSpec>(seen).unwrap_or_else(|error| panic!("{spec}: {error}"));
    }
}

#[test]
fn every_status_that_v1_has_taken_is_taken_kept_and_read() {
    let namespace = namespace();
    kubectl(&["apply", "-n", &namespace, "-f", "-"], &manifest("frozen", &specs()[0]));
    for status in statuses() {
        let patch = json!({"status": status}).to_string();
        let arguments = ["patch", "logdrain", "frozen", "-n", &namespace, "--subresource=status"];
        let rest = ["--type=merge", "--dry-run=server", "--output=json", "--patch", &patch];
        let output = kubectl_output(&[&arguments[..], &rest].concat(), "");
        assert!(output.status.success(), "{status}: {}", String::from_utf8_lossy(&output.stderr));
        let kept: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        for (field, value) in status.as_object().expect("a status") {
            assert_eq!(kept["status"][field], *value, "{field}");
        }
        let read: LogDrainStatus =
            serde_json::from_value(status.clone()).unwrap_or_else(|error| panic!("{status}: {error}"));
        assert_eq!(serde_json::to_value(read).expect("serialises"), status);
    }
}
