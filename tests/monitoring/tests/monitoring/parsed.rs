//! Prometheus reads what the operator exposes, under the names that the rules and the dashboard use.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, join_all};
use logdrain_operator::metrics::{FAMILIES, FailureKind, Kind, Metrics, Snapshot, StatusClass};
use logdrain_operator::scalingo::{
    ApiToken, BudgetFigures, Client, Endpoints, Operation, Transport, TransportError,
};
use monitoring::Promtool;

/// How many requests may be sent in a minute.
const SLOTS: usize = 2;
/// How many are sent: half of them wait.
const REQUESTS: usize = 4;

/// Says each time that it cannot be done now.
struct Refusing;

impl Transport for Refusing {
    fn send(&self, _: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        async { Err(TransportError::TimedOut) }.boxed()
    }
}

/// The budget of a token with which some requests were sent at once, and some later.
async fn budgets() -> Vec<BudgetFigures> {
    let endpoints = Endpoints::parse("https://api.example.com", "https://auth.example.com", false).unwrap();
    let clock = Arc::new(|| jiff::Timestamp::UNIX_EPOCH);
    let client = Client::new(Arc::new(Refusing), endpoints, clock, SLOTS);
    let token = ApiToken::new("tk-us-secret").unwrap();
    let sent = (0..REQUESTS).map(|_| client.apps(&token, "osc-fr1"));
    assert!(join_all(sent).await.iter().all(Result::is_err));
    client.budgets([token.key()])
}

/// What an operator exposes that has counted something of everything.
async fn exposed() -> String {
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
        achieved_interval: [("sweep", Duration::from_millis(1500))].into(),
        oldest_check: [("resync", Duration::from_millis(1500))].into(),
        budgets: budgets().await,
        ..Snapshot::default()
    };
    metrics.expose(&snapshot).unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_series_arrives_under_its_name() {
    let exposed = exposed().await;
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
        .filter(|family| cfg!(target_os = "linux") || family.name.starts_with("logdrain_"))
        .flat_map(|family| {
            let suffixes: &[&str] =
                if family.kind == Kind::Histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
            suffixes.iter().map(|suffix| format!("{}{suffix}", family.name))
        })
        .collect();
    assert_eq!(names, expected.iter().map(String::as_str).collect());
}

/// The value of the series that begins with this and has all of these labels.
fn value(exposed: &str, name: &str, labels: &[&str]) -> f64 {
    let is_it =
        |line: &&str| line.starts_with(&format!("{name}{{")) && labels.iter().all(|it| line.contains(it));
    let found: Vec<&str> = exposed.lines().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{name} {labels:?}: {exposed}");
    found[0].rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_last_bucket_of_a_budget_holds_all_that_have_waited() {
    let exposed = exposed().await;
    let of = |suffix: &str, labels: &[&str]| {
        value(&exposed, &format!("logdrain_budget_wait_seconds{suffix}"), labels)
    };
    for class in [r#"class="interactive""#, r#"class="background""#] {
        let (all, count) = (of("_bucket", &[class, r#"le="+Inf""#]), of("_count", &[class]));
        assert!((all - count).abs() < f64::EPSILON, "{all} and not {count}: {exposed}");
    }
    let waited = of("_bucket", &[r#"class="interactive""#, r#"le="+Inf""#]);
    let at_once = of("_bucket", &[r#"class="interactive""#, r#"le="1.0""#]);
    assert!(0.0 < at_once && at_once < waited, "some are sent at once, and some have waited: {exposed}");
}
