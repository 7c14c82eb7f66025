//! A failure that follows another of the same reason is told of too: by an event, and a line of the log.

use scalingo_simulator::{Action, Answer, Rule};
use serde_json::{Value, json};

use crate::{
    few_requests::papertrail,
    types::with_datadog,
    world::{World, ready},
};

impl World {
    /// The actions of the events of a `LogDrain` that have this reason.
    fn actions(&self, name: &str, reason: &str) -> Vec<String> {
        let selector = format!("regarding.kind=LogDrain,regarding.name={name},reason={reason}");
        let text =
            self.kubectl(&["get", "events.v1.events.k8s.io", "-o=json", "--field-selector", &selector]);
        let list: Value = serde_json::from_str(&text).expect("JSON");
        let items = list["items"].as_array().expect("items");
        items.iter().map(|event| event["action"].as_str().expect("an action").to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_wrong_name_is_told_like_the_first_and_the_same_one_only_once() {
    let world = World::running().await;
    let told = |app: &str| {
        format!(
            "Warning AppNotFound: spec.app: region osc-fr1 has no app {app} that the API token may see; check the name, the region \
             and whose token it is"
        )
    };
    for app in ["no-such-app", "nor-this-one"] {
        world.apply("drain", &papertrail(app, 1));
        world.until_reason("drain", "AppNotFound").await;
    }
    world.until_events("drain", &[&told("no-such-app"), &told("nor-this-one")]).await;
    assert_eq!(world.actions("drain", "AppNotFound"), ["Check", "Check"]);
    let output = world.operator_output();
    for app in ["no-such-app", "nor-this-one"] {
        let line = format!("has no app {app} that");
        let warned = output.lines().filter(|text| text.contains("WARN") && text.contains(&line)).count();
        assert_eq!(warned, 1, "however often it is tried: {output}");
    }
    world.apply("drain", &papertrail("shop-front", 1));
    world.until_reason("drain", "Synced").await;
    assert_eq!(world.actions("drain", "Added"), ["Add"]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_out_is_told_of_a_deletion_that_lacks_the_token_that_was_lacking_before() {
    let world = with_datadog().await;
    world.stop_operator();
    world.kubectl(&["delete", "secret", "scalingo"]);
    world.start_operator();
    world.until_reason("datadog", "ApiTokenNotFound").await;
    world.delete("datadog");
    let remedy = "set spec.deletionPolicy to Retain";
    let says = |object: &Value| ready(object)["message"].as_str().is_some_and(|text| text.contains(remedy));
    world.until("datadog", remedy, says).await;
    let is_told = |event: &String| event.starts_with("Warning ApiTokenNotFound: ") && event.contains(remedy);
    let describe = || format!("{:#?}", world.events("datadog"));
    crate::eventually::until(crate::world::SOON, describe, || world.events("datadog").iter().any(is_told))
        .await;
    world.change("datadog", &json!({"deletionPolicy": "Retain"}));
    world.until_gone("datadog").await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_lacking_is_told_after_a_token_that_was_refused() {
    let world = World::new().await;
    let refuse = |status| Action::respond(Answer::error(status, "no"));
    let rule = world.simulator.add_rule(Rule::new("POST", "/v1/tokens/exchange", refuse(401)));
    world.start_operator();
    world.apply("drain", &papertrail("shop-front", 1));
    world.until_reason("drain", "Unauthorized").await;
    world.simulator.add_rule(Rule::new("GET", "/v1/apps/*/log_drains", refuse(403)));
    world.simulator.remove_rule(rule);
    let told = [
        "Warning Unauthorized: Scalingo refuses the API token: no; look at the Secret that spec.apiTokenSecretRef names",
        "Warning NotPermitted: the user of the API token that spec.apiTokenSecretRef names may not manage the drains of this \
         app: no; a collaborator with the limited role cannot",
    ];
    world.until_events("drain", &told).await;
    world.finish();
}
