//! Whatever the values are, what selects something finds it.

use std::collections::BTreeMap;

use packaging::{Helm, of_kind};
use serde_json::{Value, json};

use super::cases::cases;
use super::cluster::{HOME, render};

/// Whether these labels are what is selected; a selector of nothing selects everything, and that is never meant.
fn selects(selector: &Value, labels: &Value) -> bool {
    let selector = selector.as_object().unwrap();
    !selector.is_empty() && selector.iter().all(|(label, value)| labels[label] == *value)
}

/// Every `matchLabels` below the affinity and the spread of the pods.
fn of_the_pods(spec: &Value, found: &mut Vec<Value>) {
    match spec {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match name.as_str() {
            "matchLabels" => found.push(value.clone()),
            _ => of_the_pods(value, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| of_the_pods(item, found)),
        _ => {}
    }
}

#[test]
fn selectors_fit_labels_and_ports_fit_ports_in_each_case() {
    let helm = Helm::new(None).unwrap();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases() {
        let what = case.what;
        let objects = render(&helm, "logdrain-operator", HOME, &case.values).unwrap();
        let mut each = |kind: &'static str| {
            let found = of_kind(&objects, kind);
            *counts.entry(kind).or_default() += found.len();
            for object in &found {
                assert_eq!(object["metadata"]["namespace"], HOME, "{what}: {kind}");
            }
            found
        };
        let deployment = each("Deployment")[0];
        let template = &deployment["spec"]["template"];
        let labels = &template["metadata"]["labels"];
        let port = &template["spec"]["containers"][0]["ports"][0];
        assert!(selects(&deployment["spec"]["selector"]["matchLabels"], labels), "{what}: {deployment}");
        for budget in each("PodDisruptionBudget") {
            assert!(selects(&budget["spec"]["selector"]["matchLabels"], labels), "{what}: {budget}");
        }
        for policy in each("NetworkPolicy") {
            assert!(selects(&policy["spec"]["podSelector"]["matchLabels"], labels), "{what}: {policy}");
            let ports = &policy["spec"]["ingress"][0]["ports"];
            assert_eq!(ports, &json!([{"protocol": "TCP", "port": port["containerPort"]}]), "{what}");
        }
        let services = each("Service");
        for service in &services {
            assert!(selects(&service["spec"]["selector"], labels), "{what}: {service}");
            assert_eq!(service["spec"]["ports"][0]["targetPort"], port["name"], "{what}");
        }
        for monitor in each("ServiceMonitor") {
            let selector = &monitor["spec"]["selector"]["matchLabels"];
            assert!(selects(selector, &services[0]["metadata"]["labels"]), "{what}: {monitor}");
            let endpoint = &monitor["spec"]["endpoints"][0]["port"];
            assert_eq!(endpoint, &services[0]["spec"]["ports"][0]["name"], "{what}");
        }
        let mut placement = Vec::new();
        of_the_pods(&template["spec"]["affinity"], &mut placement);
        of_the_pods(&template["spec"]["topologySpreadConstraints"], &mut placement);
        assert!(placement.iter().all(|selector| selects(selector, labels)), "{what}: {placement:?}");
        *counts.entry("placement").or_default() += placement.len();
    }
    let kinds =
        ["Deployment", "PodDisruptionBudget", "NetworkPolicy", "Service", "ServiceMonitor", "placement"];
    assert!(kinds.iter().all(|kind| counts[kind] > 0), "{counts:?}");
}
