//! Watches `LogDrain` resources: fills the store, and has those looked at that have changed.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use kube::{Api, Client, runtime::watcher};
use tokio::sync::watch;

use crate::{
    crd::LogDrain,
    kube::{
        watch_health::{WatchHealth, WatchMonitor, Watched},
        watching::watching,
    },
    state::store::{Listing, Passed, Store},
};

/// The watch of one namespace, or of all, before its events are followed.
pub struct Watch {
    namespace: Option<String>,
    cache: Cache,
    pub(super) stream: BoxStream<'static, Passed<LogDrain>>,
    pub(super) renewal: Renewal,
}

/// What a watch has brought so far. It keeps what it holds while the watch fails.
#[derive(Clone)]
pub struct Cache {
    store: Arc<Store<LogDrain>>,
    /// By which asking it was filled last; none yet.
    filled: watch::Receiver<Option<u64>>,
    monitor: WatchMonitor,
}

impl Cache {
    /// One that nothing is known of but what is in it.
    #[cfg(test)]
    pub(crate) fn of(store: Arc<Store<LogDrain>>) -> Self {
        let watch_health = WatchHealth::new(crate::metrics::Metrics::default());
        let filled = watch::channel(Some(0)).1;
        Self { store, filled, monitor: watch_health.begin(Watched::LogDrain, None) }
    }

    /// What it has brought, with what the others have.
    #[must_use]
    pub fn store(&self) -> &Arc<Store<LogDrain>> {
        &self.store
    }

    /// Waits until it has been filled.
    pub async fn filled(&self) {
        // An error means that the watch has ended, and the operator with it.
        let _ = self.filled.clone().wait_for(Option::is_some).await;
    }

    /// Waits until it has been filled, or until the operator may not watch there: the others are not to wait for it then.
    pub async fn settled(&self) {
        tokio::select! {
            biased;
            () = self.filled() => {}
            () = self.monitor.forbidden() => {}
        }
    }
}

/// Has a watch list all objects anew.
#[derive(Clone)]
pub(super) struct Renewal {
    monitor: WatchMonitor,
    /// How often that was asked for.
    asked: watch::Sender<u64>,
    /// By which asking the cache was filled last.
    filled: watch::Receiver<Option<u64>>,
}

impl Renewal {
    /// Waits until the cache holds what the API server holds after this call, or until the operator may not watch there.
    pub(super) async fn renew(mut self) {
        self.asked.send_modify(|asked| *asked += 1);
        let wanted = Some(*self.asked.borrow());
        tokio::select! {
            biased;
            // An error means that the watch has ended, and the operator with it.
            _ = self.filled.wait_for(|filled| *filled >= wanted) => {}
            () = self.monitor.forbidden() => {}
        }
    }
}

/// Prepares a watch for each namespace, or one for all when none is named. How each goes is noted in `watch_health`.
#[must_use]
pub fn watches(client: &Client, namespaces: &[String], watch_health: &WatchHealth) -> Vec<Watch> {
    let store = Arc::default();
    if namespaces.is_empty() {
        return vec![Watch::new(client, None, watch_health, &store)];
    }
    namespaces
        .iter()
        .map(|namespace| Watch::new(client, Some(namespace.clone()), watch_health, &store))
        .collect()
}

/// The events of a watch that can be begun anew.
struct Events {
    api: Api<LogDrain>,
    current: BoxStream<'static, watcher::Result<watcher::Event<LogDrain>>>,
    asked: watch::Receiver<u64>,
    begun: Arc<AtomicU64>,
}

impl Events {
    async fn next(&mut self) -> Option<watcher::Result<watcher::Event<LogDrain>>> {
        loop {
            tokio::select! {
                biased;
                Ok(()) = self.asked.changed() => {
                    self.begun.store(*self.asked.borrow_and_update(), Ordering::Relaxed);
                    self.current = watching(self.api.clone());
                }
                event = self.current.next() => return event,
            }
        }
    }
}

impl Watch {
    fn new(
        client: &Client,
        namespace: Option<String>,
        watch_health: &WatchHealth,
        store: &Arc<Store<LogDrain>>,
    ) -> Self {
        let monitor = watch_health.begin(Watched::LogDrain, namespace.clone());
        let client = monitor.client(client);
        let api = match &namespace {
            None => Api::all(client),
            Some(namespace) => Api::namespaced(client, namespace),
        };
        let ((asked, asking), (fill, filled)) = (watch::channel(0), watch::channel(None));
        let begun = Arc::new(AtomicU64::new(0));
        let events = Events { current: watching(api.clone()), api, asked: asking, begun: Arc::clone(&begun) };
        let events = stream::unfold(events, |mut events| async move { Some((events.next().await?, events)) });
        let mut listing = Listing::default();
        let take_in = {
            let (store, monitor, namespace) = (store.clone(), monitor.clone(), namespace.clone());
            move |event: watcher::Result<watcher::Event<LogDrain>>| {
                let mut event = event.inspect_err(|error| monitor.failed(error)).ok()?;
                if let watcher::Event::Apply(object) | watcher::Event::InitApply(object) = &mut event {
                    // `managedFields` takes more memory than the rest of the object, and nothing reads it.
                    object.metadata.managed_fields = None;
                }
                let passed = store.take_in(namespace.as_deref(), &mut listing, event);
                if let Some(Passed::Listed(_)) = passed {
                    fill.send_replace(Some(begun.load(Ordering::Relaxed)));
                }
                passed
            }
        };
        let mut take_in = take_in;
        let stream = events.filter_map(move |event| std::future::ready(take_in(event))).boxed();
        let cache = Cache { store: store.clone(), filled: filled.clone(), monitor: monitor.clone() };
        Self { namespace, cache, stream, renewal: Renewal { monitor, asked, filled } }
    }

    /// Follows it without end.
    #[cfg(test)]
    pub(crate) async fn followed(self) {
        self.stream.for_each(async |_| {}).await;
    }

    /// The namespace that it watches, unless it watches all.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The cache that the watch fills.
    #[must_use]
    pub fn cache(&self) -> Cache {
        self.cache.clone()
    }
}

#[cfg(test)]
mod tests;
