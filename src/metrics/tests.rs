use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;

/// The families of an exposition, with type, help and names of labels; checks that it is OpenMetrics on the way.
fn families(text: &str) -> BTreeMap<String, (String, String, BTreeSet<String>)> {
    let body = text.strip_suffix("# EOF\n").expect("an end");
    let mut families = BTreeMap::new();
    let mut name = String::new();
    for line in body.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (family, help) = help.split_once(' ').expect("a help");
            name = family.to_owned();
            let before = families.insert(name.clone(), (String::new(), help.to_owned(), BTreeSet::new()));
            assert_eq!(before, None, "{name} is there once");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let kind = kind.strip_prefix(&format!("{name} ")).expect("of the same family");
            families.get_mut(&name).expect("a family").0 = kind.to_owned();
        } else if let Some(unit) = line.strip_prefix("# UNIT ") {
            let unit = unit.strip_prefix(&format!("{name} ")).expect("of the same family");
            assert!(name.ends_with(&format!("_{unit}")), "{name} has the unit {unit}");
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let (sample, labels) = series.split_once('{').unwrap_or((series, "}"));
            let family = families.get_mut(&name).expect("a family");
            let suffixes: &[&str] = match family.0.as_str() {
                "counter" => &["_total"],
                "info" => &["_info"],
                "histogram" => &["_sum", "_count", "_bucket"],
                _ => &[""],
            };
            assert!(suffixes.iter().any(|suffix| sample == format!("{name}{suffix}")), "{line} in {name}");
            let labels = labels.strip_suffix('}').expect("an end of the labels").split(',');
            let labels = labels.filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
            family.2.extend(labels.filter(|label| label != "le"));
        }
    }
    families
}

/// As it is exposed, without what the encoder adds.
fn exposed_name(family: &Description) -> &'static str {
    family.name.trim_end_matches("_total").trim_end_matches("_info")
}

#[tokio::test(start_paused = true)]
async fn every_family_is_exposed_as_it_is_described_and_no_other() {
    let metrics = Metrics::default();
    metrics.error(FailureKind::AnswerLost);
    metrics.scalingo_request(Operation::ListApps, StatusClass::Success, Duration::from_millis(40));
    drop(metrics.reconcile(|| Duration::ZERO));
    let budgets = budgets().await;
    let snapshot = Snapshot {
        leads: true,
        watches: [(("logdrain", true), 1)].into(),
        logdrains: Some([(("True", "Synced"), 2)].into()),
        drains: Some(2),
        budgets,
        feed_age: Some(Duration::from_secs(3)),
        achieved_interval: [("sweep", Duration::from_secs(4))].into(),
        oldest_check: [("resync", Duration::from_secs(5))].into(),
        ..Snapshot::default()
    };
    let text = metrics.expose(&snapshot).unwrap();
    let mut exposed = families(&text);
    for family in FAMILIES {
        let found = exposed.remove(exposed_name(family));
        let labels: BTreeSet<String> = family.labels.iter().map(|label| (*label).to_owned()).collect();
        let described = (family.kind.to_string(), family.help.to_owned(), labels);
        assert_eq!(found.as_ref(), Some(&described), "{} {text}", family.name);
        assert_eq!(family.name.ends_with("_total"), family.kind == Kind::Counter, "{}", family.name);
        assert!(family.help.ends_with('.') && !family.help.contains('\\'), "{}", family.name);
    }
    assert!(exposed.is_empty(), "{exposed:?}");
    for line in [
        concat!("logdrain_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "logdrain_leader 1.0",
        "logdrain_logdrains{ready=\"True\",reason=\"Synced\"} 2.0",
        "logdrain_reconciles_total{result=\"passing\"} 1",
        "logdrain_reconciles_total{result=\"ok\"} 0",
        "logdrain_scalingo_requests_total{operation=\"list_apps\",status=\"2xx\"} 1",
        "logdrain_scalingo_requests_total{operation=\"add_drain\",status=\"none\"} 0",
        "logdrain_scalingo_request_duration_seconds_bucket{le=\"0.05\",operation=\"list_apps\"} 1",
        "logdrain_feed_last_answer_age_seconds 3.0",
        "logdrain_sweep_achieved_interval_seconds{kind=\"sweep\"} 4.0",
        "logdrain_sweep_oldest_check_age_seconds{kind=\"resync\"} 5.0",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} {text}");
    }
}

/// The budget of a token that has been used once.
async fn budgets() -> Vec<crate::scalingo::BudgetFigures> {
    use crate::scalingo::{ApiToken, Client, Endpoints, Transport, TransportError};
    struct Silent;
    impl Transport for Silent {
        fn send(
            &self,
            _: http::Request<bytes::Bytes>,
        ) -> futures::future::BoxFuture<'_, Result<http::Response<bytes::Bytes>, TransportError>> {
            Box::pin(async { Err(TransportError::TimedOut) })
        }
    }
    let endpoints = Endpoints::parse("https://api.example.com", "https://auth.example.com", false).unwrap();
    let metrics = Metrics::default();
    let transport = Measured::new(Silent, metrics.clone());
    let client = Client::new(transport, endpoints, Arc::new(|| jiff::Timestamp::UNIX_EPOCH), 50);
    let token = ApiToken::new("tk-us-secret").unwrap();
    client.apps(&token, "osc-fr1").await.unwrap_err();
    let counted = metrics.requests.get_or_create_owned(&[("operation", "exchange"), ("status", "none")]);
    assert_eq!(counted.get(), 1, "a request without an answer is counted");
    let budgets = client.budgets([token.key()]);
    assert_eq!((budgets.len(), budgets[0].limit, budgets[0].used), (1, 50, 1));
    budgets
}

#[tokio::test(start_paused = true)]
async fn a_look_is_counted_without_the_time_that_it_waited() {
    let metrics = Metrics::default();
    let begun = Instant::now();
    // It had waited for 50 s before.
    let waited =
        move || Duration::from_secs(50 + 100 * u64::from(begun.elapsed() >= Duration::from_secs(100)));
    let mut counted = metrics.reconcile(waited);
    tokio::time::advance(Duration::from_secs(103)).await;
    counted.ends(ReconcileResult::Stalled);
    drop(counted);
    assert!((metrics.reconcile_duration.sum() - 3.0).abs() < f64::EPSILON);
    assert_eq!(metrics.reconciles.get_or_create_owned(&[("result", "stalled")]).get(), 1);
    metrics.reconcile(|| Duration::ZERO).pauses();
    assert_eq!(metrics.reconciles.get_or_create_owned(&[("result", "passing")]).get(), 0);
}

#[test]
fn the_classes_of_statuses_are_the_usual_ones() {
    let class = |status: u16| <&str>::from(StatusClass::from(StatusCode::from_u16(status).unwrap()));
    assert_eq!([204, 302, 429, 503, 100].map(class), ["2xx", "3xx", "4xx", "5xx", "none"]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_system_tells_of_the_process() {
    let process = process::Process::read();
    let before = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(process.started_at.is_some_and(|at| at > before - 86_400.0 && at <= before + 1.0), "{process:?}");
    assert!(process.resident_bytes.is_some_and(|bytes| bytes > 1_000_000.0));
    assert!(process.open_files.zip(process.most_files).is_some_and(|(open, most)| 0.0 < open && open < most));
    assert!(process.cpu_seconds.is_some_and(|seconds| seconds < before));
}
