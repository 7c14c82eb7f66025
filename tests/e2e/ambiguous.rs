//! A lost answer, and drains of others that appear in the same moment.

use scalingo_simulator::{Duplicates, Simulator, UrlForm, When};
use serde_json::{Value, json};

use crate::{
    scene::{DRAINS, LATER},
    world::{World, condition, ready},
};

const TOKEN: &str = "tok-7d20-own";

/// A world in which the URLs of new drains tell nothing, and in which an operator is about to add the drain `logs`.
async fn unknown_forms() -> World {
    let world = World::new().await;
    world.secret("service", &[("token", TOKEN)]);
    world.simulator.set(|settings| {
        settings.duplicates = Duplicates::Accepted;
        settings.url_forms.insert("*".into(), UrlForm::Unique);
    });
    world
}

fn apply(world: &World) {
    let spec = json!({
        "app": "shop-front",
        "type": "syslog",
        "host": "logs.example.com",
        "port": 6514,
        "tokenSecretRef": {"name": "service", "key": "token"},
    });
    world.apply("logs", &spec);
}

/// Starts an operator whose POST is lost, after the change or before it, while somebody else adds these drains.
async fn lose_the_answer(world: &World, when: When, meanwhile: &[&str]) {
    let held = world.simulator.hold("POST", DRAINS[0], when);
    apply(world);
    world.start_operator();
    world.until_held(&held).await;
    for url in meanwhile {
        world.is_secret(url);
        world.simulator.add_drain_behind("shop-front", url).expect("the app");
    }
    world.simulator.clear_rules();
    held.gate.break_off();
}

fn posts(simulator: &Simulator) -> usize {
    simulator.journal().iter().filter(|entry| entry.method == "POST" && entry.path.contains("drains")).count()
}

async fn until_later(world: &World, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    world.until_within(LATER, world.namespace(), "logs", what, is_so).await
}

async fn until_ambiguous(world: &World) -> Value {
    let object = until_later(world, "Ambiguous", |object| ready(object)["reason"] == "Ambiguous").await;
    assert_eq!(ready(&object)["status"], "False");
    assert_eq!(condition(&object, "Stalled")["status"], "True", "{object:#}");
    assert!(condition(&object, "Reconciling").is_null(), "{object:#}");
    assert_eq!(
        ready(&object)["message"],
        "the answer to an addition was lost, and 2 new drains at Scalingo may be the one: delete those that nobody \
         wants there; nothing is added or deleted until then"
    );
    object
}

/// Waits until the drains have been listed this many times more.
async fn lists(world: &World, count: usize) {
    let listed = |simulator: &Simulator| {
        let lists = simulator.journal();
        lists.iter().filter(|entry| entry.method == "GET" && entry.path.ends_with("log_drains")).count()
    };
    let before = listed(&world.simulator);
    world.until_simulator("more lists", |simulator| listed(simulator) >= before + count).await;
}

/// Each of them waits until the request can no longer come: side by side.
#[tokio::test(flavor = "multi_thread")]
async fn drains_of_others_that_appear_when_an_answer_is_lost_are_not_touched() {
    tokio::join!(
        of_two_new_drains_that_cannot_be_told_apart_none_is_touched_until_a_person_deletes_one(),
        when_a_person_deletes_all_that_were_ambiguous_the_drain_is_added_again(),
        ambiguous_drains_are_not_touched_when_their_resource_is_deleted_and_retain_lets_it_go(),
        a_drain_that_evidently_leads_elsewhere_is_never_taken_for_the_lost_one(),
    );
}

const OTHER: &str = "https://intake.example/v2/of-somebody-else";

async fn of_two_new_drains_that_cannot_be_told_apart_none_is_touched_until_a_person_deletes_one() {
    let world = unknown_forms().await;
    lose_the_answer(&world, When::After, &[OTHER]).await;
    world.record("ambiguous", &until_ambiguous(&world).await);
    let before = world.simulator.changes();
    lists(&world, 3).await;
    assert_eq!(world.simulator.changes(), before, "nothing is added or deleted");
    assert_eq!(posts(&world.simulator), 1);

    world.simulator.remove_drain_behind("shop-front", OTHER).expect("it is there");
    let object = world.until_reason("logs", "Synced").await;
    assert_eq!(object["status"]["drains"].as_array().map(Vec::len), Some(1));
    assert_eq!(world.simulator.drains("shop-front").len(), 1);
    assert_eq!(posts(&world.simulator), 1, "it was found, not added again");
    world.finish();
}

async fn when_a_person_deletes_all_that_were_ambiguous_the_drain_is_added_again() {
    let world = unknown_forms().await;
    lose_the_answer(&world, When::After, &[OTHER]).await;
    until_ambiguous(&world).await;
    for url in world.simulator.drains("shop-front") {
        world.simulator.remove_drain_behind("shop-front", &url).expect("it is there");
    }
    world.until_reason("logs", "Synced").await;
    assert_eq!(world.simulator.drains("shop-front").len(), 1);
    assert_eq!(posts(&world.simulator), 2);
    world.finish();
}

async fn ambiguous_drains_are_not_touched_when_their_resource_is_deleted_and_retain_lets_it_go() {
    let world = unknown_forms().await;
    lose_the_answer(&world, When::After, &[OTHER]).await;
    until_ambiguous(&world).await;
    let before = world.simulator.changes();
    world.delete("logs");
    let is_going = |object: &Value| {
        ready(object)["observedGeneration"] == object["metadata"]["generation"]
            && !object["metadata"]["deletionTimestamp"].is_null()
    };
    until_later(&world, "seen", is_going).await;
    until_ambiguous(&world).await;
    lists(&world, 3).await;
    assert_eq!(world.simulator.changes(), before, "nothing is added or deleted");

    world.change("logs", &json!({"deletionPolicy": "Retain"}));
    world.until_gone("logs").await;
    assert_eq!(world.simulator.changes(), before, "nothing is added or deleted");
    world.finish();
}

async fn a_drain_that_evidently_leads_elsewhere_is_never_taken_for_the_lost_one() {
    // Documented forms: of the wanted type with another token or host, and of other types.
    let foreign = [
        "syslog://:tok-of-another@logs.example.com:6514",
        "syslog://:tok-7d20-own-not@logs.example.com:6514",
        "tcp+tls://logs.example.com:6514",
        "ovh://:tok-of-another@gra1.logs.ovh.com:6514",
        "datadog://tok-of-another?region=eu-west-1",
    ];
    let world = unknown_forms().await;
    lose_the_answer(&world, When::Before, &foreign).await;
    let waits = |object: &Value| {
        ready(object)["message"]
            .as_str()
            .is_some_and(|message| message.starts_with("the answer to a request"))
    };
    world.record("progressing", &world.until("logs", "waiting", waits).await);
    until_later(&world, "Synced", |object| ready(object)["reason"] == "Synced").await;
    assert_eq!(posts(&world.simulator), 2);
    let drains = world.simulator.drains("shop-front");
    assert_eq!(drains[..foreign.len()], foreign);
    assert_eq!(drains.len(), foreign.len() + 1);

    world.kubectl(&["delete", "logdrain", "logs"]);
    assert_eq!(world.simulator.drains("shop-front"), foreign);
    world.finish();
}
