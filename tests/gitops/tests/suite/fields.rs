//! Each field of the samples is one that the tool knows: it would pass over another without a word.

use gitops::{fields, flux, testdata};
use serde_json::Value;

use super::samples::{DIRECTORIES, built, name, samples};

fn of_flux(object: &Value) -> bool {
    object["apiVersion"].as_str().is_some_and(|version| version.contains(".toolkit.fluxcd.io/"))
}

#[test]
fn the_objects_of_flux_have_no_field_that_its_own_types_do_not_know() {
    let objects: Vec<Value> = DIRECTORIES.into_iter().flat_map(built).filter(of_flux).collect();
    assert_eq!(objects.len(), 4, "an operator, its source and two teams");
    let faults = flux::faults(&objects).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(faults.len(), objects.len());
    for (object, fault) in objects.iter().zip(faults) {
        assert_eq!(fault, "", "{}", name(object));
    }
}

#[test]
fn the_objects_of_argo_cd_and_external_secrets_have_no_field_that_their_definitions_do_not_have() {
    let mut count = 0;
    for object in DIRECTORIES.into_iter().flat_map(built) {
        if let Some(unknown) = fields::unknown(&object) {
            assert_eq!(unknown, [""; 0], "{} {}", object["kind"], name(&object));
            count += 1;
        }
    }
    assert_eq!(count, 3 + 2 + 6 + 3, "Applications, AppProjects, ExternalSecrets and SecretStores");
}

/// The objects of a file, with a word in it spelt otherwise.
fn misspelt(file: &str, word: &str, otherwise: &str) -> Vec<Value> {
    let text = gitops::read(&samples().join(file)).expect("text");
    assert!(text.contains(word), "{file} has no {word}");
    serde_saphyr::from_multiple::<Value>(&text.replace(word, otherwise)).expect("YAML")
}

#[test]
fn a_misspelt_field_is_noticed() {
    for (file, word, otherwise) in [
        ("flux/clusters/production/team-shop.yaml", "healthCheckExprs", "healthCheckExpr"),
        ("flux/clusters/production/team-shop.yaml", "serviceAccountName", "serviceAcountName"),
        ("flux/clusters/production/team-shop.yaml", "inProgress", "inprogres"),
        ("flux/clusters/production/team-search.yaml", "healthChecks", "healthCheck"),
        ("flux/clusters/production/operator.yaml", "newName", "newname"),
        ("flux/clusters/production/operator.yaml", "interval: 10m", "interval: 10"),
        ("flux/clusters/production/operator.yaml", "kind: Kustomization", "kind: Kustomisation"),
        ("flux/clusters/production/sources.yaml", "tag:", "tagg:"),
    ] {
        let objects: Vec<Value> = misspelt(file, word, otherwise).into_iter().filter(of_flux).collect();
        let faults = flux::faults(&objects).unwrap_or_else(|error| panic!("{error}"));
        assert!(faults.iter().any(|fault| !fault.is_empty()), "{otherwise}: {faults:?}");
    }
    for (file, word, otherwise) in [
        ("argocd/platform/team-shop.yaml", "syncOptions", "syncOption"),
        ("argocd/platform/team-shop.yaml", "ServerSideApply=true", "ServerSideApplied=true"),
        ("argocd/platform/team-shop.yaml", "maxDuration", "maximumDuration"),
        ("argocd/platform/team-shop.yaml", "namespaceResourceWhitelist", "namespacedResourceWhitelist"),
        ("argocd/teams/shop/external-secrets.yaml", "remoteRef", "remoteReference"),
        ("argocd/teams/shop/secret-store.yaml", "mountPath", "mountpath"),
    ] {
        let objects = misspelt(file, word, otherwise);
        let unknown: Vec<String> = objects.iter().filter_map(fields::unknown).flatten().collect();
        assert!(!unknown.is_empty(), "{otherwise}");
    }
    let recorded = testdata::all().expect("the recorded objects");
    assert!(
        recorded.values().all(|object| fields::unknown(object).is_none()),
        "LogDrains are others' matter"
    );
}
