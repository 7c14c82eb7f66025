//! Judges a spec by the definition's schema, without an API server.

use std::{
    cell::RefCell,
    collections::{HashMap, hash_map::Entry},
};

use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use regex::Regex;
use serde_json::Value;

/// The schema of `LogDrain.spec`, ready to judge.
pub(crate) struct Checker {
    pub(crate) schema: Value,
    rules: CompiledSchema,
    patterns: RefCell<HashMap<String, Regex>>,
}

impl Checker {
    pub(crate) fn new() -> Self {
        let definition = serde_json::to_value(logdrain_operator::crd::definition()).expect("serialises");
        let schema =
            definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone();
        assert!(schema.is_object(), "{definition}");
        Self { rules: compile_schema(&schema), schema, patterns: RefCell::default() }
    }

    /// The messages of the CEL rules that `spec` breaks, sorted.
    pub(crate) fn broken_rules(&self, spec: &Value) -> Vec<String> {
        let mut messages = match Validator::new().validate_compiled(&self.rules, spec, None) {
            Ok(()) => Vec::new(),
            Err(errors) => errors.into_vec().into_iter().map(|error| error.message).collect(),
        };
        messages.sort();
        messages
    }

    /// Whether nothing speaks against `spec`.
    pub(crate) fn accepts(&self, spec: &Value) -> bool {
        self.within_bounds(&self.schema, spec) && self.broken_rules(spec).is_empty()
    }

    fn matches(&self, pattern: &str, text: &str) -> bool {
        match self.patterns.borrow_mut().entry(pattern.to_owned()) {
            Entry::Occupied(entry) => entry.get().is_match(text),
            Entry::Vacant(entry) => entry.insert(Regex::new(pattern).expect("a pattern")).is_match(text),
        }
    }

    /// The part of `OpenAPI` that the definition uses.
    fn within_bounds(&self, schema: &Value, value: &Value) -> bool {
        let bound = |name: &str| schema[name].as_f64();
        if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
            return false;
        }
        match (schema["type"].as_str(), value) {
            (Some("object"), Value::Object(object)) => {
                let required = schema["required"].as_array();
                required.is_none_or(|names| {
                    names.iter().all(|name| object.contains_key(name.as_str().expect("a name")))
                }) && object.iter().all(|(name, value)| {
                    schema["properties"].get(name).is_some_and(|schema| self.within_bounds(schema, value))
                })
            }
            (Some("string"), Value::String(text)) => {
                let length = u32::try_from(text.chars().count()).map_or(f64::INFINITY, f64::from);
                bound("minLength").is_none_or(|minimum| length >= minimum)
                    && bound("maxLength").is_none_or(|maximum| length <= maximum)
                    && schema["pattern"].as_str().is_none_or(|pattern| self.matches(pattern, text))
            }
            (Some("integer"), Value::Number(number)) => {
                number.as_i64().is_some()
                    && number.as_f64().is_some_and(|number| {
                        bound("minimum").is_none_or(|minimum| number >= minimum)
                            && bound("maximum").is_none_or(|maximum| number <= maximum)
                    })
            }
            (Some("boolean"), Value::Bool(_)) => true,
            _ => false,
        }
    }
}
