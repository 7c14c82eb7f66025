//! The admission policy of `docs/security.md`: it bounds what people may want, and never stops the operator.

use std::{path::Path, time::Instant};

use serde_json::Value;
use tokio::task::block_in_place;

use crate::{
    duplicates::{papertrail, with},
    world::{SOON, World},
};

/// The policy and its binding, as the page shows them.
fn policy() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("\n```"));
    let mut found =
        blocks.map(|(block, _)| block).filter(|block| block.contains("ValidatingAdmissionPolicy"));
    let policy = found.next().expect("the policy").to_owned();
    assert_eq!(found.next(), None, "one is shown");
    policy
}

/// What the API server says to a `LogDrain` for this host.
fn tried(world: &World, name: &str, host: &str) -> Result<String, String> {
    let manifest = serde_json::json!({
        "apiVersion": "logs.scalingo.com/v1",
        "kind": "LogDrain",
        "metadata": {"name": name},
        "spec": with(papertrail("shop-front"), "host", &host.into()),
    });
    world.try_kubectl(&["apply", "--dry-run=server", "-f", "-"], Some(&manifest.to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_log_drain_that_the_policy_would_refuse_is_kept_and_can_be_deleted() {
    // The policy is the whole cluster's.
    let world = World::alone().await;
    for name in ["seen", "unseen"] {
        let host = format!("{name}.elsewhere.example");
        world.apply(name, &with(papertrail("shop-front"), "host", &host.into()));
    }
    // Of one the operator has put its finalizer on, of the other it has still to do so.
    world.start_operator();
    world.until_reason("seen", "Synced").await;
    world.until_reason("unseen", "Synced").await;
    world.stop_operator();
    world.kubectl(&[
        "patch",
        "logdrain",
        "unseen",
        "--type=merge",
        r#"--patch={"metadata":{"finalizers":null}}"#,
    ]);

    block_in_place(|| world.plane.apply(&policy())).unwrap_or_else(|error| panic!("{error}"));
    let begun = Instant::now();
    let refused = loop {
        match tried(&world, "new", "third.elsewhere.example") {
            Err(refused) => break refused,
            Ok(_) => assert!(begun.elapsed() < SOON, "the policy is not heeded"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert!(refused.contains("logs go to Datadog or to example.com"), "{refused}");
    let refused = tried(&world, "seen", "fourth.elsewhere.example").expect_err("a change of the host");
    assert!(refused.contains("logs go to Datadog or to example.com"), "{refused}");
    tried(&world, "new", "logs.example.com").expect("a host that may be named");

    world.start_operator();
    world
        .until("unseen", "with its finalizer", |object| object["metadata"]["finalizers"][0].is_string())
        .await;
    world.kubectl(&["annotate", "logdrain", "seen", "logs.scalingo.com/requestedAt=now"]);
    world.until("seen", "checked", |object| object["status"]["lastHandledRequestedAt"] == "now").await;
    for name in ["seen", "unseen"] {
        world.delete(name);
        world.until(name, "gone", Value::is_null).await;
    }
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}
