//! Values about how many pods there are, where they run, and how.

use serde_json::{Value, json};

use super::{Case, case};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub fn cases() -> Vec<Case> {
    let mut cases = availability();
    cases.extend(apart());
    cases.extend(pods());
    cases.extend(dns());
    cases
}

fn availability() -> Vec<Case> {
    vec![
        Case {
            without: &["PodDisruptionBudget"],
            deployment: vec![
                ("/spec/strategy/type", json!("RollingUpdate")),
                ("/spec/template/spec/affinity", Value::Null),
                ("/spec/template/spec/topologySpreadConstraints", Value::Null),
            ],
            ..case("one replica", json!({"replicas": 1}))
        },
        Case {
            without: &["leader-election", "PodDisruptionBudget"],
            deployment: vec![
                ("/spec/strategy", json!({"type": "Recreate"})),
                ("/spec/template/spec/containers/0/args", json!(["run", "--no-leader-election"])),
            ],
            ..case(
                "one replica without a Lease",
                json!({"replicas": 1, "leaderElection": {"enabled": false}}),
            )
        },
        Case {
            with: &[
                "Role shop/logdrain-operator-leader-election",
                "RoleBinding shop/logdrain-operator-leader-election",
            ],
            deployment: vec![(
                "/spec/template/spec/containers/0/args",
                json!([
                    "run",
                    "--lease-name=drains",
                    "--lease-duration=1m",
                    "--lease-namespace=shop",
                    "--renew-deadline=40s",
                    "--retry-period=5s",
                ]),
            )],
            others: vec![(
                "Role shop/logdrain-operator-leader-election",
                "/rules/1/resourceNames",
                json!(["drains"]),
            )],
            ..case(
                "a Lease elsewhere, with other times",
                json!({
                    "replicas": 3,
                    "leaderElection": {
                        "leaseName": "drains", "leaseNamespace": "shop",
                        "leaseDuration": "1m", "renewDeadline": "40s", "retryPeriod": "5s",
                    },
                }),
            )
        },
        Case {
            without: &["PodDisruptionBudget"],
            deployment: vec![
                (
                    "/spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/0/topologyKey",
                    json!("kubernetes.io/hostname"),
                ),
                // On as many nodes as replicas, one more would find no place.
                ("/spec/strategy/rollingUpdate", json!({"maxSurge": 0, "maxUnavailable": 1})),
            ],
            ..case(
                "never two on a node, and no budget",
                json!({
                    "antiAffinity": "required", "podDisruptionBudget": {"enabled": false},
                }),
            )
        },
        Case {
            deployment: vec![
                ("/spec/template/spec/affinity/podAntiAffinity", Value::Null),
                (
                    "/spec/template/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchExpressions/0/key",
                    json!("kubernetes.io/arch"),
                ),
                ("/spec/template/spec/topologySpreadConstraints/0/topologyKey", json!("rack")),
                ("/spec/strategy/rollingUpdate", json!({"maxSurge": 1, "maxUnavailable": 0})),
            ],
            ..case(
                "scheduling of one's own",
                json!({
                    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]}]},
                    ]}}},
                    "topologySpreadConstraints": [{
                        "maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule",
                        "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "logdrain-operator"}},
                    }],
                }),
            )
        },
    ]
}

fn apart() -> Vec<Case> {
    let term = json!({"topologyKey": "rack", "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "logdrain-operator"}}});
    let affinity = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
    vec![
        Case {
            deployment: vec![
                ("/spec/template/spec/affinity", affinity.clone()),
                ("/spec/strategy/rollingUpdate", json!({"maxSurge": 0, "maxUnavailable": 1})),
            ],
            ..case("never two in a rack", json!({"affinity": affinity}))
        },
        Case {
            deployment: vec![("/spec/strategy/rollingUpdate", json!({"maxSurge": 1, "maxUnavailable": 0}))],
            ..case(
                "an affinity of one's own in the place of a required distance",
                json!({
                    "antiAffinity": "required",
                    "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                        {"weight": 1, "podAffinityTerm": term},
                    ]}},
                }),
            )
        },
    ]
}

fn dns() -> Vec<Case> {
    vec![
        Case {
            deployment: vec![
                ("/spec/template/spec/dnsPolicy", json!("None")),
                (
                    "/spec/template/spec/dnsConfig",
                    json!({
                        "nameservers": ["10.0.0.10", "2001:db8::35"], "searches": ["example.com"],
                        "options": [{"name": "ndots", "value": "2"}],
                    }),
                ),
            ],
            ..case(
                "name servers of one's own, and the chart's options",
                json!({
                    "dnsPolicy": "None",
                    "dnsConfig": {"nameservers": ["10.0.0.10", "2001:db8::35"], "searches": ["example.com"]},
                }),
            )
        },
        Case {
            deployment: vec![(
                "/spec/template/spec/dnsConfig",
                json!({"options": [{"name": "ndots", "value": "1"}, {"name": "use-vc"}]}),
            )],
            ..case(
                "other options of DNS",
                json!({"dnsConfig": {"options": [{"name": "ndots", "value": "1"}, {"name": "use-vc"}]}}),
            )
        },
        Case {
            deployment: vec![
                ("/spec/template/spec/dnsPolicy", Value::Null),
                ("/spec/template/spec/dnsConfig", json!({"options": []})),
            ],
            ..case("DNS as the cluster has it", json!({"dnsConfig": {"options": []}}))
        },
    ]
}

fn pods() -> Vec<Case> {
    vec![
        Case {
            deployment: vec![
                (
                    "/spec/template/spec/containers/0/image",
                    json!(format!("registry.example.com/drains@{DIGEST}")),
                ),
                ("/spec/template/spec/containers/0/imagePullPolicy", json!("Always")),
                ("/spec/template/spec/imagePullSecrets", json!([{"name": "registry"}])),
            ],
            ..case(
                "an image by its digest",
                json!({
                    "image": {
                        "repository": "registry.example.com/drains", "tag": "1.2.3", "digest": DIGEST, "pullPolicy": "Always",
                    },
                    "imagePullSecrets": [{"name": "registry"}],
                }),
            )
        },
        Case {
            deployment: vec![
                ("/spec/template/spec/securityContext/runAsUser", Value::Null),
                ("/spec/template/spec/securityContext/runAsGroup", Value::Null),
                ("/spec/template/spec/securityContext/runAsNonRoot", json!(true)),
            ],
            ..case("a user that the cluster chooses", json!({"runAsUser": ""}))
        },
        Case {
            deployment: vec![
                ("/spec/template/metadata/labels/team", json!("platform")),
                ("/spec/template/metadata/annotations", json!({"example.com/scrape": "true"})),
                ("/spec/template/spec/priorityClassName", json!("system-cluster-critical")),
                ("/spec/template/spec/nodeSelector", json!({"kubernetes.io/os": "linux"})),
                ("/spec/template/spec/tolerations/0/key", json!("dedicated")),
                (
                    "/spec/template/spec/containers/0/resources",
                    json!({"requests": {"cpu": "20m", "memory": "96Mi"}, "limits": {"memory": "256Mi", "cpu": "500m"}}),
                ),
                ("/spec/template/spec/securityContext/runAsUser", json!(1000)),
                ("/spec/template/spec/securityContext/runAsGroup", json!(1000)),
                ("/spec/template/spec/affinity", Value::Null),
            ],
            ..case(
                "everything about the pods",
                json!({
                    "podLabels": {"team": "platform"}, "podAnnotations": {"example.com/scrape": "true"},
                    "priorityClassName": "system-cluster-critical", "nodeSelector": {"kubernetes.io/os": "linux"},
                    "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "platform", "effect": "NoSchedule"}],
                    "resources": {"requests": {"cpu": "20m", "memory": "96Mi"}, "limits": {"memory": "256Mi", "cpu": "500m"}},
                    "antiAffinity": "none", "runAsUser": 1000,
                }),
            )
        },
    ]
}
