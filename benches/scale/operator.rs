//! The operator's binary as a process of its own, and what the kernel says of it.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use control_plane::Supervised;
use regex::Regex;
use tokio::task::block_in_place;
use tokio::time::sleep;

use crate::missing::{Measured, Missing};
use crate::world::{OPERATORS, World};

/// Longer than any start or end takes.
const SOON: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);

/// With a budget that Scalingo does not grant, so that the processor and not the budget is measured.
pub const WITHOUT_A_LIMIT: &[&str] = &["--requests-per-minute=10000", "--feed-interval=1s"];
/// With Scalingo's limit in mind, as by default.
pub const WITHIN_THE_LIMIT: &[&str] = &["--requests-per-minute=50"];

/// A running operator; it is killed when this is dropped.
pub struct Operator {
    process: Supervised,
    started: Instant,
}

impl Operator {
    /// Starts it on a world, to lead without election, and waits until its caches are full.
    ///
    /// # Errors
    /// When it ends, or is not ready within two minutes.
    pub async fn start(world: &World, arguments: &[&str]) -> Measured<Self> {
        Self::run(world, &[&["--no-leader-election"], arguments].concat()).await
    }

    /// The same of one that stands by: another holds the Lease.
    ///
    /// # Errors
    /// When the Lease cannot be written, and as above.
    pub async fn stand_by(world: &World) -> Measured<Self> {
        world.take_lease().await?;
        Self::run(world, &[&format!("--lease-namespace={OPERATORS}")]).await
    }

    async fn run(world: &World, arguments: &[&str]) -> Measured<Self> {
        let mut command = Command::new(&world.binary);
        command
            .args(["run", "--admin-address=127.0.0.1:0"])
            .args(["--api-url", &world.scalingo(), "--auth-url", &world.scalingo()])
            .args(arguments)
            .env("KUBECONFIG", &world.kubeconfig);
        for variable in ["RUST_LOG", "SCALINGO_REGION", "WATCH_NAMESPACE", "CA_FILE"] {
            command.env_remove(variable);
        }
        let process = block_in_place(|| Supervised::spawn(&command))?;
        let operator = Self { process, started: Instant::now() };
        while !operator.is_ready() {
            if let Some(status) = operator.process.wait_exit(Duration::ZERO)? {
                return Err(Missing(format!(
                    "the operator has ended with {status}: {}",
                    operator.last_word()
                )));
            }
            if operator.started.elapsed() > SOON {
                return Err(Missing("the operator does not become ready".to_owned()));
            }
            sleep(POLL).await;
        }
        Ok(operator)
    }

    /// Ends it as Kubernetes does.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(self) -> Measured<()> {
        self.process.terminate()?;
        let ended = block_in_place(|| self.process.wait_exit(SOON))?;
        ended.map(drop).ok_or_else(|| Missing("the operator does not end".to_owned()))
    }

    /// How long ago it was started.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Processor time so far, of all its threads, to 10 ms.
    ///
    /// # Errors
    /// When it has ended.
    pub fn processor(&self) -> Measured<Duration> {
        processor(&format!("/proc/{}/stat", self.process.pid()))
    }

    /// The most memory that was resident since the start, or since [`Self::forget_peak`]: in KiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn peak(&self) -> Measured<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|value| value.trim().trim_end_matches(" kB").parse().ok());
        number.ok_or_else(|| Missing("the kernel tells no VmHWM".to_owned()))
    }

    /// Begins a new peak with what is resident now.
    ///
    /// # Errors
    /// When it has ended.
    pub fn forget_peak(&self) -> Measured<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.process.pid()), "5")?)
    }

    fn is_ready(&self) -> bool {
        let answer = block_in_place(|| self.ask("/readyz"));
        answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    fn ask(&self, path: &str) -> io::Result<String> {
        let printed = Regex::new(r#"admin"?[=:]"?(127\.0\.0\.1:[0-9]+)"#).map_err(io::Error::other)?;
        let output = self.process.stdout() + &self.process.stderr();
        let address = printed.captures(&output).ok_or(io::ErrorKind::NotConnected)?[1].to_owned();
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(SOON))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn last_word(&self) -> String {
        self.process.stderr().lines().last().unwrap_or("no word").to_owned()
    }
}

/// Processor time of this thread so far, to 10 ms.
///
/// # Errors
/// Where there is no `/proc`.
pub fn of_this_thread() -> Measured<Duration> {
    processor("/proc/thread-self/stat")
}

/// User and system time; Linux tells both in hundredths of a second.
fn processor(path: &str) -> Measured<Duration> {
    let stat = fs::read_to_string(path)?;
    // The name of the program, in parentheses, may hold spaces.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: Vec<u64> =
        fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    match ticks[..] {
        [user, system] => Ok(Duration::from_millis((user + system) * 10)),
        _ => Err(Missing(format!("{path} tells no processor time"))),
    }
}
