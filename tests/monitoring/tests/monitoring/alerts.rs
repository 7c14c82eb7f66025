//! What the alerts are made of.

use std::fs;

use logdrain_operator::metrics::{FAMILIES, Kind};
use monitoring::{Promtool, Query, complaints, is_label_of, rules};
use serde_json::Value;

/// Where the runbook has a section for each.
const RUNBOOK: &str = "https://github.com/logdrain-operator/logdrain-operator/blob/main/docs/runbook.md";
const ALERTS: [&str; 11] = [
    "LogDrainNotReady",
    "LogDrainCredentialRefused",
    "LogDrainBudgetExhausted",
    "LogDrainFeedSilent",
    "LogDrainSweepLate",
    "LogDrainOperatorNoLeader",
    "LogDrainOperatorManyLeaders",
    "LogDrainOperatorLeaderUnsteady",
    "LogDrainOperatorDeaf",
    "LogDrainUnreleased",
    "LogDrainOperatorCrashLooping",
];

/// All alerts, of all groups.
pub fn alerts() -> Vec<Value> {
    let rules = rules().unwrap();
    let groups = rules["groups"].as_array().unwrap().iter();
    groups.flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// Gauges that every replica exposes, and only the one that acts knows: their query has to name the leader.
pub fn assert_only_the_leader_counts(query: &str) {
    let metrics: Vec<String> =
        Query::read(query).unwrap().selectors.into_iter().map(|selector| selector.metric).collect();
    let is_standing = |metric: &str| {
        let family = FAMILIES.iter().find(|family| family.name == metric);
        family.is_some_and(|family| family.kind == Kind::Gauge && metric.starts_with("logdrain_"))
    };
    if metrics.iter().any(|metric| is_standing(metric)) {
        assert!(metrics.iter().any(|metric| metric == "logdrain_leader"), "a standby counts too: {query}");
    }
}

#[test]
fn promtool_takes_the_rules() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rules.yaml"), rules().unwrap().to_string()).unwrap();
    let promtool = Promtool::find().unwrap();
    let said = promtool.run(directory.path(), ["check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"]);
    let said = said.unwrap().unwrap();
    assert!(said.contains(&format!("SUCCESS: {} rules found", ALERTS.len())), "{said}");
}

#[test]
fn each_alert_says_how_grave_it_is_and_where_the_runbook_speaks_of_it() {
    let alerts = alerts();
    let names: Vec<&str> = alerts.iter().map(|alert| alert["alert"].as_str().unwrap()).collect();
    assert_eq!(names, ALERTS);
    for alert in &alerts {
        let name = alert["alert"].as_str().unwrap();
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning"].contains(&severity), "{name}: {severity}");
        assert!(alert["for"].is_string(), "{name}");
        let annotations = &alert["annotations"];
        assert_eq!(annotations["runbook_url"], format!("{RUNBOOK}#{}", name.to_lowercase()));
        for text in ["summary", "description"] {
            assert!(annotations[text].as_str().unwrap().ends_with('.'), "{name}: {text}");
        }
    }
}

#[test]
fn each_alert_names_metrics_labels_and_values_that_there_are() {
    for alert in alerts() {
        let (name, query) = (alert["alert"].as_str().unwrap(), alert["expr"].as_str().unwrap());
        assert_eq!(complaints(query).unwrap(), [""; 0], "{name}");
        assert_only_the_leader_counts(query);
        let text = alert["annotations"]["description"].as_str().unwrap();
        for label in text.split("$labels.").skip(1) {
            let label = label.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
            assert!(is_label_of(query, label).unwrap(), "{name}: {label}");
        }
        // What a text asks for when it is filled in: between these marks, with labels of the alert put in.
        for asked in text.split('`').filter(|part| part.contains("%q")) {
            let asked = asked.replace("%q", r#""x""#);
            assert_eq!(complaints(&asked).unwrap(), [""; 0], "{name}");
            assert_only_the_leader_counts(&asked);
            let shown = text.split("Labels.").skip(1);
            for label in shown.map(|label| label.split_once(' ').unwrap().0.trim_end_matches('}')) {
                assert!(is_label_of(&asked, label).unwrap(), "{name}: {label}");
            }
        }
    }
}
