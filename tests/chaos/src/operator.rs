//! The operator's binary, as a process of its own.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use control_plane::Supervised;
use serde_json::Value;

use crate::Error;

const NAME: &str = "logdrain-operator";
/// It promises to end within 25 s of being asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(27);

/// How it is run, but for the addresses.
const ARGUMENTS: &[&str] = &[
    "run",
    "--admin-address=127.0.0.1:0",
    "--feed-interval=1s",
    // So that a few seconds show whether it is quiet.
    "--resync=2s",
    "--sweep-interval=4s",
    // Checks every 2 s are more than Scalingo allows.
    "--requests-per-minute=10000",
];

/// Builds the binary as it is in the sources now, with the profile of the example that asks for it, and gives its path.
///
/// # Errors
/// When Cargo cannot be run, or fails.
pub fn build(repository: &Path, example: &str) -> Result<PathBuf, Error> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(&cargo);
    command
        .current_dir(repository)
        // With the example named as well, both share the dependencies that were just built for it.
        .args(["build", "--quiet", "--bin", NAME, "--example", example, "--profile", &profile()])
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
    let output = command.output().map_err(Error::io("run cargo"))?;
    if !output.status.success() {
        return Err(Error::Build(format!("cargo ended with {}", output.status)));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == NAME)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| Error::Build("cargo did not say where it is".into()))
}

/// The profile that this example was built with: its directory is called after it, `debug` for `dev`.
fn profile() -> String {
    let executable = env::current_exe().unwrap_or_default();
    let examples = executable.parent().filter(|directory| directory.ends_with("examples"));
    let directory = examples.and_then(Path::parent).and_then(Path::file_name).and_then(|name| name.to_str());
    directory.filter(|name| *name != "debug").unwrap_or("dev").to_owned()
}

/// A running operator; it is killed when this is dropped.
pub struct Operator(Supervised);

impl Operator {
    /// Starts it. All it knows of the cluster is this kubeconfig.
    pub fn start(binary: &Path, kubeconfig: &Path, scalingo: &str) -> Result<Self, Error> {
        let mut command = Command::new(binary);
        command
            .args(ARGUMENTS)
            .args(["--api-url", scalingo, "--auth-url", scalingo])
            .env("KUBECONFIG", kubeconfig)
            .env("RUST_LOG", "info,logdrain_operator=trace");
        for variable in ["SCALINGO_REGION", "WATCH_NAMESPACE", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
            command.env_remove(variable).env_remove(variable.to_lowercase());
        }
        Ok(Self(Supervised::spawn(&command)?))
    }

    /// Whether it has ended by itself, and how.
    pub fn ended(&self) -> Result<Option<String>, Error> {
        Ok(self.0.wait_exit(Duration::ZERO)?.map(|status| status.to_string()))
    }

    /// Ends it with `kill -9`, and gives what it has printed.
    pub fn kill(self) -> Result<String, Error> {
        self.0.kill()?;
        // A process that is killed ends as soon as the kernel gets to it.
        self.0.wait_exit(Duration::from_secs(60))?;
        Ok(self.output())
    }

    /// Ends it as Kubernetes does; gives what it has printed and, unless it ended well, how it ended.
    pub fn stop(self) -> Result<(String, Option<String>), Error> {
        self.0.terminate()?;
        let end = match self.0.wait_exit(ENDS_WITHIN)? {
            Some(status) if status.success() => None,
            Some(status) => Some(status.to_string()),
            None => Some(format!("not within {} s", ENDS_WITHIN.as_secs())),
        };
        Ok((self.output(), end))
    }

    fn output(&self) -> String {
        self.0.stdout() + &self.0.stderr()
    }
}
