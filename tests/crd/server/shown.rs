//! What kubectl shows of the definition and of the resources.

use super::*;

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn explain_describes_every_field_with_an_example() {
    // The documentation is published some time after the API.
    plane()
        .wait_until("logdrains to be documented", SOON, || {
            Ok(plane().kubectl_ok(["explain", "logdrain.spec"], None).is_ok())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let mut fields = 0;
    let spec = Checker::new().schema;
    let mut pending = vec![("logdrain.spec".to_owned(), spec)];
    while let Some((path, schema)) = pending.pop() {
        let page = one_line(&kubectl(&["explain", &path], ""));
        let described = |schema: &Value| {
            let description = one_line(schema["description"].as_str().expect("a description"));
            assert!(description.contains("Example: "), "{path}: {description}");
            assert!(page.contains(&description), "{path} lacks {description:?}: {page}");
        };
        described(&schema);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            fields += 1;
            assert!(page.contains(&format!(" {name} <")), "{path} lacks {name}: {page}");
            described(property);
            pending.push((format!("{path}.{name}"), property.clone()));
        }
    }
    assert_eq!(fields, 14 + 3 * 2);
}

#[test]
fn get_shows_the_columns_and_selects_by_app_and_type() {
    let namespace = namespace();
    let mut spec = cases::full_spec("datadog");
    spec["addon"] = "ad-1".into();
    kubectl(&["apply", "-n", &namespace, "-f", "-"], &manifest("datadog", &spec));
    kubectl(&["apply", "-n", &namespace, "-f", "-"], &manifest("new", &cases::full_spec("papertrail")));
    let status = json!({
        "observedGeneration": 1,
        "conditions": [
            {
                "type": "Reconciling", "status": "True", "reason": "Progressing", "message": "not this one",
                "lastTransitionTime": "2026-11-23T15:44:00Z", "observedGeneration": 1,
            },
            {
                "type": "Ready", "status": "False", "reason": "SecretNotFound", "message": "Secret-datadog-is-not-there",
                "lastTransitionTime": "2026-11-23T15:44:00Z", "observedGeneration": 1,
            },
        ],
        "drains": [{
            "region": "osc-fr1", "app": "shop-front", "appId": "5af97be7ff688d0001228ffb", "addon": "ad-1",
            "type": "datadog", "url": "datadog://***?region=eu-west-2", "urlDigest": "1a", "destinationDigest": "2b", "state": "Adding",
            "since": "2026-11-23T15:44:00Z", "listedBefore": ["3c", "3c"],
        }],
    });
    // By way of the code's own type, so that this is a status that the operator can write.
    let typed: LogDrainStatus = serde_json::from_value(status.clone()).expect("a status");
    let patch = json!({"status": typed}).to_string();
    kubectl(
        &["patch", "ld", "datadog", "-n", &namespace, "--subresource=status", "--type=merge", "-p", &patch],
        "",
    );
    assert_eq!(kubectl_json(&["get", "ld", "datadog", "-n", &namespace])["status"], status);

    let rows = |arguments: &[&str]| -> Vec<Vec<String>> {
        kubectl(&[&["get", "-n", &namespace], arguments].concat(), "")
            .lines()
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .collect()
    };
    let narrow = rows(&["ld"]);
    assert_eq!(narrow[0], ["NAME", "APP", "TYPE", "READY", "REASON", "AGE"]);
    assert_eq!(narrow[1][..5], ["datadog", "shop-front", "datadog", "False", "SecretNotFound"]);
    assert_eq!(narrow[2][..3], ["new", "shop-front", "papertrail"]);
    let wide = rows(&["scalingo", "-o", "wide"]);
    assert_eq!(wide[0], ["NAME", "APP", "TYPE", "READY", "REASON", "ADDON", "URL", "MESSAGE", "AGE"]);
    assert_eq!(wide[1][5..8], ["ad-1", "datadog://***?region=eu-west-2", "Secret-datadog-is-not-there"]);

    let selected =
        rows(&["ld", "--no-headers", "--field-selector", "spec.app=shop-front,spec.type=papertrail"]);
    assert_eq!(selected.len(), 1);
    assert_eq!(selected[0][0], "new");
}
