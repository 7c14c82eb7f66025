//! The operator's binary, as a process of its own.

use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use control_plane::Supervised;
use scalingo_simulator::Server;

use crate::Error;
use crate::lead::machine;

/// Where it has its service account, and its Lease.
pub const NAMESPACE: &str = "logdrain-system";
/// Name of the Lease.
pub const LEASE: &str = "logdrain-operator";
/// How long others wait for a leader, as by default: a shorter one would be lost whenever the machine stands still for a moment.
pub const LEASE_DURATION: Duration = Duration::from_secs(15);

/// Longer than any end takes, on a slow machine.
const ENDS_WITHIN: Duration = Duration::from_secs(120);

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

/// One that is alone would wait for its predecessor after each kill.
const ALONE: &[&str] = &["--no-leader-election"];

const ONE_OF_MANY: &[&str] = &[
    "--lease-namespace=logdrain-system",
    "--lease-duration=15s",
    "--renew-deadline=10s",
    "--retry-period=1s",
];

/// A running operator; it is killed when this is dropped.
pub struct Operator {
    process: Supervised,
    number: u32,
    /// Its own way to Scalingo, by which its requests are told from those of others.
    server: Server,
}

/// What is left of one.
pub struct Ended {
    pub number: u32,
    /// Requests of its may be under way there.
    pub server: Server,
    pub output: String,
    /// None if it did not end when it should have, and was killed.
    pub status: Option<ExitStatus>,
}

impl Operator {
    /// Starts it, with further arguments. All it knows of the cluster is this kubeconfig.
    pub fn start(
        binary: &Path,
        kubeconfig: &Path,
        (number, server): (u32, Server),
        is_alone: bool,
        further: &[String],
    ) -> Result<Self, Error> {
        let mut command = Command::new(binary);
        command
            .args(ARGUMENTS)
            .args(if is_alone { ALONE } else { ONE_OF_MANY })
            .args(["--api-url", &server.url(), "--auth-url", &server.url()])
            .args(further)
            .env("KUBECONFIG", kubeconfig)
            .env("HOSTNAME", machine(number))
            .env("RUST_LOG", "info,logdrain_operator=trace");
        for variable in ["SCALINGO_REGION", "WATCH_NAMESPACE", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
            command.env_remove(variable).env_remove(variable.to_lowercase());
        }
        Ok(Self { process: Supervised::spawn(&command)?, number, server })
    }

    /// Which of all that were started.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Whether it has ended by itself, and how.
    pub fn ended(&self) -> Result<Option<String>, Error> {
        Ok(self.process.wait_exit(Duration::ZERO)?.map(|status| status.to_string()))
    }

    /// Whether it has printed this.
    pub fn has_said(&self, text: &str) -> bool {
        self.process.stderr().contains(text)
    }

    /// Ends it with `kill -9`.
    pub fn kill(self) -> Result<Ended, Error> {
        self.process.kill()?;
        self.end()
    }

    /// Ends it as Kubernetes does.
    pub fn stop(self) -> Result<Ended, Error> {
        self.process.terminate()?;
        self.end()
    }

    /// Halts it where it is.
    pub fn pause(&self) -> Result<(), Error> {
        Ok(self.process.pause()?)
    }

    /// Lets it go on, and waits for it to end by itself.
    pub fn wake(self) -> Result<Ended, Error> {
        self.process.resume()?;
        self.end()
    }

    fn end(self) -> Result<Ended, Error> {
        let status = self.process.wait_exit(ENDS_WITHIN)?;
        if status.is_none() {
            self.process.kill()?;
            self.process.wait_exit(ENDS_WITHIN)?;
        }
        let output = self.process.stdout() + &self.process.stderr();
        Ok(Ended { number: self.number, server: self.server, output, status })
    }
}

impl Ended {
    /// Whether it ended because it could not renew its Lease in time, as it promises: a machine that stands still brings that
    /// about.
    pub fn has_lost_its_lease(&self) -> bool {
        self.status.is_some_and(|status| status.code() == Some(1))
            && self.output.contains("could not be renewed for")
    }

    /// How it has ended, and what it has said last.
    pub fn how(&self) -> String {
        let status = self
            .status
            .map_or_else(|| format!("not within {} s", ENDS_WITHIN.as_secs()), |status| status.to_string());
        format!("{status}: {}", self.output.lines().last().unwrap_or("no word"))
    }
}
