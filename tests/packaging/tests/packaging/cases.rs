//! The values that the chart is tried with: together they set each one that there is.

use serde_json::{Value, json};

/// One installation.
pub struct Case {
    pub what: &'static str,
    pub values: Value,
    /// What must be among the names of the objects, and what must not.
    pub with: &'static [&'static str],
    pub without: &'static [&'static str],
    /// JSON pointers into the Deployment, and what is there.
    pub deployment: Vec<(&'static str, Value)>,
}

fn case(what: &'static str, values: Value) -> Case {
    Case { what, values, with: &[], without: &[], deployment: Vec::new() }
}

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub fn cases() -> Vec<Case> {
    let mut cases = rights();
    cases.extend(availability());
    cases.extend(apart());
    cases.extend(operation());
    cases.extend(surroundings());
    cases.extend(watching());
    cases.extend(pods());
    cases
}

fn rights() -> Vec<Case> {
    vec![
        Case {
            with: &[
                "CustomResourceDefinition logdrains.logs.scalingo.com",
                "ServiceAccount logdrain-system/logdrain-operator",
                "ClusterRole logdrain-operator",
                "ClusterRoleBinding logdrain-operator",
                "Role logdrain-system/logdrain-operator-leader-election",
                "RoleBinding logdrain-system/logdrain-operator-leader-election",
                "Deployment logdrain-system/logdrain-operator",
                "PodDisruptionBudget logdrain-system/logdrain-operator",
            ],
            without: &[
                "NetworkPolicy",
                "Service ",
                "ServiceMonitor",
                "PrometheusRule",
                "ConfigMap",
                "Role logdrain-system/logdrain-operator ",
            ],
            deployment: vec![
                ("/spec/replicas", json!(2)),
                ("/spec/template/spec/containers/0/args", json!(["run"])),
                (
                    "/spec/template/spec/containers/0/image",
                    json!(concat!("ghcr.io/logdrain-operator/logdrain-operator:", env!("CARGO_PKG_VERSION"))),
                ),
            ],
            ..case("nothing set", json!({}))
        },
        Case {
            with: &[
                "Role shop/logdrain-operator",
                "RoleBinding shop/logdrain-operator",
                "Role blog/logdrain-operator",
                "RoleBinding blog/logdrain-operator",
            ],
            without: &["ClusterRole", "Role logdrain-system/logdrain-operator "],
            deployment: vec![(
                "/spec/template/spec/containers/0/args",
                json!(["run", "--watch-namespace=shop", "--watch-namespace=blog"]),
            )],
            ..case("two namespaces", json!({"watchNamespaces": ["shop", "blog", "shop"]}))
        },
        Case {
            without: &["CustomResourceDefinition"],
            ..case(
                "no CRD, and names of one's own",
                json!({
                    "crds": {"enabled": false, "keep": false},
                    "nameOverride": "drains", "fullnameOverride": "the-drains",
                    "serviceAccount": {"annotations": {"example.com/role": "drains"}},
                }),
            )
        },
    ]
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

fn operation() -> Vec<Case> {
    vec![
        Case {
            deployment: vec![
                ("/spec/template/spec/containers/0/ports/0/containerPort", json!(9090)),
                (
                    "/spec/template/spec/containers/0/args",
                    json!([
                        "run",
                        "--api-url=http://api.{region}.example.com",
                        "--auth-url=http://auth.example.com",
                        "--feed-interval=1m30s",
                        "--requests-per-minute=10000",
                        "--resync=5m",
                        "--sweep-interval=12h",
                        "--allow-http",
                        "--log-format=json",
                        "--admin-address=[::]:9090",
                    ]),
                ),
                (
                    "/spec/template/spec/containers/0/env",
                    json!([
                        {"name": "SCALINGO_REGION", "value": "osc-secnum-fr1"},
                        {"name": "RUST_LOG", "value": "info,logdrain_operator=debug"},
                    ]),
                ),
            ],
            ..case(
                "each setting of the operator",
                json!({
                    "region": "osc-secnum-fr1", "requestsPerMinute": 10000, "feedInterval": "1m30s", "resync": "5m",
                    "sweepInterval": "12h", "apiUrl": "http://api.{region}.example.com", "authUrl": "http://auth.example.com",
                    "allowHttp": true, "log": {"format": "json", "level": "info,logdrain_operator=debug"},
                    "adminAddress": "[::]:9090",
                }),
            )
        },
        Case {
            deployment: vec![("/spec/template/spec/containers/0/args", json!(["run", "--feed-interval=0"]))],
            ..case("no feed", json!({"feedInterval": "0"}))
        },
    ]
}

fn surroundings() -> Vec<Case> {
    vec![
        Case {
            deployment: vec![
                (
                    "/spec/template/spec/containers/0/args/1",
                    json!("--ca-file=/etc/logdrain-operator/ca/ca.crt"),
                ),
                (
                    "/spec/template/spec/containers/0/volumeMounts",
                    json!([{"name": "certificate-authority", "mountPath": "/etc/logdrain-operator/ca", "readOnly": true}]),
                ),
                (
                    "/spec/template/spec/volumes",
                    json!([{
                        "name": "certificate-authority",
                        "configMap": {"name": "company", "items": [{"key": "root.pem", "path": "ca.crt"}]},
                    }]),
                ),
                (
                    "/spec/template/spec/containers/0/env/1",
                    json!({"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}),
                ),
                (
                    "/spec/template/spec/containers/0/env/2",
                    json!({"name": "NO_PROXY", "value": "10.0.0.1,.svc"}),
                ),
            ],
            ..case(
                "a proxy with an authority of its own",
                json!({
                    "proxy": {"https": "http://proxy.example.com:3128", "noProxy": "10.0.0.1,.svc"},
                    "certificateAuthority": {"configMap": {"name": "company", "key": "root.pem"}},
                }),
            )
        },
        Case {
            deployment: vec![(
                "/spec/template/spec/volumes",
                json!([{
                    "name": "certificate-authority",
                    "secret": {"secretName": "company", "items": [{"key": "tls.crt", "path": "ca.crt"}]},
                }]),
            )],
            ..case(
                "an authority in a Secret",
                json!({
                    "certificateAuthority": {"secret": {"name": "company", "key": "tls.crt"}},
                }),
            )
        },
        case(
            "further arguments and variables",
            json!({
                "extraArgs": ["--resync=3m"],
                "extraEnv": [
                    {"name": "HTTPS_PROXY", "valueFrom": {"secretKeyRef": {"name": "proxy", "key": "url"}}},
                    {"name": "RUST_LOG", "value": "debug"},
                ],
            }),
        ),
        Case {
            with: &["NetworkPolicy logdrain-system/logdrain-operator"],
            ..case("a policy for the network", json!({"networkPolicy": {"enabled": true}}))
        },
    ]
}

fn watching() -> Vec<Case> {
    vec![
        Case {
            with: &[
                "NetworkPolicy logdrain-system/logdrain-operator",
                "Service logdrain-system/logdrain-operator-metrics",
                "ServiceMonitor logdrain-system/logdrain-operator",
            ],
            ..case(
                "metrics for Prometheus alone",
                json!({
                    "networkPolicy": {
                        "enabled": true, "apiServerPorts": [16443], "dnsPorts": [53], "extraPorts": [3128],
                        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
                    },
                    "metrics": {
                        "service": {"annotations": {"example.com/note": "metrics"}},
                        "serviceMonitor": {"enabled": true, "labels": {"release": "prometheus"}, "interval": "30s"},
                    },
                }),
            )
        },
        Case {
            with: &[
                "PrometheusRule logdrain-system/logdrain-operator",
                "ConfigMap logdrain-system/logdrain-operator-dashboard",
            ],
            without: &["Service ", "ServiceMonitor"],
            ..case(
                "alerts and a dashboard, for metrics that are read in another way",
                json!({
                    "metrics": {
                        "prometheusRule": {"enabled": true, "labels": {"release": "prometheus"}},
                        "dashboard": {
                            "enabled": true, "labels": {"grafana_dashboard": "platform"},
                            "annotations": {"grafana_folder": "Scalingo"},
                        },
                    },
                }),
            )
        },
        Case {
            with: &["Service logdrain-system/logdrain-operator-metrics"],
            without: &["ServiceMonitor"],
            ..case("a Service alone", json!({"metrics": {"service": {"enabled": true}}}))
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
            ..case("a user that the cluster chooses", json!({"runAsUser": null}))
        },
        Case {
            deployment: vec![
                ("/spec/template/metadata/labels/team", json!("platform")),
                ("/spec/template/metadata/annotations", json!({"example.com/scrape": "true"})),
                ("/spec/template/spec/priorityClassName", json!("system-cluster-critical")),
                ("/spec/template/spec/nodeSelector", json!({"kubernetes.io/os": "linux"})),
                ("/spec/template/spec/tolerations/0/key", json!("dedicated")),
                (
                    "/spec/template/spec/containers/0/resources/limits",
                    json!({"memory": "256Mi", "cpu": "500m"}),
                ),
                ("/spec/template/spec/affinity", Value::Null),
            ],
            ..case(
                "everything about the pods",
                json!({
                    "podLabels": {"team": "platform"}, "podAnnotations": {"example.com/scrape": "true"},
                    "priorityClassName": "system-cluster-critical", "nodeSelector": {"kubernetes.io/os": "linux"},
                    "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "platform", "effect": "NoSchedule"}],
                    "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi", "cpu": "500m"}},
                    "antiAffinity": "none", "runAsUser": 1000,
                }),
            )
        },
    ]
}
