//! Every form in which the `LogDrain`s of a test ever stood, as a watch shows them, and what Argo CD and Flux make of each.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use control_plane::ControlPlane;
use futures::{StreamExt, future::join_all};
use gitops::{Standing, argo, flux};
use kube::{
    Api, Client, Config,
    api::{DynamicObject, GroupVersionKind, WatchEvent, WatchParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::ApiResource,
};
use serde_json::Value;
use tokio::task::{JoinHandle, block_in_place};

use super::World;

/// Longer than any test takes; a watch that ends sooner begins anew, with the forms that it has shown already.
const SECONDS: u32 = 290;

/// A watch in each namespace of a test, and what they have shown.
pub struct States {
    seen: Arc<Mutex<Vec<Value>>>,
    watching: JoinHandle<()>,
}

impl States {
    pub async fn follow(plane: &ControlPlane, namespaces: &[String]) -> Self {
        let client = administrator(plane).await;
        let seen = Arc::<Mutex<Vec<Value>>>::default();
        let follow = |namespace: &String| follow(client.clone(), namespace.clone(), Arc::clone(&seen));
        let all = join_all(namespaces.iter().map(follow));
        Self { watching: tokio::spawn(async { drop(all.await) }), seen }
    }
}

impl Drop for States {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

async fn administrator(plane: &ControlPlane) -> Client {
    let kubeconfig = Kubeconfig::read_from(plane.kubeconfig_admin()).expect("a kubeconfig");
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("a configuration");
    config.proxy_url = None;
    Client::try_from(config).expect("a client")
}

async fn follow(client: Client, namespace: String, seen: Arc<Mutex<Vec<Value>>>) {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("logs.scalingo.com", "v1", "LogDrain"));
    let api: Api<DynamicObject> = Api::namespaced_with(client, &namespace, &kind);
    loop {
        let Ok(events) = api.watch(&WatchParams::default().timeout(SECONDS), "0").await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let mut events = pin!(events);
        while let Some(Ok(event)) = events.next().await {
            // The last form of what is gone is the one before it went.
            if let WatchEvent::Added(object) | WatchEvent::Modified(object) = event {
                let object = serde_json::to_value(object).expect("JSON");
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                if !seen.contains(&object) {
                    seen.push(object);
                }
            }
        }
    }
}

impl World {
    /// Every form in which the `LogDrain`s have stood so far, in their order.
    pub fn states(&self) -> Vec<Value> {
        self.states.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has each of them judged by Flux's libraries and by the script for Argo CD, and looks whose fields the operator writes.
    pub fn judge_states(&self) {
        let states = self.states();
        let verdicts = block_in_place(|| flux::judge(&states)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(verdicts.len(), states.len());
        for (object, verdict) in states.iter().zip(verdicts) {
            let standing = Standing::of(object);
            assert_eq!(Some(verdict.status.as_str()), standing.map(Standing::kstatus), "{object:#}");
            let health = argo::health(object).unwrap_or_else(|error| panic!("{error}")).status;
            assert_eq!(Some(health.as_str()), standing.map(Standing::argo_cd), "{object:#}");
            // Before the first visit there is nothing that the operator has written.
            if !object["status"]["conditions"].is_null() {
                assert_eq!((verdict.fail.as_str(), verdict.warn.as_str()), ("", ""), "{object:#}");
            }
            for path in owned(object, "logdrain-operator") {
                let is_its_own = path.starts_with("f:status") || path.starts_with("f:metadata f:finalizers");
                assert!(is_its_own, "the operator has written {path}: {object:#}");
            }
        }
    }
}

/// The fields that a field manager has written, each as the words of its path.
pub fn owned(object: &Value, manager: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for entry in object["metadata"]["managedFields"].as_array().into_iter().flatten() {
        if entry["manager"] == manager {
            leaves(&entry["fieldsV1"], "", &mut paths);
        }
    }
    paths
}

fn leaves(fields: &Value, path: &str, paths: &mut Vec<String>) {
    match fields.as_object().filter(|fields| !fields.is_empty()) {
        None => paths.push(path.trim_start().to_owned()),
        Some(fields) => {
            for (name, below) in fields {
                leaves(below, &format!("{path} {name}"), paths);
            }
        }
    }
}
