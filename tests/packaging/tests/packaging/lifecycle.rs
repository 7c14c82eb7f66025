//! A release is installed, upgraded and uninstalled in a real cluster, by both Helms. There is no kubelet, so that no pod ever runs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use control_plane::{ControlPlane, Error};
use packaging::{Helm, chart, repository};
use serde_json::{Value, json};

use super::cluster::{HOME, get, path, prepare};
use super::notes::follow;

const DEFINITION: &str = "logdrains.logs.scalingo.com";
const RELEASE: &str = "logdrain-operator";
/// As the operator sets it.
const FINALIZER: &str = "logs.scalingo.com/drains";
const SOON: Duration = Duration::from_secs(120);

struct Cluster {
    plane: ControlPlane,
    helm: Helm,
}

impl Cluster {
    fn new() -> Self {
        Self::with(Helm::new)
    }

    fn with(helm: fn(Option<&Path>) -> Result<Helm, Error>) -> Self {
        let plane = ControlPlane::start().unwrap();
        prepare(&plane, &["shop"]);
        let helm = helm(Some(&plane.kubeconfig_admin())).unwrap();
        Self { plane, helm }
    }

    fn release(&self, verb: &str, chart: &Path, values: &Value) -> String {
        let values = self.helm.values(values).unwrap();
        let mut arguments =
            vec![verb, RELEASE, path(chart), "--namespace", HOME, "--values", path(values.path())];
        if verb == "upgrade" {
            // Without values it would take those of the release before.
            arguments.push("--reset-values");
        }
        self.helm.run(arguments).unwrap_or_else(|error| panic!("{verb}: {error}"))
    }

    /// `kubectl apply` of a directory of this repository: `-f` of its manifests, `-k` of a kustomization.
    fn apply(&self, flag: &str, directory: &str) {
        let directory = repository().join(directory);
        self.plane.kubectl_ok(["apply", flag, path(&directory)], None).unwrap();
    }

    fn uninstall(&self) -> String {
        self.helm.run(["uninstall", RELEASE, "--namespace", HOME]).unwrap()
    }

    fn deployment(&self) -> Option<Value> {
        get(&self.plane, &["deployment", RELEASE, "--namespace", HOME])
    }

    fn definition(&self) -> Option<Value> {
        get(&self.plane, &["customresourcedefinition", DEFINITION])
    }

    /// Applies a `LogDrain` once the server serves them.
    fn drain(&self, name: &str, finalizers: &[&str]) -> Value {
        let drain = json!({
            "apiVersion": "logs.scalingo.com/v1",
            "kind": "LogDrain",
            "metadata": {"name": name, "namespace": "shop", "finalizers": finalizers},
            "spec": {"app": "shop-front", "type": "papertrail", "host": "logs.example.com", "port": 6514},
        });
        let applied = || Ok(self.plane.apply(&drain.to_string()).is_ok());
        self.plane.wait_until("LogDrains to be served", SOON, applied).unwrap();
        self.drain_named(name).unwrap()
    }

    fn drain_named(&self, name: &str) -> Option<Value> {
        get(&self.plane, &[&format!("logdrain/{name}"), "--namespace", "shop"])
    }

    fn until_gone(&self, what: &str, gone: impl Fn() -> bool) {
        self.plane.wait_until(what, SOON, || Ok(gone())).unwrap();
    }
}

/// The chart as a later version has it, with one more column in its CRD.
fn later_chart() -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let from = entry.unwrap().path();
            let to = to.join(from.file_name().unwrap());
            if from.is_dir() {
                copy(&from, &to);
            } else {
                fs::copy(&from, &to).unwrap();
            }
        }
    }
    let directory = tempfile::tempdir().unwrap();
    copy(&chart(), directory.path());
    let file = directory.path().join("files/crds/logs.scalingo.com_logdrains.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let column =
        "additionalPrinterColumns:\n    - jsonPath: .spec.region\n      name: Added\n      type: string\n";
    let changed = text.replacen("additionalPrinterColumns:\n", column, 1);
    assert_ne!(changed, text);
    fs::write(file, changed).unwrap();
    directory
}

fn columns(definition: &Value) -> Vec<&str> {
    let columns = definition["spec"]["versions"][0]["additionalPrinterColumns"].as_array().unwrap();
    columns.iter().map(|column| column["name"].as_str().unwrap()).collect()
}

#[test]
fn a_release_comes_changes_goes_and_leaves_the_logdrains_as_they_are() {
    come_change_and_go(&Cluster::new());
}

#[test]
fn a_release_of_helm_3_comes_changes_goes_and_leaves_the_logdrains_as_they_are() {
    let mut cluster = Cluster::with(Helm::three);
    come_change_and_go(&cluster);

    // The newer Helm goes on with it.
    cluster.helm = Helm::new(Some(&cluster.plane.kubeconfig_admin())).unwrap();
    let later = later_chart();
    cluster.release("upgrade", later.path(), &json!({"replicas": 3}));
    assert_eq!(cluster.deployment().unwrap()["spec"]["replicas"], 3);
    assert!(columns(&cluster.definition().unwrap()).contains(&"Added"));
    cluster.uninstall();
    assert_eq!(cluster.deployment(), None);
    assert!(cluster.drain_named("front").is_some());
}

fn come_change_and_go(cluster: &Cluster) {
    let notes = cluster.release("install", &chart(), &json!({}));
    assert!(notes.contains("watches all namespaces"), "{notes}");
    let drain = cluster.drain("front", &[FINALIZER]);
    follow(&cluster.plane, &notes);
    let before = cluster.definition().unwrap();
    assert!(!columns(&before).contains(&"Added"), "{before}");

    // The way to a single replica without a Lease, and back: the server would refuse a strategy that is half of one and half of
    // the other.
    let alone = json!({"replicas": 1, "leaderElection": {"enabled": false}});
    cluster.release("upgrade", &chart(), &alone);
    assert_eq!(cluster.deployment().unwrap()["spec"]["strategy"], json!({"type": "Recreate"}));
    let role = ["role", "logdrain-operator-leader-election", "--namespace", HOME];
    assert_eq!(get(&cluster.plane, &role), None);

    let later = later_chart();
    cluster.release("upgrade", later.path(), &json!({}));
    let after = cluster.definition().unwrap();
    assert!(columns(&after).contains(&"Added"), "{after}");
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(cluster.deployment().unwrap()["spec"]["strategy"]["type"], "RollingUpdate");
    assert!(get(&cluster.plane, &role).is_some());

    let said = cluster.uninstall();
    assert!(said.contains(DEFINITION), "it says what it keeps: {said}");
    assert_eq!(cluster.deployment(), None);
    assert_eq!(get(&cluster.plane, &["clusterrole", RELEASE]), None);
    let kept = cluster.definition().unwrap();
    assert_eq!(
        (&kept["metadata"]["uid"], &kept["metadata"]["deletionTimestamp"]),
        (&before["metadata"]["uid"], &Value::Null)
    );
    assert_eq!(cluster.drain_named("front").unwrap(), drain, "finalizers and all");

    // Who comes back takes up what is there.
    cluster.release("install", &chart(), &json!({}));
    assert_eq!(cluster.definition().unwrap()["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(cluster.drain_named("front").unwrap(), drain);
}

#[test]
fn a_release_that_does_not_keep_the_definition_takes_the_logdrains_along_and_waits_for_their_finalizers() {
    take_along(&Cluster::new());
}

#[test]
fn a_release_of_helm_3_that_does_not_keep_the_definition_takes_the_logdrains_along_too() {
    take_along(&Cluster::with(Helm::three));
}

fn take_along(cluster: &Cluster) {
    let notes = cluster.release("install", &chart(), &json!({"crds": {"keep": false}}));
    assert!(notes.contains("before `helm uninstall`, delete all LogDrains"), "{notes}");
    cluster.drain("free", &[]);
    cluster.drain("held", &[FINALIZER]);
    cluster.uninstall();
    cluster.until_gone("the LogDrain without a finalizer to go", || cluster.drain_named("free").is_none());
    let held = cluster.drain_named("held").unwrap();
    assert_eq!(held["metadata"]["finalizers"], json!([FINALIZER]));
    assert!(held["metadata"]["deletionTimestamp"].is_string(), "{held}");
    assert!(cluster.definition().is_some());
    // The operator would do this once the drains are gone.
    let release = r#"{"metadata":{"finalizers":null}}"#;
    let patch = ["patch", "logdrain/held", "--namespace", "shop", "--type=merge", "--patch", release];
    cluster.plane.kubectl_ok(patch, None).unwrap();
    cluster.until_gone("the definition to go", || cluster.definition().is_none());
}

/// How the README takes over what `kubectl apply` has brought.
const TAKE_OVER: [&str; 2] = ["--take-ownership", "--force-conflicts"];

#[test]
fn a_definition_that_kubectl_has_brought_is_taken_over_only_on_demand() {
    let cluster = Cluster::new();
    cluster.apply("-f", "crds");
    let drain = cluster.drain("front", &[FINALIZER]);
    let chart = chart();
    let install = ["install", RELEASE, path(&chart), "--namespace", HOME];
    let error = cluster.helm.run(install).unwrap_err();
    assert!(error.contains(DEFINITION), "{error}");
    assert_eq!(cluster.deployment(), None);
    cluster.helm.run(install.into_iter().chain(TAKE_OVER)).unwrap();
    assert!(cluster.deployment().is_some());
    let annotations = &cluster.definition().unwrap()["metadata"]["annotations"];
    assert_eq!(annotations["meta.helm.sh/release-name"], RELEASE);
    assert_eq!(cluster.drain_named("front").unwrap(), drain);

    // Helm had nothing to change, so that kubectl is an owner still.
    let later = later_chart();
    let upgrade = ["upgrade", RELEASE, path(later.path()), "--namespace", HOME];
    let error = cluster.helm.run(upgrade).unwrap_err();
    assert!(error.contains("kubectl-client-side-apply"), "{error}");
    cluster.helm.run(upgrade.into_iter().chain(["--force-conflicts"])).unwrap();
    assert!(columns(&cluster.definition().unwrap()).contains(&"Added"));
    // From then on it is not.
    cluster.release("upgrade", &chart, &json!({}));
    assert!(!columns(&cluster.definition().unwrap()).contains(&"Added"));
}

#[test]
fn a_definition_of_an_older_checkout_is_taken_over_and_upgraded() {
    let cluster = Cluster::new();
    cluster.apply("-f", "crds");
    let drain = cluster.drain("front", &[FINALIZER]);
    let later = later_chart();
    let install = ["install", RELEASE, path(later.path()), "--namespace", HOME];
    cluster.helm.run(install.into_iter().chain(TAKE_OVER)).unwrap();
    assert!(columns(&cluster.definition().unwrap()).contains(&"Added"));
    assert_eq!(cluster.drain_named("front").unwrap(), drain);
    cluster.release("upgrade", &chart(), &json!({}));
    assert!(!columns(&cluster.definition().unwrap()).contains(&"Added"));
}

#[test]
fn a_whole_kustomization_is_taken_over_once_its_deployment_is_gone() {
    let cluster = Cluster::new();
    cluster.apply("-k", "deploy");
    let drain = cluster.drain("front", &[FINALIZER]);
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    assert!(readme.contains(&TAKE_OVER.join(" ")), "the README takes over in another way");
    let delete = ["delete", "deployment", RELEASE, "--namespace", HOME];
    assert!(readme.contains(&format!("`kubectl {}`", delete.join(" "))));
    cluster.plane.kubectl_ok(delete, None).unwrap();
    let chart = chart();
    let install = ["install", RELEASE, path(&chart), "--namespace", HOME];
    cluster.helm.run(install.into_iter().chain(TAKE_OVER)).unwrap();
    let deployment = cluster.deployment().unwrap();
    assert_eq!(deployment["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"], RELEASE);
    let binding = get(&cluster.plane, &["clusterrolebinding", RELEASE]).unwrap();
    assert_eq!(binding["metadata"]["annotations"]["meta.helm.sh/release-name"], RELEASE);
    assert_eq!(cluster.drain_named("front").unwrap(), drain);
}

/// Helm 3 knows nothing of conflicts, and so nothing of the second flag.
#[test]
fn a_whole_kustomization_is_taken_over_by_helm_3_and_upgraded() {
    let cluster = Cluster::with(Helm::three);
    cluster.apply("-k", "deploy");
    let drain = cluster.drain("front", &[FINALIZER]);
    let chart = chart();
    let install = ["install", RELEASE, path(&chart), "--namespace", HOME];
    let error = cluster.helm.run(install).unwrap_err();
    assert!(error.contains("invalid ownership metadata"), "{error}");
    cluster.plane.kubectl_ok(["delete", "deployment", RELEASE, "--namespace", HOME], None).unwrap();
    cluster.helm.run(install.into_iter().chain([TAKE_OVER[0]])).unwrap();
    assert!(cluster.deployment().is_some());
    let later = later_chart();
    cluster.release("upgrade", later.path(), &json!({}));
    assert!(columns(&cluster.definition().unwrap()).contains(&"Added"));
    assert_eq!(cluster.drain_named("front").unwrap(), drain);
}
