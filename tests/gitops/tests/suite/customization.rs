//! The scripts in the form of Argo CD's settings.

use std::fs;

use control_plane::{Binaries, ControlPlane};
use gitops::{customization, read, repository, scripts, testdata};
use serde_json::Value;
use tempfile::TempDir;

use super::assert_generated;

const HEALTH: &str = "resource.customizations.health.logs.scalingo.com_LogDrain";
const ACTIONS: &str = "resource.customizations.actions.logs.scalingo.com_LogDrain";

/// The settings hold the scripts word for word.
fn assert_holds_the_scripts(settings: &Value) {
    let script = |path: &str| read(&scripts().join(path)).expect("a script");
    assert_eq!(settings[HEALTH], script("health.lua"));
    let actions: Value = serde_saphyr::from_str(settings[ACTIONS].as_str().expect("a text")).expect("YAML");
    assert_eq!(actions["discovery.lua"], script("actions/discovery.lua"));
    let definitions = actions["definitions"].as_array().expect("a list");
    let names: Vec<&str> = definitions.iter().filter_map(|definition| definition["name"].as_str()).collect();
    assert_eq!(names, customization::ACTIONS);
    for definition in definitions {
        let name = definition["name"].as_str().expect("a name");
        assert_eq!(definition["action.lua"], script(&format!("actions/{name}/action.lua")), "{name}");
    }
}

#[test]
fn both_files_are_generated_from_the_scripts() {
    let directory = repository().join("deploy/argocd");
    let path = directory.join("argocd-cm.yaml");
    assert_generated(&path, &customization::config_map().expect("the scripts"));
    let config_map: Value = testdata::yaml(&path).expect("YAML");
    assert_eq!(config_map["metadata"]["name"], "argocd-cm");
    assert_holds_the_scripts(&config_map["data"]);

    let path = directory.join("helm-values.yaml");
    assert_generated(&path, &customization::helm_values().expect("the scripts"));
    let values: Value = testdata::yaml(&path).expect("YAML");
    assert_holds_the_scripts(&values["configs"]["cm"]);
}

#[test]
fn the_component_puts_them_into_the_settings_that_are_there() {
    let kubectl = Binaries::find().unwrap_or_else(|error| panic!("{error}")).kubectl();
    let directory = TempDir::new().expect("a directory");
    let component = directory.path().join("argocd");
    fs::create_dir(&component).expect("a directory");
    for file in ["kustomization.yaml", "argocd-cm.yaml"] {
        fs::copy(repository().join("deploy/argocd").join(file), component.join(file)).expect("a copy");
    }
    let installation = directory.path().join("installation");
    fs::create_dir(&installation).expect("a directory");
    let settings =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm, labels: {a: b}}\ndata: {url: there}\n";
    fs::write(installation.join("argocd-cm.yaml"), settings).expect("a file");
    let kustomization = "namespace: argocd\nresources: [argocd-cm.yaml]\ncomponents: [../argocd]\n";
    fs::write(installation.join("kustomization.yaml"), kustomization).expect("a file");
    let output =
        std::process::Command::new(kubectl).arg("kustomize").arg(&installation).output().expect("kubectl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let built: Value = serde_saphyr::from_str(&String::from_utf8_lossy(&output.stdout)).expect("one object");
    assert_eq!(built["metadata"]["namespace"], "argocd");
    assert_eq!(built["metadata"]["labels"]["a"], "b");
    assert_eq!(built["data"]["url"], "there");
    assert_holds_the_scripts(&built["data"]);
}

#[test]
fn a_patch_adds_them_to_the_settings_that_are_there() {
    let plane = ControlPlane::shared().unwrap_or_else(|error| panic!("{error}"));
    let namespace = plane.namespace().expect("a namespace");
    let kubectl = |arguments: &[&str]| {
        let all = [arguments, &["--namespace", &namespace]].concat();
        plane.kubectl_ok(all, None).unwrap_or_else(|error| panic!("{error}"))
    };
    kubectl(&[
        "create",
        "configmap",
        "argocd-cm",
        "--from-literal=url=there",
        "--from-literal=oidc.config=sso",
    ]);
    let file = repository().join("deploy/argocd/argocd-cm.yaml").display().to_string();
    kubectl(&["patch", "configmap", "argocd-cm", "--type", "merge", "--patch-file", &file]);
    let patched = kubectl(&["get", "configmap", "argocd-cm", "--output=json"]);
    let patched: Value = serde_json::from_str(&patched).expect("JSON");
    assert_eq!((&patched["data"]["url"], &patched["data"]["oidc.config"]), (&"there".into(), &"sso".into()));
    assert_holds_the_scripts(&patched["data"]);
}
