//! The change feed: what it tells is acted upon at once, and only that.

use control_plane::Supervised;
use scalingo_simulator::{Action, Answer, Rule, Simulator};
use serde_json::{Value, json};

use crate::{
    eventually::eventually,
    few_requests::{lists, papertrail, url},
    types::database,
    world::{SOON, World, ready},
};

/// Checks come so seldom that only the feed can tell.
const ONLY_FEED: [&str; 6] = ["--feed-interval", "1s", "--resync", "1h", "--sweep-interval", "24h"];

fn polls(simulator: &Simulator) -> usize {
    simulator.requests("GET", "/v1/events").len()
}

/// Waits until the feed has been read from now on, and what it told has been acted upon.
async fn after_polls(world: &World, count: usize) {
    let before = polls(&world.simulator);
    world.until_simulator("the feed being read", |simulator| polls(simulator) > before + count).await;
}

async fn watched_by_feed_only(ports: &[usize]) -> World {
    let world = World::new().await;
    world.start_operator_with(&ONLY_FEED);
    for port in ports {
        world.apply(&format!("drain-{port}"), &papertrail("shop-front", *port));
        world.until_reason(&format!("drain-{port}"), "Synced").await;
    }
    after_polls(&world, 2).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_healed_within_seconds_by_one_list() {
    let world = watched_by_feed_only(&[1, 2]).await;
    world.simulator.clear_journal();
    world.simulator.remove_drain_behind("shop-front", &url(2)).expect("the drain");
    world.until_simulator("the drain again", |simulator| simulator.drains("shop-front").len() == 2).await;
    world.until_reason("drain-2", "Synced").await;
    after_polls(&world, 2).await;
    assert_eq!(lists(&world.simulator).len(), 1, "{:#?}", world.simulator.journal());
    assert_eq!(world.writes().len(), 1);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_echo_of_an_own_write_costs_no_list() {
    let world = watched_by_feed_only(&[1, 2]).await;
    // After that deletions are known to work, and need no list.
    for port in [5, 6] {
        world.apply("drain-1", &papertrail("shop-front", port));
        world.until_reason("drain-1", "Synced").await;
    }
    after_polls(&world, 2).await;
    world.simulator.clear_journal();
    world.apply("drain-1", &papertrail("shop-front", 7));
    world
        .until_simulator("the replacement", |simulator| simulator.drains("shop-front") == [url(2), url(7)])
        .await;
    world.until_reason("drain-1", "Synced").await;
    after_polls(&world, 2).await;
    assert_eq!(lists(&world.simulator).len(), 1, "{:#?}", world.simulator.journal());
    world.delete_until_gone(&["logdrain", "drain-1"]);
    after_polls(&world, 2).await;
    assert_eq!(lists(&world.simulator).len(), 2, "{:#?}", world.simulator.journal());
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_do_on_the_same_app_is_looked_at_and_left_alone() {
    let world = watched_by_feed_only(&[1]).await;
    let before = world.get("drain-1");
    world.simulator.clear_journal();
    world.simulator.add_drain_behind("shop-front", "tcp+tls://others.example.com:1").expect("the app");
    world.until_simulator("a list", |simulator| lists(simulator).len() == 1).await;
    world.simulator.add_app("unconcerned");
    world.simulator.add_drain_behind("unconcerned", "tcp+tls://others.example.com:1").expect("the app");
    after_polls(&world, 2).await;
    assert_eq!(lists(&world.simulator).len(), 1, "{:#?}", world.simulator.journal());
    assert_eq!(world.writes().len(), 0);
    assert_eq!(world.get("drain-1"), before);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drains_of_addons_are_told_apart_under_both_names() {
    for own_names in [false, true] {
        let world = World::new().await;
        let addon = database(&world);
        world.simulator.set(|settings| settings.addon_event_names = own_names);
        world.start_operator_with(&ONLY_FEED);
        let mut spec = papertrail("shop-front", 1);
        spec["addon"] = json!(addon);
        world.apply("addon", &spec);
        world.until_reason("addon", "Synced").await;
        after_polls(&world, 2).await;
        world.simulator.remove_drain_behind(("shop-front", &addon), &url(1)).expect("the drain");
        let there = |simulator: &Simulator| simulator.drains(("shop-front", &addon)) == [url(1)];
        world.until_simulator("the drain again", there).await;
        world.until_reason("addon", "Synced").await;

        world.simulator.delete_addon("shop-front", &addon).expect("the addon");
        world.until_reason("addon", "AddonNotFound").await;
        world.finish();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_renamed_deleted_or_made_is_noticed_at_once() {
    let world = watched_by_feed_only(&[1]).await;
    world.simulator.rename_app("shop-front", "boutique").expect("the app");
    let note = "the app shop-front is now called boutique: change spec.app to boutique";
    let says = |object: &Value| ready(object)["message"].as_str().is_some_and(|text| text.ends_with(note));
    world.until("drain-1", note, says).await;

    world.apply("early", &papertrail("not-yet", 1));
    world.until_reason("early", "AppNotFound").await;
    world.simulator.add_app("not-yet");
    world.until_reason("early", "Synced").await;

    world.simulator.delete_app("not-yet").expect("the app");
    world.until_reason("early", "AppNotFound").await;
    world.finish();
}

impl World {
    /// Waits until the metrics say of the only app, and of the only feed, that it is covered or not; gives how long ago the feed
    /// was read, in seconds.
    async fn until_covered(&self, is_covered: bool) -> f64 {
        let is_so = async || {
            let scrape = self.metrics().await;
            let is_one = |series: String| scrape.get(&series).total_cmp(&1.0).is_eq();
            let said = is_one(format!("logdrain_feed_apps{{covered=\"{is_covered}\"}}"))
                && is_one(format!("logdrain_feeds{{answering=\"{is_covered}\"}}"));
            said.then(|| scrape.get("logdrain_feed_last_answer_age_seconds"))
        };
        eventually(SOON, || format!("it is not covered: {is_covered}: {}", self.operator_output()), is_so)
            .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_feed_fails_drift_is_found_by_checks_and_said_once() {
    let world = World::new().await;
    world.start_operator_with(&["--feed-interval", "1s", "--resync", "3s", "--sweep-interval", "24h"]);
    world.apply("drain", &papertrail("shop-front", 1));
    world.until_reason("drain", "Synced").await;
    after_polls(&world, 1).await;
    let quiet = lists(&world.simulator).len();
    after_polls(&world, 5).await;
    assert_eq!(lists(&world.simulator).len(), quiet, "the feed covers it");

    let failing =
        world.simulator.add_rule(Rule::new("GET", "/v1/events", Action::respond(Answer::error(500, "down"))));
    world.until_output("the failure", |output| output.contains("the change feed does not answer")).await;
    world.simulator.remove_drain_behind("shop-front", &url(1)).expect("the drain");
    world.until_simulator("the drain again", |simulator| simulator.drains("shop-front") == [url(1)]).await;
    let before = world.until_covered(false).await;
    let is_older = async || (world.until_covered(false).await > before).then_some(());
    eventually(SOON, || format!("the age does not grow: {before}"), is_older).await;
    world.metrics().await.assert_errors(&["change_feed"]);
    world.simulator.remove_rule(failing);
    world.until_output("the recovery", |output| output.contains("the change feed answers again")).await;
    world.until_covered(true).await;
    let output = world.operator_output();
    assert_eq!(output.matches("the change feed does not answer").count(), 1, "{output}");
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_of_before_the_start_is_read_back() {
    let world = watched_by_feed_only(&[1, 2]).await;
    world.stop_operator();
    world.simulator.remove_drain_behind("shop-front", &url(1)).expect("the drain");
    world.simulator.clear_journal();
    world.start_operator_with(&ONLY_FEED);
    world.until_simulator("the drain again", |simulator| simulator.drains("shop-front").len() == 2).await;
    world.until_reason("drain-1", "Synced").await;
    // What was before this process is confirmed by a second list.
    assert_eq!(lists(&world.simulator).len(), 2, "{:#?}", world.simulator.journal());

    // Told again to the next process, it is no news: the drain is back.
    world.stop_operator();
    world.simulator.clear_journal();
    world.start_operator_with(&ONLY_FEED);
    after_polls(&world, 2).await;
    assert_eq!(lists(&world.simulator).len(), 0, "{:#?}", world.simulator.journal());
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_behind_more_pages_than_are_read_is_found_by_a_check_soon() {
    let world = watched_by_feed_only(&[1]).await;
    world.simulator.add_app("busy");
    world.with_operator(Supervised::pause).expect("it stands still");
    world.simulator.remove_drain_behind("shop-front", &url(1)).expect("the drain");
    for number in 0..600 {
        world
            .simulator
            .add_drain_behind("busy", &format!("tcp+tls://busy.example.com:{number}"))
            .expect("the app");
    }
    world.simulator.clear_journal();
    world.with_operator(Supervised::resume).expect("it goes on");
    world.until_simulator("the drain again", |simulator| simulator.drains("shop-front") == [url(1)]).await;
    let said = "more has happened than the change feed was read for";
    world.until_output(said, |output| output.contains(said)).await;
    assert_eq!(lists(&world.simulator).len(), 2, "{:#?}", world.simulator.journal());
    world.finish();
}
