//! The real kube-state-metrics reads the configuration, and tells what the operator has written.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;
use std::{fs, io};

use control_plane::{ControlPlane, GoProgram, Supervised};
use monitoring::{read, repository};
use serde_json::{Value, json};

use super::kube_state::RECORDED;

const PROGRAM: GoProgram = GoProgram {
    name: "kube-state-metrics",
    package: "k8s.io/kube-state-metrics/v2",
    go_mod: include_str!("../../kube-state-metrics/go.mod"),
    go_sum: include_str!("../../kube-state-metrics/go.sum"),
    sources: &[],
    takes: "three minutes",
};
const ACCOUNT: &str = "kube-state-metrics";
const PATIENCE: Duration = Duration::from_secs(60);

/// Name and labels of a series, those that name the kind left out.
type Series = (String, BTreeMap<String, String>);

/// The rights that the page shows.
fn rules() -> Value {
    let page = fs::read_to_string(repository().join("docs/monitoring.md")).unwrap();
    let (_, block) = page.split_once("# values of kube-state-metrics' chart\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let values: Value = serde_saphyr::from_str(block).unwrap();
    values["rbac"]["extraRules"].clone()
}

fn grant(plane: &ControlPlane, namespace: &str) {
    let labels = json!({"name": ACCOUNT, "namespace": namespace});
    let group = "rbac.authorization.k8s.io";
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": labels},
        {
            "apiVersion": format!("{group}/v1"), "kind": "ClusterRole",
            "metadata": {"name": ACCOUNT}, "rules": rules(),
        },
        {
            "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": ACCOUNT},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": ACCOUNT},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}],
        },
    ]});
    plane.apply(&list.to_string()).unwrap();
}

/// Puts what the operator has once written there, each object under the name of its file; gives them as they stand.
fn put(plane: &ControlPlane, namespace: &str) -> Vec<Value> {
    let entries = fs::read_dir(repository().join(RECORDED)).unwrap();
    let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for file in files {
        let recorded = read(&format!("{RECORDED}/{file}")).unwrap();
        // Of one that the operator has not seen yet, an error is logged.
        if !recorded["status"]["conditions"].is_array() {
            continue;
        }
        let name = file.strip_suffix(".yaml").unwrap();
        let object = json!({
            "apiVersion": recorded["apiVersion"], "kind": recorded["kind"], "spec": recorded["spec"],
            "metadata": {"name": name, "namespace": namespace},
        });
        plane.apply(&object.to_string()).unwrap();
        let patch = json!({"status": recorded["status"]}).to_string();
        let arguments = ["patch", "logdrain", name, "-n", namespace, "--subresource=status", "--type=merge"];
        plane.kubectl_ok(arguments.into_iter().chain(["--patch", &patch]), None).unwrap();
    }
    let list = plane.kubectl_ok(["get", "logdrains", "-n", namespace, "--output=json"], None).unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    list["items"].as_array().unwrap().clone()
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn scrape(address: SocketAddr) -> io::Result<String> {
    let mut connection = TcpStream::connect(address)?;
    connection.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The series about the `LogDrain`s of a namespace, with their values.
fn series(exposition: &str, namespace: &str) -> BTreeMap<Series, f64> {
    let mut all = BTreeMap::new();
    for line in exposition.lines().filter(|line| line.starts_with("kube_logdrain_")) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap();
        let labels = labels.trim_end_matches("\"}").split("\",").filter_map(|label| label.split_once("=\""));
        let mut labels: BTreeMap<String, String> =
            labels.map(|(label, value)| (label.to_owned(), value.to_owned())).collect();
        labels.retain(|label, _| !label.starts_with("customresource_"));
        if labels.remove("namespace").as_deref() == Some(namespace) {
            let before = all.insert((name.to_owned(), labels), value.parse().unwrap());
            assert_eq!(before, None, "{line}");
        }
    }
    all
}

fn time(text: &Value) -> f64 {
    let time: jiff::Timestamp = text.as_str().unwrap().parse().unwrap();
    time.as_duration().as_secs_f64()
}

/// What is to be told of an object.
fn expected(object: &Value) -> BTreeMap<Series, f64> {
    let mut all = BTreeMap::new();
    let mut put = |metric: &str, labels: &[(&str, &Value)], value: f64| {
        let mut labels: BTreeMap<String, String> = labels
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(label, value)| {
                ((*label).to_owned(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect();
        labels.insert("logdrain".to_owned(), object["metadata"]["name"].as_str().unwrap().to_owned());
        all.insert((format!("kube_logdrain_{metric}"), labels), value);
    };
    let (metadata, spec, status) = (&object["metadata"], &object["spec"], &object["status"]);
    let info = ["app", "addon", "region", "type", "suspend"].map(|field| (field, &spec[field]));
    put("info", &info, 1.0);
    put("metadata_generation", &[], metadata["generation"].as_f64().unwrap());
    put("status_observed_generation", &[], status["observedGeneration"].as_f64().unwrap());
    for condition in status["conditions"].as_array().into_iter().flatten() {
        let (kind, reason) = (&condition["type"], &condition["reason"]);
        for state in ["True", "False", "Unknown"] {
            let labels = [("condition", kind), ("reason", reason), ("status", &json!(state))];
            let is_so = if condition["status"] == state { 1.0 } else { 0.0 };
            put("status_condition", &labels, is_so);
        }
        let moved = time(&condition["lastTransitionTime"]);
        put("status_condition_last_transition_time", &[("condition", kind)], moved);
    }
    all
}

#[test]
fn the_real_one_tells_of_each_logdrain_what_its_status_says() {
    let program = PROGRAM.find().unwrap_or_else(|error| panic!("{error}"));
    let plane = ControlPlane::start().unwrap_or_else(|error| panic!("{error}"));
    plane.apply_path(&repository().join("crds/logs.scalingo.com_logdrains.yaml")).unwrap();
    let established = ["wait", "--for=condition=Established", "crd/logdrains.logs.scalingo.com"];
    plane.kubectl_ok(established, None).unwrap();
    let namespace = plane.namespace().unwrap();
    grant(&plane, &namespace);
    let objects = put(&plane, &namespace);
    assert!(objects.len() > 14, "{}", objects.len());

    let (address, own) = (free_address(), free_address());
    let mut command = Command::new(program);
    command
        .arg("--kubeconfig")
        .arg(plane.service_account_kubeconfig(&namespace, ACCOUNT).unwrap())
        .arg("--custom-resource-state-only=true")
        .arg("--custom-resource-state-config-file")
        .arg(repository().join("deploy/monitoring/kube-state-metrics.yaml"))
        .args(["--host=127.0.0.1", "--telemetry-host=127.0.0.1"])
        .arg(format!("--port={}", address.port()))
        .arg(format!("--telemetry-port={}", own.port()));
    let running = Supervised::spawn(&command).unwrap();
    let expected: BTreeMap<Series, f64> = objects.iter().flat_map(expected).collect();
    let told = || scrape(address).map(|exposition| series(&exposition, &namespace)).unwrap_or_default();
    let names = |series: &BTreeMap<Series, f64>| series.keys().cloned().collect::<BTreeSet<_>>();
    // The comparison says what is missing.
    let _ = plane.wait_until("all series", PATIENCE, || Ok(names(&told()).is_superset(&names(&expected))));
    assert_eq!(told(), expected, "{}", running.stderr());
    let stderr = running.stderr();
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with('E')).collect();
    assert_eq!(errors, [""; 0], "{stderr}");
}
