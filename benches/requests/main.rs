//! What the operator asks of Scalingo, in virtual time and by the simulator's journal: `cargo bench --bench requests`.
//!
//! Nothing of this machine is measured. The controller and the client are the real ones; Kubernetes and Scalingo are in memory,
//! and the clock is that of tokio, paused. Ends with 1 when a goal is missed.

#![expect(clippy::print_stdout, reason = "a command line tool")]

mod figures;
mod journal;
mod operator;
mod table;
mod world;

use std::process::ExitCode;

use clap::Parser;

use figures::{Scale, measure};
use table::Table;

/// What the operator asks of Scalingo, in virtual time.
#[derive(Parser)]
struct Arguments {
    /// Apps, with three drains each.
    #[arg(long, default_value_t = 1_000)]
    apps: usize,
    /// How long a steady state is looked at.
    #[arg(long, default_value_t = 24)]
    hours: u32,
    /// How many drains are removed by hand in that time.
    #[arg(long, default_value_t = 200)]
    drifts: usize,
    /// How many changes people make.
    #[arg(long, default_value_t = 20)]
    changes: usize,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let Arguments { apps, hours, drifts, changes, bench: _ } = Arguments::parse();
    let installations = [1, 100, 1_000].into_iter().filter(|size| *size < apps).collect();
    let scale = Scale { installations, apps: apps.max(1), hours: hours.max(1), drifts, changes };
    let figures = match measure(&scale) {
        Ok(figures) => figures,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let table = Table::new(&figures, scale.hours);
    println!(
        "Scalingo allows {} requests a minute, the operator sends at most {}. A request to Scalingo takes {} ms there and as \
         long back, one to the Kubernetes API {} ms.\n",
        world::ALLOWED_PER_MINUTE,
        operator::REQUESTS_PER_MINUTE,
        operator::ONE_WAY.as_millis(),
        operator::KUBERNETES.as_millis(),
    );
    println!("{table}");
    match table.missed().len() {
        0 => {
            println!("All goals are reached.");
            ExitCode::SUCCESS
        }
        missed => {
            println!("Missed: {missed} of {}.", table.rows.len());
            ExitCode::FAILURE
        }
    }
}
