use std::time::Duration;

use serde_json::{Value, json};

use crate::{Client, added, shop};

async fn types(client: &Client, path: &str) -> Vec<String> {
    let events = client.get(path).await.json()["events"].as_array().unwrap().clone();
    events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_change_is_in_the_feed_newest_first() {
    let (simulator, client) = shop().await;
    let id = simulator.app_id("shop").unwrap();
    client.add(1).await.unwrap();
    simulator.add_drain_behind("shop", "x://y").unwrap();
    client.delete("/v1/apps/shop/log_drains", &json!({"url": added(1)})).await;
    let addon = simulator.add_addon("shop", "redis", true).unwrap();
    simulator.add_drain_behind(("shop", &addon), "x://z").unwrap();
    simulator.delete_addon("shop", &addon).unwrap();
    simulator.rename_app("shop", "store").unwrap();
    simulator.delete_app("store").unwrap();
    assert_eq!(
        types(&client, "/v1/events").await,
        [
            "delete_app",
            "delete_log_drain",
            "rename_app",
            "delete_addon",
            "delete_log_drain",
            "new_log_drain",
            "new_addon",
            "delete_log_drain",
            "new_log_drain",
            "new_log_drain",
            "new_app",
        ]
    );
    let events = client.get("/v1/events").await.json()["events"].clone();
    assert_eq!(events[9]["type_data"], json!({"url": added(1)}));
    assert_eq!((&events[9]["app_id"], &events[9]["app_name"]), (&json!(id), &json!("shop")));
    assert_eq!(events[5]["type_data"], json!({"url": "x://z", "addon_uuid": addon}));
    assert_eq!(events[2]["type_data"], json!({"old_name": "shop", "new_name": "store"}));
    let ids: std::collections::BTreeSet<&str> =
        events.as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 11);
    assert_eq!(simulator.complaints(), [""; 0]);
}

#[tokio::test]
async fn a_refused_or_failed_change_is_not_in_the_feed() {
    let (simulator, client) = shop().await;
    client.add(1).await.unwrap();
    assert_eq!(client.add(1).await.unwrap().status, 422);
    assert!(simulator.remove_drain_behind("shop", "no://such").is_err());
    assert_eq!(types(&client, "/v1/events").await, ["new_log_drain", "new_app"]);
}

#[tokio::test]
async fn the_feed_is_paginated() {
    let (simulator, client) = shop().await;
    for number in 0..24 {
        simulator.add_drain_behind("shop", &format!("x://{number}")).unwrap();
    }
    let pagination = |page: &Value| page["meta"]["pagination"].clone();
    let one = client.get("/v1/events").await.json();
    assert_eq!(one["events"].as_array().unwrap().len(), 20);
    assert_eq!(one["events"][0]["type_data"]["url"], "x://23");
    assert_eq!(
        pagination(&one),
        json!({"current_page": 1, "next_page": 2, "prev_page": null, "total_pages": 2, "total_count": 25})
    );
    let three = client.get("/v1/events?page=3&per_page=10").await.json();
    assert_eq!(three["events"].as_array().unwrap().len(), 5);
    assert_eq!(three["events"][0]["type_data"]["url"], "x://3");
    assert_eq!(
        pagination(&three),
        json!({"current_page": 3, "next_page": null, "prev_page": 2, "total_pages": 3, "total_count": 25})
    );
    assert_eq!(client.get("/v1/events?page=9").await.json()["events"], json!([]));
    assert_eq!(simulator.complaints(), [""; 0]);
    assert_eq!(client.get("/v1/events?page=x").await.status, 400);
    assert_eq!(simulator.complaints(), ["GET /v1/events: page is not a number"]);
}

#[tokio::test(start_paused = true)]
async fn the_events_of_one_app_can_be_asked_for_by_age() {
    let (simulator, client) = shop().await;
    simulator.add_app("other");
    tokio::time::advance(Duration::from_secs(3 * 3600)).await;
    let client = Client::of(&client.simulator).await;
    simulator.add_drain_behind("shop", "x://y").unwrap();
    assert_eq!(types(&client, "/v1/apps/shop/events").await, ["new_log_drain", "new_app"]);
    assert_eq!(types(&client, "/v1/apps/shop/events?from=2").await, ["new_log_drain"]);
    assert_eq!(types(&client, "/v1/apps/shop/events?from=4").await, ["new_log_drain", "new_app"]);
}

#[tokio::test(start_paused = true)]
async fn the_feed_can_be_late_incomplete_or_off() {
    let (simulator, client) = shop().await;
    simulator.add_app("other");
    simulator.set(|settings| settings.event_delay_seconds = 5);
    assert_eq!(types(&client, "/v1/events").await, [""; 0]);
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(types(&client, "/v1/events").await, ["new_app", "new_app"]);
    simulator.set(|settings| settings.events_hidden_for = ["other".to_owned()].into());
    assert_eq!(types(&client, "/v1/events").await, ["new_app"]);
    simulator.set(|settings| settings.events = false);
    simulator.add_drain_behind("shop", "x://y").unwrap();
    assert_eq!(types(&client, "/v1/events").await, [""; 0]);
}

#[tokio::test]
async fn the_events_of_an_addon_can_have_names_of_their_own() {
    let (simulator, client) = shop().await;
    let addon = simulator.add_addon("shop", "redis", true).unwrap();
    simulator.set(|settings| settings.addon_event_names = true);
    simulator.add_drain_behind(("shop", &addon), "x://y").unwrap();
    simulator.add_drain_behind("shop", "x://y").unwrap();
    simulator.remove_drain_behind(("shop", &addon), "x://y").unwrap();
    let expected = ["delete_addon_log_drain", "new_log_drain", "new_addon_log_drain", "new_addon", "new_app"];
    assert_eq!(types(&client, "/v1/events").await, expected);
}

#[tokio::test]
async fn a_token_sees_the_events_of_its_apps_only() {
    let (simulator, client) = shop().await;
    simulator.add_app("other");
    simulator.show_only("main", Some(&["shop"]));
    let events = client.get("/v1/events").await.json();
    assert_eq!(events["meta"]["pagination"]["total_count"], 1);
    assert_eq!(events["events"][0]["app_name"], "shop");
}
