//! Log lines, to standard error: what `RUST_LOG` asks for, as text or JSON.

use std::env;
use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::config::LogFormat;

const VARIABLE: &str = "RUST_LOG";
/// They write of an answer that they cannot read what they could not read, or all of it, and the answer may be a Secret:
/// nothing is taken from them below these levels. That a right is lacking, the latter would say at each try of a watch; the operator
/// says it once.
const LOG_BODIES: [(&str, Level); 2] =
    [("kube_client::client", Level::ERROR), ("kube_runtime::watcher", Level::ERROR)];
/// Its span says of each reconciliation what our own says, in more words.
const RECONCILE_SPAN: &str = "kube_runtime::controller";

/// Why there is no log; a sentence that says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TelemetryError {
    /// The variable does not parse.
    #[error("RUST_LOG cannot be read: write it like `info` or `info,logdrain_operator=debug`.")]
    Directives,
    /// Something else in this process has installed a subscriber.
    #[error("Logging is set up already: call this once in a process.")]
    Installed,
}

/// Sends log lines of the whole process to standard error, from now on.
///
/// # Errors
/// [`TelemetryError::Directives`] when `RUST_LOG` is malformed, [`TelemetryError::Installed`] the second time.
pub fn install(format: LogFormat) -> Result<(), TelemetryError> {
    let directives = match env::var(VARIABLE) {
        Ok(directives) => directives,
        Err(env::VarError::NotPresent) => String::new(),
        Err(env::VarError::NotUnicode(_)) => return Err(TelemetryError::Directives),
    };
    let is_coloured =
        io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    subscriber(format, &directives, is_coloured, io::stderr)?
        .try_init()
        .map_err(|_| TelemetryError::Installed)
}

fn subscriber<W>(
    format: LogFormat,
    directives: &str,
    is_coloured: bool,
    writer: W,
) -> Result<impl Subscriber + Send + Sync, TelemetryError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let wanted = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(directives)
        .map_err(|_| TelemetryError::Directives)?;
    // A standard error that is gone must not end the operator: complaining about it there would panic.
    let lines = fmt::layer().with_writer(writer).with_ansi(is_coloured).log_internal_errors(false);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        // For people: the message tells where it comes from.
        LogFormat::Text => lines.with_target(false).boxed(),
        // Not flattened: a field of an event may have the name of a key of the line.
        LogFormat::Json => lines.json().with_span_list(false).boxed(),
    };
    Ok(tracing_subscriber::registry().with(lines.with_filter(wanted.and(filter_fn(is_of_use)))))
}

fn is_of_use(metadata: &Metadata<'_>) -> bool {
    let may_hold_body =
        LOG_BODIES.iter().any(|(target, least)| metadata.target() == *target && metadata.level() > least);
    let repeats_ours = metadata.is_span() && metadata.target() == RECONCILE_SPAN;
    !may_hold_body && !repeats_ours
}

#[cfg(test)]
mod tests;
