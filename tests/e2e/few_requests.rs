//! What it costs: one list for all who want it, none where nothing has changed.

use control_plane::Supervised;
use scalingo_simulator::{Entry, Simulator};
use serde_json::{Value, json};

use crate::{
    eventually::until,
    types::database,
    world::{SOON, World, ready},
};

const LISTS: [&str; 2] = ["/v1/apps/*/log_drains", "/v1/apps/*/addons/*/log_drains"];

pub fn papertrail(app: &str, port: usize) -> Value {
    json!({"app": app, "type": "papertrail", "host": "logs.example.com", "port": port})
}

pub fn url(port: usize) -> String {
    format!("tcp+tls://logs.example.com:{port}")
}

pub fn lists(simulator: &Simulator) -> Vec<Entry> {
    LISTS.iter().flat_map(|path| simulator.requests("GET", path)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_each_target_is_listed_once() {
    let world = World::new().await;
    let addon = database(&world);
    world.simulator.add_app("blog");
    for port in 0..5 {
        world.apply(&format!("front-{port}"), &papertrail("shop-front", 1_000 + port));
        world.apply(&format!("blog-{port}"), &papertrail("blog", 1_000 + port));
        let mut spec = papertrail("shop-front", 1_000 + port);
        spec["addon"] = json!(addon);
        world.apply(&format!("addon-{port}"), &spec);
    }
    world.start_operator_with(&["--resync", "1h"]);
    for port in 0..5 {
        for name in ["front", "blog", "addon"] {
            world.until_reason(&format!("{name}-{port}"), "Synced").await;
        }
    }
    let simulator = &world.simulator;
    assert_eq!(simulator.requests("POST", "/v1/tokens/exchange").len(), 1);
    assert_eq!(simulator.requests("GET", "/v1/apps").len(), 1);
    assert_eq!(lists(simulator).len(), 3, "{:#?}", simulator.journal());
    assert_eq!(simulator.changes().len(), 15);
    assert_eq!(simulator.journal().len(), 1 + 1 + 3 + 15);
    // So do deletions.
    simulator.clear_journal();
    world.with_operator(Supervised::pause).expect("it stands still");
    world.kubectl(&["delete", "logdrains", "--all", "--wait=false"]);
    world.with_operator(Supervised::resume).expect("it goes on");
    world.delete_until_gone(&["logdrains", "--all"]);
    assert!(lists(simulator).len() <= 6, "{:#?}", simulator.journal());
    assert_eq!(world.writes().len(), 15);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_check_and_the_list_that_confirms_it_serve_all_drains_of_an_app() {
    let world = World::new().await;
    world.start_operator_with(&["--resync", "1h"]);
    for port in 1..=3 {
        world.apply(&format!("drain-{port}"), &papertrail("shop-front", port));
        world.until_reason(&format!("drain-{port}"), "Synced").await;
    }
    for round in 0..3 {
        world.simulator.clear_journal();
        for port in 1..=3 {
            world.simulator.remove_drain_behind("shop-front", &url(port)).expect("the drain");
        }
        // Of one of them, which tells of the others.
        world.request("drain-1", &format!("round-{round}"));
        world.until_simulator("all three again", |simulator| simulator.drains("shop-front").len() == 3).await;
        for port in 1..=3 {
            let is_recorded = |object: &Value| object["status"]["drains"][0]["state"] == "Active";
            world.until(&format!("drain-{port}"), "written down", is_recorded).await;
        }
        assert_eq!(lists(&world.simulator).len(), 2, "round {round}: {:#?}", world.simulator.journal());
        assert_eq!(world.writes().len(), 3, "round {round}: {:#?}", world.simulator.journal());
    }
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_with_nothing_changed_asks_for_nothing() {
    let world = World::new().await;
    world.simulator.add_app("blog");
    world.start_operator_with(&["--resync", "1h"]);
    for port in 1..=5 {
        world.apply(&format!("drain-{port}"), &papertrail("shop-front", port));
        world.until_reason(&format!("drain-{port}"), "Synced").await;
    }
    world.secret("datadog", &[("api-key", "0123456789abcdef0123456789abcdef")]);
    let secret = json!({"name": "datadog", "key": "api-key"});
    world.apply(
        "drain-6",
        &json!({"app": "shop-front", "type": "datadog", "drainRegion": "eu", "tokenSecretRef": secret}),
    );
    world.until_reason("drain-6", "Synced").await;
    crate::duplicates::until_older(&world, world.namespace(), "drain-1").await;
    world.apply("twin", &papertrail("shop-front", 1));
    world.until_reason("twin", "Duplicate").await;
    let versions = || {
        let columns = "custom-columns=NAME:.metadata.name,VERSION:.metadata.resourceVersion";
        world.kubectl(&["get", "logdrains", "--output", columns])
    };
    let before = versions();
    world.stop_operator();
    let read = || -> Vec<String> {
        let entries = world.audit().into_iter();
        let reads = entries.filter(|entry| entry.resource == "secrets" && entry.verb == "get");
        reads.map(|entry| entry.name).collect()
    };
    let (read_before, requests_before) = (read().len(), world.simulator.journal().len());
    world.start_operator_with(&["--resync", "1h"]);
    until(SOON, || format!("{:?} read", read()), || read().len() > read_before).await;
    // What has changed is looked at, which tells that the others have been left alone.
    world.apply("new", &papertrail("blog", 1));
    world.until_reason("new", "Synced").await;
    let read = read().split_off(read_before);
    assert!(read.iter().all(|name| name == "scalingo"), "the drain's Secret stands: {read:?}");
    let paths: Vec<(String, String)> = world.simulator.journal()[requests_before..]
        .iter()
        .map(|entry| (entry.method.clone(), entry.path.clone()))
        .collect();
    let blog = format!("/v1/apps/{}/log_drains", world.simulator.app_id("blog").expect("the app"));
    let expected = [
        ("POST", "/v1/tokens/exchange"),
        ("GET", "/v1/apps"),
        ("GET", blog.as_str()),
        ("POST", blog.as_str()),
    ];
    assert_eq!(paths, expected.map(|(method, path)| (method.to_owned(), path.to_owned())));
    world.delete_until_gone(&["logdrain", "new"]);
    assert_eq!(versions(), before);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_while_no_operator_ran_is_found_by_the_sweep() {
    let world = World::running().await;
    world.apply("drain", &papertrail("shop-front", 1));
    let before = world.until_reason("drain", "Synced").await;
    world.stop_operator();
    world.simulator.remove_drain_behind("shop-front", &url(1)).expect("the drain");
    world.start_operator();
    world.until_simulator("the drain again", |simulator| simulator.drains("shop-front").len() == 1).await;
    let after = world.until_reason("drain", "Synced").await;
    assert_eq!(ready(&after)["message"], ready(&before)["message"]);
    world.finish();
}

/// `twin` is a duplicate of `owner`, and nothing is checked for an hour.
async fn owner_and_twin() -> World {
    let world = World::new().await;
    world.start_operator_with(&["--resync", "1h"]);
    world.apply("owner", &papertrail("shop-front", 1));
    world.until_reason("owner", "Synced").await;
    crate::duplicates::until_older(&world, world.namespace(), "owner").await;
    world.apply("twin", &papertrail("shop-front", 1));
    world.until_reason("twin", "Duplicate").await;
    world
}

/// The finalizer is taken away, and the drain stays.
fn take_out_by_force(world: &World, name: &str) {
    world.kubectl(&["delete", "logdrain", name, "--wait=false"]);
    let patch = r#"{"metadata":{"finalizers":null}}"#;
    world.kubectl(&["patch", "logdrain", name, "--type=merge", "--patch", patch]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_went_while_no_operator_ran_is_missed_at_once() {
    let world = owner_and_twin().await;
    world.stop_operator();
    take_out_by_force(&world, "owner");
    world.start_operator_with(&["--resync", "1h"]);
    world.until_reason("twin", "Synced").await;
    assert_eq!(world.simulator.drains("shop-front"), [url(1)]);
    assert_eq!(world.simulator.changes().len(), 1);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_is_taken_out_by_force_is_missed_at_once() {
    let world = owner_and_twin().await;
    // Of the same target, so that the checks are not all the twin's.
    world.apply("a", &papertrail("shop-front", 2));
    world.until_reason("a", "Synced").await;
    // The operator does not get to release it.
    world.with_operator(Supervised::pause).expect("it stands still");
    take_out_by_force(&world, "owner");
    world.with_operator(Supervised::resume).expect("it goes on");
    world.until_reason("twin", "Synced").await;
    assert_eq!(world.simulator.drains("shop-front"), [url(1), url(2)]);
    assert_eq!(world.simulator.changes().len(), 2);
    world.finish();
}
