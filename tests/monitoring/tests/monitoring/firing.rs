//! Each alert fires on what it is for, at the time when it should, and on nothing else.

use std::fs;
use std::path::PathBuf;

use monitoring::{Promtool, read, repository, rules};
use serde_json::{Value, json};

use super::alerts::alerts;

fn file(name: &str) -> PathBuf {
    repository().join(format!("tests/monitoring/alerts/{name}.yaml"))
}

/// What promtool says of a file of cases, with these rules.
fn judge(rules: &Value, name: &str) -> Result<String, String> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rules.yaml"), rules.to_string()).unwrap();
    fs::copy(file(name), directory.path().join("cases.yaml")).unwrap();
    Promtool::find().unwrap().run(directory.path(), ["test", "rules", "cases.yaml"]).unwrap()
}

/// Cases are about when an alert fires.
fn without_texts(alert: &Value) -> Value {
    let mut alert = alert.clone();
    alert.as_object_mut().unwrap().remove("annotations");
    alert
}

/// One alert alone.
fn alone(alert: &Value) -> Value {
    json!({"groups": [{"name": "one", "rules": [without_texts(alert)]}]})
}

fn expectations(name: &str) -> Vec<Value> {
    let cases = read(&format!("tests/monitoring/alerts/{name}.yaml")).unwrap();
    let tests = cases["tests"].as_array().unwrap().iter();
    tests.flat_map(|test| test["alert_rule_test"].as_array().unwrap().clone()).collect()
}

#[test]
fn each_alert_fires_when_it_should_and_not_otherwise() {
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        let expectations = expectations(name);
        assert!(expectations.iter().all(|expected| expected["alertname"] == name), "{name}");
        let is_silent = |expected: &&Value| expected["exp_alerts"].as_array().unwrap().is_empty();
        let silent = expectations.iter().filter(is_silent).count();
        assert!(silent > 1 && silent < expectations.len(), "{name}: {silent} of {}", expectations.len());
        judge(&alone(&alert), name).unwrap_or_else(|said| panic!("{name}: {said}"));
    }
}

#[test]
fn the_texts_are_filled_in() {
    let expectations = expectations("annotations");
    let tried: Vec<&Value> = expectations.iter().map(|expected| &expected["alertname"]).collect();
    let alerts = alerts();
    assert_eq!(tried, alerts.iter().map(|alert| &alert["alert"]).collect::<Vec<_>>());
    judge(&rules().unwrap(), "annotations").unwrap_or_else(|said| panic!("{said}"));
}

#[test]
fn what_one_alert_leaves_out_another_tells_of() {
    judge(&json!({"groups": [{"name": "all", "rules": alerts().iter().map(without_texts).collect::<Vec<_>>()}]}), "coupled")
        .unwrap_or_else(|said| panic!("{said}"));
}

/// What may be wrong in a query by little, each with what it would become.
const SLIPS: &[(&str, &str)] = &[
    (" * on (cluster, namespace, job, pod, instance) group_left () logdrain_leader", ""),
    (" and on (cluster, namespace, job, pod, instance) (logdrain_leader == 1)", ""),
    ("by (cluster, namespace, job", "by (cluster, namespace"),
    (" > 0", " >= 0"),
    (" > 0.5", " > 0.7"),
    (" > 0.5", " > 0.3"),
    (" >= 45", " >= 46"),
    (" >= 45", " >= 44"),
    ("[1h:1m]", "[2h:1m]"),
    (" >= 8", " >= 9"),
    (" >= 8", " >= 7"),
    ("changes(logdrain_leader[2h])", "changes(logdrain_leader[1h])"),
    ("1.5 *", "1.6 *"),
    ("1.5 *", "1.4 *"),
    ("3 * max", "4 * max"),
    ("3 * max", "2 * max"),
    (" > 1", " > 2"),
    (" >= 3", " >= 4"),
    (" >= 3", " >= 2"),
    (r#",reason!="Suspended""#, ""),
    (r#",reason!="Suspended""#, r#",reason!~"Suspended|Unavailable""#),
    (r#",reason!="Suspended""#, r#",reason!~"Suspended|RateLimited""#),
    (r#"{reason="Unauthorized"} and"#, r#"{reason="Suspended"} and"#),
    (r#""RateLimited|Progressing|New""#, r#""RateLimited|Progressing|New|Rejected""#),
    (r#""RateLimited|Progressing|New""#, r#""RateLimited|Progressing""#),
    (r#""RateLimited|Progressing|New""#, r#""RateLimited|New""#),
    (r#""RateLimited|Progressing|New""#, r#""Progressing|New""#),
    ("[10m:1m]", "[1m:1m]"),
    ("[10m:1m]", "[45m:1m]"),
    ("delta(", "-delta("),
    (r#"{reason="RateLimited"}"#, r#"{reason="Suspended"}"#),
    (r#"{reason="RateLimited"}"#, ""),
    (r#"{class=~"interactive|rollout"}"#, ""),
    ("|rollout", ""),
    ("interactive|", ""),
    (r#"{answering="false"}"#, ""),
    (", job, kind)", ", job)"),
    ("or on (cluster, namespace, job) 0 * max by (cluster, namespace, job) (logdrain_leader)", ""),
    (r#"kind="logdrain",working="#, "working="),
    (r#",working="false""#, ""),
    ("present_over_time(logdrain_leader[6h])", "present_over_time(logdrain_leader[1h])"),
    ("present_over_time(logdrain_leader[6h])", "logdrain_leader"),
    ("absent_over_time(logdrain_leader[6h])", "absent(logdrain_leader)"),
    (" or absent_over_time(logdrain_leader[6h])", ""),
    (" and on (cluster, namespace, job, pod, instance) count_over_time(logdrain_build_info[30m])", ""),
];

/// The query on one line.
fn query(alert: &Value) -> String {
    let words: Vec<&str> = alert["expr"].as_str().unwrap().split_whitespace().collect();
    words.join(" ")
}

/// Whether a slip can happen in a query.
fn fits(query: &str, (old, new): (&str, &str)) -> bool {
    // Of a longer number it would be another change.
    let is_whole = |rest: &str| !new.contains('0') || !rest.starts_with(['.', '0']);
    query.match_indices(old).any(|(at, _)| is_whole(&query[at + old.len()..]))
}

/// How an alert may be wrong by little.
fn changed(alert: &Value) -> Vec<(String, Value)> {
    let with = |field: &str, value: String| {
        let mut changed = alert.clone();
        changed[field] = value.clone().into();
        (format!("{field}: {value}"), changed)
    };
    let minutes: u32 = alert["for"].as_str().unwrap().strip_suffix('m').unwrap().parse().unwrap();
    let mut all = vec![with("for", format!("{}m", minutes + 1))];
    if minutes > 0 {
        all.push(with("for", format!("{}m", minutes - 1)));
    }
    let query = query(alert);
    let slips = SLIPS.iter().copied().filter(|slip| fits(&query, *slip));
    all.extend(slips.map(|(old, new)| with("expr", query.replace(old, new))));
    all
}

#[test]
fn an_alert_that_is_wrong_by_little_does_not_pass() {
    let alerts = alerts();
    for slip in SLIPS {
        assert!(alerts.iter().any(|alert| fits(&query(alert), *slip)), "{slip:?} is in no query any more");
    }
    let mut tried = 0;
    for alert in alerts {
        let name = alert["alert"].as_str().unwrap();
        for (what, changed) in changed(&alert) {
            let said = judge(&alone(&changed), name);
            let said = said.err().unwrap_or_else(|| panic!("{name} passes with {what}"));
            assert!(said.contains("FAILED") && said.contains("exp:"), "{name} with {what}: {said}");
            tried += 1;
        }
    }
    assert!(tried > 30, "{tried}");
}
