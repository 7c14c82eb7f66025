//! The operator: the real binary, as a process of its own.

use std::{
    io::{self, Write},
    path::Path,
    process::Command,
    time::Duration,
};

use control_plane::Supervised;

use crate::stop::Stop;

/// The operator promises to end within 25 s of being asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(27);
/// How many lines of its log explain a failure.
const TAIL: usize = 15;

/// A running operator; it is killed when this is dropped.
pub struct Operator(Supervised);

impl Operator {
    /// Starts it. All it knows of the cluster is this kubeconfig.
    pub fn start(binary: &Path, kubeconfig: &Path, scalingo: &str, resync: &str) -> Result<Self, Stop> {
        let mut command = Command::new(binary);
        command
            .args(["run", "--no-leader-election", "--admin-address", "127.0.0.1:0", "--resync", resync])
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
