use std::{fmt, sync::Arc};

use serde_json::{Map, Value, json};

use crate::{metadata, schema};

/// One kind of object, and how the server treats it.
#[derive(Clone, Debug)]
pub struct Definition {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
    pub(crate) status: bool,
    pub(crate) origin: Origin,
}

/// Built-in kinds differ from custom ones in more than their schema.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    BuiltIn,
    Custom { schema: Arc<Value> },
}

/// Why an object is not the definition of a custom resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionError(&'static str);

impl fmt::Display for DefinitionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the definition of a custom resource lacks {}", self.0)
    }
}

impl std::error::Error for DefinitionError {}

impl Definition {
    /// From a `CustomResourceDefinition` of `apiextensions.k8s.io/v1`, as JSON: the version that is stored, with its defaults
    /// and its `/status`, where it has one.
    ///
    /// # Errors
    /// When a field is missing that the API server would not do without.
    pub fn from_crd(definition: &Value) -> Result<Self, DefinitionError> {
        let text = |pointer: &str, name| {
            let found = definition.pointer(pointer).and_then(Value::as_str);
            found.map(str::to_owned).ok_or(DefinitionError(name))
        };
        let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
        let version = versions
            .and_then(|versions| versions.iter().find(|version| version["storage"] == true))
            .ok_or(DefinitionError("a stored version"))?;
        let schema =
            version.pointer("/schema/openAPIV3Schema").ok_or(DefinitionError("the schema of its version"))?;
        Ok(Self {
            group: text("/spec/group", "spec.group")?,
            version: version["name"].as_str().ok_or(DefinitionError("the name of its version"))?.to_owned(),
            kind: text("/spec/names/kind", "spec.names.kind")?,
            plural: text("/spec/names/plural", "spec.names.plural")?,
            namespaced: text("/spec/scope", "spec.scope")? == "Namespaced",
            status: version.pointer("/subresources/status").is_some(),
            origin: Origin::Custom { schema: Arc::new(schema.clone()) },
        })
    }

    /// Secrets and Namespaces (`v1`), Events (`events.k8s.io/v1`) and Leases (`coordination.k8s.io/v1`).
    #[must_use]
    pub fn builtin() -> Vec<Self> {
        let built_in = |group: &str, kind: &str, plural: &str, namespaced| Self {
            group: group.to_owned(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            namespaced,
            status: false,
            origin: Origin::BuiltIn,
        };
        vec![
            built_in("", "Namespace", "namespaces", false),
            built_in("", "Secret", "secrets", true),
            built_in("events.k8s.io", "Event", "events", true),
            built_in("coordination.k8s.io", "Lease", "leases", true),
        ]
    }

    /// `v1`, or `group/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    pub(crate) fn is_custom(&self) -> bool {
        matches!(self.origin, Origin::Custom { .. })
    }

    /// Whether an update of what is not there creates it.
    pub(crate) fn is_created_by_update(&self) -> bool {
        !self.is_custom() && matches!(self.kind.as_str(), "Event" | "Lease")
    }

    /// Whether an update may come without a resource version.
    pub(crate) fn takes_any_version(&self) -> bool {
        !self.is_custom() && self.kind != "Lease"
    }

    /// What the server makes of a body before anything else: the form in which it would show it.
    pub(crate) fn decode(&self, object: &mut Map<String, Value>) {
        object.insert("apiVersion".to_owned(), self.api_version().into());
        object.insert("kind".to_owned(), self.kind.clone().into());
        metadata::tidy(object);
        match &self.origin {
            Origin::Custom { schema } => schema::complete(object, schema),
            Origin::BuiltIn if self.kind == "Secret" => complete_secret(object),
            Origin::BuiltIn if self.kind == "Namespace" => complete_namespace(object),
            Origin::BuiltIn if self.kind == "Lease" => {
                object.retain(|name, _| matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "spec"));
            }
            Origin::BuiltIn => {}
        }
    }
}

/// `stringData` is only ever written.
fn complete_secret(object: &mut Map<String, Value>) {
    if let Some(Value::Object(texts)) = object.remove("stringData") {
        let data = object.entry("data").or_insert_with(|| json!({}));
        if !data.is_object() {
            *data = json!({});
        }
        for (key, text) in texts {
            data[&key] = base64(text.as_str().unwrap_or_default().as_bytes()).into();
        }
    }
    if object.get("data").is_some_and(|data| data.is_null() || data.as_object().is_some_and(Map::is_empty)) {
        object.remove("data");
    }
    if let Some(Value::Object(data)) = object.get_mut("data") {
        data.values_mut().filter(|value| value.is_null()).for_each(|value| *value = "".into());
    }
    let known = ["apiVersion", "kind", "metadata", "data", "immutable", "type"];
    object.retain(|name, _| known.contains(&name.as_str()));
    object.entry("type").or_insert_with(|| "Opaque".into());
}

fn complete_namespace(object: &mut Map<String, Value>) {
    let name = object["metadata"]["name"].clone();
    object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
    object.entry("spec").or_insert_with(|| json!({"finalizers": ["kubernetes"]}));
    object.entry("status").or_insert_with(|| json!({"phase": "Active"}));
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place <= chunk.len() {
                text.push(char::from(DIGITS[(group >> (18 - 6 * place) & 63) as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_data_becomes_data() {
        let secrets = &Definition::builtin()[1];
        for (text, encoded) in [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("é~?", "w6l+Pw==")]
        {
            let mut secret = json!({"stringData": {"k": text}, "data": {"l": "eA=="}});
            secrets.decode(secret.as_object_mut().unwrap());
            assert_eq!(secret["data"], json!({"k": encoded, "l": "eA=="}));
            assert_eq!(secret.get("stringData"), None);
            assert_eq!(secret["type"], "Opaque");
        }
    }

    #[test]
    fn a_definition_without_a_stored_version_is_refused() {
        let error = Definition::from_crd(&json!({"spec": {"versions": [{"storage": false}]}})).unwrap_err();
        assert_eq!(error.to_string(), "the definition of a custom resource lacks a stored version");
    }
}
