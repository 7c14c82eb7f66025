//! The `LogDrain`s of a world as the API server tells of them, by one watch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use logdrain_operator::crd::LogDrain;
use tokio::task::JoinHandle;

/// All `LogDrain`s by name. The watch ends with this value.
pub struct Population {
    seen: Arc<Mutex<HashMap<String, Seen>>>,
    watch: JoinHandle<()>,
}

/// What was last told of one.
struct Seen {
    has_status: bool,
    is_synced: bool,
    version: String,
}

impl Population {
    /// Follows those of a namespace.
    pub fn follow(client: Client, namespace: &str) -> Self {
        let seen = Arc::default();
        let api = Api::namespaced(client, namespace);
        let watch = tokio::spawn(follow(api, Arc::clone(&seen)));
        Self { seen, watch }
    }

    /// How many are in sync with their present spec.
    pub fn synced(&self) -> usize {
        self.lock().values().filter(|seen| seen.is_synced).count()
    }

    /// How many have a status.
    pub fn visited(&self) -> usize {
        self.lock().values().filter(|seen| seen.has_status).count()
    }

    /// Whether this one is in sync with its present spec.
    pub fn is_synced(&self, name: &str) -> bool {
        self.lock().get(name).is_some_and(|seen| seen.is_synced)
    }

    /// The resource version of each.
    pub fn versions(&self) -> HashMap<String, String> {
        self.lock().iter().map(|(name, seen)| (name.clone(), seen.version.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Population {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

async fn follow(api: Api<LogDrain>, seen: Arc<Mutex<HashMap<String, Seen>>>) {
    let mut events = watcher(api, watcher::Config::default()).default_backoff().boxed();
    while let Some(event) = events.next().await {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Ok(watcher::Event::Init) => seen.clear(),
            Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object)) => {
                seen.insert(object.name_any(), Seen::of(&object));
            }
            Ok(watcher::Event::Delete(object)) => {
                seen.remove(&object.name_any());
            }
            // It tries again by itself.
            Ok(watcher::Event::InitDone) | Err(_) => {}
        }
    }
}

impl Seen {
    fn of(object: &LogDrain) -> Self {
        let status = object.status.as_ref();
        let reason = status
            .and_then(|status| status.conditions.iter().find(|condition| condition.type_ == "Ready"))
            .map(|ready| ready.reason.as_str());
        let observed = status.and_then(|status| status.observed_generation);
        Self {
            has_status: status.is_some(),
            is_synced: reason == Some("Synced") && observed == object.metadata.generation,
            version: object.resource_version().unwrap_or_default(),
        }
    }
}
