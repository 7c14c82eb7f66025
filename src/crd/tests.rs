use super::*;

#[test]
fn committed_definition_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/crds/logs.scalingo.com_logdrains.yaml");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == yaml().unwrap(),
        "the resource has changed: run `cargo run -- crd > crds/logs.scalingo.com_logdrains.yaml`"
    );
}
