use kube::CustomResourceExt;
use logdrain_operator::crd::{LogDrain, LogDrainSpec, definition};
use serde_json::{Value, json};

/// Calls `visit` with the path and schema of every field below `schema`.
fn walk(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    if let Some(properties) = schema["properties"].as_object() {
        for (name, property) in properties {
            walk(&format!("{path}.{name}"), property, visit);
        }
    }
    if schema["items"].is_object() {
        walk(&format!("{path}[]"), &schema["items"], visit);
    }
}

fn version() -> Value {
    serde_json::to_value(definition()).expect("serialises")["spec"]["versions"][0].clone()
}

fn schema() -> Value {
    version()["schema"]["openAPIV3Schema"].clone()
}

#[test]
fn every_field_is_described_with_an_example() {
    let mut fields = 0;
    walk("logdrain", &schema(), &mut |path, schema| {
        // An item of a list of texts says nothing that the list does not.
        if path.ends_with("[]") && schema["type"] == "string" {
            return;
        }
        fields += 1;
        let description = schema["description"].as_str().unwrap_or_default();
        assert!(description.contains("Example: "), "{path}: {description:?}");
        assert!(!description.contains("Auto-generated"), "{path}: {description:?}");
    });
    assert!(fields > 35, "only {fields} fields were found");
}

#[test]
fn every_field_is_bounded_and_of_a_kind_that_kubernetes_knows() {
    walk("logdrain", &schema(), &mut |path, schema| {
        assert_eq!(schema["nullable"], Value::Null, "{path}");
        match schema["type"].as_str() {
            Some("string") => assert!(
                schema["maxLength"].is_number()
                    || schema["enum"].is_array()
                    || schema["format"] == "date-time",
                "{path} has no bound"
            ),
            Some("integer") => {
                assert!(matches!(schema["format"].as_str(), Some("int32" | "int64")), "{path}");
                assert!(schema["minimum"].is_number(), "{path} has no bound");
            }
            Some("array") => {
                assert!(schema["maxItems"].is_number(), "{path} has no bound");
                assert!(schema["x-kubernetes-list-type"].is_string(), "{path}");
            }
            Some("object" | "boolean") => {}
            other => panic!("{path} is of type {other:?}"),
        }
    });
}

#[test]
fn nothing_within_an_atomic_map_has_a_default() {
    // Whoever applies such a map owns all of it, and would undo what the server adds to it for ever.
    walk("logdrain", &schema(), &mut |path, schema| {
        if schema["x-kubernetes-map-type"] == "atomic" {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                assert_eq!(property["default"], Value::Null, "{path}.{name}");
            }
        }
    });
}

#[test]
fn defaults_are_those_of_the_code() {
    let spec: LogDrainSpec =
        serde_json::from_value(json!({"app": "shop-front", "type": "elk"})).expect("a spec");
    let spec = serde_json::to_value(spec).expect("serialises");
    let properties = &schema()["properties"]["spec"]["properties"];
    for field in ["apiTokenSecretRef", "deletionPolicy", "suspend"] {
        assert!(!spec[field].is_null(), "{field}");
        assert_eq!(properties[field]["default"], spec[field], "{field}");
    }
    for field in ["name", "key"] {
        assert_eq!(
            properties["apiTokenSecretRef"]["properties"][field]["default"],
            spec["apiTokenSecretRef"][field]
        );
    }
}

#[test]
fn the_examples_of_a_reference_are_one() {
    let properties = &schema()["properties"]["spec"]["properties"];
    let example = |schema: &Value| -> String {
        let description = schema["description"].as_str().expect("a description");
        let (_, example) = description.split_once("Example: `").expect("an example");
        example.split('`').next().expect("its end").to_owned()
    };
    for field in ["apiTokenSecretRef", "tokenSecretRef", "urlSecretRef"] {
        let reference = &properties[field];
        let parts =
            ["name", "key"].map(|part| format!("{part}: {}", example(&reference["properties"][part])));
        assert_eq!(example(reference), format!("{{{}}}", parts.join(", ")), "{field}");
    }
}

#[test]
fn names_are_those_of_the_documentation() {
    let definition = definition();
    assert_eq!(definition.metadata.name.as_deref(), Some("logdrains.logs.scalingo.com"));
    assert_eq!(LogDrain::crd_name(), "logdrains.logs.scalingo.com");
    assert_eq!(definition.spec.scope, "Namespaced");
    assert_eq!(definition.spec.names.short_names, Some(vec!["ld".to_owned()]));
    assert_eq!(definition.spec.names.categories, Some(vec!["scalingo".to_owned()]));
    assert_eq!(version()["subresources"], json!({"status": {}}));
    assert_eq!(version()["selectableFields"], json!([{"jsonPath": ".spec.app"}, {"jsonPath": ".spec.type"}]));
}
