//! The command line and the environment: what the operator is told before it starts.
//!
//! Everything is checked here, so that what is wrong is said in one sentence before any work begins.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches};

use crate::duration;
use crate::scalingo::{CertificateAuthorities, Endpoints};

mod arguments;
mod sentence;
mod value;

use arguments::{Arguments, RunArguments, Subcommand};
pub use arguments::{ENVIRONMENT, LogFormat};

/// What the binary is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run the operator.
    Run(Box<Config>),
    /// Print the `CustomResourceDefinition` as YAML.
    Crd,
    /// Print this text, the answer to `--help` or `--version`.
    Print(String),
}

/// The configuration of a run, valid as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the Scalingo API and its token exchange are.
    pub endpoints: Endpoints,
    /// Scalingo region of each `LogDrain` that names none.
    pub region: String,
    /// Namespaces to watch, each once; all namespaces when empty.
    pub watch_namespaces: Vec<String>,
    /// How often the change feed is read; never where there is none.
    pub feed_interval: Option<Duration>,
    /// How often the drains of an app are listed whose changes the change feed does not show.
    pub resync: Duration,
    /// The same for an app whose changes it shows; not shorter.
    pub sweep_interval: Duration,
    /// How long an app or addon that is not found is waited for before its drains are taken for gone.
    pub gone_after: Duration,
    /// How many requests are sent with one API token within any 60 s at the most.
    pub requests_per_minute: usize,
    /// How many `LogDrain`s are reconciled at once, without those that people wait for.
    pub max_concurrent_reconciles: usize,
    /// How one of several operators is chosen; none where it works at once.
    pub election: Option<Election>,
    /// Where `/livez`, `/readyz` and `/metrics` are served.
    pub admin_address: SocketAddr,
    /// Certificate authorities to accept from the Scalingo API beside the system's.
    pub certificate_authorities: CertificateAuthorities,
    /// How log lines are written.
    pub log_format: LogFormat,
}

/// How one of several operators is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Election {
    /// Name of the Lease.
    pub name: String,
    /// Its namespace, if another than the operator's own.
    pub namespace: Option<String>,
    /// How long others wait for a leader that is not heard of.
    pub duration: Duration,
    /// After which time without renewal the leader ends.
    pub renew_deadline: Duration,
    /// How often it is renewed.
    pub retry_period: Duration,
}

/// What is wrong with the configuration: one sentence that says what to change. It never repeats a value that
/// could be a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// The command line, for the documents: every subcommand and flag with its help.
#[must_use]
pub fn definition() -> clap::Command {
    Arguments::command()
}

/// Reads a command line, the program's name first, and the environment.
///
/// # Errors
/// One sentence for whoever wrote the command line.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, ConfigError> {
    parse_with(definition(), arguments)
}

fn parse_with(
    mut definition: clap::Command,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, ConfigError> {
    let parsed = definition
        .try_get_matches_from_mut(arguments)
        .and_then(|mut matches| Arguments::from_arg_matches_mut(&mut matches));
    match parsed {
        Ok(Arguments { subcommand: Subcommand::Crd }) => Ok(Command::Crd),
        Ok(Arguments { subcommand: Subcommand::Run(run) }) => {
            Config::check(*run).map(Box::new).map(Command::Run)
        }
        Err(error) if !error.use_stderr() => Ok(Command::Print(error.to_string())),
        Err(error) => Err(ConfigError(sentence::of(&error, &definition))),
    }
}

impl Config {
    fn check(arguments: RunArguments) -> Result<Self, ConfigError> {
        let endpoints = Endpoints::parse(&arguments.api_url, &arguments.auth_url, arguments.allow_http)
            .map_err(|error| ConfigError(error.to_string()))?;
        if arguments.sweep_interval < arguments.resync {
            let resync = duration::shown(arguments.resync);
            return Err(ConfigError(format!(
                "--sweep-interval must not be shorter than --resync, which is {resync}: make one longer or the \
                 other shorter."
            )));
        }
        let election = Election {
            name: arguments.lease_name,
            namespace: arguments.lease_namespace,
            duration: arguments.lease_duration,
            renew_deadline: arguments.renew_deadline,
            retry_period: arguments.retry_period,
        };
        let election = (!arguments.no_leader_election).then(|| election.check()).transpose()?;
        let mut watch_namespaces = arguments.watch_namespace;
        watch_namespaces.sort_unstable();
        watch_namespaces.dedup();
        Ok(Self {
            endpoints,
            region: arguments.region,
            watch_namespaces,
            feed_interval: Some(arguments.feed_interval).filter(|interval| !interval.is_zero()),
            resync: arguments.resync,
            sweep_interval: arguments.sweep_interval,
            gone_after: arguments.gone_after,
            requests_per_minute: arguments.requests_per_minute,
            max_concurrent_reconciles: arguments.max_concurrent_reconciles,
            election,
            admin_address: arguments.admin_address,
            certificate_authorities: arguments.ca_file.unwrap_or_default(),
            log_format: arguments.log_format,
        })
    }
}

impl Election {
    /// What is left of the Lease once the leader has ended is for clocks that do not run equally fast; and a renewal may
    /// fail once or twice.
    fn check(self) -> Result<Self, ConfigError> {
        let is_checked = self.duration > self.renew_deadline && self.renew_deadline >= self.retry_period * 3;
        let [duration, deadline, period] =
            [self.duration, self.renew_deadline, self.retry_period].map(duration::shown);
        is_checked.then_some(self).ok_or_else(|| {
            ConfigError(format!(
                "--lease-duration ({duration}) must be longer than --renew-deadline ({deadline}), and that at least three \
                 times --retry-period ({period}): 15s, 10s and 2s are the defaults."
            ))
        })
    }
}

#[cfg(test)]
mod tests;
