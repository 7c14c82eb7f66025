//! What the labels of the metrics may say.

use std::collections::BTreeSet;

use strum::{IntoEnumIterator as _, VariantNames as _};

use super::snapshot::{NEW, OTHER};
use crate::{
    crd::Reason,
    kube::watch_health::Watched,
    metrics::{Drift, FailureKind, ReconcileResult, StatusClass, Write},
    scalingo::{Operation, budget::Class},
};

/// The values that a label of a metric may have, in order; none where they are known only while the process runs.
#[must_use]
pub fn label_values(metric: &str, label: &str) -> Vec<&'static str> {
    let standings = || Reason::iter().map(|reason| (reason.ready(), reason.into())).chain([NEW, OTHER]);
    match (metric, label) {
        ("logdrain_logdrains", "ready") => {
            let mut seen = BTreeSet::new();
            standings().map(|(ready, _)| ready).filter(|ready| seen.insert(*ready)).collect()
        }
        ("logdrain_logdrains", "reason") => standings().map(|(_, reason)| reason).collect(),
        ("logdrain_watches", "kind") => Watched::VARIANTS.to_vec(),
        ("logdrain_reconciles_total", "result") => ReconcileResult::VARIANTS.to_vec(),
        ("logdrain_errors_total", "kind") => FailureKind::VARIANTS.to_vec(),
        ("logdrain_drift_healed_total", "reason") => Drift::VARIANTS.to_vec(),
        (_, "working" | "answering" | "covered") => vec!["true", "false"],
        (metric, "kind") if metric.starts_with("logdrain_sweep_") => vec!["sweep", "resync"],
        ("logdrain_kubernetes_writes_total", "kind") => Write::VARIANTS.to_vec(),
        (_, "operation") => Operation::VARIANTS.to_vec(),
        (_, "status") => StatusClass::VARIANTS.to_vec(),
        (_, "class") => Class::VARIANTS.to_vec(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kube::watch_health::WatchHealth,
        metrics::{FAMILIES, Metrics, Snapshot},
    };

    /// The values of the labels of each family, as they are exposed before anything has happened.
    fn exposed() -> BTreeSet<(String, String, String)> {
        let metrics = Metrics::default();
        let snapshot = Snapshot {
            watches: WatchHealth::new(metrics.clone()).count(),
            logdrains: Some([(NEW, 0), (OTHER, 0)].into()),
            ..Snapshot::default()
        };
        let mut exposed = BTreeSet::new();
        for line in metrics.expose(&snapshot).unwrap().lines().filter(|line| !line.starts_with('#')) {
            let Some((series, labels)) = line.split_once('{') else { continue };
            for pair in labels.split_once('}').unwrap().0.split(',') {
                let (label, value) = pair.split_once('=').unwrap();
                exposed.insert((series.to_owned(), label.to_owned(), value.trim_matches('"').to_owned()));
            }
        }
        exposed
    }

    #[test]
    fn the_values_of_each_label_are_those_that_are_exposed() {
        let exposed = exposed();
        for family in FAMILIES {
            for label in family.labels {
                let values = label_values(family.name, label);
                assert_eq!(
                    values.is_empty(),
                    ["version", "token"].contains(label),
                    "{}: {label}",
                    family.name
                );
                let found: BTreeSet<&str> = exposed
                    .iter()
                    .filter(|(series, other, _)| series == family.name && other == label)
                    .map(|(_, _, value)| value.as_str())
                    .collect();
                let known: BTreeSet<&str> = values.iter().copied().collect();
                assert_eq!(known.len(), values.len(), "{}: {label}: one stands twice", family.name);
                // Budgets and durations come with the first request, and of the reasons two were given.
                let is_all = !found.is_empty() && family.name != "logdrain_logdrains" && !known.is_empty();
                assert!(known.is_empty() || found.is_subset(&known), "{}: {label}: {found:?}", family.name);
                assert!(!is_all || found == known, "{}: {label}: {found:?} {known:?}", family.name);
            }
        }
        let whole = ["logdrain_errors_total", "logdrain_kubernetes_writes_total", "logdrain_feed_apps"];
        for name in whole {
            assert!(exposed.iter().any(|(series, _, _)| series == name), "{name}");
        }
    }
}
