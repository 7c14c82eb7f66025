//! What the derived schema cannot say, or says in a form that Kubernetes does not want.

use schemars::{Schema, SchemaGenerator, json_schema, transform::transform_subschemas};
use serde_json::{Value, json};

use super::SecretKeyRef;

/// The last label begins with a letter, so that a mistyped IPv4 address is not taken for a name.
const DNS_NAME: &str =
    "^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?[.])*[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$";

/// The rules of `spec.host` beside its pattern: their message can say what is wrong.
pub(super) fn host_rules() -> Value {
    json!([{
        "rule": format!("isIP(self) || self.matches('{DNS_NAME}')"),
        "message": "spec.host must be a DNS name, an IPv4 address or an IPv6 address without brackets; no scheme, port or path",
    }])
}

/// The rules of `spec.customType`.
pub(super) fn custom_type_rules() -> Value {
    json!([{
        "rule": "self.matches('^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$')",
        "message": "spec.customType must be the name of a type at Scalingo, such as opensearch: at most 63 letters, digits, '-', '_' and '.', \
    the first and the last a letter or a digit",
    }])
}

/// The rules of `spec.url` beside its pattern.
pub(super) fn url_rules() -> Value {
    json!([
        {
            "rule": "isURL(self) && url(self).getHostname() != ''",
            "message": "spec.url must be a URL with a scheme and a host, such as https://logstash.example.com",
        },
        {
            "rule": "!self.contains('@')",
            "message": "spec.url may not hold '@': a URL with a password comes through urlSecretRef",
            "reason": "FieldValueForbidden",
        },
    ])
}

/// Gives name and key of the API token's reference their defaults, each of its own.
///
/// So it is no atomic map as the other references are: whoever applies one with a name alone would own the key that the server adds,
/// and a tool that compares would find it changed for ever.
pub(super) fn default_to_api_token(schema: &mut Schema) {
    let SecretKeyRef { name, key } = SecretKeyRef::api_token();
    schema.remove("required");
    schema.insert("x-kubernetes-map-type".to_owned(), "granular".into());
    for (property, default) in [("name", name), ("key", key)] {
        show(schema, property, &format!("`{default}`, the default"));
        if let Some(Value::Object(property)) = schema.pointer_mut(&format!("/properties/{property}")) {
            property.insert("default".into(), default.into());
        }
    }
}

/// Gives name and key of the URL's reference examples of their own.
pub(super) fn show_url(schema: &mut Schema) {
    show(schema, "name", "`logstash`");
    show(schema, "key", "`url`");
}

/// Replaces the example of a property.
fn show(schema: &mut Schema, property: &str, example: &str) {
    if let Some(Value::String(description)) =
        schema.pointer_mut(&format!("/properties/{property}/description"))
        && let Some((words, _)) = description.split_once(" Example: ")
    {
        *description = format!("{words} Example: {example}.");
    }
}

/// Conditions with the bounds that Kubernetes' own types document.
pub(super) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "description": "One aspect of how things stand. Example: `{type: Ready, status: \"True\", reason: Synced}`.",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "type": {
                    "type": "string",
                    "maxLength": 316,
                    "pattern": r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
                    "description": "What it is about: Ready, Reconciling or Stalled. Example: `Ready`.",
                },
                "status": {
                    "type": "string",
                    "enum": ["True", "False", "Unknown"],
                    "description": "Whether it is so. Example: `True`.",
                },
                "observedGeneration": {
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                    "description": "The metadata.generation that it speaks of. Example: `3`.",
                },
                "lastTransitionTime": {
                    "type": "string",
                    "format": "date-time",
                    "description": "When the status last changed. Example: `2026-11-23T15:44:00Z`.",
                },
                "reason": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                    "description": "Why, in one word for machines. Example: `Synced`.",
                },
                "message": {
                    "type": "string",
                    "maxLength": 32768,
                    "description": "Why, for people; it names the field or object to look at. Example: `spec.tokenSecretRef: Secret datadog has no key api-key`.",
                },
            },
        },
    })
}

/// Makes an optional field a plain one that need not be there, and a doc comment a description.
///
/// A nullable field would be there, for CEL, when it is null.
pub(super) fn tidy(schema: &mut Schema) {
    transform_subschemas(&mut tidy, schema);
    let Some(object) = schema.as_object_mut() else { return };

    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(alternatives)) = object.get("anyOf")
        && let [Value::Object(first), second] = &alternatives[..]
        && second.get("type").is_some_and(|one| one == "null")
    {
        let first = first.clone();
        object.remove("anyOf");
        for (key, value) in first {
            // What the field says of itself is closer than what its type says of all its uses.
            object.entry(key).or_insert(value);
        }
    }
    if let Some(Value::String(description)) = object.get_mut("description") {
        *description =
            description.split("\n\n").map(|lines| lines.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
    }
}
