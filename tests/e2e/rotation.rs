//! Secrets that change are followed at once. The operators compare only every hour here, so that nothing but the
//! watch can explain what happens.

use control_plane::AuditEntry;
use scalingo_simulator::{Entry, When};
use serde_json::{Value, json};

use crate::{
    change::history,
    errors::{PERSON, TIME, assert_failing, assert_synced},
    lifecycle::verdict,
    world::{API_TOKEN, World, condition},
};

const HOUR: [&str; 2] = ["--resync", "1h"];

async fn running_for_an_hour() -> World {
    let world = World::new().await;
    world.start_operator_with(&HOUR);
    world
}

/// A syslog drain with a token from a Secret, and what Scalingo lists for it.
fn syslog(secret: &str, host: &str) -> Value {
    json!({
        "app": "shop-front", "type": "syslog", "host": host, "port": 6514,
        "tokenSecretRef": {"name": secret, "key": "token"},
    })
}

fn url(token: &str, host: &str) -> String {
    format!("syslog://:{token}@{host}:6514")
}

/// Adds a resource without a Secret, once it is in sync: all that the operator had to do before is done by then,
/// as far as it was begun. Gives all requests but those for this one.
async fn requests_until_marked(world: &World, name: &str) -> Vec<Entry> {
    world.simulator.add_app(name);
    world.apply(name, &json!({"app": name, "type": "papertrail", "host": "marker.example.com", "port": 514}));
    world.until_reason(name, "Synced").await;
    let path = format!("/v1/apps/{}/log_drains", world.simulator.app_id(name).expect("the app"));
    world.simulator.journal().into_iter().filter(|entry| entry.path != path).collect()
}

/// The operator's requests for this Secret.
fn reads(world: &World, secret: &str) -> Vec<AuditEntry> {
    let is_it = |entry: &AuditEntry| entry.resource == "secrets" && entry.name == secret;
    world.audit().into_iter().filter(is_it).collect()
}

/// Waits until the next try is 20 s away: where only time is needed, they come 5, 10 and 20 s after failures, and one of
/// them would explain what the watch is to bring about.
async fn until_tried_rarely(world: &World) {
    let reads = || reads(world, "scalingo").len();
    let known = reads();
    world.until("drain", "tried again", |_| reads() >= known + 2).await;
}

/// Writes to a Secret, and waits until that led to a look at who uses it.
async fn is_followed(world: &World, secret: &str, data: (&str, &str)) {
    let said = |output: &str| {
        let is_it = |line: &&str| line.contains("the Secret has changed") && line.contains(secret);
        output.lines().filter(is_it).count()
    };
    let before = said(&world.operator_output());
    world.secret(secret, &[data]);
    world.until_output("that it follows the Secret", |output| said(output) > before).await;
}

fn label(world: &World, secret: &str, value: &str) {
    world.kubectl(&["label", "--overwrite", "secret", secret, &format!("touched={value}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_is_replaced_within_seconds_the_new_drain_first() {
    let world = running_for_an_hour().await;
    world.secret("logs", &[("token", "s3cret-before")]);
    world.apply("drain", &syslog("logs", "one.example.com"));
    assert_synced(&world.until_reason("drain", "Synced").await);

    world.secret("logs", &[("token", "s3cret-after")]);
    let after = [url("s3cret-after", "one.example.com")];
    world.until_simulator("the new drain alone", |simulator| simulator.drains("shop-front") == after).await;
    assert_synced(&world.until_reason("drain", "Synced").await);
    let [before, after] = ["s3cret-before", "s3cret-after"]
        .map(|token| format!("shop-front {}", url(token, "one.example.com")));
    assert_eq!(history(&world), [format!("+ {before}"), format!("+ {after}"), format!("- {before}")]);
    world
        .until_events(
            "drain",
            &[
                "Normal Added: added the drain syslog://:***@one.example.com:6514",
                "Normal Added: added the drain syslog://:***@one.example.com:6514, of which a secret has changed; the old \
                 one goes next",
                "Normal Replaced: replaced the drain syslog://:***@one.example.com:6514, of which a secret has \
                 changed; the new one was in place first",
            ],
        )
        .await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_url_is_replaced_within_seconds_the_new_drain_first() {
    const BEFORE: &str = "https://shop:s3cret-before@elk.example.com/in";
    const AFTER: &str = "https://shop:s3cret-after@elk.example.com/in";
    let world = running_for_an_hour().await;
    world.secret("elk", &[("url", BEFORE)]);
    world.apply(
        "drain",
        &json!({"app": "shop-front", "type": "elk", "urlSecretRef": {"name": "elk", "key": "url"}}),
    );
    world.until_reason("drain", "Synced").await;
    world.secret("elk", &[("url", AFTER)]);
    world.until_simulator("the new drain alone", |simulator| simulator.drains("shop-front") == [AFTER]).await;
    world.until_reason("drain", "Synced").await;
    let lines =
        [format!("+ shop-front {BEFORE}"), format!("+ shop-front {AFTER}"), format!("- shop-front {BEFORE}")];
    assert_eq!(history(&world), lines);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_api_token_is_used_at_once_where_the_old_one_was_revoked() {
    const NEW: &str = "tk-us-e2e-new-51c8d07e2b6f";
    let world = running_for_an_hour().await;
    world.secret("logs", &[("token", "s3cret-logs")]);
    world.apply("drain", &syslog("logs", "one.example.com"));
    let drains = world.until_reason("drain", "Synced").await["status"]["drains"].clone();
    world.simulator.revoke_token("operator");
    world.simulator.revoke_bearers("operator");
    // A change that needs Scalingo, so that the refusal is met.
    world.change("drain", &json!({"host": "two.example.com"}));
    let refused = world.until_reason("drain", "Unauthorized").await;
    let message =
        "Scalingo refuses the API token: unauthorized; look at the Secret that spec.apiTokenSecretRef names";
    assert_failing(&refused, "Unauthorized", PERSON, message);
    assert_eq!(refused["status"]["drains"], drains);

    world.simulator.add_token("successor", NEW);
    is_followed(&world, "scalingo", ("api_token", NEW)).await;
    assert_synced(&world.until_reason("drain", "Synced").await);
    assert_eq!(world.simulator.drains("shop-front"), [url("s3cret-logs", "two.example.com")]);
    for bearer in world.simulator.bearers("successor") {
        world.is_secret(&bearer);
    }
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_api_token_takes_over_while_the_old_one_is_still_good() {
    const NEW: &str = "tk-us-e2e-new-0b7f4e92a1d3";
    let world = running_for_an_hour().await;
    world.secret("logs", &[("token", "s3cret-logs")]);
    world.apply("drain", &syslog("logs", "one.example.com"));
    world.until_reason("drain", "Synced").await;
    let version = world.get("drain")["metadata"]["resourceVersion"].clone();
    world.simulator.add_token("successor", NEW);
    world.simulator.clear_journal();
    world.secret("scalingo", &[("api_token", NEW)]);
    world
        .until_simulator("the drain listed by the new user", |simulator| {
            let listed = simulator.requests("GET", "/v1/apps/*/log_drains");
            listed.iter().any(|entry| entry.status == Some(200))
        })
        .await;
    world.simulator.revoke_token("operator");
    world.simulator.revoke_bearers("operator");
    world.change("drain", &json!({"host": "two.example.com"}));
    world.until_reason("drain", "Synced").await;
    let refused: Vec<_> =
        world.simulator.journal().into_iter().filter(|entry| entry.status == Some(401)).collect();
    assert!(refused.is_empty(), "the old token is still used: {refused:#?}");
    assert_ne!(world.get("drain")["metadata"]["resourceVersion"], version);
    for bearer in world.simulator.bearers("successor") {
        world.is_secret(&bearer);
    }
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_secrets_and_keys_are_taken_up_as_soon_as_they_appear() {
    let world = running_for_an_hour().await;
    world.kubectl(&["delete", "secret", "scalingo"]);
    world.apply("drain", &syslog("logs", "one.example.com"));
    for (secret, data, reason, message) in [
        (
            "scalingo",
            None,
            "ApiTokenNotFound",
            "spec.apiTokenSecretRef: Secret scalingo is not there; this goes on by itself once you have put it there",
        ),
        (
            "scalingo",
            Some(("other_key", API_TOKEN)),
            "ApiTokenNotFound",
            "spec.apiTokenSecretRef: Secret scalingo has no key api_token; this goes on by itself once you have put it there",
        ),
        (
            "scalingo",
            Some(("api_token", API_TOKEN)),
            "SecretNotFound",
            "spec.tokenSecretRef: Secret logs is not there; this goes on by itself once you have put it there",
        ),
        (
            "logs",
            Some(("another", "s3cret-another")),
            "SecretNotFound",
            "spec.tokenSecretRef: Secret logs has no key token; this goes on by itself once you have put it there",
        ),
    ] {
        if let Some(data) = data {
            until_tried_rarely(&world).await;
            is_followed(&world, secret, data).await;
        }
        let object = world.until("drain", message, |object| verdict(object)[2] == message).await;
        assert_failing(&object, reason, TIME, message);
    }
    until_tried_rarely(&world).await;
    is_followed(&world, "logs", ("token", "s3cret-logs")).await;
    assert_synced(&world.until_reason("drain", "Synced").await);
    assert_eq!(world.writes().len(), 1);

    // And one that goes is told at once, while its drain stays.
    world.kubectl(&["delete", "secret", "logs"]);
    let object = world.until_reason("drain", "SecretNotFound").await;
    assert_eq!(condition(&object, "Reconciling")["status"], "True");
    assert_eq!(world.simulator.drains("shop-front"), [url("s3cret-logs", "one.example.com")]);
    world.secret("logs", &[("token", "s3cret-logs")]);
    assert_synced(&world.until_reason("drain", "Synced").await);
    assert_eq!(world.writes().len(), 1, "the same drain all the time");
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_was_refused_is_tried_again_once_it_changes() {
    let world = running_for_an_hour().await;
    world.secret("logs", &[("token", "first-line\nsecond-line")]);
    world.apply("drain", &syslog("logs", "one.example.com"));
    let message = "spec.tokenSecretRef: key token of Secret logs has a line break at position 11, and only visible ASCII \
                   characters can stand there: write it without that, and in a URL percent-encoded";
    assert_failing(&world.until_reason("drain", "Rejected").await, "Rejected", PERSON, message);
    is_followed(&world, "logs", ("token", "s3cret-logs")).await;
    assert_synced(&world.until_reason("drain", "Synced").await);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_no_value_in_use_asks_nothing_of_scalingo() {
    let world = running_for_an_hour().await;
    world.secret("logs", &[("token", "s3cret-logs")]);
    world.apply("drain", &syslog("logs", "one.example.com"));
    world.until_reason("drain", "Synced").await;
    let version = world.get("drain")["metadata"]["resourceVersion"].clone();
    let known = reads(&world, "logs").len();
    world.simulator.clear_journal();

    label(&world, "logs", "once");
    label(&world, "scalingo", "once");
    world.kubectl(&["annotate", "secret", "logs", "note=rotated-by-nobody"]);
    // The line break at its end is not part of a value, nor is another key.
    world.secret("logs", &[("token", "s3cret-logs\n"), ("another", "s3cret-another")]);
    // Until it was seen.
    world.until("drain", "looked at", |_| reads(&world, "logs").len() > known).await;
    for turn in 0..3 {
        let seen = reads(&world, "logs").len();
        label(&world, "logs", &format!("again-{turn}"));
        world.until("drain", "looked at", |_| reads(&world, "logs").len() > seen).await;
    }
    assert_eq!(requests_until_marked(&world, "marker").await.len(), 1, "names resolved for the marker");
    assert_eq!(world.get("drain")["metadata"]["resourceVersion"], version);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_nobody_names_are_neither_read_nor_followed() {
    let world = World::with_namespaces(2).await;
    world.start_operator_with(&HOUR);
    let [mine, other] = [0, 1].map(|index| world.namespaces[index].clone());
    world.secret("logs", &[("token", "s3cret-logs")]);
    world.apply("drain", &syslog("logs", "one.example.com"));
    world.until_reason("drain", "Synced").await;
    world.simulator.clear_journal();
    let read = |namespace: &str, name: &str| {
        reads(&world, name).into_iter().filter(|entry| entry.namespace == namespace).count()
    };
    let before = read(&mine, "logs");

    world.secret_in(&other, "logs", &[("token", "s3cret-elsewhere")]);
    world.secret_in(&other, "scalingo", &[("api_token", "tk-us-e2e-elsewhere")]);
    world.secret("unrelated", &[("token", "s3cret-unrelated")]);
    world.kubectl(&["delete", "secret", "unrelated"]);
    // Events of one namespace come in order: what came before this one has been seen with it.
    world.secret("logs", &[("token", "s3cret-logs"), ("unused", "s3cret-unused")]);
    world.until("drain", "the Secret read", |_| read(&mine, "logs") > before).await;
    assert_eq!(requests_until_marked(&world, "marker").await.len(), 1, "names resolved for the marker");
    assert_eq!(read(&other, "logs") + read(&other, "scalingo") + read(&mine, "unrelated"), 0);
    assert_eq!(world.simulator.drains("shop-front"), [url("s3cret-logs", "one.example.com")]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_who_shares_a_secret_follows_it_and_nobody_else_is_bothered() {
    const HOSTS: [&str; 4] = ["one.example.com", "two.example.com", "three.example.com", "four.example.com"];
    let world = running_for_an_hour().await;
    world.secret("shared", &[("token", "s3cret-before"), ("own", "s3cret-own")]);
    for (number, host) in HOSTS.into_iter().enumerate() {
        world.apply(&format!("drain-{number}"), &syslog("shared", host));
    }
    // Of the same Secret, but another key.
    let mut own = syslog("shared", "own.example.com");
    own["tokenSecretRef"]["key"] = json!("own");
    own["app"] = json!("shop-api");
    world.apply("own", &own);
    for name in ["drain-0", "drain-1", "drain-2", "drain-3", "own"] {
        world.until_reason(name, "Synced").await;
    }
    let version = world.get("own")["metadata"]["resourceVersion"].clone();
    let api = world.simulator.app_id("shop-api").expect("the app");
    world.simulator.clear_journal();

    world.secret("shared", &[("token", "s3cret-after"), ("own", "s3cret-own")]);
    let sorted = |mut urls: Vec<String>| {
        urls.sort();
        urls
    };
    let expected = sorted(HOSTS.map(|host| url("s3cret-after", host)).to_vec());
    world
        .until_simulator("all replaced", |simulator| sorted(simulator.drains("shop-front")) == expected)
        .await;
    for number in 0..4 {
        assert_synced(&world.until_reason(&format!("drain-{number}"), "Synced").await);
    }
    let requests = requests_until_marked(&world, "marker").await;
    let others: Vec<_> = requests.iter().filter(|entry| entry.path.contains(&api)).collect();
    assert!(others.is_empty(), "its own key has not changed: {others:#?}");
    assert_eq!(world.get("own")["metadata"]["resourceVersion"], version);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_while_no_operator_runs_is_followed_at_the_start() {
    let world = running_for_an_hour().await;
    world.secret("logs", &[("token", "s3cret-before")]);
    world.apply("drain", &syslog("logs", "one.example.com"));
    world.until_reason("drain", "Synced").await;
    world.stop_operator();
    world.secret("logs", &[("token", "s3cret-after")]);
    world.start_operator_with(&HOUR);
    let after = [url("s3cret-after", "one.example.com")];
    world.until_simulator("the new drain alone", |simulator| simulator.drains("shop-front") == after).await;
    world.until_reason("drain", "Synced").await;
    assert_eq!(world.simulator.changes().len(), 3);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_a_secret_is_read_once_it_has_changed_and_its_value_alone_counts() {
    let world = running_for_an_hour().await;
    world.secret("logs", &[("token", "s3cret-before")]);
    world.apply("drain", &syslog("logs", "one.example.com"));
    world.until_reason("drain", "Synced").await;
    let version = world.get("drain")["metadata"]["resourceVersion"].clone();
    world.stop_operator();
    let known = reads(&world, "logs").len();
    world.simulator.clear_journal();
    world.start_operator_with(&HOUR);
    let app = world.simulator.app_id("shop-front").expect("the app");
    let is_of_app = |entry: &&Entry| entry.path.contains(&app);
    let requests = requests_until_marked(&world, "first").await;
    assert_eq!(requests.iter().filter(is_of_app).count(), 0, "{requests:#?}");
    assert_eq!(reads(&world, "logs").len(), known, "it stands in the version that is recorded");

    label(&world, "logs", "once");
    world.until("drain", "looked at", |_| reads(&world, "logs").len() > known + 1).await;
    let requests = requests_until_marked(&world, "second").await;
    assert_eq!(requests.iter().filter(is_of_app).count(), 0, "{requests:#?}");
    assert_eq!(world.get("drain")["metadata"]["resourceVersion"], version);

    is_followed(&world, "logs", ("token", "s3cret-after")).await;
    let after = [url("s3cret-after", "one.example.com")];
    world.until_simulator("the new drain alone", |simulator| simulator.drains("shop-front") == after).await;
    world.until_reason("drain", "Synced").await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rotations_in_quick_succession_end_with_the_last_one_alone() {
    let world = running_for_an_hour().await;
    world.secret("logs", &[("token", "s3cret-first")]);
    world.apply("drain", &syslog("logs", "one.example.com"));
    world.until_reason("drain", "Synced").await;
    // The second comes while the first is being followed.
    let held = world.simulator.hold("POST", "/v1/apps/*/log_drains", When::After);
    world.secret("logs", &[("token", "s3cret-second")]);
    world.until_held(&held).await;
    let known = reads(&world, "logs").len();
    world.secret("logs", &[("token", "s3cret-third")]);
    world.until("drain", "the third one read", |_| reads(&world, "logs").len() > known).await;
    held.gate.release();
    let last = [url("s3cret-third", "one.example.com")];
    world.until_simulator("the last drain alone", |simulator| simulator.drains("shop-front") == last).await;
    world.until_reason("drain", "Synced").await;

    for token in ["s3cret-fourth", "s3cret-fifth"] {
        world.secret("logs", &[("token", token)]);
    }
    let last = [url("s3cret-fifth", "one.example.com")];
    world.until_simulator("the last drain alone", |simulator| simulator.drains("shop-front") == last).await;
    let object = world.until_reason("drain", "Synced").await;
    assert_eq!(object["status"]["drains"].as_array().map(Vec::len), Some(1));
    let mut there = 0_i32;
    for line in history(&world) {
        there += if line.starts_with('+') { 1 } else { -1 };
        assert!(there >= 1, "{:#?}", history(&world));
    }
    world.finish();
}
