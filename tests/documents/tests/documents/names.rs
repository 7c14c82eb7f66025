//! What one document says of another, and of the code, is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use documents::{page, pages};
use logdrain_operator::crd::{DrainType, Reason, Remedy, SecretKeyRef};
use logdrain_operator::drain::pasted::Mistake;
use logdrain_operator::logdrain::Event;
use packaging::{parse, repository};
use serde_json::Value;
use strum::IntoEnumIterator as _;

#[test]
fn every_relative_link_leads_somewhere() {
    let mut count = 0;
    for page in pages().unwrap() {
        for link in page.links() {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let directory = repository().join(page.path.parent().unwrap());
            let target = if path.is_empty() { repository().join(&page.path) } else { directory.join(path) };
            assert!(target.exists(), "{}: {link}", page.path.display());
            if !anchor.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                let there = documents::Page { path: target, text }.anchors();
                assert!(there.iter().any(|heading| heading == anchor), "{}: {link}", page.path.display());
            }
        }
    }
    assert!(count > 50, "only {count} links were found");
}

#[test]
fn the_index_names_every_page() {
    let index = page("docs/README.md").unwrap();
    let linked: BTreeSet<&str> = index.links().into_iter().filter(|link| !link.contains('/')).collect();
    let there: Vec<String> = fs::read_dir(repository().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().display().to_string())
        .filter(|name| name != "README.md")
        .collect();
    assert_eq!(linked, there.iter().map(String::as_str).collect());
}

#[test]
fn the_runbook_has_a_section_for_every_reason_and_alert_and_for_each_event_that_asks_for_a_hand() {
    let runbook = page("docs/runbook.md").unwrap();
    let rules = rules();
    assert!(!rules.is_empty());
    let of = |text: &str| text.to_owned();
    let asking = [
        Event::TargetNotFound { target: of("…"), url: of("…") },
        Event::Renamed { from: of("a"), to: of("b") },
        Event::DriftHealed { url: of("…") },
        Event::Added { url: of("…"), instead_of: None },
        Event::SuspiciousToken {
            secret: SecretKeyRef { name: of("…"), key: of("…") },
            mistake: Mistake::Quoted,
        },
    ];
    let mut wanted: Vec<&str> = Reason::iter().map(<&str>::from).collect();
    for happening in &asking {
        wanted.push(happening.reason());
    }
    for (alert, _) in &rules {
        wanted.push(alert);
    }
    let mut headings = runbook.headings();
    for name in &wanted {
        let count = headings.iter().filter(|heading| *heading == name).count();
        assert_eq!(count, 1, "{name}");
    }
    headings.retain(|heading| !wanted.contains(heading));
    let others = [
        "Runbook",
        "Where to look",
        "Reasons",
        "A namespace that does not end",
        "Events that ask for a hand",
        "Alerts",
    ];
    assert_eq!(headings, others);
}

/// The files at or below a path that name a version.
fn naming(version: &str, path: &Path, found: &mut BTreeSet<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            naming(version, &entry.unwrap().path(), found);
        }
        return;
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    let is_whole = |(index, _): (usize, &str)| {
        let before = text[..index].chars().next_back();
        let after = text[index + version.len()..].chars().next();
        let goes_on = |character: char| character.is_ascii_digit() || character == '.';
        !before.is_some_and(goes_on) && !after.is_some_and(|character| character.is_ascii_digit())
    };
    if text.match_indices(version).any(is_whole) {
        found.insert(path.canonicalize().unwrap());
    }
}

#[test]
fn the_release_lists_every_file_that_names_the_version() {
    let root = repository();
    let mut found = BTreeSet::new();
    // The tests take it from Cargo.
    for place in [
        "Cargo.toml",
        "CONTRIBUTING.md",
        "Dockerfile",
        "README.md",
        "SECURITY.md",
        "deploy",
        "docs",
        "examples",
        "image",
        "src",
    ] {
        naming(env!("CARGO_PKG_VERSION"), &root.join(place), &mut found);
    }
    let releasing = page("docs/releasing.md").unwrap();
    let links =
        releasing.links().into_iter().filter(|link| !link.contains("://") && !link.contains("workflows"));
    let listed: BTreeSet<PathBuf> =
        links.map(|link| root.join("docs").join(link).canonicalize().unwrap()).collect();
    assert_eq!(listed, found);
}

/// Every value of `alert:` and `runbook_url:` below a value.
fn alerts(value: &Value, found: &mut Vec<(String, String)>) {
    if let (Some(alert), Some(url)) = (value["alert"].as_str(), value["annotations"]["runbook_url"].as_str())
    {
        found.push((alert.to_owned(), url.to_owned()));
    }
    match value {
        Value::Object(fields) => fields.values().for_each(|field| alerts(field, found)),
        Value::Array(items) => items.iter().for_each(|item| alerts(item, found)),
        _ => {}
    }
}

/// The alerts of `deploy/monitoring`, whose names its own tests hold, with their links.
fn rules() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let rules = fs::read_to_string(repository().join("deploy/monitoring/prometheus-rule.yaml")).unwrap();
    for document in parse(&rules).unwrap() {
        alerts(&document, &mut found);
    }
    found
}

#[test]
fn every_alert_links_to_its_section() {
    let anchors = page("docs/runbook.md").unwrap().anchors();
    for (name, url) in rules() {
        let anchor = url.split_once("docs/runbook.md#").unwrap_or_else(|| panic!("{name}: {url}")).1;
        assert_eq!(anchor, name.to_lowercase(), "{url}");
        assert!(anchors.contains(&anchor.to_owned()), "{name}: {url}");
    }
}

#[test]
fn the_readme_says_of_each_reason_what_the_code_says() {
    let readme = page("README.md").unwrap();
    for reason in Reason::iter() {
        let also = match reason.remedy() {
            Remedy::None => "",
            Remedy::Time => "Reconciling ",
            Remedy::Person => "Stalled ",
        };
        let row = format!("| `{reason}` | {} | {also}| {} |", reason.ready(), reason.meaning());
        assert!(readme.prose().any(|line| line.starts_with(&row)), "{row}");
    }
}

#[test]
fn each_type_has_its_row_in_the_readme_and_in_the_table_of_urls() {
    for path in ["README.md", "docs/from-the-cli.md"] {
        let page = page(path).unwrap();
        let cells: Vec<&str> = page.prose().filter_map(|line| line.split('|').nth(1)).collect();
        for drain_type in DrainType::iter() {
            let name = format!("`{drain_type}`");
            assert!(cells.iter().any(|cell| cell.contains(&name)), "{path}: {name}");
        }
    }
}
