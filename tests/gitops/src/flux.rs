//! Asks Flux's own libraries.

use std::{
    io::Write,
    process::{Command, Stdio},
    thread,
};

use control_plane::GoProgram;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::Error;

/// The program with Flux's libraries.
pub const JUDGE: GoProgram = GoProgram {
    name: "flux-judge",
    package: ".",
    go_mod: include_str!("../flux-judge/go.mod"),
    go_sum: include_str!("../flux-judge/go.sum"),
    sources: &[
        ("decode.go", include_str!("../flux-judge/decode.go")),
        ("main.go", include_str!("../flux-judge/main.go")),
    ],
    takes: "a minute",
};

/// What Flux makes of an object.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The kstatus that `wait: true` and `healthChecks` go by: `Current`, `InProgress`, `Failed`, `Terminating`.
    pub status: String,
    /// Why.
    pub message: String,
    /// The status by `healthCheckExprs`; empty where there are none.
    #[serde(default)]
    pub expressions: String,
    /// What the conditions do that Flux's checker forbids.
    pub fail: String,
    /// What it warns of.
    pub warn: String,
}

/// Judges objects, in their order.
///
/// # Errors
/// A judge that cannot be built or fails.
pub fn judge(objects: &[Value]) -> Result<Vec<Verdict>, Error> {
    ask(&["judge"], objects)
}

/// The same, with an entry of a Kustomization's `healthCheckExprs` beside kstatus.
///
/// # Errors
/// As [`judge`], and expressions that are none.
pub fn judge_with(expressions: &Value, objects: &[Value]) -> Result<Vec<Verdict>, Error> {
    ask(&["judge", &expressions.to_string()], objects)
}

/// What is wrong with objects of Flux's own kinds by its own types, in their order: a field that its controllers would pass over, for
/// one. Empty where nothing is.
///
/// # Errors
/// As [`judge`].
pub fn faults(objects: &[Value]) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Decoding {
        fault: String,
    }
    let decodings: Vec<Decoding> = ask(&["decode"], objects)?;
    Ok(decodings.into_iter().map(|decoding| decoding.fault).collect())
}

fn ask<T: DeserializeOwned>(arguments: &[&str], objects: &[Value]) -> Result<Vec<T>, Error> {
    let mut command = Command::new(JUDGE.find()?);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Error::Run)?;
    let lines = objects.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let input = child.stdin.take();
    let output = thread::scope(|scope| {
        scope.spawn(move || {
            if let Some(mut input) = input {
                // Broken by a judge that ends early, which then says why.
                let _ = input.write_all(lines.as_bytes());
            }
        });
        child.wait_with_output()
    })
    .map_err(Error::Run)?;
    if !output.status.success() {
        return Err(Error::Failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let answer = String::from_utf8_lossy(&output.stdout);
    Ok(answer.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}
