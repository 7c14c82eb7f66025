//! Random histories keep every promise. `HISTORIES=20000 SEED=7` runs others.

use histories::{Campaign, History};

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn two_thousand_histories_keep_every_promise() {
    let (seed, count) = (from_environment("SEED", 1), from_environment("HISTORIES", 2000));
    let jobs = std::thread::available_parallelism().map_or(2, usize::from);
    let summary = Campaign { seed, count, jobs, sabotage: None, most_failures: 3 }.run(|_| {});
    for failure in &summary.failures {
        eprintln!("{failure}");
    }
    eprintln!("{summary}");
    assert!(summary.failures.is_empty(), "{} histories broke a promise", summary.failures.len());
    assert_eq!(summary.histories, count);
}

#[test]
fn a_seed_gives_the_same_steps_each_time_and_another_gives_others() {
    for seed in 0..20 {
        assert_eq!(History::of(seed), History::of(seed));
        assert_ne!(History::of(seed).steps, History::of(seed + 1).steps);
    }
}
