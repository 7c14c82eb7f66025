//! The operator's binary, as a process of its own.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use control_plane::Supervised;

use crate::Error;

/// It promises to end within 25 s of being asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(27);

/// How it is run, but for the addresses.
const ARGUMENTS: &[&str] = &[
    "run",
    // After each kill it would wait for its predecessor.
    "--no-leader-election",
    "--admin-address=127.0.0.1:0",
    "--feed-interval=1s",
    // So that a few seconds show whether it is quiet.
    "--resync=2s",
    "--sweep-interval=4s",
    // Checks every 2 s are more than Scalingo allows.
    "--requests-per-minute=10000",
];

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
