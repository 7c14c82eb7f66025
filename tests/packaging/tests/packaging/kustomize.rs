//! The kustomizations of `deploy/` and the chart are one truth.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use control_plane::{Binaries, ControlPlane};
use packaging::{Helm, name, parse, repository};
use serde_json::{Map, Value, json};

use super::cluster::{HOME, get, path, prepare, render};

/// What somebody else's kustomization looks like that names these components, and a namespace.
fn overlay(components: &[&str], namespace: Option<&str>) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let depth = directory.path().canonicalize().unwrap().components().count() - 1;
    let deploy = format!("{}{}/deploy", "../".repeat(depth), repository().display()).replace("//", "/");
    let components: Vec<String> =
        components.iter().map(|component| format!("{deploy}/components/{component}")).collect();
    let mut kustomization = json!({"resources": [deploy], "components": components});
    if let Some(namespace) = namespace {
        kustomization["namespace"] = namespace.into();
    }
    fs::write(directory.path().join("kustomization.yaml"), kustomization.to_string()).unwrap();
    directory
}

fn kustomize(components: &[&str], namespace: Option<&str>) -> Vec<Value> {
    let overlay = overlay(components, namespace);
    let mut command = Command::new(Binaries::find().unwrap().kubectl());
    let output = command.arg("kustomize").arg(overlay.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    parse(&String::from_utf8_lossy(&output.stdout)).unwrap()
}

/// By name, without what is Helm's own.
fn comparable(objects: Vec<Value>) -> BTreeMap<String, Value> {
    objects
        .into_iter()
        .map(|mut object| {
            strip(&mut object);
            if object["kind"] == "CustomResourceDefinition" {
                // The generated definition has no label, and keeps none of Helm's.
                object["metadata"].as_object_mut().unwrap().retain(|field, _| field == "name");
            }
            (name(&object), object)
        })
        .collect()
}

/// The labels by which Helm knows its releases, wherever they stand.
fn strip(value: &mut Value) {
    const HELM: [&str; 4] = [
        "app.kubernetes.io/instance",
        "app.kubernetes.io/managed-by",
        "app.kubernetes.io/version",
        "helm.sh/chart",
    ];
    match value {
        Value::Object(fields) => {
            fields.retain(|field, _| !HELM.contains(&field.as_str()));
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

fn assert_same(kustomized: &BTreeMap<String, Value>, charted: &BTreeMap<String, Value>) {
    let names = |objects: &BTreeMap<String, Value>| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(kustomized), names(charted));
    for (name, object) in kustomized {
        assert_eq!(object, &charted[name], "{name}: of deploy/, and of the chart");
    }
}

#[test]
fn the_readme_shows_a_kustomization_with_each_component() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```yaml\napiVersion: kustomize").unwrap();
    let (shown, _) = rest.split_once("```").unwrap();
    let shown = &parse(&format!("apiVersion: kustomize{shown}")).unwrap()[0];
    let shown: BTreeSet<&str> =
        shown["components"].as_array().unwrap().iter().map(|component| component.as_str().unwrap()).collect();
    let entries = fs::read_dir(repository().join("deploy/components")).unwrap();
    let there: Vec<String> = entries
        .map(|entry| {
            format!("../logdrain-operator/deploy/components/{}", entry.unwrap().file_name().display())
        })
        .collect();
    assert_eq!(shown, there.iter().map(String::as_str).collect());
}

/// All that `deploy/` has and the chart has not: Helm makes a namespace by `--create-namespace`.
const NAMESPACE: &str = "Namespace logdrain-system";

#[test]
fn deploy_and_its_components_are_what_the_chart_says() {
    let helm = Helm::new(None).unwrap();
    let charted = |values: Value| comparable(render(&helm, "logdrain-operator", HOME, &values).unwrap());
    let on = json!({"enabled": true});
    let metrics = json!({"serviceMonitor": on, "prometheusRule": on, "dashboard": on});
    for (components, values) in [
        (&[][..], json!({"replicas": 1})),
        (&["high-availability"], json!({})),
        (&["monitoring"], json!({"replicas": 1, "metrics": metrics})),
        (&["high-availability", "monitoring"], json!({"metrics": metrics})),
        (&["openshift"], json!({"replicas": 1, "runAsUser": ""})),
    ] {
        let mut kustomized = comparable(kustomize(components, None));
        assert!(kustomized.remove(NAMESPACE).is_some());
        assert_same(&kustomized, &charted(values));
    }
}

#[test]
fn one_namespace_is_what_the_chart_says_of_it() {
    let values = json!({"watchNamespaces": ["shop"]});
    assert_one_namespace_is(&["namespaced", "high-availability"], &values);
    let values = json!({"watchNamespaces": ["shop"], "clusterRoleForLogDrains": true});
    assert_one_namespace_is(&["namespaced", "namespace-deletion", "high-availability"], &values);
}

fn assert_one_namespace_is(components: &[&str], values: &Value) {
    let helm = Helm::new(None).unwrap();
    let mut charted = comparable(render(&helm, "logdrain-operator", "shop", values).unwrap());
    let mut kustomized = comparable(kustomize(components, Some("shop")));
    // Here the operator asks its pod where it is, and there it is told.
    let deployment = "Deployment shop/logdrain-operator";
    let container = "/spec/template/spec/containers/0";
    let container = |objects: &mut BTreeMap<String, Value>| -> Map<String, Value> {
        let container =
            objects.get_mut(deployment).unwrap().pointer_mut(container).unwrap().as_object_mut().unwrap();
        ["args", "env"]
            .into_iter()
            .map(|field| (field.to_owned(), container.remove(field).unwrap()))
            .collect()
    };
    let (here, there) = (container(&mut kustomized), container(&mut charted));
    let region = json!({"name": "SCALINGO_REGION", "value": "osc-fr1"});
    let own =
        json!({"name": "WATCH_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}});
    let mut environment = here["env"].as_array().unwrap().clone();
    environment.sort_by_key(ToString::to_string);
    assert_eq!((&here["args"], environment), (&json!(["run"]), vec![region.clone(), own]));
    assert_eq!(
        (&there["args"], &there["env"]),
        (&json!(["run", "--watch-namespace=shop"]), &json!([region]))
    );
    assert_same(&kustomized, &charted);
}

#[test]
fn the_server_takes_the_components_and_one_namespace_gives_no_right_elsewhere_but_to_log_drains() {
    let plane = ControlPlane::start().unwrap();
    prepare(&plane, &["shop", "blog"]);
    plane.apply(include_str!("prometheus-operator.yaml")).unwrap();
    let all = overlay(&["namespaced", "namespace-deletion", "high-availability", "monitoring"], Some("shop"));
    let mut command = plane.kubectl();
    let output = command.args(["apply", "--validate=strict", "-k", path(all.path())]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
    assert_eq!(get(&plane, &["clusterroles", "logdrain-operator"]), None);
    let may = |verb: &str, resource: &str, namespace: &str| {
        let account = "--as=system:serviceaccount:shop:logdrain-operator";
        plane.kubectl_ok(["auth", "can-i", verb, resource, "--namespace", namespace, account], None).is_ok()
    };
    for (verb, resource) in [("list", "secrets"), ("patch", "logdrains"), ("create", "leases")] {
        assert!(may(verb, resource, "shop"), "{verb} {resource}");
        // What the component for the deletion of namespaces gives.
        assert_eq!(may(verb, resource, "blog"), resource == "logdrains", "{verb} {resource}");
    }
}
