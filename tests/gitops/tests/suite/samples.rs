//! The sample repositories of `examples/gitops`: whatever can be checked without Argo CD, Flux and External Secrets.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use control_plane::{Binaries, ControlPlane};
use gitops::{Standing, flux, read, repository, testdata};
use regex::Regex;
use serde_json::Value;

use super::standing;

/// The directories that a kustomization is built from.
pub const DIRECTORIES: [&str; 7] = [
    "argocd/argo-cd",
    "argocd/platform",
    "argocd/teams/shop",
    "argocd/teams/search",
    "flux/clusters/production",
    "flux/teams/shop",
    "flux/teams/search",
];

/// The kinds of others, with the fields that their tools cannot do without.
const FOREIGN: [(&str, &str, &[&str]); 6] = [
    (
        "argoproj.io/v1alpha1",
        "Application",
        &[
            "/spec/project",
            "/spec/source/repoURL",
            "/spec/source/targetRevision",
            "/spec/source/path",
            "/spec/destination/server",
            "/spec/destination/namespace",
        ],
    ),
    ("argoproj.io/v1alpha1", "AppProject", &["/spec/sourceRepos/0", "/spec/destinations/0/namespace"]),
    (
        "kustomize.toolkit.fluxcd.io/v1",
        "Kustomization",
        &["/spec/interval", "/spec/path", "/spec/prune", "/spec/sourceRef/kind", "/spec/sourceRef/name"],
    ),
    ("source.toolkit.fluxcd.io/v1", "GitRepository", &["/spec/interval", "/spec/url", "/spec/ref"]),
    (
        "external-secrets.io/v1",
        "ExternalSecret",
        &[
            "/spec/secretStoreRef/kind",
            "/spec/secretStoreRef/name",
            "/spec/target/name",
            "/spec/data/0/secretKey",
        ],
    ),
    ("external-secrets.io/v1", "SecretStore", &["/spec/provider/vault/server", "/spec/provider/vault/auth"]),
];

/// The kinds that the API server knows.
const KNOWN: [&str; 7] =
    ["LogDrain", "Secret", "Namespace", "ConfigMap", "ServiceAccount", "Role", "RoleBinding"];

pub fn samples() -> PathBuf {
    repository().join("examples/gitops")
}

fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple::<Value>(text).expect("YAML")
}

/// What kustomize builds of a directory; of one without a kustomization, all that is there, as Flux takes it.
pub fn built(directory: &str) -> Vec<Value> {
    if !samples().join(directory).join("kustomization.yaml").exists() {
        let mut files = Vec::new();
        yaml_files(&samples().join(directory), &mut files);
        return files.iter().flat_map(|path| documents(&read(path).expect("text"))).collect();
    }
    let kubectl = Binaries::find().unwrap_or_else(|error| panic!("{error}")).kubectl();
    let mut command = std::process::Command::new(kubectl);
    let output = command.arg("kustomize").arg(samples().join(directory)).output().expect("kubectl runs");
    assert!(output.status.success(), "{directory}: {}", String::from_utf8_lossy(&output.stderr));
    documents(&String::from_utf8_lossy(&output.stdout))
}

pub fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

pub fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().expect("a name")
}

pub fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn yaml_files(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            yaml_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
}

#[test]
fn every_file_is_yaml_and_belongs_to_a_directory_that_is_built() {
    let mut files = Vec::new();
    yaml_files(&samples(), &mut files);
    for path in &files {
        let documents = documents(&read(path).expect("text"));
        assert!(!documents.is_empty(), "{}", path.display());
        let directory = path.parent().expect("a directory").strip_prefix(samples()).expect("a sample");
        if path.file_name().is_some_and(|name| name == ".sops.yaml") {
            continue;
        }
        assert!(DIRECTORIES.iter().any(|known| Path::new(known) == directory), "{}", path.display());
        // Flux takes a directory without one as it is.
        let kustomization = samples().join(directory).join("kustomization.yaml");
        if directory.starts_with("flux/clusters") && !kustomization.exists() {
            continue;
        }
        let kustomization = fs::read_to_string(kustomization).expect("a kustomization");
        let name = path.file_name().expect("a name").to_string_lossy();
        let is_used =
            name == "kustomization.yaml" || kustomization.lines().any(|line| line == format!("- {name}"));
        assert!(is_used, "{} is not in its kustomization", path.display());
    }
}

#[test]
fn the_objects_of_others_have_the_fields_that_their_tools_require() {
    let objects: Vec<Value> = DIRECTORIES.into_iter().flat_map(built).collect();
    let mut seen = BTreeSet::new();
    for object in &objects {
        let kind = object["kind"].as_str().expect("a kind");
        if KNOWN.contains(&kind) {
            continue;
        }
        let (version, _, fields) = FOREIGN
            .iter()
            .find(|(_, known, _)| *known == kind)
            .unwrap_or_else(|| panic!("nothing is known of {kind}"));
        assert_eq!(object["apiVersion"], *version, "{kind}");
        for field in *fields {
            let value =
                object.pointer(field).unwrap_or_else(|| panic!("{kind} {}: no {field}", name(object)));
            assert!(!value.is_null(), "{kind} {}: {field}", name(object));
        }
        seen.insert(kind);
    }
    assert_eq!(seen.len(), FOREIGN.len(), "{seen:?}");
}

#[test]
fn the_api_server_takes_every_log_drain() {
    let plane = ControlPlane::shared().unwrap_or_else(|error| panic!("{error}"));
    plane.install(&repository().join("deploy"), &repository().join("crds")).expect("it is installed");
    let mut count = 0;
    for team in ["shop", "search"] {
        let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {team}}}\n");
        plane.apply(&namespace).unwrap_or_else(|error| panic!("{error}"));
        for tool in ["argocd", "flux"] {
            let objects = built(&format!("{tool}/teams/{team}"));
            let log_drains = of_kind(&objects, "LogDrain");
            assert!(!log_drains.is_empty(), "{tool} {team}");
            for log_drain in log_drains {
                assert_eq!(log_drain["metadata"]["namespace"], team);
                let arguments =
                    ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"];
                let said = plane.kubectl_ok(arguments, Some(&log_drain.to_string()));
                let said = said.unwrap_or_else(|error| panic!("{tool} {team}: {error}"));
                assert!(said.contains("serverside-applied (server dry run)"), "{said}");
                count += 1;
            }
        }
    }
    assert_eq!(count, 6);
}

/// `name/key` of every Secret value that the objects bring about.
fn provided(objects: &[Value]) -> BTreeSet<String> {
    let mut provided = BTreeSet::new();
    for object in objects {
        let pair = |secret: &str, key: &str| format!("{secret}/{key}");
        if object["kind"] == "ExternalSecret" {
            let target = object["spec"]["target"]["name"].as_str().expect("a target");
            for data in object["spec"]["data"].as_array().expect("data") {
                provided.insert(pair(target, data["secretKey"].as_str().expect("a key")));
            }
        } else if object["kind"] == "Secret" {
            provided.extend(
                object["stringData"].as_object().expect("data").keys().map(|key| pair(name(object), key)),
            );
        }
    }
    provided
}

#[test]
fn every_secret_that_a_log_drain_names_comes_from_its_own_directory_and_no_other() {
    for directory in DIRECTORIES.into_iter().filter(|directory| directory.contains("/teams/")) {
        let objects = built(directory);
        let mut named = BTreeSet::new();
        for log_drain in of_kind(&objects, "LogDrain") {
            named.insert("scalingo/api_token".to_owned());
            for field in ["tokenSecretRef", "urlSecretRef"] {
                let reference = &log_drain["spec"][field];
                if let (Some(secret), Some(key)) = (reference["name"].as_str(), reference["key"].as_str()) {
                    named.insert(format!("{secret}/{key}"));
                }
            }
        }
        assert_eq!(provided(&objects), named, "{directory}");
    }
}

#[test]
fn the_applications_of_argo_cd_lead_to_what_is_there() {
    let objects = built("argocd/platform");
    for application in of_kind(&objects, "Application") {
        let spec = &application["spec"];
        let path = spec["source"]["path"].as_str().expect("a path");
        let is_own = spec["source"]["repoURL"].as_str().expect("a URL").ends_with("/logdrain-operator");
        let root = if is_own { repository() } else { samples().join("argocd") };
        assert!(root.join(path).join("kustomization.yaml").is_file(), "{path}");
        for component in texts(&spec["source"]["kustomize"]["components"]) {
            assert!(root.join(path).join(component).join("kustomization.yaml").is_file(), "{component}");
        }
    }
    let settings = built("argocd/argo-cd");
    let key = "resource.customizations.health.logs.scalingo.com_LogDrain";
    assert!(settings[0]["data"][key].is_string(), "the component is used");
}

#[test]
fn the_kustomizations_of_flux_lead_to_what_is_there() {
    let objects = built("flux/clusters/production");
    let kustomizations = of_kind(&objects, "Kustomization");
    let names: Vec<&str> = kustomizations.iter().copied().map(name).collect();
    let mut sources: Vec<&str> = of_kind(&objects, "GitRepository").into_iter().map(name).collect();
    // The one that `flux bootstrap` makes.
    sources.push("flux-system");
    let mut waits = 0;
    for kustomization in kustomizations {
        let spec = &kustomization["spec"];
        let source = spec["sourceRef"]["name"].as_str().expect("a source");
        assert!(sources.contains(&source), "{source}");
        let path = spec["path"].as_str().expect("a path");
        let root = if source == "flux-system" { samples().join("flux") } else { repository() };
        assert!(root.join(path).join("kustomization.yaml").is_file(), "{path}");
        for component in texts(&spec["components"]) {
            assert!(root.join(path).join(component).join("kustomization.yaml").is_file(), "{component}");
        }
        for other in spec["dependsOn"].as_array().into_iter().flatten() {
            assert!(names.contains(&other["name"].as_str().expect("a name")), "{other}");
        }
        waits += usize::from(spec["wait"] == true);
        for check in spec["healthChecks"].as_array().into_iter().flatten() {
            let directory = format!("flux/{}", path.trim_start_matches("./"));
            let is_there = built(&directory).iter().any(|object| {
                object["apiVersion"] == check["apiVersion"]
                    && object["kind"] == check["kind"]
                    && ["name", "namespace"].iter().all(|field| object["metadata"][*field] == check[*field])
            });
            assert!(is_there, "{check}");
        }
        assert_ne!(spec["wait"] == true, spec["healthChecks"].is_array(), "Flux heeds one of both");
    }
    assert_eq!(waits, 2);
}

#[test]
fn the_image_and_the_version_are_those_of_this_repository() {
    let deployment: Value = testdata::yaml(&repository().join("deploy/deployment.yaml")).expect("YAML");
    let image = deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str().expect("an image");
    let (image, version) = image.rsplit_once(':').expect("a tag");
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    let argo_cd = built("argocd/platform");
    let flux = built("flux/clusters/production");
    let named = |objects: &[Value], wanted: &str| -> Value {
        let found = objects.iter().find(|object| name(object) == wanted && !object["spec"].is_null());
        found.cloned().unwrap_or_else(|| panic!("no {wanted}"))
    };
    let application = named(&argo_cd, "logdrain-operator");
    let images = texts(&application["spec"]["source"]["kustomize"]["images"]);
    assert!(images[0].starts_with(&format!("{image}=")), "{images:?}");
    assert!(images[0].ends_with(&format!(":{version}")), "{images:?}");
    assert_eq!(application["spec"]["source"]["targetRevision"], format!("v{version}"));
    let operator =
        of_kind(&flux, "Kustomization").into_iter().find(|object| name(object) == "logdrain-operator");
    let replaced = &operator.expect("it is there")["spec"]["images"][0];
    assert_eq!((replaced["name"].as_str(), replaced["newTag"].as_str()), (Some(image), Some(version)));
    let source =
        of_kind(&flux, "GitRepository").into_iter().find(|object| name(object) == "logdrain-operator");
    assert_eq!(source.expect("it is there")["spec"]["ref"]["tag"], format!("v{version}"));
}

#[test]
fn by_the_expressions_of_the_sample_a_suspended_one_does_not_hold_up_the_others() {
    let objects = built("flux/clusters/production");
    let team =
        of_kind(&objects, "Kustomization").into_iter().find(|object| name(object) == "log-drains-shop");
    let expressions = &team.expect("it is there")["spec"]["healthCheckExprs"][0];
    assert_eq!(
        (expressions["apiVersion"].as_str(), expressions["kind"].as_str()),
        (Some("logs.scalingo.com/v1"), Some("LogDrain"))
    );
    let recorded = testdata::all().expect("the recorded objects");
    let states: Vec<Value> = recorded.values().cloned().collect();
    let verdicts = flux::judge_with(expressions, &states).unwrap_or_else(|error| panic!("{error}"));
    for ((name, object), verdict) in recorded.iter().zip(verdicts) {
        let expected = match standing(object) {
            Standing::Deleting | Standing::Behind | Standing::Waits => "InProgress",
            Standing::InOrder | Standing::Suspended => "Current",
            Standing::NeedsAPerson => "Failed",
        };
        assert_eq!(verdict.expressions, expected, "{name}");
    }
}

#[test]
fn what_sops_keeps_in_git_is_encrypted_and_the_rest_can_be_read() {
    let rules: Value = testdata::yaml(&samples().join("flux/.sops.yaml")).expect("the rules");
    let rule = &rules["creation_rules"][0];
    assert_eq!(rule["encrypted_regex"], "^(data|stringData)$");
    let recipient = rule["age"].as_str().expect("a recipient");
    let team = samples().join("flux/teams/search");
    for file in ["scalingo.secret.yaml", "logstash.secret.yaml"] {
        let pattern = rule["path_regex"].as_str().expect("a pattern");
        assert!(
            Regex::new(pattern).expect("a pattern").is_match(&format!("teams/search/{file}")),
            "{pattern}"
        );
        let secret: Value = testdata::yaml(&team.join(file)).expect("one document");
        assert_eq!((secret["kind"].as_str(), secret["apiVersion"].as_str()), (Some("Secret"), Some("v1")));
        for (key, value) in secret["stringData"].as_object().expect("data") {
            let value = value.as_str().expect("a text");
            assert!(value.starts_with("ENC[AES256_GCM,data:") && value.ends_with(",type:str]"), "{key}");
        }
        let sops = &secret["sops"];
        assert_eq!(sops["age"][0]["recipient"], recipient);
        assert_eq!(sops["encrypted_regex"], rule["encrypted_regex"]);
        assert!(sops["mac"].as_str().is_some_and(|mac| mac.starts_with("ENC[AES256_GCM,")), "{sops}");
    }
}
