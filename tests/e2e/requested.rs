//! `logs.scalingo.com/requestedAt`: a check on demand.

use control_plane::Supervised;
use scalingo_simulator::{Action, Rule};
use serde_json::{Value, json};

use crate::{
    few_requests::{lists, papertrail, url},
    world::{World, ready},
};

/// Nothing is checked by itself.
const ONLY_ON_REQUEST: [&str; 4] = ["--resync", "1h", "--sweep-interval", "24h"];

impl World {
    /// Sets the annotation of all resources at the same moment, for all the operator can see.
    fn request_all(&self, text: &str) {
        self.with_operator(Supervised::pause).expect("it stands still");
        self.request("--all", text);
        self.with_operator(Supervised::resume).expect("it goes on");
    }

    /// Sets the annotation of one resource, or of `--all`.
    pub fn request(&self, name: &str, text: &str) {
        let annotation = format!("logs.scalingo.com/requestedAt={text}");
        self.kubectl(&["annotate", "logdrains", name, "--overwrite", &annotation]);
    }

    async fn until_handled(&self, name: &str, text: &str) -> Value {
        let handled = |object: &Value| object["status"]["lastHandledRequestedAt"] == text;
        self.until(name, format!("handled: {text}"), handled).await
    }

    /// Waits until what is told now has been taken up: a new resource is, and it costs these requests.
    async fn marked(&self, port: usize) {
        let name = format!("mark-{port}");
        self.apply(&name, &papertrail("shop-api", port));
        self.until_reason(&name, "Synced").await;
    }

    fn versions(&self, names: &[&str]) -> Vec<Value> {
        names.iter().map(|name| self.get(name)["metadata"]["resourceVersion"].clone()).collect()
    }
}

const NAMES: [&str; 3] = ["drain-1", "drain-2", "drain-3"];

async fn in_sync() -> World {
    let world = World::new().await;
    world.start_operator_with(&ONLY_ON_REQUEST);
    for (port, name) in NAMES.iter().enumerate() {
        world.apply(name, &papertrail("shop-front", port + 1));
    }
    for name in NAMES {
        world.until_reason(name, "Synced").await;
    }
    world.simulator.clear_journal();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn those_of_one_target_that_are_requested_together_share_a_list_and_what_has_drifted_is_healed_by_a_second_one()
 {
    let world = in_sync().await;
    world.simulator.remove_drain_behind("shop-front", &url(2)).expect("the drain");
    world.request_all("first");
    for name in NAMES {
        let object = world.until_handled(name, "first").await;
        assert_eq!(ready(&object)["reason"], "Synced", "{object:#}");
    }
    let simulator = &world.simulator;
    assert_eq!(simulator.drains("shop-front").len(), 3);
    assert_eq!(lists(simulator).len(), 2, "{:#?}", simulator.journal());
    assert_eq!(simulator.requests("GET", "/v1/apps").len(), 2, "names may have changed too");
    assert_eq!(world.writes().len(), 1);
    assert_eq!(simulator.journal().len(), 5);

    // A text that is handled asks for nothing more, nor does another annotation, nor its end, nor a restart.
    simulator.clear_journal();
    world.kubectl(&["annotate", "logdrains", "--all", "other=annotation"]);
    world.request("drain-1", "first");
    world.kubectl(&["annotate", "logdrain", "drain-2", "logs.scalingo.com/requestedAt-"]);
    let versions = world.versions(&NAMES);
    world.marked(10).await;
    world.stop_operator();
    world.start_operator_with(&ONLY_ON_REQUEST);
    world.marked(11).await;
    let front = simulator.app_id("shop-front").expect("the app");
    let asked = simulator.requests("GET", &format!("/v1/apps/{front}/log_drains"));
    assert!(asked.is_empty(), "{asked:#?}");
    assert_eq!(world.versions(&NAMES), versions, "no write");
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_resource_costs_nothing_but_the_word_that_it_was_handled() {
    let world = in_sync().await;
    world.change("drain-1", &json!({"suspend": true}));
    let before = world.until_reason("drain-1", "Suspended").await;
    world.simulator.clear_journal();
    let long = format!("{}{}", "\u{20ac}".repeat(340), "x".repeat(1_000));
    world.request("drain-1", &long);
    let kept = format!("{}xxxx", "\u{20ac}".repeat(340));
    let object = world.until_handled("drain-1", &kept).await;
    assert_eq!(kept.len(), 1_024);
    assert_eq!(object["status"]["conditions"], before["status"]["conditions"]);
    assert_eq!(object["status"]["drains"], before["status"]["drains"]);
    assert!(world.simulator.journal().is_empty(), "{:#?}", world.simulator.journal());

    // What is cut off makes no difference.
    let versions = world.versions(&["drain-1"]);
    world.request("drain-1", &format!("{long}, and more"));
    let annotated = world.versions(&["drain-1"]);
    assert_ne!(annotated, versions);
    world.marked(10).await;
    assert_eq!(world.versions(&["drain-1"]), annotated);

    world.change("drain-1", &json!({"suspend": false}));
    world.until_reason("drain-1", "Synced").await;
    world
        .until_events(
            "drain-1",
            &[
                "Normal Added: added the drain tcp+tls://logs.example.com:1",
                "Normal Resumed: spec.suspend is no longer true: the drain is looked after again",
                "Normal Suspended: spec.suspend is true: nothing is checked or changed at Scalingo",
            ],
        )
        .await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_handled_too_where_the_look_ends_otherwise_than_well() {
    let world = in_sync().await;
    world.apply("lost", &papertrail("no-such-app", 20));
    world.until_reason("lost", "AppNotFound").await;
    let mut secretless = papertrail("shop-api", 21);
    secretless["apiTokenSecretRef"] = json!({"name": "later", "key": "api_token"});
    world.apply("secretless", &secretless);
    world.until_reason("secretless", "ApiTokenNotFound").await;
    world.simulator.clear_journal();
    world.request("lost", "now");
    let object = world.until_handled("lost", "now").await;
    assert_eq!(ready(&object)["reason"], "AppNotFound");
    assert_eq!(world.simulator.requests("GET", "/v1/apps").len(), 1, "it was looked for");
    world.request("secretless", "now");
    let object = world.until_handled("secretless", "now").await;
    assert_eq!(ready(&object)["reason"], "ApiTokenNotFound");

    // What was made meanwhile is found by the next request.
    world.simulator.add_app("no-such-app");
    world.request("lost", "again");
    let object = world.until_handled("lost", "again").await;
    assert_eq!(ready(&object)["reason"], "Synced");
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_scalingo_puts_off_for_long_is_told_so_and_done_later() {
    let world = in_sync().await;
    let wait = Action::too_many_requests(Some(12));
    world.simulator.add_rule(Rule::new("GET", "/v1/apps/*/log_drains", wait).once());
    world.request("drain-1", "now");
    let object = world.until_handled("drain-1", "now").await;
    assert_eq!(ready(&object)["reason"], "RateLimited", "somebody waits for it: {object:#}");
    world.until_reason("drain-1", "Synced").await;
    assert_eq!(lists(&world.simulator).len(), 2, "{:#?}", world.simulator.journal());
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_requested_while_nobody_was_there_is_done_by_the_next_start() {
    let world = in_sync().await;
    world.stop_operator();
    world.simulator.remove_drain_behind("shop-front", &url(3)).expect("the drain");
    world.request("drain-2", "away");
    world.request("drain-3", "away");
    world.start_operator_with(&ONLY_ON_REQUEST);
    for name in ["drain-2", "drain-3"] {
        world.until_handled(name, "away").await;
    }
    assert_eq!(world.simulator.drains("shop-front").len(), 3);
    assert_eq!(lists(&world.simulator).len(), 2, "{:#?}", world.simulator.journal());
    world.finish();
}
