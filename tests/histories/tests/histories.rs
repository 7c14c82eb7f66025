//! Random histories keep every promise. `HISTORIES=20000 SEED=7` runs others.

use std::sync::Arc;

use histories::{Campaign, Digester, History};

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
    // What nobody meets breaks no promise.
    for what in [
        "two operators, one Lease",
        "lease: not renewed in time",
        "cut off from Kubernetes: one",
        "cut off from Kubernetes: all",
        "clock wrong by minutes",
        "clock wrong by hours",
        "an app hidden from a token",
        "lists lag: All",
        "lists lag: Some",
        "lists lag: First",
    ] {
        let times = summary.counts.get(what).copied().unwrap_or_default();
        assert!(times > count / 100, "{what}: {times}");
    }
}

#[test]
fn a_seed_gives_the_same_steps_each_time_and_another_gives_others() {
    for seed in 0..20 {
        assert_eq!(History::of(seed), History::of(seed));
        assert_ne!(History::of(seed).steps, History::of(seed + 1).steps);
    }
}

#[test]
fn a_seed_gives_the_same_course_each_time() {
    let digester = Arc::new(Digester::default());
    let begin = from_environment("SEED", 1);
    for seed in begin..begin + from_environment("COURSES", 30) {
        let history = History::of(seed);
        let (verdict, journal) = history.run_with_journal(&digester);
        let (verdict_again, journal_again) = history.run_with_journal(&digester);
        let differs = journal.iter().zip(&journal_again).position(|(one, other)| one != other);
        if let Some(line) = differs {
            let before = journal[line.saturating_sub(3)..line].join("\n  ");
            panic!(
                "seed {seed}: after\n  {before}\nonce\n  {}\nthen\n  {}",
                journal[line], journal_again[line]
            );
        }
        assert_eq!(journal.len(), journal_again.len(), "seed {seed}");
        assert_eq!(verdict, verdict_again, "seed {seed}");
    }
}
