//! What the dashboard draws, of an operator with a leader and a standby.

use std::fs;

use logdrain_operator::metrics::{Description, FAMILIES, Kind};
use monitoring::Promtool;
use serde_json::{Value, json};

use super::dashboard::queries;

/// The series of a replica, as promtool takes them. All counters rise; what a gauge shows is `standing`.
fn series(pod: &str, leads: bool, standing: u32) -> Vec<Value> {
    let one = |name: &str, labels: &str, values: String| {
        let target = format!(r#"namespace="system",job="operator",pod="{pod}",instance="{pod}:8080""#);
        json!({"series": format!("{name}{{{target}{labels}}}"), "values": values})
    };
    let rising = || if leads { "0+60x20".to_owned() } else { "0x20".to_owned() };
    FAMILIES
        .iter()
        .flat_map(|family| {
            let labels = family.labels.iter().map(|label| format!(r#",{label}="{}""#, value(family, label)));
            let labels = labels.collect::<Vec<_>>().concat();
            match family.kind {
                Kind::Histogram => {
                    [("_bucket", r#",le="1""#), ("_bucket", r#",le="+Inf""#), ("_sum", ""), ("_count", "")]
                        .map(|(suffix, le)| {
                            one(&format!("{}{suffix}", family.name), &format!("{labels}{le}"), rising())
                        })
                        .to_vec()
                }
                Kind::Counter => vec![one(family.name, &labels, rising())],
                Kind::Info => vec![one(family.name, &labels, "1x20".to_owned())],
                Kind::Gauge if family.name == "logdrain_leader" => {
                    vec![one(family.name, &labels, format!("{}x20", u8::from(leads)))]
                }
                Kind::Gauge => vec![one(family.name, &labels, format!("{standing}x20"))],
            }
        })
        .collect()
}

/// A value that a label may have, and that the dashboard draws.
fn value(family: &Description, label: &str) -> &'static str {
    match (family.name, label) {
        ("logdrain_logdrains", "reason") => "Rejected",
        (_, "reason") => "missing",
        (_, "ready") => "False",
        (_, "status") => "5xx",
        (_, "operation") => "list_apps",
        (_, "class") => "interactive",
        (_, "covered") => "true",
        (_, "working" | "answering") => "false",
        ("logdrain_watches", "kind") => "logdrain",
        (metric, "kind") if metric.starts_with("logdrain_sweep_") => "sweep",
        (_, "kind") => "event",
        (_, "result") => "ok",
        (_, "token") => "1f",
        (_, "version") => "0.1.0",
        (family, label) => unreachable!("{label} of {family}"),
    }
}

/// For each query what Prometheus makes of it.
fn drawn(series: &[Value]) -> Vec<String> {
    let alert = json!({
        "series": r#"ALERTS{alertname="LogDrainNotReady",alertstate="firing",severity="warning"}"#, "values": "1x20",
    });
    let series: Vec<&Value> = series.iter().chain([&alert]).collect();
    // Each expects what never comes, so that promtool tells what it has got.
    let expected = json!([{"labels": "nothing", "value": 0}]);
    let queries: Vec<Value> = queries()
        .into_iter()
        .map(|(_, query, _)| query.replace("$namespace", ".*").replace("$job", ".*"))
        .map(|query| json!({"expr": query, "eval_time": "15m", "exp_samples": expected}))
        .collect();
    let cases = json!({
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": queries}],
    });
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("cases.yaml"), cases.to_string()).unwrap();
    let said = Promtool::find().unwrap().run(directory.path(), ["test", "rules", "cases.yaml"]).unwrap();
    let said = said.unwrap_err();
    let answers: Vec<String> = said.split("expr: ").skip(1).map(|answer| answer.trim().to_owned()).collect();
    assert_eq!(answers.len(), queries.len(), "{said}");
    answers
}

#[test]
fn each_query_draws_something() {
    for answer in drawn(&series("a", true, 7)) {
        let (_, got) = answer.split_once("got:").unwrap_or_else(|| panic!("{answer}"));
        assert!(got.trim().starts_with('{'), "{answer}");
    }
}

#[test]
fn a_standby_changes_nothing_but_what_tells_of_each_replica() {
    let alone = series("a", true, 7);
    let both: Vec<Value> = alone.iter().cloned().chain(series("b", false, 1000)).collect();
    let of_each = queries()
        .into_iter()
        .map(|(_, query, _)| query.contains("logdrain_build_info") || query.starts_with("logdrain_leader"));
    let mut same = 0;
    for ((alone, both), of_each) in drawn(&alone).into_iter().zip(drawn(&both)).zip(of_each) {
        if of_each {
            assert_ne!(alone, both);
        } else {
            assert_eq!(alone, both);
            same += 1;
        }
    }
    assert!(same > 25, "{same}");
}
