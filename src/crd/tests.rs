use super::*;

/// The record of a drain that is there, on an app of tests.
pub(crate) fn active(destination: &str, url: &str) -> DrainRecord {
    DrainRecord {
        region: "osc-fr1".into(),
        app: "shop".into(),
        app_id: "a".into(),
        addon: None,
        drain_type: DrainType::Datadog,
        url: None,
        url_digest: Some(url.into()),
        destination_digest: destination.into(),
        secret_version: None,
        state: DrainState::Active,
        since: None,
        listed_before: Vec::new(),
    }
}

#[test]
fn committed_definition_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/crds/logs.scalingo.com_logdrains.yaml");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == yaml().unwrap(),
        "the resource has changed: run `cargo run -- crd > crds/logs.scalingo.com_logdrains.yaml`"
    );
}
