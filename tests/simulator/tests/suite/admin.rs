use axum::body::Body;
use axum::http::Request;
use scalingo_simulator::{Action, Answer, RateLimit, Rule, Simulator, When};
use serde_json::{Value, json};

use crate::{Answered, Client, added, shop};

/// As `curl -d` sends it: no credential, and a content type that is not JSON.
async fn admin(client: &Client, method: &str, path: &str, body: &Value) -> Answered {
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let request = Request::builder().method(method).uri(format!("/_simulator{path}")).body(body).unwrap();
    client.send(request).await.unwrap()
}

async fn get(client: &Client, path: &str) -> Value {
    let answer = admin(client, "GET", path, &Value::Null).await;
    assert_eq!(answer.status, 200);
    answer.json()
}

#[tokio::test]
async fn the_state_is_shown_redacted_unless_asked_otherwise() {
    let (simulator, client) = shop().await;
    let addon = simulator.add_addon("shop", "redis", true).unwrap();
    simulator.add_drain_behind("shop", "ovh://:s3cret@h:6514").unwrap();
    simulator.add_drain_behind(("shop", &addon), "datadog://s3cret?region=eu").unwrap();
    let redacted = get(&client, "/state").await;
    assert_eq!(redacted["apps"][0]["drains"], json!(["ovh://:***@h:6514"]));
    assert_eq!(redacted["apps"][0]["addons"][0]["drains"], json!(["datadog://***?region=eu"]));
    let revealed = get(&client, "/state?reveal=true").await;
    assert_eq!(revealed["apps"][0]["drains"], json!(["ovh://:s3cret@h:6514"]));
    let page = admin(&client, "GET", "", &Value::Null).await;
    let page = String::from_utf8(page.body).unwrap();
    for part in ["shop", &addon, "ovh://:***@h:6514", "datadog://***?region=eu"] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(!page.contains("s3cret"));
    assert!(!get(&client, "/changes").await.to_string().contains("s3cret"));
    assert!(get(&client, "/changes?reveal=true").await.to_string().contains("s3cret"));
}

#[tokio::test]
async fn the_page_is_html_whatever_names_hold() {
    let (simulator, client) = shop().await;
    simulator.add_app("<script>");
    let page = String::from_utf8(admin(&client, "GET", "", &Value::Null).await.body).unwrap();
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"));
}

#[tokio::test]
async fn apps_addons_and_drains_are_changed() {
    let (simulator, client) = shop().await;
    let app = admin(&client, "POST", "/app", &json!({"name": "store"})).await;
    assert_eq!((app.status, app.json()["id"].as_str()), (201, simulator.app_id("store").as_deref()));
    let addon = admin(&client, "POST", "/addon", &json!({"app": "store", "provider": "postgresql"})).await;
    let addon = addon.json()["id"].as_str().unwrap().to_owned();
    let drain = json!({"app": "store", "addon": addon, "url": "x://y"});
    assert_eq!(admin(&client, "POST", "/drain", &drain).await.status, 201);
    assert_eq!(simulator.drains(("store", &addon)), ["x://y"]);
    assert_eq!(admin(&client, "DELETE", "/drain", &drain).await.status, 204);
    assert_eq!(simulator.drains(("store", &addon)), [""; 0]);
    for port in [1, 2] {
        client.add(port).await.unwrap();
    }
    assert_eq!(admin(&client, "DELETE", "/drain", &json!({"app": "shop", "index": 1})).await.status, 204);
    assert_eq!(simulator.drains("shop"), [added(1)]);
    assert_eq!(admin(&client, "POST", "/rename", &json!({"app": "shop", "name": "front"})).await.status, 204);
    assert_eq!(simulator.drains("front"), [added(1)]);
    assert_eq!(
        admin(&client, "DELETE", "/addon", &json!({"app": "store", "addon": addon})).await.status,
        204
    );
    assert_eq!(admin(&client, "DELETE", "/app", &json!({"app": "front"})).await.status, 204);
    assert_eq!(simulator.app_id("front"), None);
}

#[tokio::test]
async fn what_is_unknown_or_unreadable_is_said() {
    let (_, client) = shop().await;
    let unknown = admin(&client, "POST", "/rename", &json!({"app": "nobody", "name": "x"})).await;
    assert_eq!((unknown.status, unknown.json()), (404, json!({"error": "no such app"})));
    for (path, body) in [
        ("/app", json!({"nam": "x"})),
        ("/rule", json!({"path": "/v1/**", "then": {"action": "explode"}})),
        ("/settings", json!({"duplicates": "perhaps"})),
        ("/settings", json!({"duplicate": "merged"})),
        ("/drain", json!({"app": "shop"})),
    ] {
        assert_eq!(admin(&client, "POST", path, &body).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn rules_gates_tokens_and_settings_are_changed() {
    let (simulator, client) = shop().await;
    let answer = json!({"status": 503, "body": "html"});
    let rule = json!({"method": "GET", "path": "/v1/apps", "times": 1, "then": {"action": "respond", "answer": answer}});
    assert_eq!(admin(&client, "POST", "/rule", &rule).await.status, 201);
    assert_eq!(client.get("/v1/apps").await.status, 503);
    assert_eq!(client.get("/v1/apps").await.status, 200);
    let rule = json!({"path": "/v1/**", "then": {"action": "hold", "when": "after", "gate": "g"}});
    admin(&client, "POST", "/rule", &rule).await;
    let waiting = client.clone();
    let request = tokio::spawn(async move { waiting.get("/v1/apps").await.status });
    simulator.gate("g").reached().await;
    assert_eq!(admin(&client, "POST", "/gate", &json!({"gate": "g"})).await.json(), json!({"arrived": 1}));
    assert_eq!(request.await.unwrap(), 200);
    admin(&client, "DELETE", "/rule", &Value::Null).await;
    let changed = json!({"duplicates": "merged", "rate_limit": {"per_minute": 9}, "url_forms": {"*": {"default_port": 1}}});
    assert_eq!(admin(&client, "POST", "/settings", &changed).await.json()["bearer_seconds"], 3600);
    assert_eq!(simulator.settings().rate_limit.map(|limit| limit.per_minute), Some(9));
    assert_eq!(get(&client, "/settings").await["url_forms"]["*"], json!({"default_port": 1}));
    admin(&client, "POST", "/settings", &json!({"rate_limit": null})).await;
    assert_eq!(simulator.settings().rate_limit, None);
    admin(&client, "POST", "/token", &json!({"label": "new", "token": "tk-us-new"})).await;
    let exchange = client.with(&crate::basic("", "tk-us-new"));
    assert_eq!(exchange.post("/v1/tokens/exchange", &json!({})).await.status, 200);
    admin(&client, "DELETE", "/token", &json!({"label": "new"})).await;
    assert_eq!(exchange.post("/v1/tokens/exchange", &json!({})).await.status, 401);
}

#[test]
fn every_fault_can_be_written_as_json() {
    for (json, expected) in [
        (
            json!({"action": "delay", "milliseconds": 5}),
            Action::Delay { when: When::Before, milliseconds: 5 },
        ),
        (json!({"action": "reset", "when": "after"}), Action::Reset { when: When::After }),
        (json!({"action": "hold", "gate": "g"}), Action::Hold { when: When::Before, gate: "g".to_owned() }),
        (json!({"action": "cut"}), Action::Cut),
        (json!({"action": "late", "milliseconds": 5}), Action::Late { milliseconds: 5, answer: None }),
        (
            json!({"action": "respond", "answer": {"status": 429, "headers": [["retry-after", "3"]], "body": {"text": "Retry later\n"}}}),
            Action::too_many_requests(Some(3)),
        ),
        (
            json!({"action": "respond", "when": "after", "answer": {"status": 500, "body": {"json": {"error": "x"}}, "cut": true}}),
            Action::respond_after(Answer::error(500, "x").cut()),
        ),
    ] {
        let rule: Rule =
            serde_json::from_value(json!({"method": "POST", "path": "/v1/**", "then": json})).unwrap();
        assert_eq!(rule, Rule::new("POST", "/v1/**", expected));
    }
}

#[tokio::test]
async fn it_is_neither_judged_nor_limited_nor_in_the_journal() {
    let (simulator, client) = shop().await;
    simulator.set(|settings| settings.rate_limit = Some(RateLimit::sliding(0)));
    client.with("").get("/v1/apps").await;
    for path in ["/state", "/journal", "/complaints", "/changes"] {
        get(&client, path).await;
    }
    assert_eq!(admin(&client, "GET", "/nowhere", &Value::Null).await.status, 404);
    let journal = get(&client, "/journal").await;
    assert_eq!(journal["journal"].as_array().unwrap().len(), 1);
    assert_eq!(journal["journal"][0]["status"], 429);
    assert_eq!(get(&client, "/complaints").await, json!({"complaints": []}));
    admin(&client, "DELETE", "/journal", &Value::Null).await;
    assert!(simulator.journal().is_empty());
}

#[tokio::test]
async fn bodies_are_shown_when_kept_and_asked_for() {
    let (simulator, client) = shop().await;
    simulator.keep_bodies(true);
    client.add(1).await.unwrap();
    assert_eq!(get(&client, "/journal").await["journal"][0].get("body"), None);
    let revealed = get(&client, "/journal?reveal=true").await;
    assert_eq!(revealed["journal"][0]["body"]["drain"]["port"], "1");
}

#[test]
fn debug_of_the_simulator_shows_nothing() {
    assert_eq!(format!("{:?}", Simulator::new()), "Simulator");
}
