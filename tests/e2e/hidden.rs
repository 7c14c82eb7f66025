//! Apps and addons that are not found while a drain is to be deleted: they were deleted, or are hidden from the API token.

use jiff::{SignedDuration, Timestamp};
use scalingo_simulator::Simulator;
use serde_json::{Value, json};

use crate::{
    eventually::until,
    lifecycle::verdict,
    types::{DATADOG, database, datadog, write_secrets},
    world::{SOON, World, condition},
};

const SHOWN: &str = "datadog://***?region=eu-west-2";
const FOR_LONG: [&str; 2] = ["--gone-after", "1h"];

/// A resource in order, whose drains are not soon taken for gone.
async fn with_patience(arguments: &[&str]) -> World {
    let world = World::new().await;
    write_secrets(&world);
    world.start_operator_with(arguments);
    world.apply("datadog", &datadog());
    world.until_reason("datadog", "Synced").await;
    world
}

fn hide(world: &World) {
    world.simulator.show_only("operator", Some(&["shop-api"]));
}

fn lists(simulator: &Simulator) -> usize {
    simulator.requests("GET", "/v1/apps/*/log_drains").len()
}

/// Waits until it is said that an app is not found, and what to do about it; gives until when it is waited for.
async fn until_it_waits(world: &World, name: &str, target: &str, remedy: &str) -> Timestamp {
    let begin = format!(
        "{target} is not found: it was deleted, or the user of the API token has lost access to it; at "
    );
    let end = format!(" its drains are taken for gone; before that, give the user access again, or {remedy}");
    let time = |object: &Value| {
        let message = verdict(object)[2].strip_prefix(&begin)?.strip_suffix(&end)?;
        message.parse::<Timestamp>().ok()
    };
    let object = world.until(name, &begin, |object| time(object).is_some()).await;
    assert_eq!(verdict(&object)[..2], ["False", "Unavailable"]);
    assert_eq!(condition(&object, "Reconciling")["status"], "True");
    assert_eq!(condition(&object, "Stalled"), &Value::Null);
    let told = format!("Warning Unavailable: {}", verdict(&object)[2]);
    until(SOON, || format!("{:#?}", world.events(name)), || world.events(name).contains(&told)).await;
    time(&object).expect("a time")
}

const RETAIN: &str = "set spec.deletionPolicy to Retain, which releases this resource at once and leaves its drains at Scalingo";

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_app_keeps_its_resource_until_it_is_seen_again_and_the_drain_is_deleted() {
    let world = with_patience(&FOR_LONG).await;
    hide(&world);
    let before = Timestamp::now();
    world.delete("datadog");
    let until = until_it_waits(&world, "datadog", "the app shop-front", RETAIN).await;
    let hour = SignedDuration::from_hours(1);
    let expected = before + hour - SignedDuration::from_secs(1)..=Timestamp::now() + hour;
    assert!(expected.contains(&until), "{until}");

    // It is tried again, and nothing is written meanwhile.
    let object = world.get("datadog");
    assert_eq!(object["metadata"]["finalizers"], json!(["logs.scalingo.com/drains"]));
    let tries = lists(&world.simulator);
    world.until_simulator("two more tries", |simulator| lists(simulator) > tries + 1).await;
    assert_eq!(world.get("datadog"), object);
    assert_eq!(world.simulator.drains("shop-front"), [DATADOG]);
    world.metrics().await.assert_errors(&["target_not_found"]);

    world.simulator.show_only("operator", None);
    world.until_gone("datadog").await;
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_sees_the_app_has_the_drain_deleted_at_once() {
    const SECOND: &str = "tk-us-e2e-second-8c2e";
    let world = with_patience(&FOR_LONG).await;
    world.simulator.add_token("second", SECOND);
    hide(&world);
    world.delete("datadog");
    until_it_waits(&world, "datadog", "the app shop-front", RETAIN).await;
    world.secret("scalingo", &[("api_token", SECOND)]);
    world.until_gone("datadog").await;
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn retain_releases_a_resource_whose_app_is_hidden() {
    let world = with_patience(&FOR_LONG).await;
    hide(&world);
    world.delete("datadog");
    until_it_waits(&world, "datadog", "the app shop-front", RETAIN).await;
    world.change("datadog", &json!({"deletionPolicy": "Retain"}));
    world.until_gone("datadog").await;
    assert_eq!(world.simulator.drains("shop-front"), [DATADOG]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_is_released_once_its_app_was_not_found_for_long() {
    let world = with_patience(&["--gone-after", "4s"]).await;
    assert!(world.metrics().await.get("logdrain_drains_given_up_total").abs() < 0.5);
    hide(&world);
    world.delete("datadog");
    until_it_waits(&world, "datadog", "the app shop-front", RETAIN).await;
    world.until_gone("datadog").await;
    assert_eq!(world.simulator.drains("shop-front"), [DATADOG]);
    let told = format!(
        "Warning TargetNotFound: the app shop-front is not found with this API token, so the drain {SHOWN} is taken for gone; \
         if it is there and the token may not see it, delete the drain by hand"
    );
    until(SOON, || format!("{:#?}", world.events("datadog")), || world.events("datadog").contains(&told))
        .await;
    assert!((world.metrics().await.get("logdrain_drains_given_up_total") - 1.0).abs() < 0.5);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drain_of_an_earlier_app_that_is_hidden_is_deleted_once_it_is_seen_again_or_given_up() {
    for is_seen_again in [true, false] {
        let world = with_patience(&["--gone-after", if is_seen_again { "1h" } else { "4s" }]).await;
        hide(&world);
        world.change("datadog", &json!({"app": "shop-api"}));
        until_it_waits(&world, "datadog", "the app shop-front", "delete the drains by hand").await;
        // What is wanted is there all the while.
        assert_eq!(world.simulator.drains("shop-api"), [DATADOG]);
        if is_seen_again {
            assert_eq!(world.get("datadog")["status"]["drains"].as_array().map(Vec::len), Some(2));
            world.simulator.show_only("operator", None);
        }
        let object = world.until_reason("datadog", "Synced").await;
        assert_eq!(object["status"]["drains"].as_array().map(Vec::len), Some(1), "{object:#}");
        assert_eq!(world.simulator.drains("shop-front").len(), usize::from(!is_seen_again));
        let is_told = |event: &String| event.starts_with("Warning TargetNotFound: the app shop-front ");
        if !is_seen_again {
            let is_there = || world.events("datadog").iter().any(is_told);
            until(SOON, || format!("{:#?}", world.events("datadog")), is_there).await;
        }
        let given_up = world.metrics().await.get("logdrain_drains_given_up_total");
        assert!((given_up - f64::from(u8::from(!is_seen_again))).abs() < 0.5, "{given_up}");
        world.finish();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_feed_proves_to_be_deleted_is_waited_for_no_longer() {
    let quick = ["--feed-interval", "1s", "--resync", "1h", "--sweep-interval", "24h"];
    let world = with_patience(&[&quick[..], &FOR_LONG].concat()).await;
    let addon = database(&world);
    let mut spec = datadog();
    spec["addon"] = json!(addon);
    world.apply("addon", &spec);
    world.until_reason("addon", "Synced").await;
    world.change("addon", &json!({"suspend": true}));
    world.until_reason("addon", "Suspended").await;

    // As long as the feed tells nothing, nobody knows.
    let told = |delay| world.simulator.set(|settings| settings.event_delay_seconds = delay);
    told(3600);
    let shown = format!("the addon {addon} of the app shop-front");
    world.simulator.delete_addon("shop-front", &addon).expect("the addon");
    world.delete("addon");
    until_it_waits(&world, "addon", &shown, RETAIN).await;
    told(0);
    world.until_gone("addon").await;

    told(3600);
    world.simulator.delete_app("shop-front").expect("the app");
    world.delete("datadog");
    until_it_waits(&world, "datadog", "the app shop-front", RETAIN).await;
    told(0);
    world.until_gone("datadog").await;
    for (name, target) in [("addon", shown.as_str()), ("datadog", "the app shop-front")] {
        let gone = format!(
            "Normal Deleted: the drain {SHOWN} has gone with {target}, which was deleted at Scalingo"
        );
        until(SOON, || format!("{:#?}", world.events(name)), || world.events(name).contains(&gone)).await;
    }
    assert!(world.metrics().await.get("logdrain_drains_given_up_total").abs() < 0.5);
    world.finish();
}
