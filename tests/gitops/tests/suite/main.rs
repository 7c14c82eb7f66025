//! What Argo CD and Flux make of what the operator writes, and of the samples.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod actions;
mod customization;
mod fields;
mod flux;
mod health;
mod samples;
mod teams;

use std::{env, fs, path::Path};

use gitops::{Standing, testdata};
use serde_json::Value;

/// A recorded object.
fn recorded(name: &str) -> Value {
    testdata::all().expect("the recorded objects").remove(name).unwrap_or_else(|| panic!("no {name}"))
}

/// The `Ready` condition; null where there is none.
fn ready(object: &Value) -> &Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .and_then(|conditions| conditions.iter().find(|condition| condition["type"] == "Ready"))
        .unwrap_or(&Value::Null)
}

fn standing(object: &Value) -> Standing {
    Standing::of(object).unwrap_or_else(|| panic!("no reason of the operator's: {object:#}"))
}

/// Compares a generated file with what it should be, or writes it where `WRITE_GENERATED` is set.
fn assert_generated(path: &Path, expected: &str) {
    if env::var_os("WRITE_GENERATED").is_some() {
        fs::write(path, expected).expect("the file is written");
        return;
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(kept, expected, "{} is out of date; WRITE_GENERATED=1 writes it anew", path.display());
}
