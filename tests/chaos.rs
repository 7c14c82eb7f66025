//! The operator's binary on a real control plane keeps every promise while it is killed again and again, alone and as one of
//! two. `KILLS=200 SEED=7` kills it more often, and otherwise.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use chaos::{Campaign, Summary};

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Kills it so often, unless told otherwise; no promise may be broken.
fn kept(replicas: usize, kills: u64) -> Summary {
    let kills = u32::try_from(from_environment("KILLS", kills)).unwrap();
    let seed = from_environment("SEED", 1);
    let campaign =
        Campaign { replicas, arguments: Vec::new(), kills, seed, logdrains: 50, apps: 10, evidence: None };
    let binary = Path::new(env!("CARGO_BIN_EXE_logdrain-operator"));
    let summary = campaign.run(binary, |line| eprintln!("{line}")).unwrap();
    eprintln!("{summary}");
    assert_eq!(summary.broken, Vec::<String>::new());
    assert_eq!(summary.kills, kills);
    // It was not quiet all the time. How much more there was depends on how fast the machine is.
    let counted = ["kill: ", "change: ", "fault: "].map(|kind| (kind, summary.counted(kind)));
    for (what, count) in counted.into_iter().chain([("added", summary.added), ("deleted", summary.deleted)]) {
        assert!(count >= u64::from(kills), "{what}: {count}");
    }
    assert!(summary.counted("change: check requested") > 0);
    summary
}

#[test]
fn thirty_kills_break_no_promise() {
    kept(1, 30);
}

#[test]
fn ten_ends_of_one_of_two_break_no_promise() {
    let summary = kept(2, 10);
    let ends = ["end: killed: the leader", "end: asked to end: the leader", "end: halted"];
    let ends = ends.map(|end| (end, summary.counted(end)));
    assert!(ends.iter().all(|(_, count)| *count > 0), "{ends:?}");
    // After each of them another came to lead.
    let leaders: u64 = ends.iter().map(|(_, count)| count).sum();
    assert!(summary.lease_transitions as u64 >= leaders, "{summary}");
}
