//! No secret stands in anything that the operator emits, whatever befalls it.

mod life;

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::json;

use crate::{emitted::find, world::World};

/// Lives the whole life with an operator that logs like this; gives all that was emitted.
async fn emitted_with(log: &str, arguments: &[&str]) -> String {
    let world = World::new().await;
    let watches = ["logdrains", "events.v1.events.k8s.io"].map(|kind| (kind, life::watch(&world, kind)));
    world.start_operator_logging(log, arguments);
    life::live(&world).await;
    world.stop_operator();
    for (kind, watch) in watches {
        world.keep(&format!("all {kind} at any time"), watch.stdout());
    }
    let (_, texts) = world.emitted();
    world.finish();
    texts.into_iter().map(|(_, text)| text).collect()
}

/// That a text was searched says little unless what could have held secrets stands in it.
fn assert_is_worth_searching(text: &str) {
    for status in life::SHOWN_REFUSALS {
        assert!(
            text.contains(&format!("refusal-{status} ***")),
            "the API's words with {status} are not shown"
        );
    }
    let reasons = ["Rejected", "Unauthorized", "Duplicate", "Unavailable", "RateLimited", "Synced"];
    for reason in reasons.iter().chain(&["Added", "Adopted", "Replaced", "DriftHealed", "Deleted"]) {
        assert!(text.contains(&format!("reason: {reason}\n")), "{reason} is in no status and no event");
    }
    assert!(text.contains("managedFields:"));
    let token = Regex::new(r#"\nlogdrain_budget_slots\{token="[0-9a-f]{8}"\} "#).expect("a pattern");
    assert!(token.is_match(text), "no metrics of a token are searched");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_emitted_in_a_life_with_every_failure() {
    let text = emitted_with(crate::operator::OWN_TRACE, &["--feed-interval", "1s"]).await;
    assert_is_worth_searching(&text);
    let answered = "answered operation=\"add_drain\"";
    assert!(text.contains(answered), "it does not log at trace");
    assert!(text.contains("the change feed tells of a change"), "no event was news");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_emitted_even_where_the_libraries_log_all_they_can() {
    let text = emitted_with("trace", &["--log-format", "json"]).await;
    assert_is_worth_searching(&text);
    let targets: BTreeSet<&str> =
        text.split("\"target\":\"").skip(1).filter_map(|rest| rest.split(['"', ':']).next()).collect();
    for target in
        ["hyper_util", "kube_client", "kube_runtime", "logdrain_operator", "reqwest", "rustls", "tower"]
    {
        assert!(targets.contains(target), "{target} logs nothing: {targets:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_stands_in_a_log_a_status_an_event_or_managed_fields_is_found() {
    let world = World::running().await;
    // A URL of the spec is public, so it is shown everywhere.
    let spec = json!({"app": "shop-front", "type": "elk", "url": "https://elk.example.com/planted-by-spec"});
    world.apply("planted", &spec);
    world.until_reason("planted", "Synced").await;
    let field_manager = "--field-manager=planted-manager";
    world.kubectl(&["annotate", "logdrain", "planted", "planted=cGxhbnRlZC1hcy1iYXNlNjQ=", field_manager]);
    world.is_secret("planted-nowhere");
    let (secrets, texts) = world.emitted();
    let namespace = world.namespace();
    let (log, objects) = ("an operator that was stopped".to_owned(), format!("logdrains of {namespace}"));
    let events = format!("events.v1.events.k8s.io of {namespace}");
    let sources = |secret: &str| -> BTreeSet<String> {
        find(&[secret.to_owned()], &texts).into_iter().map(|(source, _)| source).collect()
    };
    assert_eq!(sources("planted-by-spec"), [log, objects.clone(), events].into());
    assert_eq!(sources("planted-manager"), [objects.clone()].into(), "managedFields are searched");
    assert_eq!(sources("planted-as-base64"), [objects].into());
    assert_eq!(sources("planted-nowhere"), [].into());

    // What the operator shows to the API servers is searched for as well.
    let tokens = secrets.iter().filter(|secret| secret.starts_with("eyJ")).count();
    assert!(tokens >= 2, "a bearer token of Scalingo's and the service account's, not {tokens}");
    world.finish();
}
