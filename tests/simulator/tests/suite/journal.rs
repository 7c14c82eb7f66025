use scalingo_simulator::{Action, ChangeKind, Rule, Target, When, redact};
use serde_json::json;

use crate::{TOKEN, added, basic, shop};

const PATH: &str = "/v1/apps/shop/log_drains";

#[tokio::test]
async fn every_request_is_in_the_journal_without_its_secrets() {
    let (simulator, client) = shop().await;
    client.with(&basic("", TOKEN)).post("/v1/tokens/exchange", &json!({})).await;
    let drain = json!({"drain": {"type": "datadog", "token": "s3cret", "drain_region": "eu"}});
    client.post(PATH, &drain).await;
    let url = "datadog%3A%2F%2Fs3cret%3Fregion%3Deu";
    client.send(client.request("DELETE", &format!("{PATH}?url={url}"), None)).await.unwrap();
    client.with("").get("/v1/apps").await;
    let journal = simulator.journal();
    let seen: Vec<_> = journal
        .iter()
        .map(|entry| (entry.method.as_str(), entry.path.as_str(), entry.status, entry.token.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [
            ("POST", "/v1/tokens/exchange", Some(200), Some("main")),
            ("POST", PATH, Some(201), Some("main")),
            ("DELETE", PATH, Some(204), Some("main")),
            ("GET", "/v1/apps", Some(401), None),
        ]
    );
    assert_eq!(journal[2].parameters, ["url"]);
    let changes = simulator.changes();
    let text = format!("{journal:?} {changes:?} {} {:?}", json!(journal), simulator.complaints());
    for secret in ["s3cret", TOKEN, client.authorization.trim_start_matches("Bearer ")] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn times_are_those_of_paused_time() {
    let (simulator, client) = shop().await;
    tokio::time::advance(std::time::Duration::from_millis(90_500)).await;
    client.add(1).await.unwrap();
    let expected: jiff::Timestamp = "2026-11-23T12:02:00.5Z".parse().unwrap();
    assert_eq!((simulator.now(), simulator.journal()[0].at), (expected, expected));
    assert_eq!(simulator.changes()[0].at, expected);
}

#[tokio::test]
async fn bodies_are_kept_when_the_test_asks() {
    let (simulator, client) = shop().await;
    client.add(1).await.unwrap();
    simulator.keep_bodies(true);
    client.add(2).await.unwrap();
    let bodies: Vec<_> = simulator.journal().into_iter().map(|entry| entry.body).collect();
    let expected = json!({"drain": {"type": "papertrail", "host": "logs.example", "port": "2"}});
    assert_eq!(bodies, [None, Some(expected)]);
}

#[tokio::test]
async fn requests_and_changes_are_in_one_order() {
    let (simulator, client) = shop().await;
    let id = simulator.app_id("shop").unwrap();
    client.add(1).await.unwrap();
    simulator.add_drain_behind(&id, "x://y").unwrap();
    client.delete(PATH, &json!({"url": added(1)})).await;
    let changes = simulator.changes();
    let seen: Vec<_> =
        changes.iter().map(|change| (change.kind, change.url.as_str(), change.by.as_deref())).collect();
    assert_eq!(
        seen,
        [
            (ChangeKind::Added, added(1).as_str(), Some("main")),
            (ChangeKind::Added, "x://y", None),
            (ChangeKind::Removed, added(1).as_str(), Some("main")),
        ]
    );
    assert!(changes.iter().all(|change| change.target == Target::from(&id)));
    let journal = simulator.journal();
    let order = [
        journal[0].sequence,
        changes[0].sequence,
        changes[1].sequence,
        journal[1].sequence,
        changes[2].sequence,
    ];
    assert!(order.is_sorted_by(|one, next| one < next), "{order:?}");
}

#[tokio::test]
async fn the_journal_names_the_fault_and_can_be_cleared() {
    let (simulator, client) = shop().await;
    simulator.add_rule(Rule::new("POST", PATH, Action::Reset { when: When::After }));
    client.add(1).await.unwrap_err();
    client.get("/v1/nowhere").await;
    let first = simulator.journal().remove(0);
    assert_eq!((first.fault, first.status), (Some("reset after"), None));
    simulator.clear_journal();
    assert!(
        simulator.journal().is_empty() && simulator.changes().is_empty() && simulator.complaints().is_empty()
    );
    client.get(PATH).await;
    assert!(simulator.journal()[0].sequence > first.sequence);
}

#[tokio::test]
async fn requests_are_found_by_method_and_path() {
    let (simulator, client) = shop().await;
    let id = simulator.app_id("shop").unwrap();
    client.add(1).await.unwrap();
    client.get(PATH).await;
    client.get(&format!("/v1/apps/{id}/log_drains")).await;
    let count = |method, path: &str| simulator.requests(method, path).len();
    assert_eq!(count("GET", PATH), 1);
    assert_eq!(count("GET", "/v1/apps/*/log_drains"), 2);
    assert_eq!(count("*", "/v1/**"), 3);
    assert_eq!(count("DELETE", "/v1/**"), 0);
    assert_eq!(simulator.requests("POST", PATH)[0].status, Some(201));
}

#[tokio::test]
async fn until_waits_for_a_condition() {
    let (simulator, client) = shop().await;
    let waiting = simulator.clone();
    let until =
        tokio::spawn(async move { waiting.until(|simulator| simulator.drains("shop").len() == 2).await });
    client.add(1).await.unwrap();
    tokio::task::yield_now().await;
    assert!(!until.is_finished());
    simulator.add_drain_behind("shop", "x://y").unwrap();
    until.await.unwrap();
}

#[test]
fn a_url_is_shown_without_what_may_be_secret() {
    for (url, shown) in [
        ("datadog://s3cret?region=eu&key=s3cret", "datadog://***?region=eu&key=***"),
        ("ovh://:s3cret@h:6514", "ovh://:***@h:6514"),
        ("https://u:s3c@ret@elk.example/s3cret#s3cret", "https://***@elk.example/***"),
        ("https://intake.example/v1/s3cret", "https://intake.example/***"),
        ("tcp+tls://h:1", "tcp+tls://h:1"),
        ("https://h?s3cret", "https://h?***"),
        ("s3cret", "***"),
    ] {
        assert_eq!(redact(url), shown);
    }
}
