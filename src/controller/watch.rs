//! Watches `LogDrain` resources and their Secrets, and reconciles each when it, or something about it, changes.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use futures::{
    StreamExt, TryStreamExt,
    future::join_all,
    stream::{self, BoxStream, select_all},
};
use kube::{
    Api, Client,
    runtime::{
        Controller, WatchStreamExt,
        reflector::{self, ObjectRef, Store},
        watcher,
    },
};
use tokio::sync::watch;

use super::{
    conclude::call_heirs,
    context::Context,
    hearing::{Ear, Hearing, Watched},
    notice::watch_secrets,
    poll::poll_change_feeds,
    reconcile::reconcile,
    sweep::{reread_secrets, sweep},
    watching::watching,
};
use crate::crd::LogDrain;

/// The watch of one namespace, or of all, before its events are followed.
pub struct Watch {
    namespace: Option<String>,
    cache: Cache,
    stream: BoxStream<'static, watcher::Result<watcher::Event<LogDrain>>>,
    renewal: Renewal,
}

/// What a watch has brought so far. It keeps what it holds while the watch fails.
#[derive(Clone)]
pub struct Cache {
    store: Store<LogDrain>,
    ear: Ear,
}

impl Cache {
    /// One that nothing is known of but what is in it.
    #[cfg(test)]
    pub(super) fn of(store: Store<LogDrain>) -> Self {
        let hearing = Hearing::new(crate::metrics::Metrics::default());
        Self { store, ear: hearing.begin(Watched::LogDrain, None) }
    }

    /// What is in it.
    #[must_use]
    pub fn store(&self) -> &Store<LogDrain> {
        &self.store
    }

    /// Waits until it has been filled.
    pub async fn filled(&self) {
        // An error means that the watch has ended, and the operator with it.
        let _ = self.store.wait_until_ready().await;
    }

    /// Waits until it has been filled, or until the operator may not watch there: the others are not to wait for it then.
    pub async fn settled(&self) {
        tokio::select! {
            biased;
            () = self.filled() => {}
            () = self.ear.forbidden() => {}
        }
    }
}

/// Has a watch list all objects anew.
#[derive(Clone)]
struct Renewal {
    ear: Ear,
    /// How often that was asked for.
    asked: watch::Sender<u64>,
    /// By which asking the cache was filled last.
    filled: watch::Receiver<u64>,
}

impl Renewal {
    /// Waits until the cache holds what the API server holds after this call, or until the operator may not watch there.
    async fn renew(mut self) {
        self.asked.send_modify(|asked| *asked += 1);
        let wanted = *self.asked.borrow();
        tokio::select! {
            biased;
            // An error means that the watch has ended, and the operator with it.
            _ = self.filled.wait_for(|filled| *filled >= wanted) => {}
            () = self.ear.forbidden() => {}
        }
    }
}

/// Prepares a watch for each namespace, or one for all when none is named. How each goes is noted in `hearing`.
#[must_use]
pub fn watches(client: &Client, namespaces: &[String], hearing: &Hearing) -> Vec<Watch> {
    if namespaces.is_empty() {
        return vec![Watch::new(client, None, hearing)];
    }
    namespaces.iter().map(|namespace| Watch::new(client, Some(namespace.clone()), hearing)).collect()
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
    fn new(client: &Client, namespace: Option<String>, hearing: &Hearing) -> Self {
        let ear = hearing.begin(Watched::LogDrain, namespace.clone());
        let client = ear.client(client);
        let api = match &namespace {
            None => Api::all(client),
            Some(namespace) => Api::namespaced(client, namespace),
        };
        let (store, writer) = reflector::store();
        let ((asked, asking), (fill, filled)) = (watch::channel(0), watch::channel(0));
        let begun = Arc::new(AtomicU64::new(0));
        let events = Events { current: watching(api.clone()), api, asked: asking, begun: Arc::clone(&begun) };
        let events = stream::unfold(events, |mut events| async move { Some((events.next().await?, events)) });
        let stream = events
            .inspect_err({
                let ear = ear.clone();
                move |error| ear.failed(error)
            })
            .boxed()
            // Who has written which field takes more memory than all the rest, and nobody here asks.
            .modify(|object| object.metadata.managed_fields = None)
            .reflect(writer)
            .inspect_ok(move |event| {
                if matches!(event, watcher::Event::InitDone) {
                    fill.send_replace(begun.load(Ordering::Relaxed));
                }
            })
            .boxed();
        let cache = Cache { store, ear: ear.clone() };
        Self { namespace, cache, stream, renewal: Renewal { ear, asked, filled } }
    }

    /// The cache that the watch fills.
    #[must_use]
    pub fn cache(&self) -> Cache {
        self.cache.clone()
    }

    /// What it brings.
    #[cfg(test)]
    pub(super) fn events(self) -> impl futures::Stream<Item = Result<LogDrain, watcher::Error>> {
        self.stream.applied_objects()
    }
}

/// Keeps the caches of these watches full until this process leads.
async fn stand_by(watches: &mut [Watch], context: &Context) {
    let renewals: Vec<Renewal> = watches.iter().map(|watch| watch.renewal.clone()).collect();
    let follow = async {
        let mut events = select_all(watches.iter_mut().map(|watch| &mut watch.stream));
        while events.next().await.is_some() {}
        // All watches have ended: whoever follows them will find that out.
    };
    // Only a whole cache shows what has passed meanwhile. One whose watch has fallen silent would lack what the predecessor
    // wrote last, and a drain that another resource has come to share would look unshared.
    let called = async {
        context.leadership.begun().await;
        if context.leadership.is_elected() {
            join_all(renewals.into_iter().map(Renewal::renew)).await;
        }
        context.view.filled().await;
    };
    tokio::select! {
        biased;
        () = called => {}
        () = follow => {}
    }
}

/// Stands by until this process leads, then follows the watches until the operator is stopping and every reconciliation
/// that runs has ended.
pub async fn follow(
    mut watches: Vec<Watch>,
    context: Arc<Context>,
    mut called: futures::channel::mpsc::UnboundedReceiver<ObjectRef<LogDrain>>,
) {
    tokio::select! {
        biased;
        () = stand_by(&mut watches, &context) => {}
        () = context.stopping.cancelled() => return,
    }
    let namespaces = watches.iter().map(|watch| watch.namespace.clone()).collect();
    let secrets = watch_secrets(namespaces, Arc::clone(&context));
    let (feeds, sweeps, blind) = (Arc::clone(&context), Arc::clone(&context), Arc::clone(&context));
    let mut doors = Vec::new();
    let mut controllers = Vec::new();
    for watch in watches {
        let (door, calls) = futures::channel::mpsc::unbounded();
        doors.push((watch.namespace.clone(), door));
        let stopping = context.stopping.clone();
        // What has passed while standing by, first.
        let passed: Vec<_> =
            watch.cache.store.state().iter().map(|object| Ok(LogDrain::clone(object))).collect();
        let (heard, namespace, mut noted) = (Arc::clone(&context), watch.namespace.clone(), 0);
        let events = watch.stream.inspect_ok(move |event| match event {
            watcher::Event::Init => noted = heard.view.noted(),
            // What went while nothing was heard is only seen to be absent.
            watcher::Event::InitDone => {
                heard.view.listed(namespace.as_deref(), noted);
                call_heirs(&heard);
            }
            watcher::Event::Delete(_) => call_heirs(&heard),
            watcher::Event::Apply(_) | watcher::Event::InitApply(_) => {}
        });
        let stream = stream::iter(passed).chain(events.applied_objects());
        let controller = Controller::for_stream(stream, watch.cache.store)
            .reconcile_on(calls)
            .graceful_shutdown_on(async move { stopping.cancelled().await })
            .run(reconcile, |_, error, _| match *error {}, Arc::clone(&context))
            .for_each(|result| async move {
                if let Err(error) = result {
                    tracing::debug!(%error, "watch");
                }
            });
        controllers.push(controller);
    }
    let calls = async move {
        context.ready().await;
        while let Some(object) = called.next().await {
            for (namespace, door) in &doors {
                if namespace.is_none() || *namespace == object.namespace {
                    let _ = door.unbounded_send(object.clone());
                }
            }
        }
        futures::future::pending::<()>().await;
    };
    tokio::select! {
        // In this order rather than at random: a course of events can then be repeated.
        biased;
        _ = join_all(controllers) => {}
        () = calls => {}
        () = secrets => {}
        () = poll_change_feeds(&feeds) => {}
        () = sweep(&sweeps) => {}
        () = reread_secrets(&blind) => {}
    }
}

#[cfg(test)]
mod tests;
