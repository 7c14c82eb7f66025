//! What becomes of the drain when its resource is deleted.

use scalingo_simulator::{Action, Answer, AnswerBody, ChangeKind, Rule, When};
use serde_json::{Value, json};

use crate::{
    eventually::until,
    lifecycle::verdict,
    types::{DATADOG, database, datadog, with_datadog, write_secrets},
    world::{SOON, World, condition},
};

const DRAINS: &str = "/v1/apps/*/log_drains";
const SHOWN: &str = "datadog://***?region=eu-west-2";

fn is_held(object: &Value) -> bool {
    object["metadata"]["finalizers"] == json!(["logs.scalingo.com/drains"])
        && object["metadata"]["deletionTimestamp"].is_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drain_is_gone_before_its_resource_is() {
    for (when, left) in [(When::Before, vec![DATADOG]), (When::After, vec![])] {
        let world = with_datadog().await;
        let held = world.simulator.hold("DELETE", DRAINS, when);
        world.delete("datadog");
        world.until_held(&held).await;
        assert!(is_held(&world.get("datadog")), "{:#}", world.get("datadog"));
        assert_eq!(world.simulator.drains("shop-front"), left);

        held.gate.release();
        world.until_gone("datadog").await;
        assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
        let added = format!("Normal Added: added the drain {SHOWN}");
        world.until_events("datadog", &[&added, &format!("Normal Deleted: deleted the drain {SHOWN}")]).await;
        world.finish();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_delete_returns_once_the_drains_of_an_app_and_an_addon_are_gone() {
    let world = World::running().await;
    let addon = database(&world);
    write_secrets(&world);
    world.apply("app", &datadog());
    let mut spec = datadog();
    spec["addon"] = json!(addon);
    world.apply("addon", &spec);
    world.until_reason("app", "Synced").await;
    world.until_reason("addon", "Synced").await;
    world.delete_until_gone(&["logdrain", "app"]);
    let id = world.simulator.app_id("shop-front").expect("the app");
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    assert_eq!(world.simulator.drains((&id, &addon)), [DATADOG]);
    world.delete_until_gone(&["logdrain", "addon"]);
    assert_eq!(world.simulator.drains((&id, &addon)), [""; 0]);
    let deletes: Vec<String> =
        world.simulator.requests("DELETE", "**").into_iter().map(|entry| entry.path).collect();
    assert_eq!(
        deletes,
        [format!("/v1/apps/{id}/log_drains"), format!("/v1/apps/{id}/addons/{addon}/log_drains")]
    );
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_retain_the_drain_stays() {
    let world = with_datadog().await;
    world.change("datadog", &json!({"deletionPolicy": "Retain"}));
    world.until_reason("datadog", "Synced").await;
    world.delete_until_gone(&["logdrain", "datadog"]);
    assert_eq!(world.simulator.drains("shop-front"), [DATADOG]);
    assert_eq!(world.simulator.requests("DELETE", "**").len(), 0);
    world
        .until_events(
            "datadog",
            &[
                &format!("Normal Added: added the drain {SHOWN}"),
                &format!("Normal Retained: left the drain {SHOWN} at Scalingo, as spec.deletionPolicy says"),
            ],
        )
        .await;

    // Whoever comes back finds it.
    world.apply("again", &datadog());
    world.until_reason("again", "Synced").await;
    assert_eq!(world.simulator.drains("shop-front"), [DATADOG]);
    assert_eq!(world.writes().len(), 1, "{:#?}", world.writes());
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_gone_lets_its_resources_go() {
    let world = with_datadog().await;
    let addon = database(&world);
    let mut spec = datadog();
    spec["addon"] = json!(addon);
    world.apply("addon", &spec);
    world.until_reason("addon", "Synced").await;
    world.simulator.delete_app("shop-front").expect("the app");
    let object = world.until_reason("datadog", "AppNotFound").await;
    let message = "spec.app: region osc-fr1 has no app shop-front that the API token may see; check the name, the \
                   region and whose token it is";
    assert_eq!(verdict(&object), ["False", "AppNotFound", message]);
    world.delete_until_gone(&["logdrain", "datadog", "addon"]);
    assert_eq!(world.simulator.requests("DELETE", "**").len(), 0);
    let gone = |target: &str| {
        format!(
            "Warning TargetNotFound: {target} is not found with this API token, so the drain {SHOWN} is taken for gone; \
             if it is there and the token may not see it, delete the drain by hand"
        )
    };
    let addon = format!("the addon {addon} of the app shop-front");
    for (name, told) in [("datadog", gone("the app shop-front")), ("addon", gone(&addon))] {
        // What was told of the app before depends on who looked when.
        until(SOON, || format!("{:#?}", world.events(name)), || world.events(name).contains(&told)).await;
    }
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_vanishes_between_list_and_delete_lets_its_resource_go() {
    let world = with_datadog().await;
    let held = world.simulator.hold("DELETE", DRAINS, When::Before);
    world.delete("datadog");
    world.until_held(&held).await;
    world.simulator.delete_app("shop-front").expect("the app");
    held.gate.release();
    world.until_gone("datadog").await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_was_recorded_goes_on_whatever_app_it_is() {
    // They are tried in the order of their ids: each is once the one that fails.
    for (old, new) in [("shop-front", "shop-api"), ("shop-api", "shop-front")] {
        let world = World::running().await;
        write_secrets(&world);
        let mut spec = datadog();
        spec["app"] = json!(old);
        world.apply("datadog", &spec);
        world.until_reason("datadog", "Synced").await;
        let broken = Action::respond(Answer::new(503, AnswerBody::Html));
        let path = format!("/v1/apps/{old}/log_drains");
        world.simulator.add_rule(Rule::new("DELETE", &path, broken));
        world.change("datadog", &json!({"app": new}));
        let object = world.until_reason("datadog", "Unavailable").await;
        let id = world.simulator.app_id(old).expect("the app");
        let message = format!(
            "delete_drain failed: DELETE /v1/apps/{id}/log_drains: answered 503, and the body is HTML; this is tried again by itself"
        );
        assert_eq!(verdict(&object), ["False", "Unavailable", &message]);
        let apps = |object: &Value| {
            let records = object["status"]["drains"].as_array().cloned().unwrap_or_default();
            let apps = records.iter().map(|record| record["app"].as_str().unwrap_or_default().to_owned());
            apps.collect::<Vec<_>>()
        };
        assert_eq!(apps(&object), [old, new]);
        world.delete("datadog");
        world.until_simulator("the one of them go", |simulator| simulator.drains(new).is_empty()).await;
        let object = world.until("datadog", "one record", |object| apps(object) == [old]).await;
        assert!(is_held(&object), "{object:#}");
        assert_eq!(world.simulator.drains(old), [DATADOG]);
        world.simulator.clear_rules();
        world.until_gone("datadog").await;
        assert_eq!(world.simulator.drains(old), [""; 0]);
        world.finish();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_several_failures_is_logged_though_the_status_tells_of_one() {
    let world = World::running().await;
    write_secrets(&world);
    world.apply("datadog", &datadog());
    world.until_reason("datadog", "Synced").await;
    let refuse = |app: &str| {
        let broken = Action::respond(Answer::new(503, AnswerBody::Html));
        world.simulator.add_rule(Rule::new("DELETE", &format!("/v1/apps/{app}/log_drains"), broken));
    };
    refuse("shop-front");
    world.change("datadog", &json!({"app": "shop-api"}));
    world.until_reason("datadog", "Unavailable").await;
    refuse("shop-api");
    world.delete("datadog");
    let ids = ["shop-front", "shop-api"].map(|app| world.simulator.app_id(app).expect("the app"));
    let told = |output: &str, id: &String| {
        let mut lines = output.lines().filter(|line| line.contains("another step has failed too"));
        lines.any(|line| line.contains(id))
    };
    world.until_output("the other failure", |output| ids.iter().any(|id| told(output, id))).await;
    world.simulator.clear_rules();
    world.until_gone("datadog").await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finalizer_that_is_taken_away_by_hand_is_put_back() {
    let world = World::new().await;
    write_secrets(&world);
    // Nothing is looked at by itself, as where the feed covers everything.
    world.start_operator_with(&["--feed-interval", "1s", "--resync", "1h", "--sweep-interval", "24h"]);
    world.apply("datadog", &datadog());
    world.until_reason("datadog", "Synced").await;
    world.until_simulator("polls", |simulator| simulator.requests("GET", "/v1/events").len() > 2).await;
    let patch = r#"{"metadata": {"finalizers": null}}"#;
    world.kubectl(&["patch", "logdrain", "datadog", "--type=merge", "--patch", patch]);
    let has_it = |object: &Value| object["metadata"]["finalizers"] == json!(["logs.scalingo.com/drains"]);
    world.until("datadog", "held again", has_it).await;
    world.delete("datadog");
    world.until_gone("datadog").await;
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_was_removed_by_hand_needs_no_delete() {
    let world = with_datadog().await;
    world.stop_operator();
    world.simulator.remove_drain_behind("shop-front", DATADOG).expect("the drain");
    world.delete("datadog");
    world.start_operator();
    world.until_gone("datadog").await;
    assert_eq!(world.simulator.requests("DELETE", "**").len(), 0);
    assert_eq!(world.simulator.requests("POST", DRAINS).len(), 1);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_is_removed_by_hand_between_list_and_delete_is_taken_for_gone() {
    let world = with_datadog().await;
    let held = world.simulator.hold("DELETE", DRAINS, When::Before);
    world.delete("datadog");
    world.until_held(&held).await;
    world.simulator.remove_drain_behind("shop-front", DATADOG).expect("the drain");
    held.gate.release();
    world.until_gone("datadog").await;
    let answers: Vec<_> =
        world.simulator.requests("DELETE", "**").into_iter().map(|entry| entry.status).collect();
    assert_eq!(answers, [Some(404)]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_resource_takes_its_drain_along() {
    let world = with_datadog().await;
    world.change("datadog", &json!({"suspend": true}));
    world.until_reason("datadog", "Suspended").await;
    world.delete_until_gone(&["logdrain", "datadog"]);
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_never_had_a_drain_goes_without_a_request() {
    let world = World::new().await;
    // A second try of the refused one would be an addition of unknown outcome, once the API is broken.
    world.start_operator_with(&["--resync", "1h"]);
    write_secrets(&world);
    let refusal = json!({"errors": {"token": ["is not known to Datadog"]}});
    let answer = Answer::new(422, AnswerBody::Json(refusal));
    world.simulator.add_rule(Rule::new("POST", DRAINS, Action::respond(answer)));
    world.apply("refused", &datadog());
    let mut spec = datadog();
    spec["tokenSecretRef"]["name"] = json!("later");
    world.apply("waiting", &spec);
    spec["suspend"] = json!(true);
    world.apply("suspended", &spec);
    let object = world.until_reason("refused", "Rejected").await;
    let message = "Scalingo refuses the drain: token: is not known to Datadog; mend what it names in the spec, in its Secret or at Scalingo";
    assert_eq!(verdict(&object), ["False", "Rejected", message]);
    assert_eq!(condition(&object, "Stalled")["status"], "True");
    assert_eq!(object["status"]["drains"], Value::Null);
    world.until_reason("waiting", "SecretNotFound").await;
    world.until_reason("suspended", "Suspended").await;

    // The API may be as broken as it likes.
    world.simulator.clear_rules();
    world.simulator.add_rule(Rule::new("*", "/**", Action::Reset { when: When::Before }));
    world.delete_until_gone(&["logdrains", "--all"]);
    let changes: Vec<ChangeKind> = world.simulator.changes().into_iter().map(|change| change.kind).collect();
    assert_eq!(changes, []);
    world.finish();
}
