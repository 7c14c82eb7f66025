//! The teams of the samples are kept apart: none gets at what another has.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

use control_plane::ControlPlane;
use serde_json::{Value, json};

use super::samples::{built, name, of_kind, texts};

/// Group and kind of each object.
fn kinds(objects: &[Value]) -> BTreeSet<(String, String)> {
    let group = |version: &str| version.split_once('/').map_or("", |(group, _)| group).to_owned();
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    objects.iter().map(|object| (group(&word(&object["apiVersion"])), word(&object["kind"]))).collect()
}

fn namespaces(objects: &[Value]) -> Vec<&str> {
    of_kind(objects, "Namespace").into_iter().map(name).collect()
}

#[test]
fn a_project_of_argo_cd_lets_one_team_into_its_namespace_alone_and_to_no_more_than_it_uses() {
    let objects = built("argocd/platform");
    let projects: BTreeMap<&str, &Value> =
        of_kind(&objects, "AppProject").into_iter().map(|project| (name(project), project)).collect();
    let applications = of_kind(&objects, "Application");
    let teams: Vec<_> =
        applications.into_iter().filter(|application| application["spec"]["project"] != "default").collect();
    assert_eq!(teams.len(), 2);
    let mut used = BTreeSet::new();
    for team in teams {
        let spec = &team["spec"];
        let project = spec["project"].as_str().expect("a project");
        assert!(used.insert(project), "{project} is another team's, too");
        let project = &projects[project]["spec"];
        assert_eq!(project["destinations"], json!([spec["destination"]]), "{}", name(team));
        assert_eq!(project["sourceRepos"], json!([spec["source"]["repoURL"]]), "{}", name(team));
        assert!(project["clusterResourceWhitelist"].is_null(), "it may make nothing of the cluster's");
        assert!(namespaces(&objects).contains(&spec["destination"]["namespace"].as_str().expect("one")));
        let path = spec["source"]["path"].as_str().expect("a path");
        let allowed = project["namespaceResourceWhitelist"].as_array().expect("a list").iter();
        let allowed = allowed.map(|kind| {
            ["group", "kind"].map(|field| kind[field].as_str().expect("a word").to_owned()).into()
        });
        assert_eq!(allowed.collect::<BTreeSet<_>>(), kinds(&built(&format!("argocd/{path}"))), "{path}");
    }
}

#[test]
fn argo_cd_tries_again_without_end_and_with_the_newest_commit() {
    let objects = built("argocd/platform");
    let teams = of_kind(&objects, "Application").into_iter();
    let teams: Vec<_> = teams.filter(|application| application["spec"]["project"] != "default").collect();
    assert_eq!(teams.len(), 2);
    for team in teams {
        let retry = &team["spec"]["syncPolicy"]["retry"];
        assert!(retry["limit"].as_i64().is_some_and(|limit| limit < 0), "{}: {retry}", name(team));
        assert_eq!(retry["refresh"], true, "{}: a mistake would be tried for ever", name(team));
    }
}

#[test]
fn what_an_atomic_list_would_be_given_by_default_is_spelt_out_for_argo_cd() {
    for team in ["shop", "search"] {
        for secret in of_kind(&built(&format!("argocd/teams/{team}")), "ExternalSecret") {
            for data in secret["spec"]["data"].as_array().expect("data") {
                let reference = &data["remoteRef"];
                for (field, default) in [
                    ("conversionStrategy", "Default"),
                    ("decodingStrategy", "None"),
                    ("metadataPolicy", "None"),
                ] {
                    assert_eq!(reference[field], default, "{} of {team}: {field}", name(secret));
                }
            }
        }
    }
}

#[test]
fn flux_keeps_what_a_team_deletes_its_log_drains_with() {
    let objects = built("flux/clusters/production");
    let is_kept =
        |object: &Value| object["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/prune"] == "disabled";
    let teams = of_kind(&objects, "Kustomization").into_iter();
    let teams: Vec<_> = teams.filter(|team| team["spec"]["serviceAccountName"].is_string()).collect();
    assert_eq!(teams.len(), 2);
    for team in teams {
        let (account, namespace) = (&team["spec"]["serviceAccountName"], &team["spec"]["targetNamespace"]);
        let named = |kind: &str, namespace: &Value, name: &Value| -> Value {
            let found = of_kind(&objects, kind).into_iter().find(|object| {
                object["metadata"]["name"] == *name && object["metadata"]["namespace"] == *namespace
            });
            found.unwrap_or_else(|| panic!("no {kind} {name} in {namespace}")).clone()
        };
        let bindings = of_kind(&objects, "RoleBinding").into_iter();
        let bindings: Vec<_> =
            bindings.filter(|binding| binding["subjects"][0]["name"] == *account).collect();
        assert_eq!(bindings.len(), 1, "{account}");
        let role = named("Role", namespace, &bindings[0]["roleRef"]["name"]);
        let account = named("ServiceAccount", &team["metadata"]["namespace"], account);
        let namespace = named("Namespace", &Value::Null, namespace);
        for object in [bindings[0], &role, &account, &namespace] {
            assert!(is_kept(object), "{} {} is pruned", object["kind"], name(object));
        }
        assert!(!is_kept(team), "the file could not be taken away");
    }
}

#[test]
fn every_secret_comes_from_a_store_in_its_own_namespace() {
    let mut count = 0;
    for (tool, platform) in [("argocd", "argocd/platform"), ("flux", "flux/clusters/production")] {
        let platform = built(platform);
        for team in ["shop", "search"] {
            let objects = built(&format!("{tool}/teams/{team}"));
            let stores = of_kind(&objects, "SecretStore");
            for secret in of_kind(&objects, "ExternalSecret") {
                let reference = &secret["spec"]["secretStoreRef"];
                assert_eq!(reference["kind"], "SecretStore", "{}", name(secret));
                assert!(stores.iter().any(|store| name(store) == reference["name"]), "{reference}");
                for data in secret["spec"]["data"].as_array().expect("data") {
                    let key = data["remoteRef"]["key"].as_str().expect("a key");
                    assert!(key.starts_with(&format!("{team}/")), "{key}");
                }
                count += 1;
            }
            for store in stores {
                let sign_in = &store["spec"]["provider"]["vault"]["auth"]["kubernetes"];
                assert_eq!(sign_in["role"], format!("log-drains-{team}"));
                let account = &sign_in["serviceAccountRef"]["name"];
                let accounts = of_kind(&platform, "ServiceAccount");
                let own = |other: &&Value| {
                    other["metadata"]["name"] == *account && other["metadata"]["namespace"] == team
                };
                assert!(accounts.into_iter().any(|other| own(&other)), "{tool} {team}: {account}");
            }
        }
    }
    assert_eq!(count, 6);
}

/// Longer than the API server needs to heed a new role.
const SOON: Duration = Duration::from_secs(60);

/// Whether an account may do this in a namespace. The server is asked, since kubectl knows no kinds that are not there.
fn may(plane: &ControlPlane, account: &str, verb: &str, resource: &str, namespace: &str) -> bool {
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    let attributes = json!({"verb": verb, "group": group, "resource": resource, "namespace": namespace});
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": account, "resourceAttributes": attributes},
    });
    let answer = plane.kubectl_ok(["create", "--output=json", "-f", "-"], Some(&review.to_string()));
    let answer: Value =
        serde_json::from_str(&answer.unwrap_or_else(|error| panic!("{error}"))).expect("JSON");
    answer["status"]["allowed"] == true
}

#[test]
fn flux_acts_for_a_team_with_rights_in_its_namespace_alone_and_to_no_more_than_it_uses() {
    let plane = ControlPlane::shared().unwrap_or_else(|error| panic!("{error}"));
    let objects = built("flux/clusters/production");
    let system = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}});
    plane.apply(&system.to_string()).unwrap_or_else(|error| panic!("{error}"));
    for kind in ["Namespace", "ServiceAccount", "Role", "RoleBinding"] {
        for object in of_kind(&objects, kind) {
            plane.apply(&object.to_string()).unwrap_or_else(|error| panic!("{error}"));
        }
    }
    let teams = of_kind(&objects, "Kustomization");
    let teams: Vec<_> =
        teams.into_iter().filter(|team| team["spec"]["targetNamespace"].is_string()).collect();
    assert_eq!(teams.len(), 2);
    for team in teams {
        let account = team["spec"]["serviceAccountName"].as_str().expect("a service account");
        let account = format!("system:serviceaccount:flux-system:{account}");
        let own = team["spec"]["targetNamespace"].as_str().expect("a namespace");
        let path = team["spec"]["path"].as_str().expect("a path").trim_start_matches("./");
        let needed: BTreeSet<String> = kinds(&built(&format!("flux/{path}")))
            .into_iter()
            .map(|(group, kind)| format!("{}s.{group}", kind.to_lowercase()).trim_end_matches('.').to_owned())
            .collect();
        for resource in &needed {
            for verb in ["get", "list", "watch", "create", "patch", "delete"] {
                // A new role counts only once the API server's own cache has it.
                let begun = Instant::now();
                while !may(plane, &account, verb, resource, own) {
                    assert!(begun.elapsed() < SOON, "{account} may not {verb} {resource} in {own}");
                    thread::sleep(Duration::from_millis(50));
                }
                for other in
                    ["shop", "search", "flux-system", "default"].iter().filter(|other| **other != own)
                {
                    assert!(
                        !may(plane, &account, verb, resource, other),
                        "{account}: {verb} {resource} in {other}"
                    );
                }
            }
        }
        let roles = of_kind(&objects, "Role");
        let role = roles.into_iter().find(|role| role["metadata"]["namespace"] == own).expect("a role");
        let granted: BTreeSet<String> = role["rules"]
            .as_array()
            .expect("rules")
            .iter()
            .flat_map(|rule| {
                let group = texts(&rule["apiGroups"]).concat();
                texts(&rule["resources"])
                    .into_iter()
                    .map(move |resource| format!("{resource}.{group}").trim_end_matches('.').to_owned())
                    .collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(granted, needed, "{own}");
    }
}
