//! What kstatus, Flux, Argo CD and people read of a resource over its whole life.

use std::collections::BTreeMap;

use scalingo_simulator::{Action, Answer, Rule, Simulator};
use serde_json::{Value, json};

use crate::{
    duplicates::{after_lists, delete, papertrail, until_older, with},
    errors::{PERSON, TIME, assert_failing, assert_synced},
    eventually::until,
    scene::LATER,
    world::{SOON, World, condition, ready},
};

/// What is written of a resource: any write moves it.
fn version(object: &Value) -> &Value {
    &object["metadata"]["resourceVersion"]
}

/// How often the operator asked the API server to change something.
fn kubernetes_writes(world: &World) -> usize {
    world.audit().iter().filter(|entry| entry.is_write() && entry.resource != "events").count()
}

/// The events of a resource by reason, with how often each was told.
fn events(world: &World, name: &str) -> BTreeMap<String, u64> {
    let text = world.kubectl(&["get", "events.v1.events.k8s.io", "--output=json"]);
    let list: Value = serde_json::from_str(&text).expect("JSON");
    let mut told = BTreeMap::new();
    for event in list["items"].as_array().expect("items") {
        if event["regarding"]["name"] == name {
            let times = event["series"]["count"].as_u64().unwrap_or(1);
            *told.entry(event["reason"].as_str().expect("a reason").to_owned()).or_default() += times;
        }
    }
    told
}

fn told(expected: &[(&str, u64)]) -> BTreeMap<String, u64> {
    expected.iter().map(|(reason, times)| ((*reason).to_owned(), *times)).collect()
}

async fn until_told(world: &World, name: &str, expected: &[(&str, u64)]) {
    let expected = told(expected);
    let describe = || format!("events of {name}: {:?}, expected {expected:?}", events(world, name));
    until(SOON, describe, || events(world, name) == expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_is_told_as_kstatus_reads_it() {
    let world = World::new().await;
    world.apply("drain", &papertrail("shop-front"));
    let object = world.get("drain");
    assert_eq!(object["status"]["observedGeneration"], -1, "in progress before the first visit");
    assert_eq!(object["status"]["conditions"], Value::Null);
    world.record("before-first-visit", &object);

    world.start_operator();
    let first = world.until_reason("drain", "Synced").await;
    assert_synced(&first);
    assert_eq!(first["status"]["observedGeneration"], 1);
    world.record("synced", &first);

    // A change that goes well: the same transition time, the new generation.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    world.apply("drain", &with(papertrail("shop-front"), "deletionPolicy", &json!("Retain")));
    let second = world.until_reason("drain", "Synced").await;
    assert_synced(&second);
    assert_eq!(second["status"]["observedGeneration"], 2);
    assert_eq!(ready(&second)["lastTransitionTime"], ready(&first)["lastTransitionTime"]);

    // One that does not.
    let lost = with(papertrail("no-such-app"), "host", &json!("other.example.com"));
    world.apply("drain", &lost);
    let third = world.until_reason("drain", "AppNotFound").await;
    let message = "spec.app: region osc-fr1 has no app no-such-app that the API token may see; check the name, the \
                   region and whose token it is";
    assert_failing(&third, "AppNotFound", PERSON, message);
    world.record("app-not-found", &third);
    assert_ne!(ready(&third)["lastTransitionTime"], ready(&first)["lastTransitionTime"]);
    assert_eq!(
        third["status"]["drains"][0]["url"], "tcp+tls://logs.example.com:6514",
        "the drain that was there stays until the new one is"
    );

    // From one failure to another, `Ready` stays False since the same time.
    let secret = with(lost, "apiTokenSecretRef", &json!({"name": "nowhere", "key": "api_token"}));
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    world.apply("drain", &secret);
    let fourth = world.until_reason("drain", "ApiTokenNotFound").await;
    let message = "spec.apiTokenSecretRef: Secret nowhere is not there; this goes on by itself once you have put it there";
    assert_failing(&fourth, "ApiTokenNotFound", TIME, message);
    world.record("api-token-not-found", &fourth);
    assert_eq!(ready(&fourth)["lastTransitionTime"], ready(&third)["lastTransitionTime"]);

    // Suspended: nobody looks, so nobody knows.
    world.apply("drain", &with(papertrail("shop-front"), "suspend", &json!(true)));
    let fifth = world.until_reason("drain", "Suspended").await;
    assert_eq!(fifth["status"]["conditions"].as_array().map(Vec::len), Some(1), "{fifth:#}");
    assert_eq!(ready(&fifth)["status"], "Unknown");
    assert_eq!(ready(&fifth)["message"], "spec.suspend is true: nothing is checked or changed at Scalingo");
    assert_eq!(ready(&fifth)["observedGeneration"], fifth["metadata"]["generation"]);
    world.record("suspended", &fifth);

    world.apply("drain", &papertrail("shop-front"));
    assert_synced(&world.until_reason("drain", "Synced").await);
    until_told(
        &world,
        "drain",
        &[("Added", 1), ("AppNotFound", 1), ("ApiTokenNotFound", 1), ("Suspended", 1), ("Resumed", 1)],
    )
    .await;
    assert_eq!(world.simulator.changes().len(), 1, "the drain was there all the time");
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_change_is_not_written() {
    let world = World::running().await;
    world.apply("synced", &papertrail("shop-front"));
    world.until_reason("synced", "Synced").await;
    until_older(&world, world.namespace(), "synced").await;
    world.apply("duplicate", &papertrail("shop-front"));
    world.apply("stalled", &papertrail("no-such-app"));
    let secret = json!({"name": "nowhere", "key": "token"});
    let syslog = with(with(papertrail("shop-api"), "type", &json!("syslog")), "tokenSecretRef", &secret);
    world.apply("secretless", &syslog);
    world.apply("suspended", &with(papertrail("shop-api"), "suspend", &json!(true)));
    let states = [
        ("synced", "Synced"),
        ("duplicate", "Duplicate"),
        ("stalled", "AppNotFound"),
        ("secretless", "SecretNotFound"),
        ("suspended", "Suspended"),
    ];
    let mut before = Vec::new();
    for (name, reason) in states {
        before.push(world.until_reason(name, reason).await);
    }
    world.record("duplicate", &before[1]);
    world.record("secret-not-found", &before[3]);
    // Writes of one's own come back as watch events; after some more looks all of them have.
    after_lists(&world, 4).await;
    let writes = kubernetes_writes(&world);
    let told_before: Vec<_> = states.iter().map(|(name, _)| events(&world, name)).collect();
    let secrets = |world: &World| {
        world.audit().iter().filter(|entry| entry.resource == "secrets" && entry.name == "nowhere").count()
    };
    let looks = secrets(&world);
    after_lists(&world, 8).await;
    // A missing Secret is looked for more and more rarely.
    while secrets(&world) == looks {
        after_lists(&world, 1).await;
    }
    after_lists(&world, 2).await;
    for ((name, _), before) in states.iter().zip(&before) {
        let now = world.get(name);
        assert_eq!(version(&now), version(before), "{name} was written");
        assert_eq!(&now, before, "{name}");
    }
    assert_eq!(kubernetes_writes(&world), writes, "{:#?}", world.audit());
    assert_eq!(world.writes().len(), 1, "the one addition");
    let told_after: Vec<_> = states.iter().map(|(name, _)| events(&world, name)).collect();
    assert_eq!(told_after, told_before);
    assert_eq!(
        told_after,
        [
            told(&[("Added", 1)]),
            told(&[("Duplicate", 1)]),
            told(&[("AppNotFound", 1)]),
            told(&[("SecretNotFound", 1)]),
            told(&[("Suspended", 1)]),
        ]
    );
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addition_that_keeps_being_refused_is_told_once() {
    let world = World::new().await;
    let refuse = |status, text| Action::respond(Answer::error(status, text));
    world.simulator.add_rule(Rule::new("POST", "/v1/apps/shop-front/log_drains", refuse(422, "no")));
    world.simulator.add_rule(Rule::new("POST", "/v1/apps/shop-api/log_drains", refuse(503, "down")));
    world.apply("refused", &papertrail("shop-front"));
    world.apply("down", &papertrail("shop-api"));
    world.start_operator();
    let refused = world.until_reason("refused", "Rejected").await;
    let down = world.until_reason("down", "Unavailable").await;
    world.record("rejected", &refused);
    world.record("unavailable", &down);
    let posts = |simulator: &Simulator, app: &str| {
        let id = simulator.app_id(app).expect("the app");
        simulator.requests("POST", &format!("/v1/apps/{id}/log_drains")).len()
    };
    // While it is tried again and again, nobody sees it turn.
    let mut seen = Vec::new();
    let describe = || format!("it is not tried again: {:#?}", world.simulator.journal());
    until(LATER, describe, || {
        for (name, before) in [("refused", &refused), ("down", &down)] {
            let now = world.get(name);
            if now["status"]["conditions"] != before["status"]["conditions"] {
                seen.push(now["status"]["conditions"].clone());
            }
        }
        posts(&world.simulator, "shop-front") >= 5 && posts(&world.simulator, "shop-api") >= 3
    })
    .await;
    assert!(seen.is_empty(), "{seen:#?}");
    until_told(&world, "refused", &[("Rejected", 1)]).await;
    until_told(&world, "down", &[("Unavailable", 1)]).await;
    world.simulator.clear_rules();
    assert_synced(&world.until_reason("refused", "Synced").await);
    assert_synced(&world.until_reason("down", "Synced").await);
    until_told(&world, "refused", &[("Added", 1), ("Rejected", 1), ("Synced", 1)]).await;
    until_told(&world, "down", &[("Added", 1), ("Synced", 1), ("Unavailable", 1)]).await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn people_can_read_what_kubectl_shows() {
    let world = World::running().await;
    world.apply("drain", &papertrail("shop-front"));
    world.until_reason("drain", "Synced").await;
    world.simulator.remove_drain_behind("shop-front", "tcp+tls://logs.example.com:6514").expect("the drain");
    world.until_simulator("it again", |simulator| simulator.changes().len() == 3).await;
    world.apply("drain", &with(papertrail("shop-front"), "port", &json!(7514)));
    world.until_reason("drain", "Synced").await;
    until_told(&world, "drain", &[("Added", 2), ("DriftHealed", 1), ("Replaced", 1)]).await;

    let listed = world.kubectl(&["get", "events", "--sort-by=.metadata.creationTimestamp", "--no-headers"]);
    let lines: Vec<Vec<&str>> =
        listed.lines().map(|line| line.split_whitespace().skip(1).collect()).collect();
    let line = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for expected in [
        "Normal Added logdrain/drain added the drain tcp+tls://logs.example.com:6514",
        "Warning DriftHealed logdrain/drain the drain tcp+tls://logs.example.com:6514 was no longer listed at Scalingo \
         and has been added again; to be rid of it, delete this LogDrain",
        "Normal Added logdrain/drain added the drain tcp+tls://logs.example.com:7514, to take the place of \
         tcp+tls://logs.example.com:6514, which goes next",
        "Normal Replaced logdrain/drain replaced the drain tcp+tls://logs.example.com:6514 by \
         tcp+tls://logs.example.com:7514; the new one was in place first",
    ] {
        assert!(lines.iter().any(|seen| *seen == line(expected)), "{expected} is not in {listed}");
    }
    assert_eq!(lines.len(), 4, "{listed}");

    let described = world.kubectl(&["describe", "logdrain", "drain"]);
    for expected in [
        "Kind:         LogDrain",
        "Message:               Scalingo lists the drain tcp+tls://logs.example.com:7514",
        "Reason:                Synced",
        "Status:                True",
        "Type:                  Ready",
        "  Type     Reason       Age",
        "logdrain-operator",
        "added the drain tcp+tls://logs.example.com:7514",
    ] {
        assert!(described.contains(expected), "{expected:?} is not in:\n{described}");
    }
    assert_eq!(described.matches("<unknown>").count(), 0, "{described}");

    let wide = world.kubectl(&["get", "logdrain", "drain", "-o", "wide"]);
    assert!(wide.contains("Synced"), "{wide}");
    assert_eq!(condition(&world.get("drain"), "Stalled"), &Value::Null);
    delete(&world, world.namespace(), &["drain"]);
    until_told(&world, "drain", &[("Added", 2), ("DriftHealed", 1), ("Replaced", 1), ("Deleted", 1)]).await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_with_nothing_changed_writes_nothing() {
    let world = World::running().await;
    world.apply("synced", &papertrail("shop-front"));
    world.until_reason("synced", "Synced").await;
    until_older(&world, world.namespace(), "synced").await;
    world.apply("duplicate", &papertrail("shop-front"));
    world.apply("stalled", &papertrail("no-such-app"));
    world.apply("tokenless", &with(papertrail("shop-api"), "apiTokenSecretRef", &json!({"name": "nowhere"})));
    let mut before = Vec::new();
    for (name, reason) in [
        ("synced", "Synced"),
        ("duplicate", "Duplicate"),
        ("stalled", "AppNotFound"),
        ("tokenless", "ApiTokenNotFound"),
    ] {
        before.push(world.until_reason(name, reason).await);
    }
    for end in [World::stop_operator, World::kill_operator, World::stop_operator] {
        end(&world);
        let writes = kubernetes_writes(&world);
        world.simulator.clear_journal();
        world.start_operator();
        after_lists(&world, 5).await;
        for before in &before {
            assert_eq!(&world.get(before["metadata"]["name"].as_str().expect("a name")), before);
        }
        assert_eq!(kubernetes_writes(&world), writes, "{:#?}", world.audit());
        assert!(world.writes().is_empty(), "{:?}", world.writes());
    }
    world.finish();
}
