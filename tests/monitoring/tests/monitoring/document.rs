//! What `docs/monitoring.md` says of the alerts.

use std::fs;

use monitoring::{read, repository};

use super::alerts::alerts;

fn document() -> String {
    fs::read_to_string(repository().join("docs/monitoring.md")).unwrap()
}

#[test]
fn it_tells_of_each_alert_how_grave_it_is_and_when_it_fires() {
    let document = document();
    let told: Vec<Vec<&str>> = document
        .lines()
        .filter(|line| line.starts_with("| [LogDrain"))
        .map(|line| line.split('|').map(str::trim).skip(1).take(3).collect())
        .collect();
    let expected: Vec<[String; 3]> = alerts()
        .iter()
        .map(|alert| {
            let [name, severity, after] = [&alert["alert"], &alert["labels"]["severity"], &alert["for"]]
                .map(|text| text.as_str().unwrap());
            let link = format!("[{name}](runbook.md#{})", name.to_lowercase());
            [link, severity.to_owned(), after.to_owned()]
        })
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn its_query_about_each_logdrain_names_a_metric_of_the_configuration() {
    let document = document();
    let (_, query) = document.split_once("```promql\n").unwrap();
    let (metric, _) = query.split_once('{').unwrap();
    let config = read("deploy/monitoring/kube-state-metrics.yaml").unwrap();
    let resource = &config["spec"]["resources"][0];
    let prefix = resource["metricNamePrefix"].as_str().unwrap();
    let metrics = resource["metrics"].as_array().unwrap().iter();
    let names: Vec<String> =
        metrics.map(|family| format!("{prefix}_{}", family["name"].as_str().unwrap())).collect();
    assert!(names.contains(&metric.to_owned()), "{metric} in {names:?}");
}
