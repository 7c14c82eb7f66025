//! What the operator takes with 500, 2,000 and 10,000 `LogDrain`s: `cargo bench --bench scale`.
//!
//! The API server and the binary of the image are the real ones; Scalingo is simulated in this process. Ratios and counts
//! decide, so that a slow machine may measure too; absolute times are printed for orientation. Ends with 1 when a goal is missed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

mod goals;
mod image;
mod missing;
mod operator;
mod population;
mod resources;
mod scenario;
mod table;
mod world;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};

use scenario::{Scenario, measure};
use world::Plan;

/// What the operator takes with thousands of `LogDrain`s, on a real API server.
#[derive(Parser)]
struct Arguments {
    /// How many, one after the other. Five are of one app.
    #[arg(long, value_delimiter = ',', default_values_t = [500, 2_000, 10_000])]
    counts: Vec<usize>,
    /// Runs these parts alone. What is not run has no verdict.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Seconds that each part may take with each count.
    #[arg(long, default_value_t = 400)]
    limit: u64,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let begun = Instant::now();
    let Arguments { mut counts, mut only, limit, bench: _ } = Arguments::parse();
    counts.sort_unstable();
    counts.dedup();
    if only.is_empty() {
        only = Scenario::value_variants().to_vec();
    }
    logdrain_operator::scalingo::install_crypto_provider();
    eprintln!("… building the operator as it is in the image, if it has changed");
    let figures = image::binary().and_then(|binary| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let plan = |count| Plan { binary: binary.clone(), count, limit: Duration::from_secs(limit) };
        let last = counts.last().copied().unwrap_or_default();
        // People overtake the largest rollout: with each count it would take minutes.
        let parts =
            |count| only.iter().copied().filter(move |part| count == last || *part != Scenario::Overtake);
        let all = counts.iter().map(|count| {
            let parts: Vec<Scenario> = parts(*count).collect();
            runtime.block_on(measure(&plan(*count), &parts))
        });
        Ok(all.collect::<Vec<_>>())
    });
    let figures = match figures {
        Ok(figures) => figures,
        Err(missing) => {
            eprintln!("scale: {missing}");
            return ExitCode::from(2);
        }
    };
    let table = goals::table(&figures);
    println!("{table}");
    eprintln!("{:.0?} in all", begun.elapsed());
    let missed = table.missed();
    if missed == 0 {
        println!("All goals that were run are reached.");
        ExitCode::SUCCESS
    } else {
        println!("Missed: {missed} of {}.", table.judged());
        ExitCode::FAILURE
    }
}
