//! What every reconciliation shares.

mod cluster;
mod process;
mod remote;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::{Client, ResourceExt};
use tokio::{sync::OnceCell, time::Instant};
use tokio_util::sync::CancellationToken;

pub use self::{cluster::Cluster, process::Process, remote::Remote};
#[cfg(feature = "sabotage")]
use super::sabotage::Sabotage;
use super::{
    dispatch::Dispatch,
    error::Error,
    view::{FoundBy, View, token_place},
};
use crate::{
    clock::Clock,
    crd::LogDrain,
    drain::Digester,
    kube::watch_health::WatchHealth,
    lease::Leadership,
    metrics::Metrics,
    scalingo::{
        self, ApiToken,
        budget::{Predecessors, WINDOW},
    },
    state::{credentials::Tokens, feeds::Feeds, secrets::Version, sweeps::Sweeps},
};

/// What the user has configured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Region of a `LogDrain` that names none.
    pub region: String,
    /// How often a target is compared with what Scalingo lists whose changes the change feed does not tell.
    pub resync: Duration,
    /// The same for a target whose changes it tells.
    pub sweep_interval: Duration,
    /// How often the change feed is read; never where there is none.
    pub feed_interval: Option<Duration>,
    /// How long a target that is not found is waited for before its drains are taken for gone.
    pub gone_after: Duration,
    /// How many resources are reconciled at once, without those that people wait for.
    pub max_concurrent_reconciles: usize,
}

impl Settings {
    /// The region of a resource, named or not.
    #[must_use]
    pub fn region_of(&self, object: &LogDrain) -> String {
        object.spec.region.clone().unwrap_or_else(|| self.region.clone())
    }
}

/// What every reconciliation shares, by what it is about. A step takes the part that it needs.
pub struct Context {
    /// What the user has configured.
    pub settings: Settings,
    /// What this process may do.
    pub process: Process,
    /// The Kubernetes cluster.
    pub cluster: Cluster,
    /// Scalingo.
    pub remote: Remote,
    /// The API tokens that were last read.
    pub tokens: Tokens,
    /// All `LogDrain` resources.
    pub view: Arc<View>,
    /// When each of them is reconciled.
    pub dispatch: Dispatch,
    /// Digests.
    pub digester: Arc<Digester>,
    /// What is counted.
    pub metrics: Metrics,
}

/// What a [`Context`] is made of, apart from what it makes itself.
pub struct Parts {
    /// The Kubernetes API.
    pub client: Client,
    /// The Scalingo API.
    pub scalingo: scalingo::Client,
    /// What the user has configured.
    pub settings: Settings,
    /// All `LogDrain` resources.
    pub view: View,
    /// Which watches work, those of the view among them.
    pub watch_health: WatchHealth,
    /// Digests. It may serve several contexts of one process: what it remembers is the same for all.
    pub digester: Arc<Digester>,
    /// What is counted.
    pub metrics: Metrics,
    /// Source of jitter.
    pub random: fastrand::Rng,
    /// The time of day.
    pub clock: Clock,
    /// Cancelled when no further step may begin.
    pub stopping: CancellationToken,
    /// Whether this process leads. The client for Scalingo is to heed it by itself, as with [`Guarded`](crate::guarded::Guarded).
    pub leadership: Leadership,
}

impl Context {
    /// A context.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self::assemble(parts))
    }

    /// The same, where this is done wrong on purpose.
    #[cfg(feature = "sabotage")]
    #[doc(hidden)]
    #[must_use]
    pub fn sabotaged(parts: Parts, sabotage: Option<Sabotage>) -> Arc<Self> {
        let mut context = Self::assemble(parts);
        context.process.sabotage = sabotage;
        Arc::new(context)
    }

    fn assemble(parts: Parts) -> Self {
        let Parts { client, scalingo, settings, view, watch_health, .. } = parts;
        let Parts { digester, metrics, random, clock, stopping, leadership, .. } = parts;
        let view = Arc::new(view);
        let sweeps = Sweeps::new(settings.resync, settings.sweep_interval);
        Self {
            cluster: Cluster::new(client, watch_health, leadership.clone(), metrics.clone()),
            remote: Remote::new(scalingo, Feeds::new(settings.feed_interval)),
            tokens: Tokens::default(),
            dispatch: Dispatch::new(view.clone(), sweeps, random),
            process: Process {
                stopping,
                leadership,
                clock,
                begun: OnceCell::new(),
                #[cfg(feature = "sabotage")]
                sabotage: None,
            },
            settings,
            view,
            digester,
            metrics,
        }
    }

    /// Waits until this process leads and every cache has been filled, and counts what a predecessor may have sent in the last minute.
    pub async fn ready(&self) {
        let fill = || async {
            self.process.leadership.begun().await;
            self.view.filled().await;
            let minute_ago = self.process.now().checked_sub(WINDOW).unwrap_or(Timestamp::MIN);
            let before = self.process.leadership.handover();
            let seen = before.map_or(Predecessors::None, |last| Predecessors::seen(last.ago, last.led));
            self.remote.client.inherit(match seen {
                // Who has worked without election is told by its work alone; routine checks leave no trace.
                Predecessors::None if self.view.shows_work_since(minute_ago) => Predecessors::Several,
                Predecessors::None if self.view.shows_work() => Predecessors::One,
                predecessors => predecessors,
            });
            self.remote.doubts.begin(Instant::now());
            tracing::info!(logdrains = self.view.all().len(), "caches have synced");
            self.process.now()
        };
        self.process.begun.get_or_init(fill).await;
    }

    /// Counts and logs a failure of which the status does not tell, since it tells of another.
    pub(super) fn report(&self, error: &Error) {
        if let Some(kind) = error.kind() {
            self.metrics.error(kind);
            tracing::warn!(%error, "another step has failed too");
        }
    }

    /// How long the names of apps are known: where the feed tells of the changes of all, as long as anything is.
    #[must_use]
    pub fn keeps_apps(&self, token: &ApiToken, region: &str) -> Duration {
        let tells = self.remote.feeds().tells_of_all(token.key(), region, Instant::now());
        if tells { self.settings.sweep_interval } else { self.settings.resync }
    }

    /// Remembers the API token that a resource was last seen with. The bearer token of a predecessor that nobody uses any more is
    /// dropped.
    pub fn remember_token(&self, object: &LogDrain, token: &ApiToken, version: Version) {
        let Some(uid) = object.uid() else { return };
        let place = (token_place(object), version);
        if let Some(before) = self.tokens.remember(&uid, place, self.settings.region_of(object), token) {
            self.remote.client.forget(&before);
        }
    }

    /// Forgets a resource that is gone.
    pub fn forget(&self, uid: &str) {
        self.view.forget(uid);
        self.tokens.forget(uid);
        self.cluster.secrets.forget(uid);
        self.remote.vanished.forget(uid);
        self.dispatch.forget(uid);
    }

    /// Forgets what is known for resources that are gone.
    pub fn tidy(&self) {
        let now = Instant::now();
        self.cluster.secrets.tidy();
        self.remote.lists.tidy(now);
        self.remote.doubts.tidy(now);
        let accounts = self.tokens.used_by(|_| true);
        let tokens = self.tokens.in_use();
        self.remote.client.keep_only(&tokens);
        self.tokens.keep_places(|place| !self.view.find(&FoundBy::TokenAt(place.clone())).is_empty());
        self.remote.feeds().tidy(now, |_, app| !self.view.find(&FoundBy::App(app.to_owned())).is_empty());
        self.remote.regions.keep_only(|token| tokens.contains(&token));
        self.remote.apps.keep_only(|token, region| accounts.contains_key(&(token, region.to_owned())));
    }
}
