//! How much memory and processor time the operator takes, against what `deploy/` asks for.
//!
//! `cargo bench --bench scale` measures it for up to 10,000 resources.

use std::{fs, time::Duration};

use control_plane::Supervised;
use serde_json::{Value, json};

use crate::{
    eventually::eventually,
    world::{World, ready},
};

const MANIFEST: &str = include_str!("../../deploy/deployment.yaml");

const APPS: usize = 10;
const DRAINS_PER_APP: usize = 5;
/// What they take with a slow machine.
const PATIENCE: Duration = Duration::from_secs(170);

fn spec(app: usize, drain: usize) -> Value {
    json!({
        "app": format!("app-{app}"), "type": "syslog", "host": "logs.example.com", "port": 6_000 + drain,
        "tokenSecretRef": {"name": "logs", "key": "token"},
    })
}

/// All `LogDrain`s with their apps and Secrets.
fn apply(world: &World) {
    let mut items = Vec::new();
    for app in 0..APPS {
        world.simulator.add_app(&format!("app-{app}"));
        for drain in 0..DRAINS_PER_APP {
            let metadata =
                json!({"namespace": world.namespace(), "name": format!("app-{app}-drain-{drain}")});
            items.push(json!({
                "apiVersion": "logs.scalingo.com/v1", "kind": "LogDrain", "metadata": metadata,
                "spec": spec(app, drain),
            }));
        }
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    world.try_kubectl(&["apply", "-f", "-"], Some(&list.to_string())).expect("they are applied");
}

async fn until_all_are_synced(world: &World) {
    let probe = async || {
        let text = world.kubectl(&["get", "logdrains", "--output=json"]);
        let list: Value = serde_json::from_str(&text).expect("JSON");
        let all = list["items"].as_array().expect("a list");
        let is_synced = |object: &Value| ready(object)["reason"] == "Synced";
        (all.len() == APPS * DRAINS_PER_APP && all.iter().all(is_synced)).then_some(())
    };
    eventually(PATIENCE, || "not all are in sync".to_owned(), probe).await;
}

/// A line of what the kernel says of the operator, in KiB.
fn kibibytes(world: &World, line: &str) -> u64 {
    let pid = world.with_operator(Supervised::pid);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let value = status.lines().find_map(|other| other.strip_prefix(line)).expect("the line");
    value.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// What the manifest grants, in KiB: what it asks for, and the limit.
fn granted() -> [u64; 2] {
    let manifest: Value = serde_saphyr::from_str(MANIFEST).expect("YAML");
    let resources = &manifest["spec"]["template"]["spec"]["containers"][0]["resources"];
    ["requests", "limits"].map(|what| {
        let text = resources[what]["memory"].as_str().expect("a quantity");
        text.strip_suffix("Mi").expect("in MiB").parse::<u64>().expect("a number") * 1_024
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_resources_fit_into_what_the_manifests_grant() {
    let world = World::new().await;
    world.secret("logs", &[("token", "s3cret-memory-before")]);
    world.start_operator_with(&["--resync", "1h", "--feed-interval", "1s"]);
    apply(&world);
    until_all_are_synced(&world).await;

    // All at once: each old drain is replaced.
    world.secret("logs", &[("token", "s3cret-memory-after")]);
    let drain = |drain| format!("syslog://:s3cret-memory-after@logs.example.com:{}", 6_000 + drain);
    let mut expected: Vec<String> = (0..DRAINS_PER_APP).map(drain).collect();
    expected.sort();
    for app in 0..APPS {
        world
            .until_simulator_within(PATIENCE, "the new drains alone", |simulator| {
                let mut there = simulator.drains(format!("app-{app}").as_str());
                there.sort();
                there == expected
            })
            .await;
    }
    until_all_are_synced(&world).await;
    let [asked, granted] = granted();
    let (after, peak) = (kibibytes(&world, "VmRSS:"), kibibytes(&world, "VmHWM:"));
    assert!(after < asked, "{after} KiB, and the manifests ask for {asked} KiB");
    assert!(peak < granted / 2, "{peak} KiB at the peak, of a limit of {granted} KiB");
    world.finish();
}
