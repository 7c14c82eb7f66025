//! The custom resource definition as YAML.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSON};
use kube::CustomResourceExt;
use serde_json::{Value, json};

use super::LogDrain;

const HEADER: &str = "\
# Generated from src/crd.rs; do not edit. To write it anew:
#   cargo run -- crd > crds/logs.scalingo.com_logdrains.yaml
";

/// The definition could not be written as YAML.
#[derive(Debug, thiserror::Error)]
#[error("the CustomResourceDefinition cannot be written as YAML")]
pub struct YamlError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// The `CustomResourceDefinition` of `LogDrain`, as the API server should have it.
#[must_use]
pub fn definition() -> CustomResourceDefinition {
    let mut definition = LogDrain::crd();
    for version in &mut definition.spec.versions {
        // The derived root has a title and a nullable `status`, and takes no attribute that could prevent it.
        if let Some(root) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            root.title = None;
            if let Some(status) = root.properties.as_mut().and_then(|properties| properties.get_mut("status"))
            {
                status.nullable = None;
                // Before the operator's first visit kstatus would take a resource without conditions for ready.
                status.default = Some(JSON(json!({"observedGeneration": -1})));
            }
        }
    }
    definition
}

/// The definition as YAML, byte for byte what `crds/logs.scalingo.com_logdrains.yaml` holds.
///
/// # Errors
/// When the definition cannot be serialised, which no input of a user can bring about.
pub fn yaml() -> Result<String, YamlError> {
    let mut definition = serde_json::to_value(definition()).map_err(|error| YamlError(error.into()))?;
    whole_numbers(&mut definition);
    let yaml = serde_saphyr::to_string(&definition).map_err(|error| YamlError(error.into()))?;
    Ok(format!("{HEADER}{yaml}"))
}

/// Bounds are floating-point numbers to the definition's type, and whole ones to everybody else.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Object(object) => object.values_mut().for_each(whole_numbers),
        Value::Array(array) => array.iter_mut().for_each(whole_numbers),
        Value::Number(number) => {
            // A whole float is displayed without a point, so only a whole one is parsed.
            if let Some(Ok(whole)) = number.as_f64().map(|float| float.to_string().parse::<i64>()) {
                *value = whole.into();
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
