//! Command line of the operator.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use logdrain_operator::config::{self, Command, Config};
use logdrain_operator::exit::Exit;
use logdrain_operator::{crd, run, telemetry};

/// Work that cannot be interrupted, a digest, is over long before.
const BLOCKING_WORK: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    match config::parse(std::env::args_os()) {
        Ok(Command::Run(config)) => operate(*config),
        Ok(Command::Crd) => match crd::yaml() {
            Ok(yaml) => print(&yaml),
            Err(error) => fail(Exit::Failed, &error),
        },
        Ok(Command::Print(text)) => print(&text),
        Err(error) => fail(Exit::Misconfigured, &error),
    }
}

fn operate(config: Config) -> ExitCode {
    if let Err(error) = telemetry::install(config.log_format) {
        return fail(Exit::Misconfigured, &error);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return fail(Exit::Failed, &format!("The operator cannot be started: {error}."));
        }
    };
    let outcome = runtime.block_on(run::run(config));
    runtime.shutdown_timeout(BLOCKING_WORK);
    match outcome {
        Ok(()) => ExitCode::from(Exit::Done.status()),
        Err(error) => fail(Exit::Failed, &error),
    }
}

fn print(text: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads, `head` for one, has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(Exit::Failed, &format!("Standard output cannot be written: {error}.")),
    }
}

fn fail(exit: Exit, sentence: &impl Display) -> ExitCode {
    let text = sentence.to_string();
    // On further lines a YAML parser quotes the file that it cannot read: a kubeconfig, with its token.
    let line = text.lines().next().unwrap_or_default();
    // Nobody is left to tell when standard error is gone too.
    let _ = writeln!(io::stderr(), "logdrain-operator: {line}");
    ExitCode::from(exit.status())
}
