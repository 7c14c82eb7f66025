//! Kills the operator again and again on a real control plane, and says which promises were broken:
//! `cargo run --release --example chaos -- --kills 1000`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use chaos::{Campaign, Error, Summary};
use clap::Parser;

/// Kills the operator again and again on a real control plane, while everything around it changes and fails.
#[derive(Parser)]
struct Arguments {
    /// How many operators run at once. Of several, one leads by a Lease; each time one of them is killed, asked to end, or
    /// halted for longer than its Lease.
    #[arg(long, default_value_t = 1)]
    replicas: usize,
    /// How often.
    #[arg(long, default_value_t = 30)]
    kills: u32,
    /// Of what happens, but not of the moments at which it does; a new one when absent.
    #[arg(long)]
    seed: Option<u64>,
    /// How many.
    #[arg(long, default_value_t = 50)]
    logdrains: usize,
    /// How many.
    #[arg(long, default_value_t = 10)]
    apps: usize,
    /// A directory for all that was seen: what each operator printed, each form of each `LogDrain`, all requests.
    #[arg(long)]
    evidence: Option<PathBuf>,
    /// Further arguments for each operator; with several, `--no-leader-election` has to be found out.
    #[arg(last = true)]
    further: Vec<String>,
}

fn main() -> ExitCode {
    let begun = Instant::now();
    match run(Arguments::parse()) {
        Ok(summary) => {
            println!("\n{summary}\n{:>9.0?} in all", begun.elapsed());
            if summary.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> Result<Summary, Error> {
    let Arguments { replicas, kills, seed, logdrains, apps, evidence, further: arguments } = arguments;
    println!("Building the operator, if it has changed …");
    let binary =
        control_plane::build_program(Path::new(env!("CARGO_MANIFEST_DIR")), "logdrain-operator", "chaos")?;
    let seed = seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    Campaign { replicas, arguments, kills, seed, logdrains, apps, evidence }
        .run(&binary, |line| println!("{line}"))
}
