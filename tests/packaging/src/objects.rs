//! Kubernetes objects in the YAML that Helm and kustomize write.

use serde_json::Value;

/// The objects of a stream of YAML documents.
///
/// # Errors
/// What the parser has to say.
pub fn parse(yaml: &str) -> Result<Vec<Value>, String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).map_err(|error| error.to_string())?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// Kind, namespace and name, such as `Role shop/logdrain-operator`.
#[must_use]
pub fn name(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let namespace = match text("/metadata/namespace") {
        "" => String::new(),
        namespace => format!("{namespace}/"),
    };
    format!("{} {namespace}{}", text("/kind"), text("/metadata/name"))
}

/// Those of one kind.
#[must_use]
pub fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}
