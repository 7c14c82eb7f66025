//! The values that the chart is tried with: together they set each one that there is.

use serde_json::{Value, json};

mod pods;

/// One installation.
pub struct Case {
    pub what: &'static str,
    pub values: Value,
    /// What must be among the names of the objects, and what must not.
    pub with: &'static [&'static str],
    pub without: &'static [&'static str],
    /// JSON pointers into the Deployment, and what is there.
    pub deployment: Vec<(&'static str, Value)>,
    /// The same of other objects, by name.
    pub others: Vec<(&'static str, &'static str, Value)>,
}

fn case(what: &'static str, values: Value) -> Case {
    Case { what, values, with: &[], without: &[], deployment: Vec::new(), others: Vec::new() }
}

pub fn cases() -> Vec<Case> {
    let mut cases = rights();
    cases.extend(rights_beside_a_namespace());
    cases.extend(operation());
    cases.extend(surroundings());
    cases.extend(watching());
    cases.extend(pods::cases());
    cases
}

fn rights_beside_a_namespace() -> Vec<Case> {
    vec![Case {
        with: &[
            "Role shop/logdrain-operator",
            "ClusterRole logdrain-operator-logdrains",
            "ClusterRoleBinding logdrain-operator-logdrains",
        ],
        without: &["Role blog/"],
        ..case("one that may end", json!({"watchNamespaces": ["shop"], "clusterRoleForLogDrains": true}))
    }]
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
                // Scalingo's names, `auth.scalingo.com` for one, are tried before any search domain.
                ("/spec/template/spec/dnsConfig", json!({"options": [{"name": "ndots", "value": "2"}]})),
                // On two nodes if there are, and in two zones.
                (
                    "/spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/0/podAffinityTerm/topologyKey",
                    json!("kubernetes.io/hostname"),
                ),
                (
                    "/spec/template/spec/topologySpreadConstraints/0/topologyKey",
                    json!("topology.kubernetes.io/zone"),
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
            with: &[
                "ServiceAccount logdrain-system/the-drains",
                "ClusterRole the-drains",
                "ClusterRoleBinding the-drains",
                "Role logdrain-system/the-drains-leader-election",
                "RoleBinding logdrain-system/the-drains-leader-election",
                "Deployment logdrain-system/the-drains",
                "PodDisruptionBudget logdrain-system/the-drains",
            ],
            without: &["CustomResourceDefinition", "logdrain-operator"],
            deployment: vec![
                ("/spec/template/metadata/labels/app.kubernetes.io~1name", json!("drains")),
                ("/spec/template/spec/serviceAccountName", json!("the-drains")),
                ("/spec/template/spec/containers/0/args", json!(["run", "--lease-name=the-drains"])),
            ],
            others: vec![
                (
                    "ServiceAccount logdrain-system/the-drains",
                    "/metadata/annotations",
                    json!({"example.com/role": "drains"}),
                ),
                ("ClusterRoleBinding the-drains", "/roleRef/name", json!("the-drains")),
                ("ClusterRoleBinding the-drains", "/subjects/0/name", json!("the-drains")),
            ],
            ..case(
                "no CRD, and names of one's own",
                json!({
                    "crds": {"enabled": false, "keep": false},
                    "nameOverride": "drains", "fullnameOverride": "the-drains",
                    "serviceAccount": {"annotations": {"example.com/role": "drains"}},
                }),
            )
        },
        Case {
            with: &[
                "Deployment logdrain-system/logdrain-operator-drains",
                "ClusterRole logdrain-operator-drains",
            ],
            deployment: vec![("/spec/selector/matchLabels/app.kubernetes.io~1name", json!("drains"))],
            ..case("another name for the chart", json!({"nameOverride": "drains"}))
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
                        "--gone-after=1h",
                        "--max-concurrent-reconciles=8",
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
                    "region": "osc-secnum-fr1", "requestsPerMinute": 10000, "maxConcurrentReconciles": 8, "feedInterval": "1m30s", "resync": "5m",
                    "sweepInterval": "12h", "goneAfter": "1h", "apiUrl": "http://api.{region}.example.com", "authUrl": "http://auth.example.com",
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
        Case {
            deployment: vec![
                ("/spec/template/spec/containers/0/args", json!(["run", "--resync=3m"])),
                (
                    "/spec/template/spec/containers/0/env",
                    json!([
                        {"name": "SCALINGO_REGION", "value": "osc-fr1"},
                        {"name": "HTTPS_PROXY", "valueFrom": {"secretKeyRef": {"name": "proxy", "key": "url"}}},
                        {"name": "RUST_LOG", "value": "debug"},
                    ]),
                ),
            ],
            ..case(
                "further arguments and variables",
                json!({
                    "extraArgs": ["--resync=3m"],
                    "extraEnv": [
                        {"name": "HTTPS_PROXY", "valueFrom": {"secretKeyRef": {"name": "proxy", "key": "url"}}},
                        {"name": "RUST_LOG", "value": "debug"},
                    ],
                }),
            )
        },
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
            others: vec![
                (
                    "Service logdrain-system/logdrain-operator-metrics",
                    "/metadata/annotations",
                    json!({"example.com/note": "metrics"}),
                ),
                (
                    "ServiceMonitor logdrain-system/logdrain-operator",
                    "/metadata/labels/release",
                    json!("prometheus"),
                ),
                (
                    "ServiceMonitor logdrain-system/logdrain-operator",
                    "/spec/endpoints",
                    json!([{"port": "admin", "path": "/metrics", "interval": "30s"}]),
                ),
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
            others: vec![
                (
                    "PrometheusRule logdrain-system/logdrain-operator",
                    "/metadata/labels/release",
                    json!("prometheus"),
                ),
                (
                    "ConfigMap logdrain-system/logdrain-operator-dashboard",
                    "/metadata/labels/grafana_dashboard",
                    json!("platform"),
                ),
                (
                    "ConfigMap logdrain-system/logdrain-operator-dashboard",
                    "/metadata/annotations",
                    json!({"grafana_folder": "Scalingo"}),
                ),
            ],
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
