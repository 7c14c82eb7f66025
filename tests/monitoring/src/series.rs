//! Which series there are to be asked for.

use std::collections::BTreeSet;

use logdrain_operator::logdrain::label_values;
use logdrain_operator::metrics::{Description, FAMILIES, Kind};

use super::{Error, Query, Selector};

/// Labels that Prometheus gives whatever it scrapes in a cluster.
const TARGET: [&str; 5] = ["cluster", "namespace", "job", "pod", "instance"];
/// Labels of Prometheus' own series about alerts, besides those of the alerts.
const ALERTS: [&str; 3] = ["alertname", "alertstate", "severity"];

/// What a query names that there is not: metrics, labels and values. Empty when all is well.
///
/// # Errors
/// Those of [`Query::read`].
pub fn complaints(query: &str) -> Result<Vec<String>, Error> {
    let read = Query::read(query)?;
    let mut complaints = Vec::new();
    for selector in &read.selectors {
        match labels(selector) {
            None => complaints.push(format!("there is no metric {}", selector.metric)),
            Some(labels) => {
                for matcher in &selector.matchers {
                    let label = &matcher.label;
                    if !labels.contains(label.as_str()) {
                        complaints.push(format!("{} has no label {label}", selector.metric));
                    }
                    let known = family(&selector.metric)
                        .map_or_else(Vec::new, |(family, _)| label_values(family.name, label));
                    let is_unknown = |value: &&String| !known.is_empty() && !known.contains(&value.as_str());
                    complaints.extend(
                        matcher
                            .values
                            .iter()
                            .filter(is_unknown)
                            .map(|value| format!("{}: {label} is never {value}", selector.metric)),
                    );
                }
            }
        }
    }
    let labels = all(&read);
    let unknown = read.groupings.iter().filter(|label| !labels.contains(label.as_str()));
    complaints.extend(unknown.map(|label| format!("nothing has a label {label}")));
    Ok(complaints)
}

/// Whether what a query gives may have a label.
///
/// # Errors
/// Those of [`Query::read`].
pub fn is_label_of(query: &str, label: &str) -> Result<bool, Error> {
    let query = Query::read(query)?;
    let is_grouped = query.groupings.iter().any(|grouping| grouping == label);
    Ok(all(&query).contains(label) && (is_grouped || query.groupings.is_empty()))
}

/// The labels of all series of a query.
fn all(query: &Query) -> BTreeSet<&'static str> {
    query.selectors.iter().filter_map(labels).flatten().collect()
}

/// The family that a series is of, and whether the series is one of a histogram's buckets.
fn family(metric: &str) -> Option<(&'static Description, bool)> {
    FAMILIES.iter().find_map(|family| {
        let is_histogram = family.kind == Kind::Histogram;
        match metric.strip_prefix(family.name)? {
            "" if !is_histogram => Some((family, false)),
            "_bucket" if is_histogram => Some((family, true)),
            "_sum" | "_count" if is_histogram => Some((family, false)),
            _ => None,
        }
    })
}

/// The labels of a series; nothing where there is no such metric.
fn labels(selector: &Selector) -> Option<BTreeSet<&'static str>> {
    if selector.metric == "ALERTS" {
        return Some(ALERTS.into_iter().chain(TARGET).collect());
    }
    let (family, is_bucket) = family(&selector.metric)?;
    let bucket = is_bucket.then_some("le");
    Some(family.labels.iter().copied().chain(bucket).chain(TARGET).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_not_is_told() {
        let told = |query: &str| complaints(query).unwrap().join("; ");
        assert_eq!(told(r#"sum by (reason) (logdrain_logdrains{ready="False",job="x"})"#), "");
        assert_eq!(told("logdrain_logdrain"), "there is no metric logdrain_logdrain");
        assert_eq!(told(r#"logdrain_drains{ready="True"}"#), "logdrain_drains has no label ready");
        assert_eq!(told("sum by (reason) (logdrain_drains)"), "nothing has a label reason");
        assert_eq!(
            told(r#"logdrain_logdrains{reason=~"Synced|Gone"}"#),
            "logdrain_logdrains: reason is never Gone"
        );
        assert_eq!(
            told(r#"logdrain_budget_wait_seconds_sum{class="interactiv"}"#),
            "logdrain_budget_wait_seconds_sum: class is never interactiv"
        );
        assert_eq!(told("logdrain_budget_wait_seconds"), "there is no metric logdrain_budget_wait_seconds");
        assert_eq!(told("sum by (le) (logdrain_budget_wait_seconds_bucket)"), "");
        assert_eq!(told("sum by (le) (logdrain_budget_wait_seconds_count)"), "nothing has a label le");
    }

    #[test]
    fn a_label_that_is_summed_up_is_gone() {
        let query = "sum by (job) (logdrain_logdrains)";
        assert!(is_label_of(query, "job").unwrap());
        assert!(!is_label_of(query, "reason").unwrap());
        assert!(is_label_of("logdrain_logdrains", "reason").unwrap());
    }
}
