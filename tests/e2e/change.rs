//! Changes in place: the new drain is there before the old one goes.

use scalingo_simulator::{Change, ChangeKind, When};
use serde_json::{Value, json};

use crate::{
    lifecycle::verdict,
    types::{DATADOG, database, datadog, with_datadog, write_secrets},
    world::World,
};

const DRAINS: &str = "/v1/apps/*/log_drains";

/// What came and went, in order: `+ app url` or `- app/addon url`, apps by name.
pub fn history(world: &World) -> Vec<String> {
    let name = |id: &str| {
        let names = ["shop-front", "shop-api"];
        let found = names.into_iter().find(|name| world.simulator.app_id(name).as_deref() == Some(id));
        found.unwrap_or(id).to_owned()
    };
    let line = |change: Change| {
        let sign = if change.kind == ChangeKind::Added { '+' } else { '-' };
        let addon = if change.target.addon.is_some() { "/addon" } else { "" };
        format!("{sign} {}{addon} {}", name(&change.target.app), change.url)
    };
    world.simulator.changes().into_iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_changes_the_new_drain_is_there_before_the_old_one_goes() {
    let world = World::running().await;
    let addon = database(&world);
    write_secrets(&world);
    world.secret("rotated", &[("token", "s3cret-before")]);
    let token = json!({"name": "rotated", "key": "token"});
    world.apply(
        "changing",
        &json!({"app": "shop-front", "type": "syslog", "host": "one.example.com", "port": 514, "tokenSecretRef": token}),
    );
    world.until_reason("changing", "Synced").await;
    let mut last = "shop-front syslog://:s3cret-before@one.example.com:514".to_owned();
    let mut expected = vec![format!("+ {last}")];
    for (what, fields, next) in [
        (
            "host",
            json!({"host": "two.example.com"}),
            "shop-front syslog://:s3cret-before@two.example.com:514",
        ),
        ("port", json!({"port": 6514}), "shop-front syslog://:s3cret-before@two.example.com:6514"),
        ("no token", json!({"tokenSecretRef": null}), "shop-front tcp+tls://two.example.com:6514"),
        (
            "a token",
            json!({"tokenSecretRef": token}),
            "shop-front syslog://:s3cret-before@two.example.com:6514",
        ),
        ("rotated token", Value::Null, "shop-front syslog://:s3cret-after@two.example.com:6514"),
        (
            "type",
            json!({"type": "betterstack", "port": null}),
            "shop-front betterstack://:s3cret-after@two.example.com:6514",
        ),
        ("app", json!({"app": "shop-api"}), "shop-api betterstack://:s3cret-after@two.example.com:6514"),
        (
            "app and addon",
            json!({"app": "shop-front", "addon": addon}),
            "shop-front/addon betterstack://:s3cret-after@two.example.com:6514",
        ),
        ("no addon", json!({"addon": null}), "shop-front betterstack://:s3cret-after@two.example.com:6514"),
        (
            "all of it",
            json!({"app": "shop-api", "type": "elk", "url": "https://elk.example.com/x", "host": null, "tokenSecretRef": null}),
            "shop-api https://elk.example.com/x",
        ),
    ] {
        if fields.is_null() {
            world.secret("rotated", &[("token", "s3cret-after")]);
        } else {
            world.change("changing", &fields);
        }
        expected.extend([format!("+ {next}"), format!("- {last}")]);
        world.until_simulator(what, |_| history(&world).len() >= expected.len()).await;
        let object = world.until_reason("changing", "Synced").await;
        assert_eq!(history(&world), expected, "{what}");
        assert_eq!(object["status"]["drains"].as_array().map(Vec::len), Some(1), "{object:#}");
        assert_eq!(object["status"]["drains"][0]["app"], object["spec"]["app"]);
        assert_eq!(object["status"]["drains"][0]["addon"], object["spec"]["addon"]);
        last = next.to_owned();
    }
    // The order says it already: between the first and now there is no moment without one.
    let mut there = 0;
    for change in world.simulator.changes() {
        there += if change.kind == ChangeKind::Added { 1 } else { -1 };
        assert!((1..=2).contains(&there), "{:#?}", world.simulator.changes());
    }
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_is_told_in_the_events() {
    let world = with_datadog().await;
    world.change("datadog", &json!({"drainRegion": "us"}));
    world
        .until_events(
            "datadog",
            &[
                "Normal Added: added the drain datadog://***?region=eu-west-2",
                "Normal Added: added the drain datadog://***?region=us, to take the place of \
                 datadog://***?region=eu-west-2, which goes next",
                "Normal Replaced: replaced the drain datadog://***?region=eu-west-2 by datadog://***?region=us; \
                 the new one was in place first",
            ],
        )
        .await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_drain_stays_where_the_new_one_is_refused() {
    let world = with_datadog().await;
    let answer = scalingo_simulator::Answer::error(400, "no such region");
    let rule = scalingo_simulator::Rule::new("POST", DRAINS, scalingo_simulator::Action::respond(answer));
    world.simulator.add_rule(rule);
    world.change("datadog", &json!({"drainRegion": "mars"}));
    let object = world.until_reason("datadog", "Rejected").await;
    let message = "Scalingo refuses the drain: no such region; mend what it names in the spec, in its Secret or at Scalingo";
    assert_eq!(verdict(&object), ["False", "Rejected", message]);
    assert_eq!(world.simulator.drains("shop-front"), [DATADOG]);
    // Back to what it was: nothing has to be done.
    world.simulator.clear_journal();
    world.change("datadog", &json!({"drainRegion": "eu-west-2"}));
    world.until_reason("datadog", "Synced").await;
    assert!(world.writes().is_empty(), "{:#?}", world.writes());
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_drain_stays_where_the_new_app_or_secret_is_not_there() {
    let world = with_datadog().await;
    world.simulator.clear_journal();
    for (fields, reason) in [
        (json!({"app": "shop-frnt"}), "AppNotFound"),
        (json!({"app": "shop-front", "addon": "ad-0"}), "AddonNotFound"),
        (json!({"addon": null, "tokenSecretRef": {"name": "later", "key": "token"}}), "SecretNotFound"),
    ] {
        world.change("datadog", &fields);
        let object = world.until_reason("datadog", reason).await;
        assert_eq!(object["status"]["drains"].as_array().map(Vec::len), Some(1), "{object:#}");
        assert_eq!(world.simulator.drains("shop-front"), [DATADOG]);
    }
    world.secret("later", &[("token", "s3cret-later")]);
    world.until_reason("datadog", "Synced").await;
    let line = |token: &str| format!("shop-front datadog://{token}?region=eu-west-2");
    assert_eq!(
        history(&world),
        [format!("+ {}", line("s3cret-later")), format!("- {}", line("s3cret-datadog"))]
    );
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_means_the_same_needs_no_request() {
    let world = World::running().await;
    write_secrets(&world);
    world.apply("datadog", &datadog());
    world.apply(
        "plain",
        &json!({"app": "shop-front", "type": "papertrail", "host": "logs.example.com", "port": 514}),
    );
    world.until_reason("datadog", "Synced").await;
    world.until_reason("plain", "Synced").await;
    let before = world.simulator.drains("shop-front");
    world.simulator.clear_journal();

    let id = world.simulator.app_id("shop-front").expect("the app");
    for (name, fields) in [
        ("plain", json!({"type": "syslog"})),
        ("plain", json!({"type": "papertrail"})),
        ("plain", json!({"host": "LOGS.example.com"})),
        ("datadog", json!({"region": "osc-fr1"})),
        ("datadog", json!({"app": id})),
        ("datadog", json!({"app": "shop-front"})),
        ("datadog", json!({"deletionPolicy": "Retain"})),
    ] {
        world.change(name, &fields);
        world.until_reason(name, "Synced").await;
        assert!(world.writes().is_empty(), "{fields}: {:#?}", world.writes());
    }
    // The same token in a Secret that was deleted and made anew, and then under another key.
    world.kubectl(&["delete", "secret", "tokens"]);
    world.until_reason("datadog", "SecretNotFound").await;
    world.secret("tokens", &[("datadog", "s3cret-datadog"), ("another", "s3cret-datadog\n")]);
    world.until_reason("datadog", "Synced").await;
    world.change("datadog", &json!({"tokenSecretRef": {"name": "tokens", "key": "another"}}));
    world.until_reason("datadog", "Synced").await;
    assert!(world.writes().is_empty(), "{:#?}", world.writes());
    assert_eq!(world.simulator.drains("shop-front"), before);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_written_again_with_the_same_token_changes_nothing() {
    let world = with_datadog().await;
    let version = world.get("datadog")["metadata"]["resourceVersion"].clone();
    world.simulator.clear_journal();
    world.secret("tokens", &[("datadog", "s3cret-datadog\n"), ("other", "something")]);
    let requests = world.after_lists(5).await;
    assert!(requests.iter().all(|entry| entry.method == "GET"), "{requests:#?}");
    assert_eq!(world.get("datadog")["metadata"]["resourceVersion"], version);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_while_the_first_drain_is_being_added_ends_with_the_last_one_alone() {
    let world = World::running().await;
    write_secrets(&world);
    let held = world.simulator.hold("POST", DRAINS, When::Before);
    world.apply("datadog", &datadog());
    world.until_held(&held).await;
    world.change("datadog", &json!({"drainRegion": "two"}));
    world.change("datadog", &json!({"drainRegion": "three"}));
    held.gate.release();
    world.until_reason("datadog", "Synced").await;
    let url = |region: &str| format!("shop-front datadog://s3cret-datadog?region={region}");
    assert_eq!(
        history(&world),
        [format!("+ {}", url("eu-west-2")), format!("+ {}", url("three")), format!("- {}", url("eu-west-2"))]
    );
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_back_while_a_replacement_is_being_added_ends_with_the_old_one_alone() {
    let world = with_datadog().await;
    let held = world.simulator.hold("POST", DRAINS, When::After);
    world.change("datadog", &json!({"drainRegion": "two"}));
    world.until_held(&held).await;
    world.change("datadog", &json!({"drainRegion": "eu-west-2"}));
    held.gate.release();
    world.until_simulator("one drain", |simulator| simulator.changes().len() >= 3).await;
    world.until_reason("datadog", "Synced").await;
    world.after_lists(2).await;
    assert_eq!(world.simulator.drains("shop-front"), [DATADOG]);
    assert_eq!(world.simulator.changes().len(), 3, "{:#?}", world.simulator.changes());
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_while_the_drain_is_being_added_leaves_nothing() {
    let world = World::running().await;
    write_secrets(&world);
    let held = world.simulator.hold("POST", DRAINS, When::Before);
    world.apply("datadog", &datadog());
    world.until_held(&held).await;
    world.delete("datadog");
    held.gate.release();
    world.until_gone("datadog").await;
    assert_eq!(history(&world), [format!("+ shop-front {DATADOG}"), format!("- shop-front {DATADOG}")]);
    world.finish();
}
