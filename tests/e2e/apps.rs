//! Apps that are renamed, replaced, deleted or hard to see, and what finding them costs.

use scalingo_simulator::ChangeKind::{Added, Removed};
use scalingo_simulator::{Action, Answer, AnswerBody, Change, Rule, Simulator};
use serde_json::{Value, json};

use crate::{
    duplicates::{URL, after_lists, papertrail, with},
    errors::{PERSON, assert_failing, assert_synced},
    world::{World, ready},
};

fn id(world: &World, app: &str) -> String {
    world.simulator.app_id(app).expect("the app")
}

/// Kind and app's id of each change.
fn changes(simulator: &Simulator) -> Vec<(scalingo_simulator::ChangeKind, String)> {
    simulator.changes().into_iter().map(|Change { kind, target, .. }| (kind, target.app)).collect()
}

/// The events of this reason, as `type note`.
fn events(world: &World, reason: &str) -> Vec<String> {
    let text = world.kubectl(&["get", "events.v1.events.k8s.io", "--output=json"]);
    let list: Value = serde_json::from_str(&text).expect("JSON");
    let events = list["items"].as_array().expect("items");
    events
        .iter()
        .filter(|event| event["reason"] == reason)
        .map(|event| {
            assert_eq!(event["series"], Value::Null, "told once: {event:#}");
            let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
            format!("{} {}", text("type"), text("note"))
        })
        .collect()
}

async fn until_message(world: &World, name: &str, message: &str) -> Value {
    world.until(name, message, |object| ready(object)["message"] == message).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_app_stays_under_control_until_the_spec_follows() {
    let world = World::running().await;
    let app = id(&world, "shop-front");
    world.apply("drain", &papertrail("shop-front"));
    world.until_reason("drain", "Synced").await;
    world.simulator.rename_app("shop-front", "boutique").expect("the app");
    let note = "the app shop-front is now called boutique: change spec.app to boutique";
    let renamed = until_message(&world, "drain", &format!("Scalingo lists the drain {URL}; {note}")).await;
    assert_synced(&renamed);
    assert_eq!(renamed["status"]["renamedTo"], "boutique");
    assert_eq!(renamed["status"]["drains"][0]["app"], "shop-front");
    assert_eq!(renamed["status"]["drains"][0]["appId"], app.as_str());
    after_lists(&world, 4).await;
    assert_eq!(world.get("drain"), renamed, "said once");
    assert_eq!(events(&world, "AppRenamed"), [format!("Warning {note}")]);

    // It is still under control: drift is healed, also after a restart.
    world.kill_operator();
    world.simulator.remove_drain_behind("boutique", URL).expect("the drain");
    world.start_operator();
    world.until_simulator("the drain again", |simulator| simulator.drains("boutique") == [URL]).await;
    until_message(&world, "drain", &format!("Scalingo lists the drain {URL}; {note}")).await;

    world.simulator.clear_journal();
    world.apply("drain", &papertrail("boutique"));
    let followed = until_message(&world, "drain", &format!("Scalingo lists the drain {URL}")).await;
    assert_synced(&followed);
    assert_eq!(followed["status"]["renamedTo"], Value::Null);
    assert_eq!(followed["status"]["drains"][0]["app"], "boutique");
    assert_eq!(followed["status"]["drains"][0]["appId"], app.as_str());
    after_lists(&world, 3).await;
    assert!(world.writes().is_empty(), "{:?}", world.writes());
    assert!(world.simulator.changes().is_empty(), "nothing is added for the new name");
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_app_can_still_be_left() {
    let world = World::running().await;
    let app = id(&world, "shop-front");
    world.apply("drain", &papertrail("shop-front"));
    world.until_reason("drain", "Synced").await;
    world.simulator.rename_app("shop-front", "boutique").expect("the app");
    world.delete_until_gone(&["logdrain", "drain"]);
    assert_eq!(changes(&world.simulator), [(Added, app.clone()), (Removed, app)]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_has_come_to_mean_another_app_is_a_change_of_target() {
    let world = World::running().await;
    let old = id(&world, "shop-front");
    world
        .simulator
        .add_drain_behind("shop-front", "syslog://:foreign-token@theirs.example:6514")
        .expect("it");
    world.is_secret("foreign-token");
    world.apply("drain", &papertrail("shop-front"));
    world.until_reason("drain", "Synced").await;
    // The operator must not see the moment between.
    world.stop_operator();
    world.simulator.rename_app("shop-front", "boutique").expect("the app");
    let new = world.simulator.add_app("shop-front");
    world.start_operator();
    world.until_simulator("the old drain gone", |simulator| simulator.changes().len() >= 4).await;
    after_lists(&world, 4).await;
    assert_eq!(
        changes(&world.simulator),
        [(Added, old.clone()), (Added, old.clone()), (Added, new.clone()), (Removed, old)],
        "first there, then gone from the app that had the name"
    );
    assert_eq!(world.simulator.drains("boutique"), ["syslog://:foreign-token@theirs.example:6514"]);
    let moved = world.until_reason("drain", "Synced").await;
    assert_eq!(moved["status"]["drains"].as_array().map(Vec::len), Some(1), "{moved:#}");
    assert_eq!(moved["status"]["drains"][0]["appId"], new);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_deleted_and_made_again_has_its_drain_again() {
    let world = World::running().await;
    world.apply("drain", &papertrail("shop-front"));
    world.apply("other", &papertrail("shop-api"));
    world.until_reason("drain", "Synced").await;
    let other = world.until_reason("other", "Synced").await;
    world.simulator.delete_app("shop-front").expect("the app");
    let gone = world.until_reason("drain", "AppNotFound").await;
    let message = "spec.app: region osc-fr1 has no app shop-front that the API token may see; check the name, the \
                   region and whose token it is";
    assert_failing(&gone, "AppNotFound", PERSON, message);
    after_lists(&world, 2).await;
    assert_eq!(world.get("other"), other, "another app is not held up");

    let new = world.simulator.add_app("shop-front");
    let back = world.until_reason("drain", "Synced").await;
    assert_synced(&back);
    assert_eq!(back["status"]["drains"].as_array().map(Vec::len), Some(1), "{back:#}");
    assert_eq!(back["status"]["drains"][0]["appId"], new);
    assert_eq!(world.simulator.drains("shop-front"), [URL]);

    // With the app its drains are gone: nothing keeps the resource.
    world.simulator.delete_app("shop-front").expect("the app");
    world.until_reason("drain", "AppNotFound").await;
    world.delete_until_gone(&["logdrain", "drain"]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_given_by_its_id_survives_a_renaming_unnoticed() {
    let world = World::running().await;
    let app = id(&world, "shop-front");
    world.apply("drain", &papertrail(&app));
    let before = world.until_reason("drain", "Synced").await;
    assert_eq!(before["status"]["drains"][0]["app"], app.as_str());
    world.simulator.rename_app("shop-front", "boutique").expect("the app");
    after_lists(&world, 4).await;
    assert_eq!(world.get("drain"), before);

    // From the id to the name is no change either.
    world.simulator.clear_journal();
    world.apply("drain", &papertrail("boutique"));
    let named = world.until_reason("drain", "Synced").await;
    assert_eq!(named["status"]["drains"][0]["app"], "boutique");
    assert!(world.writes().is_empty(), "{:?}", world.writes());
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_only_its_own_page_shows_is_found() {
    let world = World::new().await;
    let nothing = AnswerBody::Json(json!({"apps": []}));
    world.simulator.add_rule(Rule::new("GET", "/v1/apps", Action::respond(Answer::new(200, nothing))));
    world.apply("drain", &papertrail("shop-front"));
    world.start_operator_with(&["--resync", "20s"]);
    assert_synced(&world.until_reason("drain", "Synced").await);
    // What was found is kept like what was listed: a second resource asks for nothing but its drains.
    world.apply("second", &with(papertrail("shop-front"), "port", &json!(7514)));
    assert_synced(&world.until_reason("second", "Synced").await);
    assert_eq!(world.simulator.requests("GET", "/v1/apps").len(), 1);
    assert_eq!(world.simulator.requests("GET", "/v1/apps/shop-front").len(), 1);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_the_token_may_not_see_is_found_once_it_may() {
    let world = World::new().await;
    world.simulator.show_only("operator", Some(&["shop-api"]));
    world.apply("drain", &papertrail("shop-front"));
    world.apply("seen", &papertrail("shop-api"));
    world.start_operator();
    assert_synced(&world.until_reason("seen", "Synced").await);
    let message = "spec.app: region osc-fr1 has no app shop-front that the API token may see; check the name, the \
                   region and whose token it is";
    assert_failing(&world.until_reason("drain", "AppNotFound").await, "AppNotFound", PERSON, message);
    world.simulator.show_only("operator", None);
    assert_synced(&world.until_reason("drain", "Synced").await);

    // Seen no more, its drain is not taken for gone: the record stays, and the drain is not added again.
    world.simulator.show_only("operator", Some(&["shop-api"]));
    let unseen = world.until_reason("drain", "AppNotFound").await;
    assert_eq!(unseen["status"]["drains"][0]["url"], URL);
    world.simulator.show_only("operator", None);
    assert_synced(&world.until_reason("drain", "Synced").await);
    assert_eq!(world.simulator.changes().len(), 2, "{:?}", world.simulator.changes());
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_on_few_apps_cost_one_exchange_one_list_of_apps_and_a_list_of_drains_each() {
    const APPS: usize = 3;
    const EACH: usize = 4;
    let world = World::new().await;
    let mut items = Vec::new();
    for app in 0..APPS {
        let name = format!("shop-{app}");
        let id = world.simulator.add_app(&name);
        for drain in 0..EACH {
            // Some by name, some by id.
            let key = if drain % 2 == 0 { &name } else { &id };
            items.push(json!({
                "apiVersion": "logs.scalingo.com/v1", "kind": "LogDrain",
                "metadata": {"name": format!("{name}-{drain}"), "namespace": world.namespace()},
                "spec": with(papertrail(key), "port", &json!(6000 + drain)),
            }));
        }
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    world.try_kubectl(&["apply", "-f", "-"], Some(&list)).expect("all are accepted");
    world.start_operator_with(&["--resync", "10m"]);
    world.kubectl(&["wait", "--for=condition=Ready", "logdrains", "--all", "--timeout=120s"]);
    let count = |method, path| world.simulator.requests(method, path).len();
    assert_eq!(count("POST", "/v1/tokens/exchange"), 1);
    assert_eq!(count("GET", "/v1/apps"), 1);
    assert_eq!(count("GET", "/v1/apps/*"), 0);
    assert_eq!(count("POST", "/v1/apps/*/log_drains"), APPS * EACH);
    let lists = count("GET", "/v1/apps/*/log_drains");
    assert!(lists <= APPS * EACH, "{lists} lists for {APPS} apps with {EACH} each");
    assert_eq!(world.simulator.journal().len(), 2 + APPS * EACH + lists, "and nothing else");
    world.finish();
}
