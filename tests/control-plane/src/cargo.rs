//! Builds a program of the workspace for an example that runs it.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value;

/// Why a program could not be built.
#[derive(Debug, thiserror::Error)]
pub enum CargoError {
    /// Cargo cannot be run.
    #[error("{cargo} cannot be run to build {program} ({error}): start this with `cargo run --example`")]
    Run {
        /// What was run.
        cargo: String,
        /// What was to be built.
        program: String,
        /// Why not.
        error: io::Error,
    },
    /// Cargo has failed, and has said why.
    #[error("{program} could not be built ({status}): see above")]
    Failed {
        /// What was to be built.
        program: String,
        /// How Cargo ended.
        status: ExitStatus,
    },
    /// Cargo has not said where the program is.
    #[error("Cargo built {0} and did not say where it is")]
    Silent(String),
}

/// Builds a program as it is in the sources now, with the profile of the example that asks for it, and gives its path.
/// Cargo knows whether there is anything to do.
///
/// # Errors
/// When Cargo cannot be run, or fails.
pub fn build_program(repository: &Path, program: &str, example: &str) -> Result<PathBuf, CargoError> {
    let named = env::var_os("CARGO").filter(|cargo| !cargo.is_empty());
    let cargo = named.unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(&cargo);
    command
        .current_dir(repository)
        // With the example named as well, both share the dependencies that were just built for it.
        .args(["build", "--quiet", "--bin", program, "--example", example, "--profile", &profile()])
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    // `cargo run` describes the example's package in these; build scripts that look at them would run again each time.
    for (variable, _) in env::vars_os() {
        let name = variable.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&variable);
        }
    }
    let output = command.output().map_err(|error| CargoError::Run {
        cargo: cargo.display().to_string(),
        program: program.to_owned(),
        error,
    })?;
    if !output.status.success() {
        return Err(CargoError::Failed { program: program.to_owned(), status: output.status });
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == program)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| CargoError::Silent(program.to_owned()))
}

/// The profile that this example was built with: its directory is called after it, `debug` for `dev`.
fn profile() -> String {
    let executable = env::current_exe().unwrap_or_default();
    let examples = executable.parent().filter(|directory| directory.ends_with("examples"));
    let directory = examples.and_then(Path::parent).and_then(Path::file_name).and_then(|name| name.to_str());
    directory.filter(|name| *name != "debug").unwrap_or("dev").to_owned()
}
