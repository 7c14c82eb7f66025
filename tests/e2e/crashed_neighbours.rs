//! Two resources on one target, whose new drains cannot be told apart by their URLs, and a crash in the first addition.

use scalingo_simulator::{Duplicates, Simulator, UrlForm, When};
use serde_json::{Value, json};

use crate::{
    eventually::until,
    scene::{DRAINS, LATER},
    side_by_side::side_by_side,
    world::{World, ready},
};

/// When the request of the crashed operator takes effect.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Effect {
    Never,
    BeforeTheCrash,
    AfterTheNextLook,
}

const EFFECTS: [Effect; 3] = [Effect::Never, Effect::BeforeTheCrash, Effect::AfterTheNextLook];

fn apply(world: &World, name: &str, host: &str) {
    let spec = json!({
        "app": "shop-front",
        "type": "syslog",
        "host": host,
        "port": 6514,
        "tokenSecretRef": {"name": "service", "key": "token"},
    });
    world.apply(name, &spec);
}

fn listed(simulator: &Simulator) -> usize {
    let journal = simulator.journal();
    journal.iter().filter(|entry| entry.method == "GET" && entry.path.ends_with("log_drains")).count()
}

/// Ends the operator in its first POST, with two resources waiting for drains to these hosts.
async fn crash(hosts: [&str; 2], effect: Effect) -> World {
    let world = World::new().await;
    world.secret("service", &[("token", "tok-51c8-shared")]);
    world.simulator.set(|settings| {
        settings.duplicates = Duplicates::Accepted;
        settings.url_forms.insert("*".into(), UrlForm::Unique);
    });
    world.simulator.keep_bodies(true);
    let when = if effect == Effect::BeforeTheCrash { When::After } else { When::Before };
    let held = world.simulator.hold("POST", DRAINS[0], when);
    apply(&world, "a", hosts[0]);
    apply(&world, "b", hosts[1]);
    world.start_operator();
    world.until_held(&held).await;
    world.kill_operator();
    world.simulator.clear_rules();
    if effect != Effect::AfterTheNextLook {
        held.gate.break_off();
    }
    let before = listed(&world.simulator);
    world.start_operator();
    if effect == Effect::AfterTheNextLook {
        world.until_simulator("two looks", |simulator| listed(simulator) >= before + 2).await;
        held.gate.release();
    }
    world
}

async fn until_later(world: &World, name: &str, reasons: &[&str]) -> Value {
    world
        .until_within(LATER, world.namespace(), name, reasons, |object| {
            reasons.iter().any(|reason| ready(object)["reason"] == *reason)
        })
        .await
}

fn record(object: &Value) -> &Value {
    let records = object["status"]["drains"].as_array().expect("records");
    assert_eq!(records.len(), 1, "{object:#}");
    &records[0]["urlDigest"]
}

#[test]
fn two_that_want_different_drains_of_one_app_have_one_each_after_a_crash() {
    side_by_side(EFFECTS, async |effect| {
        let world = crash(["logs-1.example.com", "logs-2.example.com"], effect).await;
        let (a, b) =
            (until_later(&world, "a", &["Synced"]).await, until_later(&world, "b", &["Synced"]).await);
        assert_ne!(record(&a), record(&b), "{effect:?}");
        assert_eq!(world.simulator.drains("shop-front").len(), 2, "{effect:?}");

        // Each deletes its own.
        for (name, left) in [("a", 1), ("b", 0)] {
            world.delete(name);
            world.until_gone(name).await;
            assert_eq!(world.simulator.drains("shop-front").len(), left, "{effect:?}");
        }
        world.finish();
    });
}

#[test]
fn two_that_want_the_same_drain_have_one_together_after_a_crash() {
    side_by_side(EFFECTS, async |effect| {
        let world = crash(["logs-1.example.com"; 2], effect).await;
        // Who came to it first may hold it alone for a moment, also where the other one is to own it.
        let reasons = || {
            let mut reasons = ["a", "b"].map(|name| ready(&world.get(name))["reason"].to_string());
            reasons.sort_unstable();
            reasons
        };
        let describe = || format!("{effect:?}: one of them owns it, not {:?}", reasons());
        until(LATER, describe, || reasons() == ["\"Duplicate\"", "\"Synced\""]).await;
        let (a, b) = (world.get("a"), world.get("b"));
        assert_eq!(record(&a), record(&b), "{effect:?}");
        assert_eq!(world.simulator.drains("shop-front").len(), 1, "{effect:?}");

        world.kubectl(&["delete", "logdrains", "--all", "--wait=false"]);
        world.until_gone("a").await;
        world.until_gone("b").await;
        assert_eq!(world.simulator.drains("shop-front"), [""; 0], "{effect:?}");
        world.finish();
    });
}
