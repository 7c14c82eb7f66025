//! Runs random histories of the operator in virtual time, and says which promises were broken:
//! `cargo run --release --example histories -- --count 100000 --seed 1 --jobs 2`.

#![expect(clippy::print_stdout, reason = "a command line tool")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use clap::Parser;
use histories::Campaign;

/// Random histories of the operator, in virtual time.
#[derive(Parser)]
struct Arguments {
    /// How many.
    #[arg(long, default_value_t = 2000)]
    count: u64,
    /// Seed of the first; the others follow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// No more are begun after so many that broke a promise.
    #[arg(long, default_value_t = 10)]
    most_failures: usize,
}

fn main() -> ExitCode {
    let Arguments { count, seed, jobs, most_failures } = Arguments::parse();
    let begun = Instant::now();
    let campaign = Campaign { seed, count, jobs, sabotage: None, most_failures };
    let told = AtomicUsize::new(0);
    let summary = campaign.run(|so_far| {
        let (done, broken) = (so_far.histories, so_far.failures.len());
        for failure in so_far.failures.iter().skip(told.swap(broken, Ordering::Relaxed)) {
            println!("\n{failure}");
        }
        println!("{done} of {count} histories, {broken} broken, after {:.0?}", begun.elapsed());
    });
    println!("\n{summary}, in {:.1?}", begun.elapsed());
    if summary.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
