//! What is logged at the default level: a line for each thing done, which says of whom, what and why.

use std::fs;

use regex::Regex;
use serde_json::{Value, json};

use crate::world::World;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/monitoring.md");
const ADDED: &str = "added the drain datadog://***?region=eu-west-2";
const REPLACED: &str = "replaced the drain datadog://***?region=eu-west-2, of which a secret has changed; the new one was \
                        in place first";
const IN_SYNC: &str = "in sync: Scalingo lists the drain datadog://***?region=eu-west-2";

/// Replaces a Secret once all is in sync; gives the lines that the operator printed of this namespace.
async fn replace_a_secret(arguments: &[&str]) -> Vec<String> {
    let world = World::new().await;
    world
        .start_operator_logging("info", &[&["--resync", "1h", "--sweep-interval", "1h"], arguments].concat());
    world.secret("datadog", &[("api-key", "s3cret-log-before")]);
    let spec = json!({
        "app": "shop-front",
        "type": "datadog",
        "tokenSecretRef": {"name": "datadog", "key": "api-key"},
        "drainRegion": "eu-west-2",
    });
    world.apply("datadog", &spec);
    world.until_reason("datadog", "Synced").await;
    world.secret("datadog", &[("api-key", "s3cret-log-after")]);
    let after = ["datadog://s3cret-log-after?region=eu-west-2"];
    world.until_simulator("the new drain alone", |simulator| simulator.drains("shop-front") == after).await;
    world.until_output("all of it", |output| output.matches(IN_SYNC).count() == 2).await;
    let output = world.stop_first_operator().replace(world.namespace(), "shop");
    world.finish();
    let is_of_it =
        |line: &&str| [r#"namespace="shop""#, r#""namespace":"shop""#].iter().any(|it| line.contains(it));
    output.lines().filter(is_of_it).map(str::to_owned).collect()
}

/// The lines of the block that the page shows.
fn shown() -> Vec<String> {
    let page = fs::read_to_string(PAGE).expect("the page");
    let section = page.split("\n## The log\n").nth(1).expect("a section");
    let block = section.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    block.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_secret_reads_as_the_documents_show_it() {
    let time = Regex::new("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z ").expect("a pattern");
    let without_time = |lines: Vec<String>| -> Vec<String> {
        assert!(lines.iter().all(|line| time.is_match(line)), "{lines:#?}");
        lines.iter().map(|line| time.replace(line, "").into_owned()).collect()
    };
    assert_eq!(without_time(replace_a_secret(&[]).await), without_time(shown()));
}

#[tokio::test(flavor = "multi_thread")]
async fn as_json_the_same_lines_have_the_field_names_that_the_documents_list() {
    let lines = replace_a_secret(&["--log-format", "json"]).await;
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| {
            let mut object: Value = serde_json::from_str(line).expect(line);
            for private in ["timestamp", "target"] {
                assert!(object[private].is_string(), "{line}");
                object.as_object_mut().expect("an object").remove(private);
            }
            object
        })
        .collect();
    let of_drain = |action: &str, reason: &str, message: &str| {
        json!({
            "level": "INFO",
            "span": {
                "name": "reconcile", "namespace": "shop", "logdrain": "datadog", "app": "shop-front", "generation": 1,
            },
            "fields": {"action": action, "reason": reason, "message": message},
        })
    };
    let of_secret = json!({
        "level": "INFO",
        "span": {"name": "notice", "namespace": "shop", "secret": "datadog"},
        "fields": {"logdrains": 1, "message": "the Secret has changed: looking at who uses it"},
    });
    let replacing = format!("{ADDED}, of which a secret has changed; the old one goes next");
    let expected = [
        of_drain("Add", "Added", ADDED),
        of_drain("Check", "Synced", IN_SYNC),
        of_secret,
        of_drain("Add", "Added", &replacing),
        of_drain("Delete", "Replaced", REPLACED),
        of_drain("Check", "Synced", IN_SYNC),
    ];
    assert_eq!(lines, expected);
    let page = fs::read_to_string(PAGE).expect("the page");
    for field in lines.iter().flat_map(|line| ["span", "fields"].map(|part| (part, &line[part]))) {
        let (part, Value::Object(names)) = field else { panic!("{field:?}") };
        for name in names.keys() {
            assert!(page.contains(&format!("| `{part}.{name}` |")), "{part}.{name} is not in {PAGE}");
        }
    }
}
