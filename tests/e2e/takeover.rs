//! What becomes of a shared drain when the resources that want it change, or cannot work.

use scalingo_simulator::ChangeKind::{Added, Removed};
use scalingo_simulator::{Action, Rule, UrlForm, When};
use serde_json::{Value, json};

use crate::{
    duplicates::{
        OTHER_URL, URL, after_lists, change, changes, delete, papertrail, until_duplicate_of, until_older,
        with,
    },
    world::{API_TOKEN, World, condition, ready},
};

/// An older owner and a younger duplicate.
async fn shared(world: &World, owner: &Value, other: &Value) {
    world.apply("owner", owner);
    until_older(world, world.namespace(), "owner").await;
    world.until_reason("owner", "Synced").await;
    world.apply("other", other);
    until_duplicate_of(world, world.namespace(), "other", &format!("{}/owner", world.namespace())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_turns_elsewhere_leaves_the_drain_to_the_other() {
    let world = World::running().await;
    shared(&world, &papertrail("shop-front"), &papertrail("shop-front")).await;
    world.apply("owner", &with(papertrail("shop-front"), "port", &json!(7514)));
    let owner = world.until_reason("owner", "Synced").await;
    assert_eq!(ready(&owner)["message"], format!("Scalingo lists the drain {OTHER_URL}"));
    world.until_reason("other", "Synced").await;
    after_lists(&world, 4).await;
    assert_eq!(changes(&world.simulator), [change(Added, URL), change(Added, OTHER_URL)]);
    let drains = world.get("owner")["status"]["drains"].clone();
    assert_eq!(
        drains.as_array().map(Vec::len),
        Some(1),
        "the owner answers for its new drain alone: {drains}"
    );
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_moves_to_another_app_leaves_the_drain_to_the_other() {
    let world = World::running().await;
    shared(&world, &papertrail("shop-front"), &papertrail("shop-front")).await;
    world.apply("owner", &papertrail("shop-api"));
    world.until_reason("owner", "Synced").await;
    world.until_reason("other", "Synced").await;
    after_lists(&world, 4).await;
    assert_eq!(world.simulator.drains("shop-front"), [URL]);
    assert_eq!(world.simulator.drains("shop-api"), [URL]);
    assert_eq!(changes(&world.simulator), [change(Added, URL), change(Added, URL)]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_retains_leaves_the_drain_and_the_other_answers_for_it() {
    let world = World::running().await;
    let retained = with(papertrail("shop-front"), "deletionPolicy", &json!("Retain"));
    shared(&world, &retained, &papertrail("shop-front")).await;
    delete(&world, world.namespace(), &["owner"]);
    world.until_reason("other", "Synced").await;
    assert_eq!(changes(&world.simulator), [change(Added, URL)]);
    delete(&world, world.namespace(), &["other"]);
    assert_eq!(changes(&world.simulator), [change(Added, URL), change(Removed, URL)]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_owner_still_owns_the_drain_and_the_other_keeps_it_there() {
    let world = World::running().await;
    shared(&world, &papertrail("shop-front"), &papertrail("shop-front")).await;
    world.apply("owner", &with(papertrail("shop-front"), "suspend", &json!(true)));
    world.until_reason("owner", "Suspended").await;
    after_lists(&world, 3).await;
    let owner = format!("{}/owner", world.namespace());
    until_duplicate_of(&world, world.namespace(), "other", &owner).await;

    world.simulator.remove_drain_behind("shop-front", URL).expect("the drain");
    world.until_simulator("the drain again", |simulator| simulator.drains("shop-front") == [URL]).await;
    world.apply("owner", &papertrail("shop-front"));
    world.until_reason("owner", "Synced").await;
    until_duplicate_of(&world, world.namespace(), "other", &owner).await;
    after_lists(&world, 3).await;
    assert_eq!(
        changes(&world.simulator),
        [change(Added, URL), change(Removed, URL), change(Added, URL)],
        "healed once"
    );
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn both_follow_a_new_value_of_the_secret_that_they_share() {
    let world = World::running().await;
    let datadog = json!({
        "app": "shop-front", "type": "datadog", "drainRegion": "eu",
        "tokenSecretRef": {"name": "datadog", "key": "api-key"},
    });
    let url = |token: &str| format!("datadog://{token}?region=eu");
    world.secret("datadog", &[("api-key", "first-datadog-key")]);
    shared(&world, &datadog, &datadog).await;
    world.secret("datadog", &[("api-key", "second-datadog-key")]);
    world.until_simulator("the old drain gone", |simulator| simulator.changes().len() >= 3).await;
    after_lists(&world, 4).await;
    assert_eq!(
        changes(&world.simulator),
        [
            change(Added, &url("first-datadog-key")),
            change(Added, &url("second-datadog-key")),
            change(Removed, &url("first-datadog-key")),
        ],
        "one new drain, and the old one gone after it"
    );
    let owner = world.until_reason("owner", "Synced").await;
    let name = format!("{}/owner", world.namespace());
    let other = until_duplicate_of(&world, world.namespace(), "other", &name).await;
    for object in [owner, other] {
        assert_eq!(object["status"]["drains"].as_array().map(Vec::len), Some(1), "{object:#}");
    }
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_whose_api_token_is_refused_holds_nobody_up() {
    const REFUSED: &str = "tk-us-e2e-77c1a0b5d9f2";
    let world = World::with_namespaces(2).await;
    world.start_operator();
    let [theirs, ours] = [&world.namespaces[0], &world.namespaces[1]];
    world.simulator.add_token("refused", REFUSED);
    world.simulator.revoke_token("refused");
    world.secret_in(theirs, "scalingo", &[("api_token", REFUSED)]);
    world.apply_in(theirs, "owner", &papertrail("shop-front"));
    world.until_reason_in(theirs, "owner", "Unauthorized").await;
    until_older(&world, theirs, "owner").await;
    world.apply_in(ours, "other", &papertrail("shop-front"));
    world.until_reason_in(ours, "other", "Synced").await;

    // Once its token is accepted the older owns the drain, as if it had made it.
    world.simulator.restore_token("refused");
    world.until_reason_in(theirs, "owner", "Synced").await;
    until_duplicate_of(&world, ours, "other", &format!("{theirs}/owner")).await;

    // It is refused again: the other heals the drain.
    world.simulator.revoke_token("refused");
    world.simulator.revoke_bearers("refused");
    let owner = world.until_reason_in(theirs, "owner", "Unauthorized").await;
    assert_eq!(condition(&owner, "Stalled")["status"], "True");
    world.simulator.remove_drain_behind("shop-front", URL).expect("the drain");
    world.until_simulator("the drain again", |simulator| simulator.drains("shop-front") == [URL]).await;
    after_lists(&world, 3).await;
    assert_eq!(changes(&world.simulator), [change(Added, URL), change(Removed, URL), change(Added, URL)]);
    let by: Vec<Option<String>> = world.simulator.changes().into_iter().map(|change| change.by).collect();
    assert_eq!(by, [Some("operator".into()), None, Some("operator".into())]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_deleted_while_the_operator_is_away_hands_over_when_it_comes_back() {
    let world = World::running().await;
    shared(&world, &papertrail("shop-front"), &papertrail("shop-front")).await;
    world.kill_operator();
    world.kubectl(&["delete", "logdrain", "owner", "--wait=false"]);
    world.start_operator();
    world.until("owner", "gone", Value::is_null).await;
    world.until_reason("other", "Synced").await;
    after_lists(&world, 2).await;
    assert_eq!(changes(&world.simulator), [change(Added, URL)]);

    world.stop_operator();
    world.apply("third", &papertrail("shop-front"));
    world.kubectl(&["delete", "logdrain", "other", "--wait=false"]);
    world.start_operator();
    world.until("other", "gone", Value::is_null).await;
    world.until_reason("third", "Synced").await;
    after_lists(&world, 2).await;
    assert_eq!(changes(&world.simulator), [change(Added, URL)], "what came meanwhile is looked at first");
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn both_deleted_while_the_operator_is_away_take_the_drain_along_once() {
    let world = World::running().await;
    shared(&world, &papertrail("shop-front"), &papertrail("shop-front")).await;
    world.kill_operator();
    world.kubectl(&["delete", "logdrain", "owner", "other", "--wait=false"]);
    world.start_operator();
    world.until("owner", "gone", Value::is_null).await;
    world.until("other", "gone", Value::is_null).await;
    assert_eq!(changes(&world.simulator), [change(Added, URL), change(Removed, URL)]);
    assert_eq!(world.writes().iter().filter(|entry| entry.method == "DELETE").count(), 1);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_by_another_is_not_deleted_by_one_whose_token_changes_hands() {
    const OTHERS: &str = "tk-us-e2e-20e6b1c8a4d7";
    let world = World::running().await;
    world.simulator.add_token("other", OTHERS);
    world.secret("other", &[("api_token", OTHERS)]);
    let theirs =
        with(papertrail("shop-front"), "apiTokenSecretRef", &json!({"name": "other", "key": "api_token"}));
    shared(&world, &theirs, &papertrail("shop-front")).await;
    // Both users' tokens reach one app: two tokens, one target.
    world.secret("other", &[("api_token", API_TOKEN)]);
    after_lists(&world, 4).await;
    world.until_reason("owner", "Synced").await;
    assert_eq!(changes(&world.simulator), [change(Added, URL)]);
    delete(&world, world.namespace(), &["owner", "other"]);
    assert_eq!(changes(&world.simulator), [change(Added, URL), change(Removed, URL)]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_that_comes_to_want_the_drain_of_a_younger_owns_it() {
    let world = World::running().await;
    let namespace = world.namespace();
    world.apply("older", &with(papertrail("shop-front"), "port", &json!(7514)));
    world.until_reason("older", "Synced").await;
    until_older(&world, namespace, "older").await;
    world.apply("younger", &papertrail("shop-front"));
    world.until_reason("younger", "Synced").await;
    world.apply("older", &papertrail("shop-front"));
    until_duplicate_of(&world, namespace, "younger", &format!("{namespace}/older")).await;
    let older = world.until_reason("older", "Synced").await;
    assert_eq!(older["status"]["drains"].as_array().map(Vec::len), Some(1), "{older:#}");
    assert_eq!(
        changes(&world.simulator),
        [change(Added, OTHER_URL), change(Added, URL), change(Removed, OTHER_URL)]
    );
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_whose_url_tells_nothing_is_handed_over_all_the_same() {
    let world = World::new().await;
    world.simulator.set(|settings| {
        settings.url_forms.insert("*".into(), UrlForm::Unique);
    });
    world.start_operator();
    shared(&world, &papertrail("shop-front"), &papertrail("shop-front")).await;
    let drains = world.simulator.drains("shop-front");
    assert_eq!(drains.len(), 1);
    assert!(drains[0].starts_with("https://intake.example/"), "not what was asked for");
    delete(&world, world.namespace(), &["owner"]);
    world.until_reason("other", "Synced").await;
    after_lists(&world, 2).await;
    assert_eq!(world.simulator.drains("shop-front"), drains);
    delete(&world, world.namespace(), &["other"]);
    assert_eq!(changes(&world.simulator), [change(Added, &drains[0]), change(Removed, &drains[0])]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_leaves_one_drain_for_both() {
    let world = World::new().await;
    world.simulator.set(|settings| {
        settings.url_forms.insert("*".into(), UrlForm::Unique);
    });
    let path = "/v1/apps/shop-front/log_drains";
    world.simulator.add_rule(Rule::new("POST", path, Action::Reset { when: When::After }).once());
    world.apply("owner", &papertrail("shop-front"));
    until_older(&world, world.namespace(), "owner").await;
    world.start_operator();
    let lost = world.until_reason("owner", "Unavailable").await;
    let message = ready(&lost)["message"].as_str().expect("a message");
    let id = world.simulator.app_id("shop-front").expect("the app");
    let request =
        format!("add_drain failed: POST /v1/apps/{id}/log_drains: the connection broke before an answer");
    assert!(message.starts_with(&request), "{message}");
    assert!(message.ends_with(" for what it may have done"), "{message}");
    world.apply("other", &papertrail("shop-front"));
    world.until_reason("owner", "Synced").await;
    until_duplicate_of(&world, world.namespace(), "other", &format!("{}/owner", world.namespace())).await;
    after_lists(&world, 3).await;
    assert_eq!(world.simulator.changes().len(), 1, "{:?}", world.simulator.changes());
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_deleted_while_it_adds_leaves_one_drain_to_the_other() {
    let world = World::running().await;
    let held = world.simulator.hold("POST", "/v1/apps/shop-front/log_drains", When::After);
    world.apply("owner", &papertrail("shop-front"));
    world.until_held(&held).await;
    world.apply("other", &papertrail("shop-front"));
    world.kubectl(&["delete", "logdrain", "owner", "--wait=false"]);
    assert_eq!(world.simulator.drains("shop-front"), [URL]);
    held.gate.release();
    world.until("owner", "gone", Value::is_null).await;
    world.until_reason("other", "Synced").await;
    after_lists(&world, 3).await;
    assert_eq!(world.simulator.drains("shop-front"), [URL]);
    let mut there = 0;
    for (kind, _) in changes(&world.simulator) {
        there += if kind == Added { 1 } else { -1 };
        assert!((0..=1).contains(&there), "{:?}", world.simulator.changes());
    }
    world.finish();
}
