//! The Kubernetes cluster: calls to its API, and what this process knows of its watches and Secrets.

use std::time::Duration;

use kube::Client;
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    kube::watch_health::WatchHealth,
    lease::Leadership,
    logdrain::{error::Error, events::Events},
    metrics::Metrics,
    state::secrets::Secrets,
};

/// How long a call to the Kubernetes API may take: kube's client has no read time-out of its own.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How many such calls may be under way: each takes a connection, with its buffers, and a Secret may concern hundreds of
/// resources at once.
const AT_ONCE: usize = 32;

/// The Kubernetes cluster, as this process reaches it.
pub struct Cluster {
    /// The Kubernetes API.
    pub client: Client,
    /// Which watches work.
    pub watch_health: WatchHealth,
    /// Which resources use which Secrets.
    pub secrets: Secrets,
    /// Events for people.
    pub events: Events,
    leadership: Leadership,
    turns: Semaphore,
}

impl Cluster {
    pub(super) fn new(
        client: Client,
        watch_health: WatchHealth,
        leadership: Leadership,
        metrics: Metrics,
    ) -> Self {
        Self {
            events: Events::new(client.clone(), metrics),
            client,
            watch_health,
            secrets: Secrets::default(),
            leadership,
            turns: Semaphore::new(AT_ONCE),
        }
    }

    /// A call to the Kubernetes API, not waited for longer than 20 s once it is sent.
    ///
    /// # Errors
    /// Those of the call, that it took too long, or that this process does not lead any more.
    pub async fn call<T>(&self, call: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Error> {
        let _turn = self.turns.acquire().await;
        if !self.leadership.holds() {
            return Err(Error::Stopping);
        }
        match timeout(TIMEOUT, call).await {
            Ok(answer) => answer.map_err(Error::from),
            Err(_) => Err(Error::KubernetesTimeout(TIMEOUT.as_secs())),
        }
    }
}
