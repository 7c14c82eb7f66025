//! The main job with nothing installed: `cargo run --example quickstart`.
//!
//! A real Kubernetes control plane, the real operator as the service account of `deploy/`, and a simulated Scalingo, for a
//! tour from `kubectl apply` to drains and back. `-- --exit` ends after the tour, with status 0 or with 1 and the reason.

mod operator;
mod requests;
mod screen;
mod setting;
mod stop;
mod table;
mod tour;

use std::{process::ExitCode, time::Instant};

use clap::Parser;

use crate::{operator::complain, screen::Screen, setting::Setting, stop::Stop, tour::Tour};

/// What a shell says of a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;

#[derive(Parser)]
#[command(
    name = "quickstart",
    about = "Shows the LogDrain operator at work, between a real Kubernetes control plane and a simulated Scalingo",
    max_term_width = 100
)]
struct Arguments {
    /// End after the tour instead of staying: with status 0, or 1 and the reason
    #[arg(long)]
    exit: bool,
}

fn main() -> ExitCode {
    let Arguments { exit } = Arguments::parse();
    match run(exit) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Interrupted) => ExitCode::from(INTERRUPTED),
        // Whoever reads, `head` for one, has had enough.
        Err(Stop::NoReader) => ExitCode::FAILURE,
        Err(Stop::Failed(reason)) => {
            complain(&format!("\nquickstart: {reason}"));
            ExitCode::FAILURE
        }
    }
}

fn run(exit: bool) -> Result<(), Stop> {
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Stop::failed(format!("threads cannot be started: {error}")))?;
    let mut screen = Screen::new();
    let setting = Setting::start(&runtime, &mut screen)?;
    let mut tour = Tour { setting: &setting, screen: &mut screen };
    let shown = tour.show();
    if shown.is_ok() && !exit {
        tour.by_hand()?;
        match tour.stay() {
            Err(Stop::Interrupted) => {}
            ended => return ended,
        }
    }
    if matches!(shown, Err(Stop::NoReader)) {
        return shown;
    }
    screen.line("\nEnding the operator, Scalingo and the control plane …")?;
    let stopped = setting.stop();
    let end = match (&shown, &stopped) {
        (Ok(()), Ok(())) => "Done",
        (Err(Stop::Interrupted), Ok(())) => "Interrupted",
        _ => "Failed",
    };
    screen.line(&format!("{end} after {:.0} s; nothing is left behind.", begun.elapsed().as_secs_f32()))?;
    shown.and(stopped)?;
    if exit {
        screen.line("Without --exit everything stays up, to go on by hand.")?;
    }
    Ok(())
}
