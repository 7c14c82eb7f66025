//! Every form in which the `LogDrain`s of a test ever stood, as a watch shows them, and what Argo CD and Flux make of each.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use control_plane::ControlPlane;
use futures::{StreamExt, future::join_all};
use gitops::{Standing, argo, flux};
use kube::{
    Api, Client, Config, Error, ResourceExt,
    api::{DynamicObject, GroupVersionKind, ListParams, ObjectList, WatchEvent, WatchParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::ApiResource,
};
use serde_json::{Value, json};
use tokio::{
    runtime::Handle,
    task::{JoinHandle, block_in_place},
};

use super::{SOON, World};
use crate::eventually::eventually;

/// Longer than any test takes; a watch that ends sooner goes on from where it was.
const SECONDS: u32 = 290;

/// The status of an answer when the server, just started, knows no version so old.
const GONE: u16 = 410;
/// The version to begin with then: the forms that there are now come first.
const ANEW: &str = "0";

/// What the names of `LogDrain`s begin with that no operator sees: a watch that shows one has shown all before it.
const MARK: &str = "mark-";

/// A watch in each namespace of a test, and what they have shown.
pub struct States {
    client: Client,
    seen: Arc<Mutex<Vec<Value>>>,
    watching: JoinHandle<()>,
}

impl States {
    pub async fn follow(plane: &ControlPlane, namespaces: &[String]) -> Self {
        let client = administrator(plane).await;
        let seen = Arc::<Mutex<Vec<Value>>>::default();
        let apis = namespaces.iter().map(|namespace| log_drains(&client, namespace));
        // Whatever comes after this is shown, however late a watch begins.
        let begun = join_all(apis.map(async |api: Api<DynamicObject>| {
            let version = present(&api).await;
            (api, version)
        }));
        let begun = begun.await.into_iter();
        let all = join_all(begun.map(|(api, version)| follow(api, version, Arc::clone(&seen))));
        Self { client, watching: tokio::spawn(async { drop(all.await) }), seen }
    }

    /// The `LogDrain`s that the API server has, by this field selector: what `kubectl get` prints, without starting a process.
    pub fn read(&self, namespace: &str, fields: &str) -> Vec<Value> {
        let (api, which) = (log_drains(&self.client, namespace), ListParams::default().fields(fields));
        let runtime = Handle::current();
        // A `block_on` on the thread of the test would swallow the wake-ups of the test.
        let list = || thread::scope(|scope| scope.spawn(|| runtime.block_on(list(api, which))).join());
        let mut objects = block_in_place(list).expect("a list").items;
        for object in &mut objects {
            object.metadata.managed_fields = None;
        }
        objects.iter().map(|object| serde_json::to_value(object).expect("JSON")).collect()
    }
}

fn log_drains(client: &Client, namespace: &str) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("logs.scalingo.com", "v1", "LogDrain"));
    Api::namespaced_with(client.clone(), namespace, &kind)
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

/// What there is now. A server that has much to do may close a connection before it answers.
async fn list(api: Api<DynamicObject>, which: ListParams) -> ObjectList<DynamicObject> {
    let list = async || api.list(&which).await.ok();
    eventually(SOON, || "the LogDrains cannot be listed".to_owned(), list).await
}

/// The version that there is now.
async fn present(api: &Api<DynamicObject>) -> String {
    let list = list(api.clone(), ListParams::default()).await;
    list.metadata.resource_version.expect("the version of a list")
}

async fn follow(api: Api<DynamicObject>, mut version: String, seen: Arc<Mutex<Vec<Value>>>) {
    loop {
        let events = match api.watch(&WatchParams::default().timeout(SECONDS), &version).await {
            Ok(events) => events,
            Err(error) => {
                // One that could not be reached may know no version so late: etcd may have been restored.
                if !matches!(&error, Error::Api(status) if status.code != GONE) {
                    ANEW.clone_into(&mut version);
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let mut events = pin!(events);
        while let Some(Ok(event)) = events.next().await {
            let (object, is_there) = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, true),
                // The last form of what is gone is the one before it went.
                WatchEvent::Deleted(object) => (object, false),
                WatchEvent::Bookmark(_) => continue,
                WatchEvent::Error(status) => {
                    if status.code == GONE {
                        ANEW.clone_into(&mut version);
                    }
                    break;
                }
            };
            version = object.resource_version().expect("the version of an object");
            if is_there {
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
    /// Every form in which the `LogDrain`s have stood, in their order; the operators have been stopped.
    pub fn states(&self) -> Vec<Value> {
        assert!(self.operators.borrow().is_empty(), "an operator would take a mark for a LogDrain");
        for namespace in &self.namespaces {
            self.catch_up(namespace);
        }
        let is_mark =
            |object: &Value| object["metadata"]["name"].as_str().is_some_and(|name| name.starts_with(MARK));
        self.seen().into_iter().filter(|object| !is_mark(object)).collect()
    }

    fn seen(&self) -> Vec<Value> {
        self.states.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the watch has shown all that has been written so far.
    fn catch_up(&self, namespace: &str) {
        let mark = format!("{MARK}{}", self.seen().len());
        let spec = json!({"app": "none", "type": "papertrail", "host": "logs.example.com", "port": 6514});
        self.apply_in(namespace, &mark, &spec);
        let is_mark = |object: &Value| {
            object["metadata"]["name"] == mark.as_str() && object["metadata"]["namespace"] == namespace
        };
        let is_seen = || Ok(self.seen().iter().any(is_mark));
        let what = format!("the watch of {namespace} to show {mark}");
        block_in_place(|| self.plane.wait_until(&what, SOON, is_seen))
            .unwrap_or_else(|error| panic!("{error}"));
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
