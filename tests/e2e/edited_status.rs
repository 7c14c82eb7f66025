//! A status that a person has edited: what is foreign stays, what is wanted comes back.

use serde_json::{Value, json};

use crate::{
    eventually::until,
    world::{SOON, World, ready},
};

const OWN: &str = "datadog://s3cret-edited-status?region=eu";
const FOREIGN: [&str; 2] =
    ["datadog://s3cret-foreign-one?region=eu", "https://intake.example/s3cret-foreign-two"];

fn record(changes: &Value) -> Value {
    let record = json!({
        "region": "osc-fr1", "app": "shop-front", "appId": "shop-front", "type": "datadog",
        "destinationDigest": "v1:00000000000000000000000000000000", "state": "Active",
    });
    changed(&record, changes)
}

fn changed(record: &Value, changes: &Value) -> Value {
    let mut record = record.clone();
    for (field, value) in changes.as_object().expect("an object") {
        record[field] = value.clone();
    }
    record
}

async fn edit(world: &World, drains: Value) {
    let patch = json!({"status": {"drains": drains}}).to_string();
    world.kubectl(&["patch", "logdrain", "d", "--subresource=status", "--type=merge", "--patch", &patch]);
    let app_id = world.simulator.app_id("shop-front");
    let has_one_good_record = |object: &Value| {
        let drains = object["status"]["drains"].as_array().map_or(&[][..], Vec::as_slice);
        ready(object)["reason"] == "Synced"
            && drains.len() == 1
            && drains[0]["state"] == "Active"
            && drains[0]["appId"].as_str() == app_id.as_deref()
            && drains[0]["url"] == "datadog://***?region=eu"
    };
    world.until("d", format!("as it was, after {patch:.200}"), has_one_good_record).await;
    assert_eq!(world.simulator.drains("shop-front"), [FOREIGN[0], FOREIGN[1], OWN], "after {patch:.200}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_written_into_a_status_foreign_drains_stay_and_the_own_one_is_there_once() {
    let world = World::running().await;
    for url in FOREIGN {
        world.simulator.add_drain_behind("shop-front", url).expect("the app is there");
    }
    for secret in ["s3cret-foreign-one", "s3cret-foreign-two"] {
        world.is_secret(secret);
    }
    world.secret("datadog", &[("value", "s3cret-edited-status")]);
    let token = json!({"name": "datadog", "key": "value"});
    world.apply(
        "d",
        &json!({"app": "shop-front", "type": "datadog", "tokenSecretRef": token, "drainRegion": "eu"}),
    );
    world.until_reason("d", "Synced").await;
    let app_id = world.simulator.app_id("shop-front").expect("the app");
    let good = world.get("d")["status"]["drains"][0].clone();

    // A backup without its status; a record of nothing; of what is not there; of other apps.
    let nonsense = "v1:nonsense";
    for drains in [
        json!([]),
        json!([record(&json!({"appId": app_id}))]),
        json!([record(&json!({"appId": app_id, "urlDigest": nonsense, "destinationDigest": nonsense}))]),
        json!([good, record(&json!({"appId": app_id, "urlDigest": "", "destinationDigest": ""}))]),
        json!([good, record(&json!({"appId": "gone", "urlDigest": nonsense, "url": "\u{202e}***"}))]),
        // Announcements of long ago, as if the operator had ended in the middle.
        json!([record(&json!({
            "appId": app_id, "state": "Adding", "since": "1970-01-01T00:00:00Z",
            "destinationDigest": good["destinationDigest"], "listedBefore": vec![nonsense; 1000],
        }))]),
        json!([
            good,
            record(&json!({
                "appId": app_id, "state": "Deleting", "urlDigest": nonsense, "since": "0001-01-01T00:00:00Z",
            }))
        ]),
        // Its own record in the forms that the operator never writes.
        json!([changed(&good, &json!({"state": "Deleting"}))]),
        json!([changed(
            &good,
            &json!({"state": "Deleting", "listedBefore": [nonsense, nonsense, nonsense]})
        )]),
        json!([changed(&good, &json!({"state": "Adding"}))]),
        json!([good, changed(&good, &json!({"since": "1970-01-01T00:00:00Z"}))]),
        json!([changed(
            &good,
            &json!({
                "state": "Deleting", "urlDigest": "", "since": "1970-01-01T00:00:00Z",
                "listedBefore": [nonsense, nonsense, nonsense],
            })
        )]),
        // What cannot be a path or a host is not asked for; here it is also what a person puts right.
        json!([good]),
    ] {
        edit(&world, drains).await;
    }
    let deletions: Vec<_> = world.writes().into_iter().filter(|entry| entry.method == "DELETE").collect();
    assert!(deletions.is_empty(), "{deletions:#?}");

    let hostile = json!([
        good,
        record(&json!({"appId": "../../x?y#z", "region": "evil.example/", "urlDigest": nonsense}))
    ]);
    let patch = json!({"status": {"drains": hostile}}).to_string();
    world.kubectl(&["patch", "logdrain", "d", "--subresource=status", "--type=merge", "--patch", &patch]);
    world.until_reason("d", "Rejected").await;
    edit(&world, json!([good])).await;

    // It goes with the resource, though two records name it.
    world.kubectl(&["patch", "logdrain", "d", "--type=merge", "--patch", r#"{"spec": {"suspend": true}}"#]);
    world.until_reason("d", "Suspended").await;
    let twins = json!([good, changed(&good, &json!({"since": "1970-01-01T00:00:00Z"}))]);
    let patch = json!({"status": {"drains": twins}}).to_string();
    world.kubectl(&["patch", "logdrain", "d", "--subresource=status", "--type=merge", "--patch", &patch]);
    world.kubectl(&["delete", "logdrain", "d", "--timeout=60s"]);
    assert_eq!(world.simulator.drains("shop-front"), FOREIGN);
    world.finish();
}

/// Waits until all of this has been told of the `LogDrain`, among other things.
async fn until_told(world: &World, expected: &[&str]) {
    let is_told = || {
        let told = world.events("d");
        expected.iter().all(|expected| told.iter().any(|note| note == expected))
    };
    until(SOON, || format!("{:#?} and not {expected:#?}", world.events("d")), is_told).await;
}

/// A deletion of long ago whose answer was lost, as an earlier version wrote it: of two drains with this URL one was somebody else's.
fn deletion(app_id: &str, shown: &str) -> Value {
    let url = "v1:5f4e3d2c1b0a5f4e3d2c1b0a5f4e3d2c";
    record(&json!({
        "appId": app_id, "state": "Deleting", "url": shown, "urlDigest": url, "since": "2026-01-01T00:00:00Z",
        "listedBefore": [url, url],
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_long_ago_are_told_of() {
    let world = World::running().await;
    world.secret("datadog", &[("value", "s3cret-edited-status")]);
    let token = json!({"name": "datadog", "key": "value"});
    let spec = json!({"app": "shop-front", "type": "datadog", "tokenSecretRef": token, "drainRegion": "eu"});
    world.apply("d", &spec);
    world.until_reason("d", "Synced").await;
    let app_id = world.simulator.app_id("shop-front").expect("the app");
    let good = world.get("d")["status"]["drains"][0].clone();
    let write = |drains: Value| {
        let patch = json!({"status": {"drains": drains}}).to_string();
        world.kubectl(&["patch", "logdrain", "d", "--subresource=status", "--type=merge", "--patch", &patch]);
    };
    let added = "Normal Added: added the drain datadog://***?region=eu";
    let replaced = "Normal Replaced: replaced the drain datadog://***?region=one by datadog://***?region=eu; the new one was \
                    in place first";

    let not_found = |url: &str| {
        format!(
            "Warning TargetNotFound: the app shop-front is not found with this API token, so the drain {url} is taken for \
             gone; if it is there and the token may not see it, delete the drain by hand"
        )
    };
    let adding =
        |app_id: &str, since: &str| record(&json!({"appId": app_id, "state": "Adding", "since": since}));
    let (third, fourth) = (not_found("datadog://***?region=three"), not_found("of type datadog"));

    // There is an app that is not found.
    let gone = "5af97be7ff688d00012200ff";
    write(json!([
        good,
        deletion(&app_id, "datadog://***?region=one"),
        deletion(gone, "datadog://***?region=three"),
        adding(gone, "2026-01-01T00:00:00Z"),
    ]));
    until_told(&world, &[added, replaced, &third, &fourth]).await;
    let is_dropped = |object: &Value| object["status"]["drains"].as_array().is_some_and(|all| all.len() == 1);
    world.until("d", "without the record", is_dropped).await;

    // The resource goes, its API token is gone, and nobody knows what came of an addition.
    world.change("d", &json!({"suspend": true, "deletionPolicy": "Retain"}));
    world.until_reason("d", "Suspended").await;
    let adding = adding(&app_id, "2026-01-01T00:00:00Z");
    world.stop_operator();
    write(json!([good, adding, deletion(&app_id, "datadog://***?region=two")]));
    world.kubectl(&["delete", "secret", "scalingo"]);
    world.kubectl(&["delete", "logdrain", "d", "--wait=false"]);
    world.start_operator();
    world.until("d", "gone", Value::is_null).await;
    let lost = |url: &str| {
        format!(
            "Warning Retained: the answer to a request for the drain {url} was lost; if it is at Scalingo, it stays there, as \
             spec.deletionPolicy says"
        )
    };
    let all = [
        added,
        "Normal Suspended: spec.suspend is true: nothing is checked or changed at Scalingo",
        "Normal Retained: left the drain datadog://***?region=eu at Scalingo, as spec.deletionPolicy says",
        replaced,
        &third,
        &fourth,
        &lost("of type datadog"),
        &lost("datadog://***?region=two"),
    ];
    until_told(&world, &all).await;
    assert_eq!(world.simulator.drains("shop-front"), [OWN]);
    assert_eq!(world.simulator.changes().len(), 1);
    world.finish();
}
