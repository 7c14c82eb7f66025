//! One that fails or hangs holds up nobody else.

use scalingo_simulator::{UrlForm, When};
use serde_json::{Value, json};

use crate::{
    duplicates::{after_lists, delete, papertrail, with},
    errors::{PERSON, assert_failing, assert_synced},
    world::World,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_is_refused_holds_up_no_other_on_its_app() {
    let world = World::new().await;
    world.simulator.set(|settings| {
        settings.url_forms.insert("papertrail".into(), UrlForm::Opaque);
    });
    world.start_operator();
    // A drain that somebody keeps by hand, in a form that tells nothing, so that it cannot be adopted.
    world.apply("before", &with(papertrail("shop-front"), "deletionPolicy", &json!("Retain")));
    world.until_reason("before", "Synced").await;
    delete(&world, world.namespace(), &["before"]);
    let by_hand = world.simulator.drains("shop-front");

    world.apply("refused", &papertrail("shop-front"));
    let message = "Scalingo refuses the drain: url: has already been taken; mend what it names in the spec, in its Secret or at Scalingo";
    assert_failing(&world.until_reason("refused", "Rejected").await, "Rejected", PERSON, message);
    for port in 1..4 {
        let name = format!("other-{port}");
        world.apply(&name, &with(papertrail("shop-front"), "port", &json!(port)));
        assert_synced(&world.until_reason(&name, "Synced").await);
    }
    delete(&world, world.namespace(), &["other-1"]);
    after_lists(&world, 4).await;
    let drains = world.simulator.drains("shop-front");
    assert_eq!(drains.len(), 3, "that by hand and those of two others");
    assert_eq!(drains[0], by_hand[0], "what nobody has recorded is not touched");
    assert_failing(&world.get("refused"), "Rejected", PERSON, message);

    world.simulator.remove_drain_behind("shop-front", &by_hand[0]).expect("the drain");
    assert_synced(&world.until_reason("refused", "Synced").await);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_does_not_answer_holds_up_no_other_app() {
    let world = World::running().await;
    let held = world.simulator.hold("GET", "/v1/apps/shop-front/log_drains", When::Before);
    world.apply("hanging", &papertrail("shop-front"));
    world.until_held(&held).await;
    world.apply("other", &papertrail("shop-api"));
    assert_synced(&world.until_reason("other", "Synced").await);
    world.delete_until_gone(&["logdrain", "other"]);
    let hanging = world.get("hanging");
    assert_eq!(hanging["status"]["observedGeneration"], -1, "still at its first look: {hanging:#}");
    held.gate.release();
    assert_synced(&world.until_reason("hanging", "Synced").await);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_apps_that_does_not_come_holds_up_no_other_token() {
    const OTHERS: &str = "tk-us-e2e-3c9e5a71d06b";
    let world = World::running().await;
    world.simulator.add_token("other", OTHERS);
    world.secret("other", &[("api_token", OTHERS)]);
    let held = world.simulator.hold("GET", "/v1/apps", When::Before);
    world.apply("hanging", &papertrail("shop-front"));
    world.until_held(&held).await;
    world.simulator.remove_rule(held.rule);
    let reference = json!({"name": "other", "key": "api_token"});
    world.apply("other", &with(papertrail("shop-api"), "apiTokenSecretRef", &reference));
    assert_synced(&world.until_reason("other", "Synced").await);
    assert_eq!(world.get("hanging")["status"]["conditions"], Value::Null);
    held.gate.release();
    assert_synced(&world.until_reason("hanging", "Synced").await);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_does_not_come_holds_up_no_other_token() {
    const OTHERS: &str = "tk-us-e2e-f27d81b4c590";
    let world = World::running().await;
    world.simulator.add_token("other", OTHERS);
    world.secret("other", &[("api_token", OTHERS)]);
    let held = world.simulator.hold("POST", "/v1/tokens/exchange", When::Before);
    world.apply("hanging", &papertrail("shop-front"));
    world.until_held(&held).await;
    world.simulator.remove_rule(held.rule);
    let reference = json!({"name": "other", "key": "api_token"});
    // On the same app: what hangs before it knows the app does not stand in the way there.
    let other = with(with(papertrail("shop-front"), "apiTokenSecretRef", &reference), "port", &json!(7514));
    world.apply("other", &other);
    assert_synced(&world.until_reason("other", "Synced").await);
    held.gate.release();
    assert_synced(&world.until_reason("hanging", "Synced").await);
    assert_eq!(world.simulator.changes().len(), 2);
    world.finish();
}
