//! The operator's binary on a real control plane keeps every promise while it is killed again and again. `KILLS=200 SEED=7`
//! kills it more often, and otherwise.

use std::path::Path;

use chaos::Campaign;

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn thirty_kills_break_no_promise() {
    let kills = u32::try_from(from_environment("KILLS", 30)).unwrap();
    let seed = from_environment("SEED", 1);
    let campaign =
        Campaign { replicas: 1, arguments: Vec::new(), kills, seed, logdrains: 50, apps: 10, evidence: None };
    let binary = Path::new(env!("CARGO_BIN_EXE_logdrain-operator"));
    let summary = campaign.run(binary, |line| eprintln!("{line}")).unwrap();
    eprintln!("{summary}");
    assert_eq!(summary.broken, Vec::<String>::new());
    assert_eq!(summary.kills, kills);
    // It was not quiet all the time.
    for kind in ["kill: ", "change: ", "fault: "] {
        assert!(summary.counted(kind) >= u64::from(kills), "{kind}");
    }
    assert!(summary.added >= 50 && summary.deleted >= 50);
}
