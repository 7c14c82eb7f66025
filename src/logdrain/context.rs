//! What every reconciliation shares.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use kube::{Client, ResourceExt};
use tokio::{
    sync::{Notify, OnceCell, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    error::Error,
    events::Events,
    sabotage::Sabotage,
    schedule::{Crowd, Schedule},
    vanished::Vanished,
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
        self, ApiToken, TokenKey,
        budget::{Class, Predecessors, WINDOW},
    },
    state::{
        apps::Apps,
        credentials::{Account, Tokens},
        delete_forms::DeleteForms,
        doubts::Doubts,
        feeds::Feeds,
        listings::{Key, Lists},
        queue::Queue,
        regions::Regions,
        secrets::{Secrets, Version},
        sweeps::Sweeps,
        target_locks::TargetLocks,
    },
};

/// How long a call to the Kubernetes API may take: kube's client has no read time-out of its own.
const KUBERNETES_TIMEOUT: Duration = Duration::from_secs(20);
/// How many such calls may be under way: each takes a connection, with its buffers, and a Secret may concern hundreds of
/// resources at once.
const KUBERNETES_AT_ONCE: usize = 32;

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

/// What every reconciliation shares.
pub struct Context {
    /// The Kubernetes API.
    pub client: Client,
    /// The Scalingo API.
    pub scalingo: scalingo::Client,
    /// What the user has configured.
    pub settings: Settings,
    /// All `LogDrain` resources.
    pub view: View,
    /// Names and ids of apps.
    pub apps: Apps,
    /// Names of regions.
    pub regions: Regions,
    /// What Scalingo has listed of late.
    pub lists: Arc<Lists>,
    /// What those lists do not tell for sure.
    pub doubts: Doubts,
    /// Digests.
    pub digester: Arc<Digester>,
    /// One at a time on a target.
    pub targets: TargetLocks,
    /// Which resource is reconciled when.
    pub queue: Queue<String, Class>,
    /// When each resource is due.
    pub schedule: Schedule,
    /// Told when a target is to be checked otherwise than planned.
    pub sweeps_changed: Notify,
    /// Told when a resource is seen with an API token that it had not before.
    pub tokens_changed: Notify,
    /// Which watches work.
    pub watch_health: WatchHealth,
    /// Which resources use which Secrets.
    pub secrets: Secrets,
    /// The ways to delete.
    pub delete_forms: DeleteForms,
    /// Targets whose drains are to go and that are not found.
    pub vanished: Vanished,
    /// Events for people.
    pub events: Events,
    /// What is counted.
    pub metrics: Metrics,
    /// The time of day.
    pub clock: Clock,
    /// Cancelled when no further step may begin.
    pub stopping: CancellationToken,
    /// Whether this process leads.
    pub leadership: Leadership,
    #[cfg(feature = "sabotage")]
    sabotage: Option<Sabotage>,
    tokens: Tokens,
    sweeps: Mutex<Sweeps>,
    feeds: Mutex<Feeds>,
    /// Since when this process leads.
    begun: OnceCell<Timestamp>,
    kubernetes: Semaphore,
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
        context.sabotage = sabotage;
        Arc::new(context)
    }

    fn assemble(parts: Parts) -> Self {
        let Settings { resync, sweep_interval, feed_interval, .. } = parts.settings;
        let sweeps = Sweeps::new(resync, sweep_interval);
        let feeds = Feeds::new(feed_interval);
        Self {
            events: Events::new(parts.client.clone(), parts.metrics.clone()),
            metrics: parts.metrics,
            apps: Apps::default(),
            regions: Regions::default(),
            queue: Queue::default(),
            schedule: Schedule::new(parts.random),
            client: parts.client,
            scalingo: parts.scalingo,
            settings: parts.settings,
            view: parts.view,
            clock: parts.clock,
            stopping: parts.stopping,
            leadership: parts.leadership,
            #[cfg(feature = "sabotage")]
            sabotage: None,
            digester: parts.digester,
            lists: Arc::default(),
            doubts: Doubts::default(),
            targets: TargetLocks::default(),
            delete_forms: DeleteForms::default(),
            vanished: Vanished::default(),
            secrets: Secrets::default(),
            watch_health: parts.watch_health,
            sweeps_changed: Notify::new(),
            tokens_changed: Notify::new(),
            tokens: Tokens::default(),
            sweeps: Mutex::new(sweeps),
            feeds: Mutex::new(feeds),
            begun: OnceCell::new(),
            kubernetes: Semaphore::new(KUBERNETES_AT_ONCE),
        }
    }

    /// Whether this is to be done wrong.
    #[cfg(feature = "sabotage")]
    #[must_use]
    pub(crate) fn is_sabotaged(&self, how: Sabotage) -> bool {
        self.sabotage == Some(how)
    }

    /// Nothing is to be done wrong.
    #[cfg(not(feature = "sabotage"))]
    #[expect(clippy::unused_self, reason = "it stands in for the one above")]
    #[must_use]
    pub(crate) const fn is_sabotaged(&self, _how: Sabotage) -> bool {
        false
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Waits until this process leads and every cache has been filled, and counts what a predecessor may have sent in the last minute.
    pub async fn ready(&self) {
        let fill = || async {
            self.leadership.begun().await;
            self.view.filled().await;
            let minute_ago = self.now().checked_sub(WINDOW).unwrap_or(Timestamp::MIN);
            let before = self.leadership.handover();
            let seen = before.map_or(Predecessors::None, |last| Predecessors::seen(last.ago, last.led));
            self.scalingo.inherit(match seen {
                // Who has worked without election is told by its work alone; routine checks leave no trace.
                Predecessors::None if self.view.shows_work_since(minute_ago) => Predecessors::Several,
                Predecessors::None if self.view.shows_work() => Predecessors::One,
                predecessors => predecessors,
            });
            self.doubts.begin(Instant::now());
            tracing::info!(logdrains = self.view.all().len(), "caches have synced");
            self.now()
        };
        self.begun.get_or_init(fill).await;
    }

    /// When this process began to lead, by its own clock. Where none is elected there is nobody whose clock differs.
    #[must_use]
    pub fn led_since(&self) -> Timestamp {
        let begun = self.begun.get().filter(|_| self.leadership.is_elected());
        begun.copied().unwrap_or(Timestamp::MIN)
    }

    /// Counts and logs a failure of which the status does not tell, since it tells of another.
    pub(super) fn report(&self, error: &Error) {
        if let Some(kind) = error.kind() {
            self.metrics.error(kind);
            tracing::warn!(%error, "another step has failed too");
        }
    }

    /// Lets a resource be reconciled, if it is to be: it has changed.
    pub fn look_at(&self, object: &LogDrain) {
        let uid = object.uid().unwrap_or_default();
        self.queue.want(uid, self.schedule.class(object), Instant::now());
    }

    /// Whether a resource that waits to be reconciled is to be looked at anew: people have changed what is wanted, or have come to
    /// wait for what nobody waited for.
    #[must_use]
    pub fn is_outdated(&self, uid: &str) -> bool {
        self.view.get(uid).is_none_or(|object| self.schedule.is_outdated(&object))
    }

    /// Calls for a reconciliation of this resource at once, with what is listed since then.
    pub fn call(&self, uid: &str, since: Instant) {
        self.call_with(uid, since, Crowd::Few);
    }

    /// The same, of one that is called with others.
    pub fn call_with(&self, uid: &str, since: Instant, crowd: Crowd) {
        self.schedule.now(uid, since, crowd);
        self.enqueue(uid);
    }

    /// The same, of one that may be as its status says all the same.
    pub fn prove(&self, uid: &str, since: Instant, crowd: Crowd) {
        self.schedule.prove(uid, since, crowd);
        self.enqueue(uid);
    }

    /// Lets a resource that rests be reconciled, though nobody waits for it.
    pub fn check(&self, uid: &str) {
        self.schedule.check(uid);
        self.enqueue(uid);
    }

    fn enqueue(&self, uid: &str) {
        if let Some(object) = self.view.get(uid) {
            self.look_at(&object);
        }
    }

    /// A resource is as it should be, by the list that was asked for at this time: it rests until its target is
    /// checked.
    pub fn enroll_in_sweep(&self, object: &Arc<LogDrain>, key: &Key, checked: Option<Instant>) {
        self.schedule.rest(object);
        let uid = object.uid().unwrap_or_default();
        self.sweeps().join(&uid, key, checked, Instant::now());
        self.sweeps_changed.notify_one();
    }

    /// A resource is looked after otherwise than with its target.
    pub fn withdraw_from_sweep(&self, uid: &str) {
        if self.sweeps().has(uid) {
            self.sweeps().leave(uid);
            self.sweeps_changed.notify_one();
        }
    }

    /// The targets that are checked now and then.
    pub fn sweeps(&self) -> MutexGuard<'_, Sweeps> {
        self.sweeps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The change feeds.
    pub fn feeds(&self) -> MutexGuard<'_, Feeds> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the names of apps are known: where the feed tells of the changes of all, as long as anything is.
    #[must_use]
    pub fn keeps_apps(&self, token: &ApiToken, region: &str) -> Duration {
        let tells = self.feeds().tells_of_all(token.key(), region, Instant::now());
        if tells { self.settings.sweep_interval } else { self.settings.resync }
    }

    /// Remembers the API token that a resource was last seen with. The bearer token of a predecessor that nobody uses any more is
    /// dropped.
    pub fn remember_token(&self, object: &LogDrain, token: &ApiToken, version: Version) {
        let Some(uid) = object.uid() else { return };
        if self.tokens.last(&uid).as_ref() != Some(token) {
            self.tokens_changed.notify_one();
        }
        let place = (token_place(object), version);
        if let Some(before) = self.tokens.remember(&uid, place, self.region(object), token) {
            self.scalingo.forget(&before);
        }
    }

    /// The API token that was last read where a resource has its own, by itself or by another, and in which version of the Secret.
    #[must_use]
    pub fn token_at_place(&self, object: &LogDrain) -> Option<(ApiToken, Version)> {
        self.tokens.at(&token_place(object))
    }

    /// The same, else the last that was read elsewhere for this resource.
    #[must_use]
    pub fn last_token_at_place(&self, object: &LogDrain) -> Option<(ApiToken, Version)> {
        self.tokens.last_at(&object.uid()?, &token_place(object))
    }

    /// The API token that a resource was last seen with.
    #[must_use]
    pub fn last_token(&self, uid: &str) -> Option<ApiToken> {
        self.tokens.last(uid)
    }

    /// The API tokens that resources were last seen with, each once.
    #[must_use]
    pub fn tokens_in_use(&self) -> BTreeSet<TokenKey> {
        self.tokens.in_use()
    }

    /// Whether a resource uses a token in a region.
    #[must_use]
    pub fn uses_token(&self, uid: &str, account: &Account) -> bool {
        self.tokens.uses(uid, account)
    }

    /// The tokens that such a resource uses, by region.
    #[must_use]
    pub fn tokens_used_by(&self, is_one: impl Fn(&str) -> bool) -> BTreeMap<Account, ApiToken> {
        self.tokens.used_by(is_one)
    }

    /// Forgets a resource that is gone.
    pub fn forget(&self, uid: &str) {
        self.view.forget(uid);
        self.tokens.forget(uid);
        self.secrets.forget(uid);
        self.vanished.forget(uid);
        self.schedule.remove(uid);
        self.withdraw_from_sweep(uid);
    }

    /// Forgets what is known for resources that are gone.
    pub fn tidy(&self) {
        let now = Instant::now();
        self.secrets.tidy();
        self.lists.tidy(now);
        self.doubts.tidy(now);
        let accounts = self.tokens.used_by(|_| true);
        let tokens = self.tokens.in_use();
        self.scalingo.keep_only(&tokens);
        self.tokens.keep_places(|place| !self.view.find(&FoundBy::TokenAt(place.clone())).is_empty());
        self.feeds().keep_apps(|_, app| !self.view.find(&FoundBy::App(app.to_owned())).is_empty());
        self.regions.keep_only(|token| tokens.contains(&token));
        self.apps.keep_only(|token, region| accounts.contains_key(&(token, region.to_owned())));
    }

    /// A call to the Kubernetes API, not waited for longer than 20 s once it is sent.
    ///
    /// # Errors
    /// Those of the call, that it took too long, or that this process does not lead any more.
    pub async fn kubernetes<T>(
        &self,
        call: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Error> {
        let _turn = self.kubernetes.acquire().await;
        self.leads()?;
        match tokio::time::timeout(KUBERNETES_TIMEOUT, call).await {
            Ok(answer) => answer.map_err(Error::from),
            Err(_) => Err(Error::KubernetesTimeout(KUBERNETES_TIMEOUT.as_secs())),
        }
    }

    /// The region of a resource, named or not.
    #[must_use]
    pub fn region(&self, object: &LogDrain) -> String {
        object.spec.region.clone().unwrap_or_else(|| self.settings.region.clone())
    }

    /// Whether another step may begin.
    ///
    /// # Errors
    /// When the operator is stopping, or does not lead any more, which ends it too.
    pub fn go_on(&self) -> Result<(), Error> {
        if self.stopping.is_cancelled() { Err(Error::Stopping) } else { self.leads() }
    }

    /// Whether what was begun may be written down.
    ///
    /// # Errors
    /// When this process does not lead any more: another says now how things stand.
    pub fn leads(&self) -> Result<(), Error> {
        if self.leadership.holds() { Ok(()) } else { Err(Error::Stopping) }
    }
}
