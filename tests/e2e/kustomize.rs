//! The sample whose Secrets kustomize names.

use std::{fs, path::Path};

use serde_json::Value;

use crate::world::{World, ready};

/// Copies a directory of this repository.
fn copy(directory: &str, to: &Path) {
    fs::create_dir_all(to.join(directory)).expect("a directory");
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        fs::copy(&path, to.join(directory).join(name)).expect("a copy");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logdrain_follows_the_names_that_kustomize_gives_its_secrets() {
    const SAMPLE: &str = "examples/kustomize";
    let world = World::running().await;
    let checkout = tempfile::tempdir().expect("a directory");
    for directory in [SAMPLE, "deploy/kustomize"] {
        copy(directory, checkout.path());
    }
    let file = checkout.path().join(SAMPLE).join("kustomization.yaml");
    let sample = fs::read_to_string(&file).expect("a kustomization");
    let values: Vec<(&str, &str)> =
        sample.lines().filter_map(|line| line.trim().strip_prefix("- ")?.split_once('=')).collect();
    let value = |key: &str| values.iter().find(|(name, _)| *name == key).expect("the value").1;
    for (_, value) in &values {
        world.is_secret(value);
    }
    world.simulator.add_token("sample", value("api_token"));
    let apply = |text: &str| {
        let text = text.replace("namespace: shop", &format!("namespace: {}", world.namespace()));
        fs::write(&file, text).expect("it is written");
        world.kubectl(&["apply", "-k", &checkout.path().join(SAMPLE).display().to_string()]);
    };

    apply(&sample);
    let before = world.until_reason("production-datadog", "Synced").await;
    world.until_reason("production-logstash", "Synced").await;
    let (datadog, logstash) =
        (format!("datadog://{}?region=eu-west-2", value("api-key")), value("url").to_owned());
    let mut drains = world.simulator.drains("shop-front");
    drains.sort();
    assert_eq!(drains, [datadog.clone(), logstash.clone()]);

    // Another value has another name.
    world.is_secret("second-datadog-key");
    apply(&sample.replace(value("api-key"), "second-datadog-key"));
    let rotated = |object: &Value| {
        object["spec"]["tokenSecretRef"]["name"] != before["spec"]["tokenSecretRef"]["name"]
            && ready(object)["reason"] == "Synced"
            && object["status"]["observedGeneration"] == object["metadata"]["generation"]
    };
    world.until("production-datadog", "rotated", rotated).await;
    let mut drains = world.simulator.drains("shop-front");
    drains.sort();
    assert_eq!(drains, ["datadog://second-datadog-key?region=eu-west-2".to_owned(), logstash]);
    world.finish();
}
