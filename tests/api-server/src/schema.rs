//! What a structural schema does to an object besides validating it.

use serde_json::{Map, Value};

/// Drops fields that the schema does not know and adds its defaults. `apiVersion`, `kind` and `metadata` are not its business.
pub fn complete(object: &mut Map<String, Value>, schema: &Value) {
    let (known, _) = properties(schema);
    object.retain(|name, _| matches!(name.as_str(), "apiVersion" | "kind" | "metadata") || known(name));
    for (name, schema) in fields(schema) {
        if name != "metadata" {
            complete_field(object, name, schema);
        }
    }
}

fn complete_field(object: &mut Map<String, Value>, name: &str, schema: &Value) {
    let default = schema.get("default");
    let nulled = object.get(name).is_some_and(Value::is_null) && schema["nullable"] != true;
    if (nulled || !object.contains_key(name))
        && let Some(default) = default
    {
        object.insert(name.to_owned(), default.clone());
    }
    if let Some(value) = object.get_mut(name) {
        complete_value(value, schema);
    }
}

fn complete_value(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(object) => {
            let (known, keeps_all) = properties(schema);
            let additional = schema.get("additionalProperties").filter(|schema| schema.is_object());
            if !keeps_all && additional.is_none() {
                object.retain(|name, _| known(name));
            }
            for (name, schema) in fields(schema) {
                complete_field(object, name, schema);
            }
            if let Some(schema) = additional {
                object.values_mut().for_each(|value| complete_value(value, schema));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| complete_value(item, &schema["items"])),
        _ => {}
    }
}

fn fields(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    schema["properties"].as_object().into_iter().flatten().map(|(name, schema)| (name.as_str(), schema))
}

fn properties(schema: &Value) -> (impl Fn(&str) -> bool, bool) {
    let keeps_all = schema["x-kubernetes-preserve-unknown-fields"] == true;
    (move |name: &str| keeps_all || schema["properties"].get(name).is_some(), keeps_all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_fields_go_and_defaults_come() {
        let schema = json!({"properties": {
            "spec": {"properties": {
                "reference": {"default": {"name": "n"}, "properties": {"name": {}, "key": {"default": "k"}}},
                "items": {"items": {"properties": {"a": {"default": 1}}}},
                "free": {"x-kubernetes-preserve-unknown-fields": true},
                "map": {"additionalProperties": {"properties": {"a": {}}}},
                "policy": {"default": "Delete"},
            }},
            "status": {"default": {"seen": -1}, "properties": {"seen": {}}},
        }});
        let mut object = json!({"kind": "K", "metadata": {"name": "n"}, "other": 1, "spec": {
            "items": [{"b": 1}], "free": {"x": 1}, "map": {"x": {"a": 1, "b": 2}}, "policy": null, "unknown": 1,
        }});
        complete(object.as_object_mut().unwrap(), &schema);
        assert_eq!(
            object,
            json!({"kind": "K", "metadata": {"name": "n"}, "status": {"seen": -1}, "spec": {
                "reference": {"name": "n", "key": "k"}, "items": [{"a": 1}], "free": {"x": 1},
                "map": {"x": {"a": 1}}, "policy": "Delete",
            }})
        );
    }
}
