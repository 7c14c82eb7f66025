//! The manifests of `deploy/`: the API server takes them, and the binary is what they say it is.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
};

use control_plane::{ControlPlane, Supervised};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::{
    eventually::eventually,
    operator::admin_address,
    world::{SOON, World},
};

const BINARY: &str = env!("CARGO_BIN_EXE_logdrain-operator");

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The objects of `deploy/`, as kustomize puts them together.
fn manifests(world: &World) -> Vec<Value> {
    let deploy = repository().join("deploy");
    let arguments = ["create", "--dry-run=client", "--output=json", "-k", &deploy.to_string_lossy()];
    // kubectl as the administrator, in no namespace: the manifests name their own.
    let text = block_in_place(|| world.plane.kubectl_ok(arguments, None)).expect("deploy/ is understood");
    let objects: Vec<Value> =
        serde_json::Deserializer::from_str(&text).into_iter().collect::<Result<_, _>>().expect("JSON");
    objects
        .into_iter()
        .flat_map(|object| object["items"].as_array().cloned().unwrap_or_else(|| vec![object]))
        .collect()
}

fn of_kind(objects: &[Value], kind: &str) -> Value {
    let found: Vec<_> = objects.iter().filter(|object| object["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind}: {found:#?}");
    found[0].clone()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The status line of the answer to a GET.
fn get(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SOON))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

#[test]
fn one_command_deploys_to_a_new_cluster_without_a_warning_and_changes_nothing_when_repeated() {
    let plane = ControlPlane::start().unwrap_or_else(|error| panic!("{error}"));
    let deploy = repository().join("deploy");
    let apply = || {
        let mut command = plane.kubectl();
        let output = command.args(["apply", "--validate=strict", "-k"]).arg(&deploy).output();
        let output = output.expect("kubectl runs");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "no error, and no warning of the server's");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    let objects = [
        "clusterrole.rbac.authorization.k8s.io/logdrain-operator",
        "clusterrolebinding.rbac.authorization.k8s.io/logdrain-operator",
        "customresourcedefinition.apiextensions.k8s.io/logdrains.logs.scalingo.com",
        "deployment.apps/logdrain-operator",
        "namespace/logdrain-system",
        "role.rbac.authorization.k8s.io/logdrain-operator-leader-election",
        "rolebinding.rbac.authorization.k8s.io/logdrain-operator-leader-election",
        "serviceaccount/logdrain-operator",
    ];
    assert_eq!(apply(), objects.map(|object| format!("{object} created")));
    assert_eq!(apply(), objects.map(|object| format!("{object} unchanged")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_fit_each_other_and_this_version() {
    let world = World::new().await;
    let objects = manifests(&world);
    let deployment = of_kind(&objects, "Deployment");
    let template = &deployment["spec"]["template"];
    let pod = &template["spec"];
    let container = &pod["containers"][0];
    assert_eq!(pod["containers"].as_array().map(Vec::len), Some(1));

    let image = container["image"].as_str().expect("an image");
    assert_eq!(image.rsplit_once(':').map(|(_, tag)| tag), Some(env!("CARGO_PKG_VERSION")), "{image}");
    assert_eq!(deployment["spec"]["selector"]["matchLabels"], template["metadata"]["labels"]);

    let account = of_kind(&objects, "ServiceAccount");
    let namespace = of_kind(&objects, "Namespace");
    let subject = json!({
        "kind": "ServiceAccount",
        "name": pod["serviceAccountName"],
        "namespace": deployment["metadata"]["namespace"],
    });
    let binding = of_kind(&objects, "ClusterRoleBinding");
    assert_eq!(binding["subjects"], json!([subject]));
    assert_eq!(binding["roleRef"]["name"], of_kind(&objects, "ClusterRole")["metadata"]["name"]);
    assert_eq!(account["metadata"]["name"], subject["name"]);
    assert_eq!(account["metadata"]["namespace"], subject["namespace"]);
    assert_eq!(namespace["metadata"]["name"], subject["namespace"]);
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");

    // A pod whose account's token is not mounted could not speak to the API server.
    assert_eq!(account["automountServiceAccountToken"], false);
    assert_eq!(pod["automountServiceAccountToken"], true);
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert!(pod["volumes"].is_null(), "nothing is written, so nothing is mounted");
    assert!(pod["terminationGracePeriodSeconds"].as_u64() > Some(25), "it ends within 25 s");
    for resource in ["cpu", "memory"] {
        assert!(container["resources"]["requests"][resource].is_string(), "{resource}");
    }

    let ports = &container["ports"];
    assert_eq!(ports, &json!([{"name": "admin", "containerPort": 8080}]));
    for (probe, path) in [("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"], json!({"path": path, "port": "admin"}));
    }
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_understands_the_arguments_listens_where_the_probes_look_and_answers_them() {
    let world = World::new().await;
    let deployment = of_kind(&manifests(&world), "Deployment");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let arguments = texts(&container["args"]);

    let help = Command::new(BINARY).args(&arguments).arg("--help").env_clear().output().expect("it starts");
    let help_text = String::from_utf8_lossy(&help.stdout);
    assert!(help.status.success(), "{help:?}");
    let port = &container["ports"][0]["containerPort"];
    assert!(help_text.contains(&format!("[default: [::]:{port}]")), "{help_text}");
    let environment: Vec<(&str, &str)> = container["env"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|variable| {
            (variable["name"].as_str().expect("a name"), variable["value"].as_str().expect("a value"))
        })
        .collect();
    for (name, value) in &environment {
        assert!(help_text.contains(&format!("[env: {name}]")), "{name} is not known: {help_text}");
        // A variable that is not read would not be missed: this value is refused.
        let refused = Command::new(BINARY).args(&arguments).env_clear().env(name, "not/valid").output();
        let refused = refused.expect("it starts");
        assert_eq!(refused.status.code(), Some(2), "{name}={value}: {refused:?}");
    }

    // As the kubelet starts it, but for what keeps it off other tests' resources and this machine's port 8080.
    let mut command = Command::new(BINARY);
    command
        .args(&arguments)
        .args(["--admin-address", "127.0.0.1:0"])
        .env_clear()
        .envs(environment)
        .env("KUBECONFIG", &world.kubeconfig)
        .env("WATCH_NAMESPACE", world.namespace());
    let process = block_in_place(|| Supervised::spawn(&command)).expect("the operator starts");
    let printed = || admin_address(&(process.stdout() + &process.stderr()));
    let address = eventually(SOON, || process.stderr(), async || printed()).await;
    let answers = |path: &str, status: &str| {
        let so = || Ok(get(&address, path).is_ok_and(|line| line == format!("HTTP/1.1 {status}")));
        let waited = block_in_place(|| world.plane.wait_until(path, SOON, so));
        assert!(waited.is_ok(), "{path}: {:?} {}", get(&address, path), process.stderr());
    };
    for probe in ["livenessProbe", "readinessProbe"] {
        answers(container[probe]["httpGet"]["path"].as_str().expect("a path"), "200 OK");
    }
    answers("/elsewhere", "404 Not Found");
    // By its Role alone, on the Lease in the namespace of its account.
    let leads = async || process.stderr().contains("leading").then_some(());
    eventually(SOON, || process.stderr(), leads).await;

    let limit = container["resources"]["limits"]["memory"].as_str().expect("a limit of memory");
    let limit: u64 = limit.strip_suffix("Mi").expect("in MiB").parse().expect("a number");
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid())).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak of memory");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(peak / 1024 < limit, "{peak} KiB at its peak, and {limit} MiB are allowed");

    process.terminate().expect("a signal");
    let status = block_in_place(|| process.wait_exit(SOON)).expect("an exit status");
    assert!(status.is_some_and(|status| status.success()), "{status:?}: {}", process.stderr());
    world.finish();
}
