use std::{collections::BTreeSet, fs, path::PathBuf};

use logdrain_operator::crd::{DrainType, SecretKeyRef};
use serde_json::Value;
use strum::IntoEnumIterator as _;

use super::checker::Checker;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// Every document of every manifest in `examples/`.
fn documents() -> Vec<Value> {
    let mut documents = Vec::new();
    for entry in fs::read_dir(directory()).expect("there are examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(&path).expect("text");
            documents.extend(serde_saphyr::from_multiple::<Value>(&text).expect("YAML"));
        }
    }
    documents
}

fn log_drains() -> Vec<Value> {
    documents().into_iter().filter(|document| document["kind"] == "LogDrain").collect()
}

#[test]
fn there_is_a_good_one_for_every_type_and_one_for_an_addon() {
    let checker = Checker::new();
    let mut types = BTreeSet::new();
    for document in log_drains() {
        let spec = &document["spec"];
        assert!(checker.accepts(spec), "{document}: {:?}", checker.broken_rules(spec));
        if spec["addon"].is_null() {
            assert_eq!(document["metadata"]["name"], spec["type"]);
            types.insert(spec["type"].as_str().expect("a type").to_owned());
        }
    }
    assert_eq!(types, DrainType::iter().map(|drain_type| drain_type.to_string()).collect());
    assert_eq!(log_drains().len(), DrainType::iter().len() + 1);
}

#[test]
fn every_secret_that_they_name_is_there_and_no_other() {
    let mut named = BTreeSet::new();
    for document in log_drains() {
        assert_eq!(document["metadata"]["namespace"], "shop");
        let default = serde_json::to_value(SecretKeyRef::api_token()).expect("serialises");
        for reference in [
            &document["spec"]["tokenSecretRef"],
            &document["spec"]["urlSecretRef"],
            document["spec"].get("apiTokenSecretRef").unwrap_or(&default),
        ] {
            if let (Some(name), Some(key)) = (reference["name"].as_str(), reference["key"].as_str()) {
                named.insert(format!("{name}/{key}"));
            }
        }
    }
    let there: BTreeSet<String> = documents()
        .iter()
        .filter(|document| document["kind"] == "Secret" && document["metadata"]["namespace"] == "shop")
        .flat_map(|document| {
            let data = document["stringData"].as_object().expect("data");
            let name = document["metadata"]["name"].as_str().expect("a name");
            data.keys().map(move |key| format!("{name}/{key}")).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(named, there);
}
