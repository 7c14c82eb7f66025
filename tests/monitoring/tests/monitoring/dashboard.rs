//! The dashboard asks for what there is.

use std::collections::BTreeSet;
use std::fs;

use logdrain_operator::metrics::FAMILIES;
use monitoring::{Promtool, Query, complaints, is_label_of, read};
use serde_json::{Value, json};

use super::alerts::assert_only_the_leader_counts;

const ROWS: [&str; 6] = ["What is wrong", "LogDrains", "Budget", "Requests", "Feed and sweep", "Process"];
const SOURCE: &str = "${datasource}";

fn dashboard() -> Value {
    read("deploy/monitoring/dashboard.json").unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Title, query and legend of all that is drawn.
pub fn queries() -> Vec<(String, String, String)> {
    let dashboard = dashboard();
    let panels = list(&dashboard["panels"]).iter().filter(|panel| panel["type"] != "row");
    let targets = panels.flat_map(|panel| {
        list(&panel["targets"]).iter().map(|target| {
            // Grafana puts in what fits the resolution.
            let query = text(&target["expr"]).replace("$__rate_interval", "5m");
            (text(&panel["title"]).to_owned(), query, text(&target["legendFormat"]).to_owned())
        })
    });
    targets.collect()
}

#[test]
fn promtool_takes_each_query() {
    let queries = queries();
    let rules: Vec<Value> = queries
        .iter()
        .enumerate()
        .map(|(number, (_, query, _))| json!({"record": format!("dashboard:query{number}"), "expr": query}))
        .collect();
    let file = json!({"groups": [{"name": "dashboard", "rules": rules}]});
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("queries.yaml"), file.to_string()).unwrap();
    let said = Promtool::find().unwrap().run(directory.path(), ["check", "rules", "queries.yaml"]).unwrap();
    let said = said.unwrap_or_else(|said| panic!("{said}\n{queries:#?}"));
    assert!(said.contains(&format!("SUCCESS: {} rules found", queries.len())), "{said}");
}

#[test]
fn each_query_names_metrics_labels_and_values_that_there_are() {
    for (title, query, legend) in queries() {
        assert_eq!(complaints(&query).unwrap(), [""; 0], "{title}: {query}");
        if title != "Who acts" && title != "Replicas that act" {
            assert_only_the_leader_counts(&query);
        }
        for label in legend.split("{{").skip(1) {
            let (label, _) = label.split_once("}}").unwrap();
            assert!(is_label_of(&query, label).unwrap(), "{title}: {label} of {query}");
        }
    }
}

#[test]
fn each_metric_is_shown() {
    let shown: BTreeSet<String> = queries()
        .iter()
        .flat_map(|(_, query, _)| Query::read(query).unwrap().selectors)
        .map(|selector| selector.metric)
        .collect();
    for family in FAMILIES {
        let names = ["", "_bucket", "_sum", "_count"].map(|suffix| format!("{}{suffix}", family.name));
        assert!(names.iter().any(|name| shown.contains(name)), "{} is not shown", family.name);
    }
}

#[test]
fn it_has_its_rows_and_no_panel_hides_another() {
    let dashboard = dashboard();
    let panels = list(&dashboard["panels"]);
    let rows: Vec<&str> =
        panels.iter().filter(|panel| panel["type"] == "row").map(|row| text(&row["title"])).collect();
    assert_eq!(rows, ROWS);
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        let title = text(&panel["title"]);
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let [left, top, width, height] =
            ["x", "y", "w", "h"].map(|field| panel["gridPos"][field].as_u64().unwrap());
        assert!(width > 0 && height > 0 && left + width <= 24, "{title}");
        for cell in (left..left + width).flat_map(|x| (top..top + height).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{title} lies on another");
        }
        if panel["type"] != "row" {
            assert_eq!(panel["datasource"]["uid"], SOURCE, "{title}");
            assert!(text(&panel["description"]).ends_with('.'), "{title}");
            assert!(list(&panel["targets"]).iter().all(|target| target["datasource"]["uid"] == SOURCE));
        }
    }
}

#[test]
fn its_variables_are_there_and_ask_for_what_there_is() {
    let dashboard = dashboard();
    let mut names = BTreeSet::new();
    for variable in list(&dashboard["templating"]["list"]) {
        names.insert(text(&variable["name"]));
        if variable["type"] == "query" {
            assert_eq!(variable["datasource"]["uid"], SOURCE);
            let query = text(&variable["query"]["query"]);
            assert_eq!(variable["definition"], query);
            let arguments = query.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
            let (series, label) = arguments.rsplit_once(", ").unwrap();
            assert_eq!(complaints(series).unwrap(), [""; 0], "{query}");
            assert!(is_label_of(series, label).unwrap(), "{query}");
        }
    }
    assert_eq!(names, BTreeSet::from(["datasource", "namespace", "job"]));
    for (title, query, _) in queries() {
        for name in query.split('$').skip(1) {
            let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap();
            assert!(names.contains(name), "{title}: {name}");
        }
    }
}
