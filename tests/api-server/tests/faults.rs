//! What befalls requests and watches, and what people do behind the clients' backs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use in_memory_api_server::{ApiServer, Connection, Definition, Fault, Settings};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, Patch, PatchParams, WatchEvent, WatchParams};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

const LONG: Duration = Duration::from_secs(50);

fn server() -> ApiServer {
    let server = ApiServer::new(Settings::default(), Definition::builtin());
    server.apply(secret()).unwrap();
    server
}

fn secret() -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "shop", "name": "s"}})
}

fn secrets(connection: &Connection) -> Api<Secret> {
    Api::namespaced(connection.client("shop"), "shop")
}

async fn label(connection: &Connection, value: &str) -> Result<Secret, kube::Error> {
    let patch = Patch::Merge(json!({"metadata": {"labels": {"label": value}}}));
    secrets(connection).patch("s", &PatchParams::default(), &patch).await
}

fn labelled(server: &ApiServer, value: &str) -> bool {
    server.get("Secret", "shop", "s").unwrap()["metadata"]["labels"]["label"] == value
}

#[tokio::test(start_paused = true)]
async fn each_fault_does_what_it_says() {
    // The fault, whether the write is made, the code of an answer, the time it takes.
    let cases = [
        (Fault::None, true, Some(200), Duration::ZERO),
        (Fault::Delay(LONG), true, Some(200), LONG),
        (Fault::DelayAnswer(LONG), true, Some(200), LONG),
        (Fault::Unreachable, false, None, Duration::ZERO),
        (Fault::Status(503), false, Some(503), Duration::ZERO),
        (Fault::Conflict, false, Some(409), Duration::ZERO),
        (Fault::LoseAnswer, true, None, Duration::ZERO),
        (Fault::NeverAnswer, false, None, LONG * 9),
        (Fault::NeverAnswerThoughMade, true, None, LONG * 9),
    ];
    for (fault, made, answered, time) in cases {
        let (server, begin) = (server(), Instant::now());
        let connection = server.connection("operator");
        connection.set_faults(move |_| fault);
        let result = timeout(LONG * 9, label(&connection, "new")).await;
        let code = match result {
            Ok(Ok(_)) => Some(200),
            Ok(Err(kube::Error::Api(status))) => Some(status.code),
            Ok(Err(_)) | Err(_) => None,
        };
        assert_eq!((labelled(&server, "new"), code, begin.elapsed()), (made, answered, time), "{fault:?}");
        let entries = server.journal();
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!((entry.fault, entry.changed, entry.answered), (fault, made, answered));
        assert_eq!(entry.handled, made.then_some(200), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_arrives_though_its_client_has_ended() {
    let server = server();
    let connection = server.connection("operator");
    connection.set_faults(|_| Fault::Delay(LONG));
    assert!(timeout(LONG / 2, label(&connection, "late")).await.is_err());
    connection.end();
    assert!(label(&connection, "never").await.is_err());
    assert!(!labelled(&server, "late"));
    tokio::time::sleep(LONG).await;
    assert!(labelled(&server, "late"));
}

#[tokio::test(start_paused = true)]
async fn watches_end_as_they_are_told_to() {
    let server = server();
    for how in ["time-out", "end", "break", "expire", "client"] {
        let (connection, begin) = (server.connection("watcher"), Instant::now());
        let version = server.resource_version().to_string();
        let watch = secrets(&connection).watch(&WatchParams::default(), &version).await.unwrap();
        let events = tokio::spawn(
            watch
                .map_ok(|event| match event {
                    WatchEvent::Error(status) => format!("error {}", status.code),
                    WatchEvent::Bookmark(_) => "bookmark".to_owned(),
                    event => format!("{event:?}"),
                })
                .collect::<Vec<_>>(),
        );
        tokio::time::sleep(Duration::from_secs(70)).await;
        match how {
            "end" => server.end_watches(),
            "break" => server.break_watches(),
            "expire" => server.expire_watches(),
            "client" => connection.end(),
            _ => {}
        }
        let events: Vec<_> = events
            .await
            .unwrap()
            .into_iter()
            .map(|event| event.unwrap_or_else(|_| "broken".to_owned()))
            .collect();
        let expected: &[&str] = match how {
            "time-out" => &["bookmark"; 4],
            "break" => &["bookmark", "broken"],
            "expire" => &["bookmark", "error 410"],
            _ => &["bookmark"],
        };
        assert_eq!(events, expected, "{how}");
        let seconds = if how == "time-out" { 290 } else { 70 };
        assert_eq!(begin.elapsed().as_secs(), seconds, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_namespace_goes_when_nothing_is_left_in_it() {
    let server = server();
    server
        .edit("Secret", "shop", "s", |secret| secret["metadata"]["finalizers"] = json!(["a.example/b"]))
        .unwrap();
    assert!(!server.delete_namespace("shop"));
    let refusal = server
        .apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "shop", "name": "t"}}));
    assert_eq!(refusal.unwrap_err().code, 403);
    server.edit("Secret", "shop", "s", |secret| secret["metadata"]["finalizers"] = Value::Null).unwrap();
    assert!(server.delete_namespace("shop"));
    assert_eq!((server.get("Namespace", "", "shop"), server.list("Secret", "").len()), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_restored_is_as_it_was_but_for_its_version() {
    let server = server();
    let mut before = server.get("Secret", "shop", "s").unwrap();
    assert!(server.remove_without_finalizer("Secret", "shop", "s").is_some());
    tokio::time::sleep(LONG).await;
    server.restore(&before);
    let after = server.get("Secret", "shop", "s").unwrap();
    assert_ne!(before, after);
    before["metadata"]["resourceVersion"] = after["metadata"]["resourceVersion"].clone();
    assert_eq!(before, after);
}
