use std::time::Duration;

use scalingo_simulator::{RateLimit, Window};
use serde_json::json;

use crate::{Client, basic, shop};

async fn statuses(client: &Client, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(client.get("/v1/apps").await.status);
    }
    statuses
}

#[tokio::test(start_paused = true)]
async fn the_sliding_window_never_lets_more_through_in_any_minute() {
    let (simulator, client) = shop().await;
    simulator.set(|settings| settings.rate_limit = Some(RateLimit::sliding(3)));
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(statuses(&client, 1).await, [200]);
    tokio::time::advance(Duration::from_secs(50)).await;
    assert_eq!(statuses(&client, 3).await, [200, 200, 429]);
    let refused = client.get("/v1/apps").await;
    assert_eq!(refused.body, b"Retry later\n");
    assert_eq!(refused.headers["content-type"], "text/plain");
    assert_eq!(refused.headers["retry-after"], "10");
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(statuses(&client, 2).await, [200, 429]);
    assert_eq!(simulator.complaints(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_fixed_window_begins_with_the_minute_of_the_clock() {
    let (simulator, client) = shop().await;
    simulator.set(|settings| settings.rate_limit = Some(RateLimit::fixed(2)));
    assert_eq!(statuses(&client, 3).await, [200, 200, 429]);
    assert!(!client.get("/v1/apps").await.headers.contains_key("retry-after"));
    tokio::time::advance(Duration::from_secs(29)).await;
    assert_eq!(statuses(&client, 1).await, [429]);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(statuses(&client, 3).await, [200, 200, 429]);
    simulator.set(|settings| {
        settings.rate_limit = Some(RateLimit { per_minute: 1, window: Window::Fixed, retry_after: true });
    });
    assert_eq!(client.get("/v1/apps").await.headers["retry-after"], "60");
}

#[tokio::test(start_paused = true)]
async fn each_api_token_has_its_own_limit_which_counts_exchanges_too() {
    let (simulator, client) = shop().await;
    simulator.add_token("other", "tk-us-other");
    simulator.set(|settings| settings.rate_limit = Some(RateLimit::sliding(2)));
    let exchange = client.with(&basic("", "tk-us-other"));
    let jwt = exchange.post("/v1/tokens/exchange", &json!({})).await.json()["token"].clone();
    let other = client.with(&format!("Bearer {}", jwt.as_str().unwrap()));
    assert_eq!(statuses(&other, 2).await, [200, 429]);
    assert_eq!(exchange.post("/v1/tokens/exchange", &json!({})).await.status, 429);
    assert_eq!(statuses(&client, 3).await, [200, 200, 429]);
}

#[tokio::test(start_paused = true)]
async fn a_write_refused_by_the_limit_is_not_made() {
    let (simulator, client) = shop().await;
    simulator.set(|settings| settings.rate_limit = Some(RateLimit::sliding(0)));
    assert_eq!(client.add(1).await.unwrap().status, 429);
    assert_eq!(simulator.drains("shop"), [""; 0]);
    simulator.set(|settings| settings.rate_limit = None);
    assert_eq!(client.add(1).await.unwrap().status, 201);
}
