use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::{Client, shop};

const PATH: &str = "/v1/apps/shop/log_drains";

#[tokio::test]
async fn a_drain_that_is_not_as_documented_is_refused_and_noted() {
    let (simulator, client) = shop().await;
    for (drain, field, text) in [
        (json!({"type": "datadog", "token": "s3cret"}), "drain_region", "can't be blank"),
        (json!({"type": "datadog", "token": "s3cret", "drain_region": ""}), "drain_region", "can't be blank"),
        (
            json!({"type": "papertrail", "host": "h", "port": "1", "token": "s3cret"}),
            "token",
            "is not allowed for papertrail",
        ),
        (
            json!({"type": "ovh-graylog", "token": "s3cret", "host": "h", "port": "1"}),
            "port",
            "is not allowed for ovh-graylog",
        ),
        (json!({"type": "betterstack", "token": "s3cret"}), "host", "can't be blank"),
        (json!({"type": "elk"}), "url", "can't be blank"),
        (json!({"type": "elk", "url": "s3cret"}), "url", "is not a URL"),
        (json!({"type": "syslog", "host": "h", "port": 514}), "port", "must be a string"),
        (json!({"type": "syslog", "host": null, "port": "514"}), "host", "must be a string"),
        (json!({"type": "syslog", "host": "h", "port": "0"}), "port", "is not a port"),
        (json!({"type": "syslog", "host": "h", "port": "65536"}), "port", "is not a port"),
        (
            json!({"type": "syslog", "host": "h", "port": "514", "tls": "s3cret"}),
            "tls",
            "is not a known parameter",
        ),
        (
            json!({"type": "syslog", "host": "h", "port": "514", "drainRegion": "eu"}),
            "drainRegion",
            "is not a known parameter",
        ),
        (json!({"type": 7}), "type", "must be a string"),
        (json!({"type": "splunk"}), "type", "is not a known type"),
        (json!({"token": "s3cret"}), "type", "can't be blank"),
    ] {
        simulator.clear_journal();
        let answer = client.post(PATH, &json!({"drain": drain})).await;
        assert_eq!((answer.status, &answer.json()["errors"][field][0]), (422, &json!(text)), "{drain}");
        let complaints = simulator.complaints();
        assert!(complaints.contains(&format!("POST {PATH}: drain.{field} {text}")), "{complaints:?}");
        assert!(!complaints.join("").contains("s3cret"), "{complaints:?}");
    }
    assert_eq!(simulator.drains("shop"), [""; 0]);
}

#[tokio::test]
async fn empty_strings_count_as_absent_and_are_noted() {
    let (simulator, client) = shop().await;
    let drain =
        json!({"type": "papertrail", "host": "h", "port": "1", "token": "", "url": "", "drain_region": ""});
    assert_eq!(client.post(PATH, &json!({"drain": drain})).await.status, 201);
    assert_eq!(simulator.drains("shop"), ["tcp+tls://h:1"]);
    assert_eq!(simulator.complaints().len(), 3);
    assert!(simulator.complaints().iter().all(|complaint| complaint.ends_with("send only what is set")));
}

#[tokio::test]
async fn bodies_of_another_shape_are_refused_and_noted() {
    let (simulator, client) = shop().await;
    let drain = json!({"type": "papertrail", "host": "h", "port": "1"});
    for body in
        [json!([]), json!({}), json!({"drain": []}), json!({"drain": drain, "dry_run": true}), drain.clone()]
    {
        simulator.clear_journal();
        assert_eq!(client.post(PATH, &body).await.status, 400, "{body}");
        assert_eq!(simulator.complaints().len(), 1, "{body}");
    }
    for body in
        [json!("x"), json!({}), json!({"url": 1}), json!({"url": ""}), json!({"url": "x", "force": true})]
    {
        simulator.clear_journal();
        assert_eq!(client.delete(PATH, &body).await.status, 400, "{body}");
        assert_eq!(simulator.complaints().len(), 1, "{body}");
    }
    assert_eq!(simulator.drains("shop"), [""; 0]);
}

async fn complaint(client: &Client, request: Request<Body>, status: u16) -> String {
    client.simulator.clear_journal();
    assert_eq!(client.send(request).await.unwrap().status, status);
    let mut complaints = client.simulator.complaints();
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    complaints.remove(0)
}

#[tokio::test]
async fn requests_of_another_shape_are_refused_and_noted() {
    let (_, client) = shop().await;
    let body = json!({"drain": {"type": "papertrail", "host": "h", "port": "1"}});
    let mut plain = client.request("POST", PATH, Some(&body));
    plain.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert!(complaint(&client, plain, 415).await.ends_with("must be application/json"));
    let mut broken = client.request("POST", PATH, Some(&body));
    *broken.body_mut() = Body::from("{\"drain\":");
    assert!(complaint(&client, broken, 400).await.ends_with("the body is not JSON"));
    let both = client.request("DELETE", &format!("{PATH}?url=x"), Some(&json!({"url": "x"})));
    assert!(complaint(&client, both, 400).await.ends_with("both a body and a query"));
    let neither = client.request("DELETE", PATH, None);
    assert!(complaint(&client, neither, 400).await.ends_with("a DELETE without url"));
    let parameter = client.request("GET", &format!("{PATH}?page=1"), None);
    assert!(complaint(&client, parameter, 400).await.ends_with("unknown parameter page"));
    let body = client.request("GET", PATH, Some(&json!({})));
    assert!(complaint(&client, body, 400).await.ends_with("a GET has a body"));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_noted() {
    let (_, client) = shop().await;
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/v2/apps"),
        ("GET", "/v1/apps/"),
        ("GET", "/v1//apps"),
        ("GET", "/v1/apps/shop/log_drains/"),
        ("GET", "/v1/apps/shop/../shop/log_drains"),
        ("GET", "/v1/apps/shop%2Flog_drains"),
        ("GET", "/v1/apps/%2e%2e/addons"),
        ("GET", "/v1/apps/a%0Ab"),
        ("PUT", "/v1/apps/shop/log_drains"),
        ("DELETE", "/v1/apps/shop"),
        ("GET", "/v1/tokens/exchange"),
    ] {
        let complaint = complaint(&client, client.request(method, path, None), 404).await;
        assert_eq!(complaint, format!("{method} {path}: unknown path or method"));
    }
}
