//! Wrong values are refused before anything is installed, with a sentence that says what is wrong where.

use packaging::{Helm, of_kind};
use serde_json::{Value, json};

use super::cluster::{HOME, render};

/// Values, and what the refusal says.
fn refused() -> Vec<(Value, &'static [&'static str])> {
    [of_another_shape(), of_no_use()].concat()
}

/// What the schema does not allow.
fn of_another_shape() -> Vec<(Value, &'static [&'static str])> {
    vec![
        (json!({"replica": 3}), &["at '': additional properties 'replica' not allowed"]),
        (json!({"replicas": "two"}), &["at '/replicas': got string, want integer"]),
        (json!({"replicas": 50}), &["at '/replicas': maximum: got 50, want 10"]),
        (json!({"replicas": null}), &["at '': missing property 'replicas'"]),
        (json!({"image": {"tagg": "1"}}), &["at '/image': additional properties 'tagg' not allowed"]),
        (json!({"image": {"tag": 1.2}}), &["at '/image/tag': got number, want string"]),
        (json!({"image": {"digest": "sha256:12"}}), &["at '/image/digest'", "does not match pattern"]),
        (
            json!({"image": {"pullPolicy": "Sometimes"}}),
            &["at '/image/pullPolicy': value must be one of 'Always'"],
        ),
        (json!({"crds": {"keep": "yes"}}), &["at '/crds/keep': got string, want boolean"]),
        (json!({"watchNamespaces": "shop"}), &["at '/watchNamespaces': got string, want array"]),
        (
            json!({"clusterRoleForLogDrains": "yes"}),
            &["at '/clusterRoleForLogDrains': got string, want boolean"],
        ),
        (json!({"watchNamespaces": ["Shop"]}), &["at '/watchNamespaces/0': 'Shop' does not match pattern"]),
        (json!({"region": "osc.fr1"}), &["at '/region': 'osc.fr1' does not match pattern"]),
        (json!({"requestsPerMinute": 1}), &["at '/requestsPerMinute': minimum: got 1, want 2"]),
        (
            json!({"maxConcurrentReconciles": 257}),
            &["at '/maxConcurrentReconciles': maximum: got 257, want 256"],
        ),
        (json!({"feedInterval": 15}), &["at '/feedInterval': got number, want string"]),
        (json!({"resync": "10 minutes"}), &["at '/resync': '10 minutes' does not match pattern"]),
        (json!({"resync": "30s1m"}), &["at '/resync': '30s1m' does not match pattern"]),
        (json!({"apiUrl": "api.scalingo.com"}), &["at '/apiUrl': 'api.scalingo.com' does not match pattern"]),
        (json!({"log": {"format": "xml"}}), &["at '/log/format': value must be one of 'text', 'json'"]),
        (json!({"adminAddress": ":8080"}), &["at '/adminAddress': ':8080' does not match pattern"]),
        (
            json!({"leaderElection": {"enable": true}}),
            &["at '/leaderElection': additional properties 'enable'"],
        ),
        (
            json!({"leaderElection": {"leaseName": "drains.shop"}}),
            &["at '/leaderElection/leaseName': 'drains.shop' does not match pattern"],
        ),
        (
            json!({"certificateAuthority": {"file": "x"}}),
            &["at '/certificateAuthority': additional properties 'file'"],
        ),
        (json!({"extraArgs": ["resync=1m"]}), &["at '/extraArgs/0': 'resync=1m' does not match pattern"]),
        (json!({"extraArgs": ["--resync 1m"]}), &["at '/extraArgs/0': '--resync 1m' does not match pattern"]),
        (json!({"extraEnv": [{"value": "x"}]}), &["at '/extraEnv/0': missing property 'name'"]),
        (json!({"podLabels": {"team": 1}}), &["at '/podLabels/team': got number, want string"]),
        (json!({"runAsUser": 0}), &["at '/runAsUser': minimum: got 0, want 1"]),
        (json!({"runAsUser": "nobody"}), &["at '/runAsUser': maxLength: got 6, want 0"]),
        (json!({"dnsPolicy": "Cluster"}), &["at '/dnsPolicy': value must be one of '', 'ClusterFirst'"]),
        (json!({"dnsConfig": {"search": []}}), &["at '/dnsConfig': additional properties 'search'"]),
        (
            json!({"dnsConfig": {"nameservers": ["dns.example.com"]}}),
            &["at '/dnsConfig/nameservers/0': 'dns.example.com' does not match pattern"],
        ),
        (
            json!({"dnsConfig": {"options": [{"name": "ndots", "value": 1}]}}),
            &["at '/dnsConfig/options/0/value': got number, want string"],
        ),
        (
            json!({"resources": {"limit": {}}}),
            &["at '/resources': additional properties 'limit' not allowed"],
        ),
        (json!({"resources": {"limits": {"memory": "1 GB"}}}), &["at '/resources/limits/memory'", "'1 GB'"]),
        (
            json!({"tolerations": [{"effect": "Never"}]}),
            &["at '/tolerations/0/effect': value must be one of"],
        ),
        (
            json!({"antiAffinity": "soft"}),
            &["at '/antiAffinity': value must be one of 'preferred', 'required', 'none'"],
        ),
        (json!({"networkPolicy": {"extraPorts": [70000]}}), &["at '/networkPolicy/extraPorts/0': maximum"]),
        (json!({"metrics": {"serviceMonitor": {"labels": ["x"]}}}), &["at '/metrics/serviceMonitor/labels'"]),
        (
            json!({"metrics": {"prometheusRule": {"enabled": 1}}}),
            &["at '/metrics/prometheusRule/enabled': got"],
        ),
        (
            json!({"metrics": {"dashboard": {"labels": {"grafana_dashboard": 1}}}}),
            &["at '/metrics/dashboard/labels/grafana_dashboard': got number, want string"],
        ),
        // What does not go together, in words.
        (
            json!({"dnsPolicy": "None"}),
            &["dnsPolicy is None and dnsConfig.nameservers is empty", "Name one in dnsConfig.nameservers"],
        ),
        (
            json!({"leaderElection": {"enabled": false}}),
            &["replicas is 2 and leaderElection.enabled is false", "Set replicas to 1"],
        ),
    ]
}

/// What is allowed by its shape, and would not work.
fn of_no_use() -> Vec<(Value, &'static [&'static str])> {
    vec![
        (json!({"adminAddress": "127.0.0.1:8080"}), &["adminAddress is 127.0.0.1:8080: nobody outside"]),
        (json!({"adminAddress": "[::1]:8080"}), &["adminAddress is [::1]:8080: nobody outside"]),
        (json!({"adminAddress": "[0:0:0:0:0:0:0:1]:8080"}), &["Set it to 0.0.0.0 or [::] with a port."]),
        (
            json!({"certificateAuthority": {"configMap": {"name": "a"}, "secret": {"name": "b"}}}),
            &["certificateAuthority names a ConfigMap and a Secret: name one of them."],
        ),
        (
            json!({"adminAddress": "0.0.0.0:70000"}),
            &["adminAddress is 0.0.0.0:70000: a port is at most 65535."],
        ),
        (json!({"adminAddress": "0.0.300.0:8080"}), &["at '/adminAddress': '0.0.300.0:8080' does not match"]),
        (
            json!({"image": {"repository": "registry.example.com:5000/drains:1.2"}}),
            &[
                "image.repository is registry.example.com:5000/drains:1.2, with a tag: put that into image.tag.",
            ],
        ),
    ]
}

/// What says the same as something else that is there.
fn repeated() -> Vec<(Value, &'static [&'static str])> {
    let variable = |name: &str| json!([{"name": name, "value": "x"}]);
    vec![
        (
            json!({"extraEnv": variable("SCALINGO_REGION")}),
            &["extraEnv names SCALINGO_REGION, which region sets: use one of them alone."],
        ),
        (
            json!({"extraEnv": variable("RUST_LOG"), "log": {"level": "debug"}}),
            &["extraEnv names RUST_LOG, which log.level sets"],
        ),
        (
            json!({"extraEnv": variable("HTTPS_PROXY"), "proxy": {"https": "http://proxy.example.com:3128"}}),
            &["extraEnv names HTTPS_PROXY, which proxy.https sets"],
        ),
        (
            json!({"extraEnv": variable("NO_PROXY"), "proxy": {"noProxy": ".svc"}}),
            &["extraEnv names NO_PROXY, which proxy.noProxy sets"],
        ),
        (
            json!({"extraEnv": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}),
            &["extraEnv names A, which another item sets"],
        ),
        (
            json!({"extraArgs": ["--resync=3m"], "resync": "5m"}),
            &["extraArgs has --resync, which a value of the chart sets: use that value alone."],
        ),
        (
            json!({"extraArgs": ["--ca-file=/x"], "certificateAuthority": {"secret": {"name": "company"}}}),
            &["extraArgs has --ca-file, which a value of the chart sets"],
        ),
        (
            json!({"extraArgs": ["--allow-http", "--allow-http"]}),
            &["extraArgs has --allow-http twice: keep one of them."],
        ),
        // The ports, the Roles and the strategy of the chart would not know.
        (json!({"extraArgs": ["--admin-address=0.0.0.0:9090"]}), &["extraArgs has --admin-address, which"]),
        (json!({"extraArgs": ["--watch-namespace=shop"]}), &["extraArgs has --watch-namespace, which"]),
        (json!({"extraArgs": ["--lease-name=drains"]}), &["extraArgs has --lease-name, which"]),
        (json!({"extraArgs": ["--lease-namespace=shop"]}), &["extraArgs has --lease-namespace, which"]),
        (json!({"extraArgs": ["--no-leader-election"]}), &["extraArgs has --no-leader-election, which"]),
    ]
}

#[test]
fn a_wrong_value_is_refused_and_named() {
    let helms = Helm::both(None).unwrap();
    for (values, expected) in refused().into_iter().chain(repeated()) {
        for (version, helm) in &helms {
            let Err(error) = render(helm, "logdrain-operator", HOME, &values) else {
                panic!("{version}: {values} was taken")
            };
            for part in expected {
                assert!(error.contains(part), "{version}: {values}: {part} in {error}");
            }
        }
    }
}

#[test]
fn a_release_that_begins_with_a_digit_gets_a_service_only_by_another_name() {
    let helm = Helm::new(None).unwrap();
    let on = json!({"enabled": true});
    for metrics in [json!({"service": on}), json!({"serviceMonitor": on})] {
        let error = render(&helm, "1st", HOME, &json!({"metrics": metrics})).unwrap_err();
        assert!(error.contains("set fullnameOverride to a name that begins with a letter."), "{error}");
        let named = json!({"metrics": metrics, "fullnameOverride": "first"});
        let objects = render(&helm, "1st", HOME, &named).unwrap();
        assert_eq!(of_kind(&objects, "Service")[0]["metadata"]["name"], "first-metrics");
    }
    render(&helm, "1st", HOME, &json!({})).unwrap();
}

#[test]
fn an_admin_address_that_others_reach_is_taken() {
    let helm = Helm::new(None).unwrap();
    for address in ["0.0.0.0:9090", "[::]:9090", "10.0.0.1:8080", "[fd00::1]:8080"] {
        let values = json!({"adminAddress": address});
        let rendered = render(&helm, "logdrain-operator", HOME, &values).unwrap();
        let shown = serde_json::to_string(&rendered).unwrap();
        assert!(shown.contains(&format!("--admin-address={address}")), "{address}");
    }
}

#[test]
fn each_object_of_the_schema_refuses_what_it_does_not_know() {
    fn walk(path: &str, schema: &Value, found: &mut usize) {
        if let Some(properties) = schema["properties"].as_object() {
            assert_eq!(schema["additionalProperties"], false, "{path}");
            *found += 1;
            properties.iter().for_each(|(name, schema)| walk(&format!("{path}.{name}"), schema, found));
        }
        if schema["items"].is_object() {
            walk(&format!("{path}[]"), &schema["items"], found);
        }
    }
    let text = std::fs::read_to_string(packaging::chart().join("values.schema.json")).unwrap();
    let mut found = 0;
    walk("", &serde_json::from_str(&text).unwrap(), &mut found);
    assert!(found > 15, "{found}");
}
