//! What Argo CD and Flux do to a `LogDrain`, and what they see of it.

use serde_json::{Value, json};

use crate::{
    duplicates::{papertrail, with},
    world::World,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_change_and_a_deletion_that_the_operator_has_not_seen_show() {
    let world = World::running().await;
    world.apply("drain", &papertrail("shop-front"));
    let synced = world.until_reason("drain", "Synced").await;
    world.stop_operator();

    world.apply("drain", &with(papertrail("shop-front"), "port", &json!(7514)));
    let behind = world.get("drain");
    assert_eq!(behind["status"], synced["status"]);
    assert_ne!(behind["status"]["observedGeneration"], behind["metadata"]["generation"]);
    world.record("behind", &behind);

    world.apply("drain", &papertrail("shop-front"));
    world.start_operator();
    world.until_reason("drain", "Synced").await;
    world.stop_operator();
    world.delete("drain");
    let deleting = world.get("drain");
    assert!(deleting["metadata"]["deletionTimestamp"].is_string(), "{deleting:#}");
    world.record("deleting", &deleting);

    world.start_operator();
    world.until("drain", "gone", Value::is_null).await;
    world.finish();
}
