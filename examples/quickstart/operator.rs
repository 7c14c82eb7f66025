//! The operator: the real binary, as a process of its own.

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use control_plane::Supervised;
use serde_json::Value;

use crate::stop::Stop;

const NAME: &str = "logdrain-operator";
/// The operator promises to end within 25 s of being asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(27);
/// How many lines of its log explain a failure.
const TAIL: usize = 15;

/// Builds the binary as it is in the sources now, and gives its path. Cargo knows whether there is anything to do.
pub fn build(repository: &Path) -> Result<PathBuf, Stop> {
    let cargo =
        env::var_os("CARGO").filter(|cargo| !cargo.is_empty()).unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(&cargo);
    command
        .current_dir(repository)
        // With the example named as well, both share the dependencies that were just built for it.
        .args(["build", "--quiet", "--bin", NAME, "--example", "quickstart", "--profile", &profile()])
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
    let output = command.output().map_err(|error| {
        let cargo = cargo.display();
        Stop::failed(format!("{cargo} cannot be run to build the operator ({error}): start the quickstart with `cargo run --example quickstart`"))
    })?;
    if !output.status.success() {
        return Err(Stop::failed(format!("the operator could not be built ({}): see above", output.status)));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == NAME)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| Stop::failed("Cargo built the operator and did not say where it is"))
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
    pub fn start(binary: &Path, kubeconfig: &Path, scalingo: &str, resync: &str) -> Result<Self, Stop> {
        let mut command = Command::new(binary);
        command
            .args(["run", "--admin-address", "127.0.0.1:0", "--resync", resync])
            .args(["--api-url", scalingo, "--auth-url", scalingo])
            .env("KUBECONFIG", kubeconfig);
        // Neither what a user has configured for a real one, nor a proxy on the way to this machine itself.
        for variable in ["SCALINGO_REGION", "WATCH_NAMESPACE", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
            command.env_remove(variable).env_remove(variable.to_lowercase());
        }
        Ok(Self(Supervised::spawn(&command)?))
    }

    /// Where its log is, as long as it runs.
    pub fn log(&self) -> &Path {
        self.0.stderr_path()
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        let log = self.0.stderr();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }

    /// An error if it has ended.
    pub fn is_running(&self) -> Result<(), Stop> {
        match self.0.wait_exit(Duration::ZERO)? {
            None => Ok(()),
            Some(status) => Err(Stop::failed(format!(
                "the operator has ended by itself ({status}). Its log ends:\n{}",
                self.log_tail()
            ))),
        }
    }

    /// Ends it as Kubernetes does.
    pub fn stop(self) -> Result<(), Stop> {
        self.0.terminate()?;
        match self.0.wait_exit(ENDS_WITHIN)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(Stop::failed(format!(
                "the operator did not end well ({status}). Its log ends:\n{}",
                self.log_tail()
            ))),
            None => Err(Stop::failed(format!(
                "the operator was still running {} s after SIGTERM. Its log ends:\n{}",
                ENDS_WITHIN.as_secs(),
                self.log_tail()
            ))),
        }
    }
}

/// Past buffers: a line for people while something takes long.
pub fn complain(text: &str) {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}
