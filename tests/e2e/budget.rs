//! The request budget, as Scalingo counts it.

use scalingo_simulator::{Entry, RateLimit};
use serde_json::{Value, json};

use crate::{
    eventually::eventually,
    scene::LATER,
    world::{World, condition, ready},
};

const LIMIT: usize = 50;

/// The most requests that arrived within 60 s.
fn most_in_a_minute(journal: &[Entry]) -> usize {
    let within = |from: &Entry| {
        journal
            .iter()
            .filter(|entry| entry.at >= from.at && entry.at.duration_since(from.at).as_secs() < 60)
            .count()
    };
    journal.iter().map(within).max().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_share_the_budget_and_say_that_they_wait() {
    let world = World::new().await;
    world.simulator.set(|settings| settings.rate_limit = Some(RateLimit::sliding(60)));
    let names: Vec<String> = (0..60).map(|index| format!("drain-{index:02}")).collect();
    let item = |(index, name): (usize, &String)| {
        json!({
            "apiVersion": "logs.scalingo.com/v1", "kind": "LogDrain", "metadata": {"name": name},
            "spec": {
                "app": "shop-front", "type": "papertrail", "host": "logs.example.com", "port": 1_000 + index,
            },
        })
    };
    let items: Vec<_> = names.iter().enumerate().map(item).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    // All are there when it begins: however slow this machine is, they want more at once than a minute allows.
    world
        .try_kubectl(&["apply", "-f", "-"], Some(&list.to_string()))
        .unwrap_or_else(|error| panic!("{error}"));
    world.start_operator_with(&["--requests-per-minute", "50", "--resync", "1h"]);
    let waits = async || {
        world.metrics().await.has_some("logdrain_budget_waiting{", "class=\"rollout\"").then_some(())
    };
    eventually(LATER, || "nothing waits".to_owned(), waits).await;
    for name in &names {
        let is_synced = |object: &Value| ready(object)["reason"] == "Synced";
        world.until_within(LATER, world.namespace(), name, "Synced", is_synced).await;
    }
    world.stop_operator();
    let mut states = world.states();
    states.retain(|object| ready(object)["reason"] == "RateLimited");
    assert!(!states.is_empty(), "60 additions do not fit into one minute of 50");
    for object in &states {
        let message = ready(object)["message"].as_str().expect("a message");
        let begin = "waiting for the request budget of the API token; goes on at about 20";
        assert!(message.starts_with(begin) && message.ends_with('Z'), "{message}");
        assert_eq!(condition(object, "Reconciling")["status"], "True");
    }
    assert_eq!(world.simulator.drains("shop-front").len(), names.len());
    let journal = world.simulator.journal();
    assert!(journal.iter().all(|entry| entry.status != Some(429)), "{journal:#?}");
    assert!(most_in_a_minute(&journal) <= LIMIT, "{}", most_in_a_minute(&journal));
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_deleted_while_it_waits_gives_its_place_back() {
    let world = World::new().await;
    world.simulator.set(|settings| settings.rate_limit = Some(RateLimit::fixed(2)));
    world.start_operator_with(&["--requests-per-minute", "2", "--resync", "1h"]);
    // The exchange and the list of apps are the two requests of this minute.
    world.apply(
        "waits",
        &json!({"app": "shop-front", "type": "papertrail", "host": "a.example.com", "port": 1}),
    );
    world
        .until_simulator("the list of apps", |simulator| !simulator.requests("GET", "/v1/apps").is_empty())
        .await;
    world.delete_until_gone(&["logdrain", "waits"]);
    // Whoever waited for the next minute would have listed the drains.
    assert_eq!(world.simulator.journal().len(), 2, "{:#?}", world.simulator.journal());
    world.finish();
}
