//! kube's own `Controller` over the server, in one thread and paused time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use in_memory_api_server::{ApiServer, Definition, Entry, Fault, Settings, Turns, Verb};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, Patch, PatchParams};
use kube::core::PartialObjectMeta;
use kube::runtime::{Controller, WatchStreamExt, controller::Action, watcher};
use serde_json::json;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a server saw in a day of a controller that labels each Secret and looks at it every ten minutes.
#[derive(PartialEq)]
struct Day {
    journal: Vec<Entry>,
    reconciled: Vec<String>,
    version: u64,
    labelled: usize,
}

fn in_virtual_time<F: Future>(future: F) -> F::Output {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(future)
}

fn secret(number: usize) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "shop", "name": format!("s{number:03}")}})
}

fn day(objects: usize, faults: bool) -> Day {
    // kube's watcher waits at random after an error.
    fastrand::seed(7);
    in_virtual_time(async move {
        let turns = Turns::new(7, Duration::from_millis(1));
        let server = ApiServer::new(
            Settings { turns: Some(turns.clone()), ..Settings::default() },
            Definition::builtin(),
        );
        (0..objects).for_each(|number| drop(server.apply(secret(number)).unwrap()));
        let (client, connection) =
            server.client_with("controller", "shop", move |request| match (faults, request.number % 7) {
                (true, 0) => Fault::LoseAnswer,
                (true, 1) => Fault::Status(503),
                (true, 2) => Fault::Delay(Duration::from_millis(300)),
                _ => Fault::None,
            });
        let reconciled = Arc::new(Mutex::new(Vec::new()));
        let secrets: Api<Secret> = Api::all(client.clone());
        let reconcile = move |secret: Arc<Secret>, reconciled: Arc<Mutex<Vec<String>>>| {
            let (client, turns) = (client.clone(), turns.clone());
            async move {
                turns.turn(secret.metadata.name.clone().unwrap_or_default()).await;
                let name = secret.metadata.name.clone().unwrap_or_default();
                reconciled.lock().unwrap().push(name.clone());
                if secret.metadata.labels.is_none() {
                    let api: Api<Secret> = Api::namespaced(client, "shop");
                    let patch = Patch::Merge(json!({"metadata": {"labels": {"seen": "true"}}}));
                    api.patch(&name, &PatchParams::default(), &patch).await?;
                }
                Ok::<_, kube::Error>(Action::requeue(Duration::from_secs(600)))
            }
        };
        let controller = Controller::new(secrets, watcher::Config::default())
            .run(reconcile, |_, _, _| Action::requeue(Duration::from_secs(5)), reconciled.clone())
            .for_each(|_| std::future::ready(()));
        let person = async {
            for hour in 0..24 {
                tokio::time::sleep(DAY / 25).await;
                match hour % 4 {
                    0 => server.expire_watches(),
                    1 => server.break_watches(),
                    2 => server.end_watches(),
                    _ => drop(server.apply(secret(objects + hour)).unwrap()),
                }
            }
            tokio::time::sleep(DAY / 25).await;
        };
        tokio::select! { () = controller => {} () = person => {} }
        connection.end();
        let labelled =
            server.list("Secret", "").iter().filter(|s| s["metadata"]["labels"]["seen"] == "true").count();
        let reconciled = reconciled.lock().unwrap().clone();
        Day { journal: server.journal(), reconciled, version: server.resource_version(), labelled }
    })
}

#[test]
fn a_virtual_day_of_a_controller_is_the_same_each_time() {
    let (objects, begin) = (100, std::time::Instant::now());
    let first = day(objects, false);
    eprintln!(
        "one day, {objects} objects: {} requests, {} reconciles, {:?}",
        first.journal.len(),
        first.reconciled.len(),
        begin.elapsed()
    );
    assert_eq!(first.labelled, objects + 6);
    assert!(first.reconciled.len() > objects * 24 * 6, "{}", first.reconciled.len());
    let patches = first.journal.iter().filter(|entry| entry.request.verb == Verb::Patch).count();
    assert_eq!(patches, objects + 6);
    let expired = first.journal.iter().filter(|entry| entry.request.verb == Verb::List).count();
    assert_eq!(expired, 1 + 6, "a list at the beginning, and one after each expiry");
    for _ in 0..3 {
        assert!(first == day(objects, false), "another day with the same seed went otherwise");
    }
}

#[test]
fn it_is_the_same_with_faults_too() {
    let first = day(50, true);
    assert_eq!(first.labelled, 56);
    assert!(first.journal.iter().any(|entry| entry.handled == Some(200) && entry.answered.is_none()));
    assert!(first.journal.iter().any(|entry| entry.answered == Some(503) && entry.handled.is_none()));
    assert!(first == day(50, true), "another day with the same seed went otherwise");
}

#[test]
fn a_paused_watch_tells_later_what_it_missed_and_metadata_can_be_watched() {
    in_virtual_time(async {
        let server = ApiServer::new(Settings::default(), Definition::builtin());
        let connection = server.connection("watcher");
        let api: Api<PartialObjectMeta<Secret>> = Api::all(connection.client("default"));
        let mut events = watcher(api, watcher::Config::default()).applied_objects().boxed();
        server.apply(secret(1)).unwrap();
        let name = |object: PartialObjectMeta<Secret>| object.metadata.name.unwrap();
        assert_eq!(name(events.next().await.unwrap().unwrap()), "s001");
        connection.pause_watches(true);
        server.apply(secret(2)).unwrap();
        let silent = tokio::time::timeout(Duration::from_secs(200), events.next()).await;
        assert!(silent.is_err());
        connection.pause_watches(false);
        assert_eq!(name(events.next().await.unwrap().unwrap()), "s002");
        assert!(server.journal().iter().all(|entry| entry.answered == Some(200)));
    });
}
