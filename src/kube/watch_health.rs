//! Whether the watches work by which the operator hears of changes. Told once when one turns, and counted.

use std::collections::BTreeMap;

use http::{Request, StatusCode};
use kube::{Client, client::Body, runtime::watcher};
use strum::{IntoStaticStr, VariantNames};
use tokio::sync::watch;
use tower::service_fn;

use crate::metrics::{FailureKind, Metrics};

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Watched {
    /// `LogDrain` resources.
    LogDrain,
    /// Their Secrets.
    Secret,
}

impl Watched {
    /// In words.
    fn plural(self) -> &'static str {
        match self {
            Self::LogDrain => "LogDrains",
            Self::Secret => "Secrets",
        }
    }

    /// What it means that a watch of this namespace, or of all, fails that has stood like this and stands like that.
    fn loss(self, namespace: Option<&str>, before: Standing, now: Standing) -> &'static str {
        match (self, before) {
            (Self::LogDrain, Standing::Unanswered) if namespace.is_some() && now == Standing::Forbidden => {
                "the operator knows no LogDrain of this namespace, and works on in the others"
            }
            (Self::LogDrain, Standing::Unanswered) => "no LogDrain of any namespace is looked after",
            (Self::LogDrain, _) => "no change of a LogDrain is seen",
            (Self::Secret, _) => "a change of a Secret is only seen every --resync",
        }
    }

    /// What is to be done where the API server answers like this.
    fn remedy(self, status: Option<u16>) -> &'static str {
        match (self, status) {
            (Self::LogDrain, Some(404)) => {
                "; install the CustomResourceDefinition logdrains.logs.scalingo.com, which `logdrain-operator crd` prints"
            }
            (_, Some(403)) => {
                "; bind the operator's ClusterRole to its service account there, with a ClusterRoleBinding where the namespace is \
                 being deleted"
            }
            _ => "",
        }
    }

    fn failure(self) -> FailureKind {
        match self {
            Self::LogDrain => FailureKind::LogDrainWatch,
            Self::Secret => FailureKind::SecretWatch,
        }
    }
}

/// How a watch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It was not answered yet.
    Unanswered,
    /// The API server has begun to answer it, and it has not failed since.
    Works,
    /// The last that was heard of it is a failure.
    Fails,
    /// The last that was heard of it is that the operator may not watch there: as where a namespace has been deleted, and with it
    /// the operator's right to it.
    Forbidden,
}

impl Standing {
    fn is_failure(self) -> bool {
        matches!(self, Self::Fails | Self::Forbidden)
    }
}

/// All watches of this process. A clone tells of the same.
#[derive(Clone)]
pub struct WatchHealth {
    metrics: Metrics,
    watches: watch::Sender<Vec<(Watched, Standing)>>,
}

impl WatchHealth {
    /// No watch yet; failures are counted here.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics, watches: watch::Sender::default() }
    }

    /// One more watch, in this namespace or in all.
    pub(crate) fn begin(&self, kind: Watched, namespace: Option<String>) -> WatchMonitor {
        let mut number = 0;
        self.watches.send_modify(|watches| {
            number = watches.len();
            watches.push((kind, Standing::Unanswered));
        });
        WatchMonitor { watch_health: self.clone(), kind, namespace, number }
    }

    /// How many watches of each kind work, and how many do not.
    pub(crate) fn count(&self) -> BTreeMap<(&'static str, bool), usize> {
        let none = Watched::VARIANTS.iter().flat_map(|kind| [true, false].map(|works| ((*kind, works), 0)));
        let mut count: BTreeMap<_, _> = none.collect();
        for (kind, standing) in self.watches.borrow().iter() {
            *count.entry((kind.into(), *standing == Standing::Works)).or_default() += 1;
        }
        count
    }

    /// Whether a watch of this kind fails.
    pub(crate) fn fails(&self, kind: Watched) -> bool {
        self.watches.borrow().iter().any(|(watched, standing)| *watched == kind && standing.is_failure())
    }

    /// Told whenever a watch turns.
    pub(crate) fn turns(&self) -> watch::Receiver<Vec<(Watched, Standing)>> {
        self.watches.subscribe()
    }
}

/// Notes how one watch goes.
#[derive(Clone)]
pub(crate) struct WatchMonitor {
    watch_health: WatchHealth,
    kind: Watched,
    namespace: Option<String>,
    number: usize,
}

impl WatchMonitor {
    /// `client`, for this watch and nothing else. Of a watch that goes on after a failure nothing is heard until something
    /// changes: that it goes on is seen where the API server begins to answer it.
    pub(crate) fn client(&self, client: &Client) -> Client {
        let (monitor, inner) = (self.clone(), client.clone());
        let send = move |request: Request<Body>| {
            let (monitor, inner) = (monitor.clone(), inner.clone());
            async move {
                let is_watch = is_watch(request.uri());
                let response = inner.send(request).await?;
                if is_watch && response.status().is_success() {
                    monitor.works();
                }
                Ok::<_, kube::Error>(response)
            }
        };
        Client::new(service_fn(send), client.default_namespace())
    }

    fn works(&self) {
        if self.turn(Standing::Works).is_failure() {
            tracing::info!(namespace = self.namespace, "{} are watched again", self.kind.plural());
        }
    }

    /// The watch has failed, and tries again by itself.
    pub(crate) fn failed(&self, error: &watcher::Error) {
        let (status, error) = (status(error), describe(error));
        let (namespace, what) = (self.namespace.as_deref(), self.kind.plural());
        if status == Some(StatusCode::GONE.as_u16()) {
            tracing::debug!(namespace, %error, "the watch of {what} begins anew");
            return;
        }
        self.watch_health.metrics.error(self.kind.failure());
        let is_forbidden = status == Some(StatusCode::FORBIDDEN.as_u16());
        let now = if is_forbidden { Standing::Forbidden } else { Standing::Fails };
        let before = self.turn(now);
        if before.is_failure() {
            tracing::debug!(namespace, %error, "the watch of {what} still fails");
            return;
        }
        tracing::warn!(
            namespace,
            %error,
            "the watch of {what} fails: until it works, {}{}",
            self.kind.loss(namespace, before, now),
            self.kind.remedy(status)
        );
    }

    /// Waits until the operator may not watch there.
    pub(crate) async fn forbidden(&self) {
        // An error means that nobody hears any more, and the operator ends.
        let is_forbidden = |watches: &Vec<(Watched, Standing)>| {
            watches.get(self.number).is_some_and(|(_, standing)| *standing == Standing::Forbidden)
        };
        let _ = self.watch_health.turns().wait_for(is_forbidden).await;
    }

    /// Gives how it stood before.
    fn turn(&self, to: Standing) -> Standing {
        let mut before = to;
        self.watch_health.watches.send_if_modified(|watches| {
            if let Some((_, standing)) = watches.get_mut(self.number) {
                before = std::mem::replace(standing, to);
            }
            before != to
        });
        before
    }
}

fn is_watch(uri: &http::Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|parameter| parameter == "watch=true"))
}

/// What the API server has answered, if it has.
fn status(error: &watcher::Error) -> Option<u16> {
    use watcher::Error::{InitialListFailed, NoResourceVersion, WatchError, WatchFailed, WatchStartFailed};
    match error {
        WatchError(status)
        | InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status))
        | WatchFailed(kube::Error::Api(status)) => Some(status.code),
        InitialListFailed(_) | WatchStartFailed(_) | WatchFailed(_) | NoResourceVersion => None,
    }
}

/// What the API server says. What a parser says may quote what it could not parse, so it is left out.
fn describe(error: &watcher::Error) -> String {
    use watcher::Error::{InitialListFailed, NoResourceVersion, WatchError, WatchFailed, WatchStartFailed};
    let error = match error {
        InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) => error,
        WatchError(status) => return status.message.clone(),
        NoResourceVersion => return error.to_string(),
    };
    match error {
        kube::Error::Api(status) => status.message.clone(),
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => "an answer that cannot be read".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
