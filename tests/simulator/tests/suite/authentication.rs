use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::{Client, START, TOKEN, basic, shop};

#[tokio::test(start_paused = true)]
async fn a_bearer_token_says_when_it_expires_and_then_does() {
    let (simulator, client) = shop().await;
    let claims = client.authorization.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let start: jiff::Timestamp = START.parse().unwrap();
    assert_eq!(claims["exp"], start.as_second() + 3600);
    tokio::time::advance(Duration::from_secs(3599)).await;
    assert_eq!(client.get("/v1/apps").await.status, 200);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(client.get("/v1/apps").await.status, 401);
    simulator.set(|settings| settings.bearer_seconds = 10);
    let client = Client::of(&simulator).await;
    tokio::time::advance(Duration::from_secs(11)).await;
    let answer = client.get("/v1/apps").await;
    assert_eq!((answer.status, answer.json()), (401, json!({"error": "unauthorized"})));
    assert_eq!(simulator.complaints(), [""; 0]);
}

#[tokio::test]
async fn api_tokens_and_bearer_tokens_are_revoked_separately() {
    let (simulator, client) = shop().await;
    let exchange = client.with(&basic("", TOKEN));
    simulator.revoke_token("main");
    assert_eq!(exchange.post("/v1/tokens/exchange", &json!({})).await.status, 401);
    assert_eq!(client.get("/v1/apps").await.status, 200);
    simulator.restore_token("main");
    simulator.revoke_bearers("main");
    assert_eq!(client.get("/v1/apps").await.status, 401);
    assert_eq!(exchange.post("/v1/tokens/exchange", &json!({})).await.status, 200);
    assert_eq!(simulator.complaints(), [""; 0]);
}

#[tokio::test]
async fn a_refused_credential_is_no_complaint_and_a_missing_one_is() {
    let (simulator, client) = shop().await;
    assert_eq!(client.with("Bearer unknown").get("/v1/apps").await.status, 401);
    let exchange = client.with(&basic("", "tk-us-unknown"));
    assert_eq!(exchange.post("/v1/tokens/exchange", &json!({})).await.status, 401);
    assert_eq!(simulator.complaints(), [""; 0]);
    assert_eq!(client.with("").get("/v1/apps").await.status, 401);
    assert_eq!(client.with("").post("/v1/tokens/exchange", &json!({})).await.status, 401);
    assert_eq!(
        simulator.complaints(),
        ["GET /v1/apps: no credential", "POST /v1/tokens/exchange: no credential"]
    );
}

#[tokio::test]
async fn credentials_in_the_wrong_form_are_complaints() {
    let (simulator, client) = shop().await;
    let exchange = "/v1/tokens/exchange";
    assert_eq!(client.with(&format!("Bearer {TOKEN}")).get("/v1/apps").await.status, 401);
    assert_eq!(client.with(&basic("user", TOKEN)).post(exchange, &json!({})).await.status, 401);
    assert_eq!(client.post(exchange, &json!({})).await.status, 401);
    assert_eq!(client.with(&basic("", TOKEN)).post(exchange, &json!({"login": 1})).await.status, 400);
    assert_eq!(client.with("Digest x").get("/v1/apps").await.status, 401);
    assert_eq!(
        simulator.complaints(),
        [
            "GET /v1/apps: an API token in place of a bearer token",
            "POST /v1/tokens/exchange: Basic with a user name",
            "POST /v1/tokens/exchange: an exchange needs Basic",
            "POST /v1/tokens/exchange: the body of an exchange is {}",
            "GET /v1/apps: unreadable Authorization header",
        ]
    );
}

#[tokio::test]
async fn the_older_form_of_the_bearer_is_accepted() {
    let (_, client) = shop().await;
    let bearer = client.authorization.trim_start_matches("Bearer ");
    assert_eq!(client.with(&basic("", bearer)).get("/v1/apps").await.status, 200);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_tokens_and_ids() {
    let (one, one_client) = shop().await;
    let (two, two_client) = shop().await;
    assert_eq!(one_client.authorization, two_client.authorization);
    assert_eq!(one.app_id("shop"), two.app_id("shop"));
    let id = one.app_id("shop").unwrap();
    assert!(id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
}

#[tokio::test]
async fn what_the_public_cli_asks_at_first_is_answered() {
    let (simulator, client) = shop().await;
    assert_eq!(client.get("/v1/users/self").await.json()["user"]["username"], "main");
    let regions = client.get("/v1/regions").await.json();
    assert_eq!(regions["regions"][0]["api"], "http://scalingo.test");
    assert_eq!(simulator.complaints(), [""; 0]);
}

#[tokio::test]
async fn a_token_sees_only_the_apps_shown_to_it() {
    let (simulator, client) = shop().await;
    simulator.add_app("secret");
    assert_eq!(client.get("/v1/apps").await.json()["apps"].as_array().unwrap().len(), 2);
    simulator.show_only("main", Some(&["shop"]));
    let apps = client.get("/v1/apps").await.json();
    assert_eq!(apps["apps"].as_array().unwrap().len(), 1);
    assert_eq!(apps["apps"][0]["name"], "shop");
    let answer = client.get("/v1/apps/secret").await;
    assert_eq!((answer.status, answer.json()), (404, json!({"resource": "app", "error": "not found"})));
    simulator.show_only("main", None);
    assert_eq!(client.get("/v1/apps/secret").await.json()["app"]["name"], "secret");
}

#[tokio::test]
async fn a_limited_collaborator_meets_403_at_drains_only() {
    let (simulator, client) = shop().await;
    simulator.set_limited("main", true);
    assert_eq!(client.get("/v1/apps/shop/log_drains").await.status, 403);
    assert_eq!(client.add(1).await.unwrap().status, 403);
    assert_eq!(client.get("/v1/apps/shop").await.status, 200);
    assert_eq!(simulator.drains("shop"), [""; 0]);
    assert_eq!(simulator.complaints(), [""; 0]);
}
