use std::time::Duration;

use scalingo_simulator::{Lag, ListLag, Simulator};
use serde_json::json;
use tokio::time::sleep;

use crate::{Client, added, shop};

const PATH: &str = "/v1/apps/shop/log_drains";

fn lags(simulator: &Simulator, kind: Lag) {
    simulator.set(|settings| settings.list_lag = Some(ListLag { seconds: 5, kind }));
}

async fn listed(client: &Client) -> Vec<String> {
    client.get(PATH).await.urls()
}

#[tokio::test(start_paused = true)]
async fn a_steady_lag_shows_the_drains_of_some_seconds_ago_and_nothing_from_before_it_began() {
    let (simulator, client) = shop().await;
    client.add(1).await.unwrap();
    lags(&simulator, Lag::Steady);
    assert_eq!(listed(&client).await, [added(1)]);
    client.add(2).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(client.delete(PATH, &json!({"url": added(1)})).await.status, 204);
    assert_eq!(simulator.drains("shop"), [added(2)]);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(listed(&client).await, [added(1)]);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(listed(&client).await, [added(1), added(2)]);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(listed(&client).await, [added(2)]);
    assert_eq!(client.delete(PATH, &json!({"url": added(1)})).await.status, 404, "writes do not lag");
}

#[tokio::test(start_paused = true)]
async fn a_varying_lag_shows_a_change_in_some_lists_and_in_all_once_it_has_passed() {
    let (simulator, client) = shop().await;
    lags(&simulator, Lag::Varying);
    client.add(1).await.unwrap();
    sleep(Duration::from_millis(2_500)).await;
    let mut lengths = Vec::new();
    for _ in 0..20 {
        lengths.push(listed(&client).await.len());
    }
    assert!(lengths.contains(&0) && lengths.contains(&1), "{lengths:?}");
    sleep(Duration::from_secs(3)).await;
    for _ in 0..20 {
        assert_eq!(listed(&client).await, [added(1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lag_of_one_list_is_over_with_the_next_one_and_with_time() {
    let (simulator, client) = shop().await;
    lags(&simulator, Lag::Once);
    client.add(1).await.unwrap();
    assert_eq!(listed(&client).await, [""; 0]);
    assert_eq!(listed(&client).await, [added(1)]);
    client.add(2).await.unwrap();
    simulator.remove_drain_behind("shop", &added(1)).unwrap();
    assert_eq!(listed(&client).await, [added(1)]);
    assert_eq!(listed(&client).await, [added(2)]);
    client.add(3).await.unwrap();
    sleep(Duration::from_secs(6)).await;
    assert_eq!(listed(&client).await, [added(2), added(3)]);
}

#[tokio::test(start_paused = true)]
async fn an_addon_that_is_made_again_shows_no_drain_of_the_former_one() {
    let (simulator, client) = shop().await;
    lags(&simulator, Lag::Steady);
    simulator.add_addon_with_id("shop", "postgresql", true, "ad-1").unwrap();
    simulator.add_drain_behind(("shop", "ad-1"), "x://y").unwrap();
    sleep(Duration::from_secs(6)).await;
    simulator.delete_addon("shop", "ad-1").unwrap();
    simulator.add_addon_with_id("shop", "postgresql", true, "ad-1").unwrap();
    assert_eq!(client.get("/v1/apps/shop/addons/ad-1/log_drains").await.urls(), [""; 0]);
}
