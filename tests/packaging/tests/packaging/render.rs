//! What Helm makes of the chart.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs;

use control_plane::ControlPlane;
use logdrain_operator::config::{Command, parse as parse_arguments};
use packaging::{Helm, chart, name, of_kind, parse, repository};
use serde_json::{Value, json};

use super::cases::cases;
use super::cluster::{HOME, path, prepare, render};

const RELEASE: &str = "logdrain-operator";

/// Flags of which an operator without leader election knows nothing.
const LEADER_ELECTION: [&str; 6] = [
    "--no-leader-election",
    "--lease-name",
    "--lease-namespace",
    "--lease-duration",
    "--renew-deadline",
    "--retry-period",
];

fn arguments(objects: &[Value]) -> Vec<String> {
    let deployment = of_kind(objects, "Deployment")[0];
    serde_json::from_value(deployment["spec"]["template"]["spec"]["containers"][0]["args"].clone()).unwrap()
}

fn help() -> String {
    let Ok(Command::Print(help)) =
        parse_arguments(["logdrain-operator", "run", "--help"].map(OsString::from))
    else {
        panic!("no help");
    };
    help
}

fn flag(argument: &str) -> String {
    argument.split('=').next().unwrap_or(argument).to_owned()
}

#[test]
fn the_chart_passes_a_strict_lint_and_is_of_this_version() {
    let chart = chart();
    for (version, helm) in Helm::both(None).unwrap() {
        let said = helm.run(["lint", "--strict", path(&chart)]).unwrap();
        assert!(said.contains("1 chart(s) linted, 0 chart(s) failed"), "{version}: {said}");
        assert!(!said.contains("[WARNING]") && !said.contains("[ERROR]"), "{version}: {said}");
    }
    let metadata = &parse(&fs::read_to_string(chart.join("Chart.yaml")).unwrap()).unwrap()[0];
    for field in ["version", "appVersion"] {
        assert_eq!(metadata[field], env!("CARGO_PKG_VERSION"), "{field}");
    }
}

#[test]
fn the_server_takes_each_object_of_each_case_without_a_warning() {
    let plane = ControlPlane::shared().unwrap();
    prepare(plane, &["shop", "blog"]);
    // Of the Prometheus operator's definition only what the chart uses; the server refuses all else.
    plane.apply(include_str!("prometheus-operator.yaml")).unwrap();
    let helm = Helm::new(None).unwrap();
    let cases = cases();
    assert!(cases.len() >= 12, "{}", cases.len());
    let mut all = 0;
    for case in cases {
        let objects = render(&helm, RELEASE, HOME, &case.values)
            .unwrap_or_else(|error| panic!("{}: {error}", case.what));
        let names: Vec<String> = objects.iter().map(|object| format!("{} ", name(object))).collect();
        let distinct: HashSet<&String> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{}: {names:#?}", case.what);
        for expected in case.with {
            assert!(
                names.iter().any(|name| name.trim_end() == *expected),
                "{}: {expected} in {names:#?}",
                case.what
            );
        }
        for unexpected in case.without {
            assert!(
                !names.iter().any(|name| name.contains(unexpected)),
                "{}: {unexpected} in {names:#?}",
                case.what
            );
        }
        let deployment = of_kind(&objects, "Deployment")[0];
        for (pointer, value) in &case.deployment {
            assert_eq!(
                deployment.pointer(pointer).unwrap_or(&Value::Null),
                value,
                "{}: {pointer}",
                case.what
            );
        }
        for (other, pointer, value) in &case.others {
            let object = objects.iter().find(|object| name(object) == *other);
            let found = object.and_then(|object| object.pointer(pointer));
            assert_eq!(found, Some(value), "{}: {pointer} of {other}", case.what);
        }

        let file = helm.values(&json!({"apiVersion": "v1", "kind": "List", "items": objects})).unwrap();
        let output = plane
            .kubectl()
            .args([
                "apply",
                "--server-side",
                "--dry-run=server",
                "--validate=strict",
                "-f",
                path(file.path()),
            ])
            .output()
            .unwrap();
        // Pods that do not meet the standard `restricted` would be a warning.
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{}", case.what);
        assert!(output.status.success(), "{}", case.what);
        let taken = String::from_utf8_lossy(&output.stdout).lines().count();
        assert_eq!(taken, objects.len(), "{}", case.what);
        all += taken;
    }
    assert!(all > 100, "only {all} objects");
}

#[test]
fn the_operator_understands_the_arguments_of_each_case_and_each_of_its_flags_is_a_value() {
    let helm = Helm::new(None).unwrap();
    let flags = help();
    let mut used = BTreeSet::new();
    for case in cases() {
        let objects = render(&helm, RELEASE, HOME, &case.values).unwrap();
        let mut arguments = arguments(&objects);
        used.extend(arguments.iter().map(|argument| flag(argument)));
        // The file of a volume, which is not here.
        arguments.retain(|argument| flag(argument) != "--ca-file");
        if !flags.contains("--lease-name") {
            arguments.retain(|argument| !LEADER_ELECTION.contains(&flag(argument).as_str()));
        }
        let command_line = ["logdrain-operator".to_owned()].into_iter().chain(arguments.clone());
        let parsed = parse_arguments(command_line.map(OsString::from));
        assert!(matches!(parsed, Ok(Command::Run(_))), "{}: {arguments:?}: {parsed:?}", case.what);
    }
    for known in flags.lines().filter_map(|line| line.trim_start().strip_prefix("--")) {
        let known = format!("--{}", known.split_whitespace().next().unwrap());
        // It comes by its variable.
        if known != "--region" {
            assert!(used.contains(&known), "{known} is no value of the chart");
        }
    }
    for variable in ["[env: SCALINGO_REGION]", "RUST_LOG"] {
        assert!(flags.contains(variable), "{variable}");
    }
}

#[test]
fn the_cases_set_each_value_that_there_is() {
    fn leaves(path: &str, value: &Value, found: &mut BTreeSet<String>) {
        match value.as_object() {
            Some(fields) if !fields.is_empty() => {
                fields.iter().for_each(|(name, value)| leaves(&format!("{path}.{name}"), value, found));
            }
            _ => {
                found.insert(path.to_owned());
            }
        }
    }
    let defaults = parse(&fs::read_to_string(chart().join("values.yaml")).unwrap()).unwrap();
    let (mut all, mut set) = (BTreeSet::new(), BTreeSet::new());
    leaves("", &defaults[0], &mut all);
    for case in cases() {
        leaves("", &case.values, &mut set);
    }
    let unset: Vec<&String> = all
        .iter()
        .filter(|leaf| !set.iter().any(|set| set == *leaf || set.starts_with(&format!("{leaf}."))))
        .collect();
    assert!(unset.is_empty(), "{unset:#?}");
    assert!(all.len() > 50, "{all:#?}");
}

#[test]
fn the_definition_is_that_of_the_repository() {
    let helm = Helm::new(None).unwrap();
    let file = "logs.scalingo.com_logdrains.yaml";
    let generated = fs::read_to_string(repository().join("crds").join(file)).unwrap();
    let bundled = fs::read_to_string(chart().join("files/crds").join(file)).unwrap();
    assert!(generated == bundled, "deploy/chart/files/crds differs from crds: run `just crd`");
    for keep in [true, false] {
        let objects = render(&helm, RELEASE, HOME, &json!({"crds": {"keep": keep}})).unwrap();
        let rendered = of_kind(&objects, "CustomResourceDefinition");
        assert_eq!(rendered.len(), 1);
        assert_eq!(rendered[0]["spec"], parse(&generated).unwrap()[0]["spec"]);
        let policy = &rendered[0]["metadata"]["annotations"]["helm.sh/resource-policy"];
        assert_eq!(policy, &if keep { json!("keep") } else { Value::Null });
    }
}

#[test]
fn the_alerts_and_the_dashboard_are_those_of_the_repository() {
    let [rule, dashboard] = ["prometheus-rule.yaml", "dashboard.json"].map(|file| {
        let written = fs::read_to_string(repository().join("deploy/monitoring").join(file)).unwrap();
        let bundled = fs::read_to_string(chart().join("files/monitoring").join(file)).unwrap();
        assert!(written == bundled, "{file} of deploy/chart/files/monitoring differs: run `just monitoring`");
        written
    });
    let helm = Helm::new(None).unwrap();
    let values = json!({"metrics": {
        "prometheusRule": {"enabled": true, "labels": {"release": "prometheus"}},
        "dashboard": {"enabled": true, "annotations": {"grafana_folder": "Scalingo"}},
    }});
    let objects = render(&helm, RELEASE, HOME, &values).unwrap();
    let rendered = of_kind(&objects, "PrometheusRule")[0];
    assert_eq!(rendered["spec"], parse(&rule).unwrap()[0]["spec"]);
    assert_eq!(rendered["metadata"]["labels"]["release"], "prometheus");
    let rendered = of_kind(&objects, "ConfigMap")[0];
    assert_eq!(rendered["data"], json!({"logdrain-operator.json": dashboard}));
    assert_eq!(rendered["metadata"]["labels"]["grafana_dashboard"], "1");
    assert_eq!(rendered["metadata"]["annotations"], json!({"grafana_folder": "Scalingo"}));
}

#[test]
fn two_releases_in_one_namespace_share_no_name() {
    let helm = Helm::new(None).unwrap();
    let names = |release: &str, watched: &str| -> BTreeSet<String> {
        let values = json!({"watchNamespaces": [watched], "crds": {"enabled": false}});
        render(&helm, release, HOME, &values).unwrap().iter().map(name).collect()
    };
    let (one, other) = (names("shop", "shop"), names("blog", "shop"));
    assert_eq!(one.len(), other.len());
    assert!(one.is_disjoint(&other), "{one:#?} {other:#?}");
    let objects = render(&helm, "shop", HOME, &json!({})).unwrap();
    assert_eq!(arguments(&objects), ["run", "--lease-name=shop-logdrain-operator"]);
}

#[test]
fn names_that_look_like_numbers_stay_names() {
    let helm = Helm::new(None).unwrap();
    let values = json!({
        "watchNamespaces": ["1"], "leaderElection": {"leaseName": "2", "leaseNamespace": "3"}, "region": "4",
    });
    let objects = render(&helm, "5", "6", &values).unwrap();
    for object in &objects {
        for pointer in
            ["/metadata/name", "/metadata/namespace", "/metadata/labels/app.kubernetes.io~1instance"]
        {
            let value = object.pointer(pointer).unwrap_or(&Value::Null);
            let absent = value.is_null() && object["kind"] == "CustomResourceDefinition";
            assert!(value.is_string() || absent, "{pointer} of {object}");
        }
    }
    let roles = of_kind(&objects, "Role");
    let lease = roles.into_iter().find(|role| role["metadata"]["namespace"] == "3").unwrap();
    assert_eq!(lease["rules"][1]["resourceNames"], json!(["2"]));
    let container = &of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["env"][0]["value"], "4");
}

#[test]
fn the_operator_takes_the_lease_of_a_release_whose_name_has_dots() {
    let helm = Helm::new(None).unwrap();
    let values = json!({"metrics": {"serviceMonitor": {"enabled": true}}});
    for (release, expected) in [
        ("shop.logs", "shop-logs-logdrain-operator"),
        ("logdrain-operator.shop", "logdrain-operator-shop"),
        // Cut where a dot is.
        (
            "logdrain-operator.of-the-team-for-platforms.x.abc.def",
            "logdrain-operator-of-the-team-for-platforms-x",
        ),
    ] {
        let objects = render(&helm, release, HOME, &values).unwrap();
        let arguments = arguments(&objects);
        assert_eq!(arguments, ["run".to_owned(), format!("--lease-name={expected}")]);
        let command_line = ["logdrain-operator".to_owned()].into_iter().chain(arguments);
        let parsed = parse_arguments(command_line.map(OsString::from));
        assert!(matches!(parsed, Ok(Command::Run(_))), "{release}: {parsed:?}");
        // A Service may have no dot in its name either.
        let service = of_kind(&objects, "Service")[0];
        assert_eq!(service["metadata"]["name"], format!("{expected}-metrics"));
    }
}

#[test]
fn the_network_policy_lets_through_what_is_needed_and_the_metrics() {
    let helm = Helm::new(None).unwrap();
    let policy = |values: Value| {
        let objects = render(&helm, RELEASE, HOME, &json!({"networkPolicy": values})).unwrap();
        of_kind(&objects, "NetworkPolicy")[0]["spec"].clone()
    };
    let spec = policy(json!({"enabled": true}));
    let tcp = |port: u16| json!({"protocol": "TCP", "port": port});
    assert_eq!(spec["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(spec["ingress"], json!([{"ports": [tcp(8080)]}]));
    let udp = |port: u16| json!({"protocol": "UDP", "port": port});
    let dns = json!({"ports": [udp(53), tcp(53), udp(5353), tcp(5353)]});
    assert_eq!(spec["egress"], json!([dns, {"ports": [tcp(443), tcp(6443)]}]));
    let peer = json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}});
    let spec = policy(json!({
        "enabled": true, "apiServerPorts": [16443], "dnsPorts": [1053, 1053], "extraPorts": [3128], "metricsFrom": [peer],
    }));
    assert_eq!(spec["ingress"][0]["from"], json!([peer]));
    let dns = json!({"ports": [udp(1053), tcp(1053)]});
    assert_eq!(spec["egress"], json!([dns, {"ports": [tcp(443), tcp(16443), tcp(3128)]}]));
}

#[test]
fn labels_of_a_value_do_not_take_the_place_of_the_charts() {
    let helm = Helm::new(None).unwrap();
    let labels = json!({
        "app.kubernetes.io/name": "other", "app.kubernetes.io/instance": "other", "app.kubernetes.io/version": "9", "team": "platform",
    });
    let on = json!({"enabled": true, "labels": labels});
    let values = json!({
        "podLabels": labels,
        "metrics": {"serviceMonitor": on, "prometheusRule": on, "dashboard": on},
    });
    let objects = render(&helm, RELEASE, HOME, &values).unwrap();
    let template = &of_kind(&objects, "Deployment")[0]["spec"]["template"];
    assert_eq!(
        template["metadata"]["labels"],
        json!({
            "app.kubernetes.io/name": "logdrain-operator", "app.kubernetes.io/instance": RELEASE,
            "app.kubernetes.io/version": "9", "team": "platform",
        })
    );
    for kind in ["ServiceMonitor", "PrometheusRule", "ConfigMap"] {
        let labels = &of_kind(&objects, kind)[0]["metadata"]["labels"];
        assert_eq!(labels["app.kubernetes.io/name"], "logdrain-operator", "{kind}");
        assert_eq!(labels["app.kubernetes.io/instance"], RELEASE, "{kind}");
        assert_eq!(labels["app.kubernetes.io/version"], env!("CARGO_PKG_VERSION"), "{kind}");
        assert_eq!(labels["team"], "platform", "{kind}");
    }
}
