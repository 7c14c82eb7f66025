//! How much memory the operator takes, against what `deploy/` asks for.
//!
//! `cargo test --test e2e -- memory:: --nocapture` prints it; of another binary, such as the one in the image, with
//! `LOGDRAIN_OPERATOR` set to its path.

#![expect(clippy::print_stdout, reason = "the figures are for the documents")]

use std::fs;

use control_plane::Supervised;
use serde_json::{Value, json};

use crate::world::{World, ready};

const APPS: usize = 10;
const EACH: usize = 5;
const MANIFEST: &str = include_str!("../../deploy/deployment.yaml");

fn name(app: usize, drain: usize) -> String {
    format!("app-{app}-drain-{drain}")
}

fn spec(app: usize, drain: usize) -> Value {
    json!({
        "app": format!("app-{app}"), "type": "syslog", "host": "logs.example.com", "port": 6_000 + drain,
        "tokenSecretRef": {"name": "logs", "key": "token"},
    })
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
    let all: Vec<(usize, usize)> =
        (0..APPS).flat_map(|app| (0..EACH).map(move |drain| (app, drain))).collect();
    let items: Vec<Value> = all
        .iter()
        .map(|(app, drain)| {
            let metadata = json!({"namespace": world.namespace(), "name": name(*app, *drain)});
            json!({
                "apiVersion": "logs.scalingo.com/v1", "kind": "LogDrain", "metadata": metadata, "spec": spec(*app, *drain),
            })
        })
        .collect();
    for app in 0..APPS {
        world.simulator.add_app(&format!("app-{app}"));
    }
    world.start_operator_with(&["--resync", "1h", "--feed-interval", "1s"]);
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    world.try_kubectl(&["apply", "-f", "-"], Some(&list.to_string())).expect("they are applied");
    let until_synced = async || {
        for (app, drain) in &all {
            world.until_reason(&name(*app, *drain), "Synced").await;
        }
    };
    until_synced().await;
    let installed = kibibytes(&world, "VmRSS:");

    // All at once: each old drain is replaced.
    world.secret("logs", &[("token", "s3cret-memory-after")]);
    let drain = |drain| format!("syslog://:s3cret-memory-after@logs.example.com:{}", 6_000 + drain);
    let expected: Vec<String> = (0..EACH).map(drain).collect();
    for app in 0..APPS {
        world
            .until_simulator("the new drains alone", |simulator| {
                let mut there = simulator.drains(format!("app-{app}").as_str());
                there.sort();
                there == expected
            })
            .await;
    }
    until_synced().await;
    let (after, peak) = (kibibytes(&world, "VmRSS:"), kibibytes(&world, "VmHWM:"));
    println!(
        "{} LogDrains: {installed} KiB once in sync, {after} KiB after a rotation, {peak} KiB at the peak",
        all.len()
    );
    assert_eq!(ready(&world.get(&name(0, 0)))["status"], "True");
    let [asked, limit] = granted();
    assert!(after < asked, "{after} KiB, and the manifests ask for {asked} KiB");
    assert!(peak < limit / 2, "{peak} KiB at the peak, of a limit of {limit} KiB");
    world.finish();
}
