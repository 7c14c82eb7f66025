//! Prometheus reads what the operator exposes, under the names that the rules and the dashboard use.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use logdrain_operator::metrics::{FAMILIES, FailureKind, Kind, Metrics, Snapshot, StatusClass};
use logdrain_operator::scalingo::Operation;
use monitoring::Promtool;

/// What an operator exposes that has counted something of everything, and knows no API token yet.
fn exposed() -> String {
    let metrics = Metrics::default();
    metrics.error(FailureKind::ChangeFeed);
    metrics.scalingo_request(Operation::ListDrains, StatusClass::Success, Duration::from_millis(40));
    let some = Some(Duration::from_millis(1500));
    let snapshot = Snapshot {
        leads: true,
        watches: [(("logdrain", true), 1)].into(),
        logdrains: Some([(("True", "Synced"), 3), (("False", "Rejected"), 0)].into()),
        drains: Some(3),
        feed_age: some,
        achieved_interval: some,
        oldest_check: some,
        ..Snapshot::default()
    };
    metrics.expose(&snapshot).unwrap()
}

#[test]
fn each_series_arrives_under_its_name() {
    let exposed = exposed();
    // promtool fills a database from a file, of which it wants the times.
    let timed: Vec<String> = exposed
        .lines()
        .map(|line| if line.starts_with('#') { line.to_owned() } else { format!("{line} 1700000000") })
        .collect();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("exposed.txt"), timed.join("\n") + "\n").unwrap();
    let promtool = Promtool::find().unwrap();
    let arguments = ["tsdb", "create-blocks-from", "openmetrics", "exposed.txt", "database"];
    promtool.run(directory.path(), arguments).unwrap().unwrap_or_else(|said| panic!("{said}\n{exposed}"));
    // Of samples that wait to be written there are none.
    fs::create_dir_all(directory.path().join("database/wal")).unwrap();
    let dumped = promtool.run(directory.path(), ["tsdb", "dump", "database"]).unwrap().unwrap();

    let series = exposed.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(dumped.lines().count(), series, "{dumped}");
    let names: BTreeSet<&str> = dumped
        .lines()
        .map(|line| line.split_once("__name__=\"").unwrap().1.split_once('"').unwrap().0)
        .collect();
    let expected: BTreeSet<String> = FAMILIES
        .iter()
        .filter(|family| !family.name.starts_with("logdrain_budget_"))
        .filter(|family| cfg!(target_os = "linux") || family.name.starts_with("logdrain_"))
        .flat_map(|family| {
            let suffixes: &[&str] =
                if family.kind == Kind::Histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
            suffixes.iter().map(|suffix| format!("{}{suffix}", family.name))
        })
        .collect();
    assert_eq!(names, expected.iter().map(String::as_str).collect());
}
