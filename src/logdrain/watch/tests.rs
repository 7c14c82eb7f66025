use std::time::Duration;

use futures::future::join_all;
use in_memory_api_server::{ApiServer, Definition, Fault, Settings};
use kube::{CustomResourceExt, ResourceExt};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::*;
use crate::{logdrain::View, metrics::Metrics};

fn server() -> ApiServer {
    let mut definitions = Definition::builtin();
    definitions.push(Definition::from_crd(&serde_json::to_value(LogDrain::crd()).unwrap()).unwrap());
    let server = ApiServer::new(Settings::default(), definitions);
    server.ensure_namespace("shop");
    server
}

fn log_drain(name: &str) -> Value {
    json!({
        "apiVersion": "logs.scalingo.com/v1", "kind": "LogDrain",
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"app": "shop-front", "type": "papertrail", "host": "logs.example.com", "port": 514},
    })
}

fn names(store: &Store<LogDrain>) -> Vec<String> {
    let mut names: Vec<String> = store.all().iter().map(|object| object.name_any()).collect();
    names.sort();
    names
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_has_fallen_silent_is_begun_anew_by_whoever_comes_to_lead() {
    let server = server();
    let (client, connection) = server.client_with("operator", "shop", |_| Fault::None);
    for name in ["goes", "stays"] {
        server.apply(log_drain(name)).unwrap();
    }
    let [watch] = watches(&client, &[], &WatchHealth::new(Metrics::default()))
        .try_into()
        .unwrap_or_else(|_| panic!("one watch"));
    let (cache, renewal) = (watch.cache(), watch.renewal.clone());
    let store = cache.store();
    let following = tokio::spawn(watch.stream.for_each(|_| async {}));
    cache.filled().await;
    connection.pause_watches(true);
    server.delete("LogDrain", "shop", "goes").unwrap();
    server.apply(log_drain("new")).unwrap();
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(names(store), ["goes", "stays"], "the watch is silent");

    renewal.clone().renew().await;
    assert_eq!(names(store), ["new", "stays"]);
    // It waits for as long as no list is to be had.
    connection.set_faults(|_| Fault::Unreachable);
    assert!(timeout(Duration::from_secs(600), renewal.clone().renew()).await.is_err());
    connection.set_faults(|_| Fault::None);
    server.delete("LogDrain", "shop", "new").unwrap();
    renewal.renew().await;
    assert_eq!(names(store), ["stays"]);
    following.abort();
}

#[tokio::test(start_paused = true)]
async fn what_there_is_once_etcd_was_restored_is_seen_though_versions_have_gone_back() {
    let server = server();
    let (client, connection) = server.client_with("operator", "shop", |_| Fault::None);
    let [watch] = watches(&client, &[], &WatchHealth::new(Metrics::default()))
        .try_into()
        .unwrap_or_else(|_| panic!("one watch"));
    let store = watch.cache().store().clone();
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

/// What befalls the namespace `blog` alone.
fn in_blog(fault: Fault) -> impl Fn(&in_memory_api_server::RequestInfo) -> Fault + Send + Sync + 'static {
    move |request| if request.namespace == "blog" { fault } else { Fault::None }
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_may_not_be_watched_holds_up_no_other_and_is_taken_up_once_it_may() {
    let server = server();
    server.ensure_namespace("blog");
    let (client, connection) = server.client_with("operator", "shop", in_blog(Fault::Status(500)));
    let watch_health = WatchHealth::new(Metrics::default());
    let watches = watches(&client, &["shop".to_owned(), "blog".to_owned()], &watch_health);
    let view = View::new(watches.iter().map(Watch::cache).collect());
    let renewals: Vec<Renewal> = watches.iter().map(|watch| watch.renewal.clone()).collect();
    for watch in watches {
        tokio::spawn(watch.stream.for_each(|_| async {}));
    }
    let drain = |namespace: &str, name: &str| {
        let mut drain = log_drain(name);
        drain["metadata"]["namespace"] = namespace.into();
        server.apply(drain).unwrap();
    };
    drain("shop", "here");
    drain("blog", "there");
    let names = || {
        let mut names: Vec<_> = view.all().iter().map(|object| object.name_any()).collect();
        names.sort();
        names
    };
    assert!(timeout(Duration::from_secs(600), view.filled()).await.is_err(), "it may hold a peer");
    assert!(!view.is_filled());

    connection.set_faults(in_blog(Fault::Status(403)));
    view.filled().await;
    assert!(view.is_filled());
    assert_eq!(names(), ["here"]);
    join_all(renewals.into_iter().map(Renewal::renew)).await;

    connection.set_faults(|_| Fault::None);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(names(), ["here", "there"]);

    // What was known there stays known.
    connection.set_faults(in_blog(Fault::Status(403)));
    server.expire_watches();
    server.end_watches();
    drain("blog", "unseen");
    drain("shop", "seen");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(names(), ["here", "seen", "there"]);
    assert!(view.is_filled());
}

#[tokio::test(start_paused = true)]
async fn where_no_namespace_may_be_watched_nothing_is_ready() {
    let server = server();
    let (client, connection) = server.client_with("operator", "shop", |_| Fault::Status(403));
    for namespaces in [&[][..], &["shop".to_owned(), "blog".to_owned()]] {
        connection.set_faults(|_| Fault::Status(403));
        let watches = watches(&client, namespaces, &WatchHealth::new(Metrics::default()));
        let view = View::new(watches.iter().map(Watch::cache).collect());
        for watch in watches {
            tokio::spawn(watch.stream.for_each(|_| async {}));
        }
        assert!(timeout(Duration::from_secs(600), view.filled()).await.is_err());
        connection.set_faults(|_| Fault::None);
        view.filled().await;
    }
}
