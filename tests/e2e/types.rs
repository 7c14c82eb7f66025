//! Each type, for an app and for an addon: from `kubectl apply` to the POST and back.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_datadog_drain_is_added_and_said_to_be_ready() {
    let world = World::running().await;
    world.simulator.keep_bodies(true);
    world.secret("datadog", &[("api-key", "s3cret-datadog-key")]);
    world.apply(
        "datadog",
        &json!({
            "app": "shop-front",
            "type": "datadog",
            "tokenSecretRef": {"name": "datadog", "key": "api-key"},
            "drainRegion": "eu-west-2",
        }),
    );
    world.kubectl(&["wait", "--for=condition=Ready", "logdrain/datadog", "--timeout=60s"]);
    assert_eq!(world.simulator.drains("shop-front"), ["datadog://s3cret-datadog-key?region=eu-west-2"]);
    let bodies: Vec<Option<Value>> = world.writes().into_iter().map(|entry| entry.body).collect();
    assert_eq!(
        bodies,
        [Some(json!({"drain": {
            "type": "datadog", "token": "s3cret-datadog-key", "drain_region": "eu-west-2",
        }}))]
    );
    world.finish().await;
}
