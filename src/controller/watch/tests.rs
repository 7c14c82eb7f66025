use std::time::Duration;

use in_memory_api_server::{ApiServer, Definition, Fault, Settings};
use kube::{CustomResourceExt, ResourceExt};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::*;
use crate::metrics::Metrics;

fn log_drain(name: &str) -> Value {
    json!({
        "apiVersion": "logs.scalingo.com/v1", "kind": "LogDrain",
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"app": "shop-front", "type": "papertrail", "host": "logs.example.com", "port": 514},
    })
}

fn names(store: &Store<LogDrain>) -> Vec<String> {
    let mut names: Vec<String> = store.state().iter().map(|object| object.name_any()).collect();
    names.sort();
    names
}

fn server() -> ApiServer {
    let mut definitions = Definition::builtin();
    definitions.push(Definition::from_crd(&serde_json::to_value(LogDrain::crd()).unwrap()).unwrap());
    let server = ApiServer::new(Settings::default(), definitions);
    server.ensure_namespace("shop");
    server
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_has_fallen_silent_is_begun_anew_by_whoever_comes_to_lead() {
    let server = server();
    let (client, connection) = server.client_with("operator", "shop", |_| Fault::None);
    for name in ["goes", "stays"] {
        server.apply(log_drain(name)).unwrap();
    }
    let [watch] = watches(&client, &[], &Hearing::new(Metrics::default()))
        .try_into()
        .unwrap_or_else(|_| panic!("one watch"));
    let (store, renewal) = (watch.store(), watch.renewal.clone());
    let following = tokio::spawn(watch.stream.for_each(|_| async {}));
    store.wait_until_ready().await.unwrap();
    connection.pause_watches(true);
    server.delete("LogDrain", "shop", "goes").unwrap();
    server.apply(log_drain("new")).unwrap();
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(names(&store), ["goes", "stays"], "the watch is silent");

    renewal.clone().renew().await;
    assert_eq!(names(&store), ["new", "stays"]);
    // It waits for as long as no list is to be had.
    connection.set_faults(|_| Fault::Unreachable);
    assert!(timeout(Duration::from_secs(600), renewal.clone().renew()).await.is_err());
    connection.set_faults(|_| Fault::None);
    server.delete("LogDrain", "shop", "new").unwrap();
    renewal.renew().await;
    assert_eq!(names(&store), ["stays"]);
    following.abort();
}

#[tokio::test(start_paused = true)]
async fn what_there_is_once_etcd_was_restored_is_seen_though_versions_have_gone_back() {
    let server = server();
    let (client, connection) = server.client_with("operator", "shop", |_| Fault::None);
    let [watch] = watches(&client, &[], &Hearing::new(Metrics::default()))
        .try_into()
        .unwrap_or_else(|_| panic!("one watch"));
    let store = watch.store();
    let following = tokio::spawn(watch.stream.for_each(|_| async {}));
    server.apply(log_drain("old")).unwrap();
    let backup = server.backup();
    for number in 0..100 {
        server.apply(log_drain(&format!("new-{number}"))).unwrap();
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(names(&store).len(), 101);

    connection.set_faults(|_| Fault::Unreachable);
    server.roll_back(&backup);
    tokio::time::sleep(Duration::from_secs(60)).await;
    connection.set_faults(|_| Fault::None);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(names(&store), ["old"]);
    server.apply(log_drain("later")).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(names(&store), ["later", "old"]);
    following.abort();
}
