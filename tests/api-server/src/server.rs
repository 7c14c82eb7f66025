use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use tokio::sync::Notify;

use crate::{
    connection::Connection, definition::Definition, fault::RequestInfo, journal::Entry, store::Store,
    turns::Turns,
};

/// How a server is made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where uids and generated names come from.
    pub seed: u64,
    /// What the server's clock shows when it is made; it goes on with tokio's.
    pub start: Timestamp,
    /// How many changes a watch can look back; further back is answered with 410.
    pub remembered_changes: usize,
    /// How often a watch that asks for bookmarks gets one.
    pub bookmark_interval: Duration,
    /// How requests of one instant are put in order; without it, they take effect in the order of their arrival.
    pub turns: Option<Turns>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            start: Timestamp::from_second(1_800_000_000).unwrap_or(Timestamp::UNIX_EPOCH),
            remembered_changes: 10_000,
            bookmark_interval: Duration::from_secs(60),
            turns: None,
        }
    }
}

/// The server; a clone is the same server.
#[derive(Clone)]
pub struct ApiServer {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    state: Mutex<State>,
    /// Wakes the watches, in the order in which they have come: tokio's `watch` would wake them at random.
    pub ticks: Notify,
    pub bookmark_interval: Duration,
    pub turns: Option<Turns>,
}

pub(crate) struct State {
    pub store: Store,
    pub journal: Vec<Entry>,
    pub requests: u64,
    pub changes: u64,
    /// Each counts how often all watches were ended so: as by a time-out, and by a reset.
    pub ended: u64,
    pub broken: u64,
}

impl Shared {
    /// Nobody holds it across an await, nor panics with it.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn wake(&self) {
        self.ticks.notify_waiters();
    }
}

impl ApiServer {
    /// An empty server, whose time begins now. Where the definitions include Namespaces, `default` and `kube-system` are there.
    ///
    /// To be called inside of the runtime whose time it shall follow.
    #[must_use]
    pub fn new(settings: Settings, definitions: Vec<Definition>) -> Self {
        let Settings { seed, start, remembered_changes, bookmark_interval, turns } = settings;
        let state = State {
            store: Store::new(definitions, seed, start, remembered_changes),
            journal: Vec::new(),
            requests: 0,
            changes: 0,
            ended: 0,
            broken: 0,
        };
        let shared = Shared { state: Mutex::new(state), ticks: Notify::new(), bookmark_interval, turns };
        let server = Self { shared: Arc::new(shared) };
        for namespace in ["default", "kube-system"] {
            server.ensure_namespace(namespace);
        }
        server
    }

    /// A way in for one process, named for the journal. Nothing befalls its requests until it is told otherwise.
    #[must_use]
    pub fn connection(&self, label: &str) -> Connection {
        Connection::new(self.shared.clone(), label)
    }

    /// A client that nothing befalls, of a connection labelled `client`.
    #[must_use]
    pub fn client(&self, namespace: &str) -> Client {
        self.connection("client").client(namespace)
    }

    /// A client of a connection of its own, with what befalls its requests.
    #[must_use]
    pub fn client_with(
        &self,
        label: &str,
        namespace: &str,
        hook: impl Fn(&RequestInfo) -> crate::Fault + Send + Sync + 'static,
    ) -> (Client, Connection) {
        let connection = self.connection(label);
        connection.set_faults(hook);
        (connection.client(namespace), connection)
    }
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.shared.state().store.version;
        formatter.debug_struct("ApiServer").field("resource_version", &version).finish_non_exhaustive()
    }
}
