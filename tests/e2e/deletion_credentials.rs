//! Deletions whose credential is gone or refused, or whose API does not answer.

use control_plane::AuditEntry;
use scalingo_simulator::{Action, Answer, AnswerBody, Rule};
use serde_json::{Value, json};

use crate::{
    eventually::until,
    lifecycle::verdict,
    scene::LATER,
    types::{DATADOG, with_datadog},
    world::{API_TOKEN, SOON, World, condition},
};

const DRAINS: &str = "/v1/apps/*/log_drains";

const TOKEN_GONE: &str = "the drains cannot be deleted without an API token: Secret scalingo is not there; this goes on by itself \
                          once you have put it there. In a namespace that is being deleted nothing can be put: set \
                          spec.deletionPolicy to Retain there, which releases this resource and leaves its drains at Scalingo";

/// Waits until the deletion has come to a stand for this reason, with the drain still there.
async fn until_it_stands(world: &World, reason: &str) -> Value {
    let object = world
        .until("datadog", reason, |object| {
            object["metadata"]["deletionTimestamp"].is_string()
                && verdict(object)[1] == reason
                && object["status"]["observedGeneration"] == object["metadata"]["generation"]
        })
        .await;
    assert_eq!(world.simulator.drains("shop-front"), [DATADOG]);
    assert_eq!(object["metadata"]["finalizers"], json!(["logs.scalingo.com/drains"]));
    assert_eq!(object["status"]["drains"].as_array().map(Vec::len), Some(1));
    object
}

#[tokio::test(flavor = "multi_thread")]
async fn with_its_secrets_deleted_first_the_drain_still_goes() {
    let world = with_datadog().await;
    world.kubectl(&["delete", "secret", "scalingo", "tokens"]);
    let object = world.until_reason("datadog", "ApiTokenNotFound").await;
    let message = "spec.apiTokenSecretRef: Secret scalingo is not there; this goes on by itself once you have put it there";
    assert_eq!(verdict(&object), ["False", "ApiTokenNotFound", message]);
    assert_eq!(condition(&object, "Reconciling")["status"], "True");
    world.delete_until_gone(&["logdrain", "datadog"]);
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_deleted_at_once_as_with_a_namespace_leaves_no_drain() {
    let world = with_datadog().await;
    world.delete_until_gone(&["secret/scalingo", "secret/tokens", "logdrain/datadog"]);
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}

/// A deletion that an operator has found who never saw the API token.
async fn without_a_token_after_a_restart() -> World {
    let world = with_datadog().await;
    world.stop_operator();
    world.kubectl(&["delete", "secret", "scalingo"]);
    world.delete("datadog");
    world.start_operator();
    let object = until_it_stands(&world, "ApiTokenNotFound").await;
    assert_eq!(verdict(&object), ["False", "ApiTokenNotFound", TOKEN_GONE]);
    assert_eq!(condition(&object, "Reconciling")["message"], TOKEN_GONE);
    assert_eq!(condition(&object, "Stalled"), &Value::Null);
    world.metrics().await.assert_errors(&["api_token_gone"]);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_without_the_token_retain_releases_the_resource() {
    let world = without_a_token_after_a_restart().await;
    world.change("datadog", &json!({"deletionPolicy": "Retain"}));
    world.until_gone("datadog").await;
    assert_eq!(world.simulator.drains("shop-front"), [DATADOG]);
    assert_eq!(world.simulator.requests("DELETE", "**").len(), 0);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_without_the_token_putting_it_back_lets_the_deletion_go_on() {
    let world = without_a_token_after_a_restart().await;
    world.secret("scalingo", &[("another_key", API_TOKEN)]);
    let message = TOKEN_GONE.replace("is not there", "has no key api_token");
    world.until("datadog", &message, |object| verdict(object)[2] == message).await;
    world.secret("scalingo", &[("api_token", API_TOKEN)]);
    world.until_gone("datadog").await;
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_resource_goes_after_its_secret_though_the_operator_was_started_anew() {
    let world = with_datadog().await;
    world.change("datadog", &json!({"suspend": true}));
    world.until_reason("datadog", "Suspended").await;
    world.stop_operator();
    let requests = world.simulator.journal().len();
    let has_read = |entry: &AuditEntry| entry.resource == "secrets" && entry.verb == "get";
    let before = world.audit().into_iter().filter(has_read).count();
    world.start_operator();
    let is_read = || world.audit().into_iter().filter(has_read).count() > before;
    until(SOON, || "the Secret is not read".to_owned(), is_read).await;
    assert_eq!(world.simulator.journal().len(), requests, "Scalingo is asked nothing");
    world.kubectl(&["delete", "secret", "scalingo"]);
    world.delete_until_gone(&["logdrain", "datadog"]);
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_a_sibling_has_read_serves_for_a_deletion() {
    let world = with_datadog().await;
    world.stop_operator();
    world.change("datadog", &json!({"apiTokenSecretRef": {"name": "gone"}}));
    world.apply(
        "sibling",
        &json!({"app": "shop-api", "type": "papertrail", "host": "logs.example.com", "port": 1}),
    );
    world.start_operator();
    world.until_reason("sibling", "Synced").await;
    world.until_reason("datadog", "ApiTokenNotFound").await;
    world.kubectl(&["delete", "secret", "scalingo"]);
    world.change("datadog", &json!({"apiTokenSecretRef": {"name": "scalingo"}}));
    world.delete_until_gone(&["logdrain", "datadog"]);
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_not_taken_for_a_drain_that_is_gone() {
    let world = with_datadog().await;
    world.simulator.revoke_token("operator");
    world.simulator.revoke_bearers("operator");
    world.delete("datadog");
    let object = until_it_stands(&world, "Unauthorized").await;
    let message = "Scalingo refuses the API token: unauthorized; look at the Secret that spec.apiTokenSecretRef names; \
                   or set spec.deletionPolicy to Retain, which releases this resource and leaves its drains at Scalingo";
    assert_eq!(verdict(&object), ["False", "Unauthorized", message]);
    world.record("deleting-unauthorized", &object);
    assert_eq!(condition(&object, "Stalled")["status"], "True");
    world.simulator.restore_token("operator");
    world.until_gone("datadog").await;
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_no_longer_manage_drains_is_not_taken_for_a_drain_that_is_gone() {
    let world = with_datadog().await;
    world.simulator.set_limited("operator", true);
    world.delete("datadog");
    let object = until_it_stands(&world, "NotPermitted").await;
    let message = "the user of the API token that spec.apiTokenSecretRef names may not manage the drains of \
                   this app: you are not allowed to do this; a collaborator with the limited role cannot; or set \
                   spec.deletionPolicy to Retain, which releases this resource and leaves its drains at Scalingo";
    assert_eq!(verdict(&object), ["False", "NotPermitted", message]);
    assert_eq!(condition(&object, "Stalled")["status"], "True");
    world.simulator.set_limited("operator", false);
    world.until_gone("datadog").await;
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_answer_to_a_delete_is_taken_for_gone_either() {
    let world = with_datadog().await;
    for (answer, reason) in [
        (Answer::error(401, "no"), "Unauthorized"),
        (Answer::error(403, "no"), "NotPermitted"),
        (Answer::error(500, "no"), "Unavailable"),
        (Answer::new(503, AnswerBody::Html), "Unavailable"),
        (Answer::new(429, AnswerBody::Text("Retry later\n".into())), "RateLimited"),
        (Answer::error(409, "no"), "Unavailable"),
        (Answer::error(422, "no"), "Rejected"),
        // Of a firewall, behind which the deletion may go on: it is looked for before it is repeated.
        (Answer::new(403, AnswerBody::Html), "Unavailable"),
    ] {
        world.simulator.clear_rules();
        let rule = world.simulator.add_rule(Rule::new("DELETE", DRAINS, Action::respond(answer)));
        if world.get("datadog")["metadata"]["deletionTimestamp"].is_null() {
            world.delete("datadog");
        }
        // A change makes it be looked at at once, whatever it waits for.
        let label = format!("{reason}-{rule}");
        world.change("datadog", &json!({"drainRegion": label}));
        world.until_simulator("the DELETE", |simulator| simulator.rule_seen(rule) > 0).await;
        until_it_stands(&world, reason).await;
    }
    world.simulator.clear_rules();
    world.until_within(LATER, world.namespace(), "datadog", "gone", Value::is_null).await;
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_cannot_be_reached_keeps_the_resource() {
    let world = with_datadog().await;
    world.stop_operator();
    world.start_operator_at("http://127.0.0.1:1", &[]);
    world.delete("datadog");
    let object = until_it_stands(&world, "Unavailable").await;
    let message = verdict(&object)[2];
    let begin = "exchange failed: POST /v1/tokens/exchange: the request was not sent: ";
    assert!(message.starts_with(begin) && message.contains("refused"), "{message}");
    assert_eq!(condition(&object, "Reconciling")["status"], "True");
    world.stop_operator();
    world.start_operator();
    world.until_gone("datadog").await;
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}
