//! What the operator has done, counted, for `/metrics`.
//!
//! What happens is counted here when it happens; what stands is given as a [`Snapshot`] when somebody asks, so that the
//! two cannot drift apart. No label holds the name of an object.

mod exposition;
mod failure;
mod family;
mod measured;
mod process;
mod snapshot;
#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use http::StatusCode;
use prometheus_client::metrics::{counter::Counter, family::Family, histogram::Histogram};
use strum::{IntoStaticStr, VariantNames};
use tokio::time::Instant;

pub use failure::FailureKind;
pub use family::{Description, FAMILIES, Kind};
pub use measured::Measured;
pub use snapshot::{Snapshot, Standing};

use crate::scalingo::Operation;

/// Media type of what [`Metrics::expose`] gives.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Until an answer of Scalingo's has come, which is given up after 30 s.
const REQUEST_BUCKETS: [f64; 10] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// From a reconciliation that needs no request to one whose stages all take as long as they may.
const RECONCILE_BUCKETS: [f64; 12] = [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];

/// Labels of a series, of which each value comes from a fixed set.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Counts what the operator does. A clone counts into the same.
#[derive(Clone)]
pub struct Metrics {
    reconciles: Family<Labels<1>, Counter>,
    reconcile_duration: Histogram,
    errors: Family<Labels<1>, Counter>,
    requests: Family<Labels<2>, Counter>,
    request_duration: Family<Labels<1>, Histogram>,
    drift_healed: Family<Labels<1>, Counter>,
    given_up: Counter,
    writes: Family<Labels<1>, Counter>,
}

/// What a reconciliation has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum ReconcileResult {
    /// It came to its end, whatever was found.
    Ok,
    /// It failed, and is tried again by itself.
    Transient,
    /// It failed, and a person has to mend something.
    Stalled,
    /// It was given up for a newer form of the resource, or because the operator stops.
    Passing,
}

/// What had drifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Drift {
    /// A recorded drain was no longer listed.
    Missing,
}

/// What is written to the Kubernetes API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Write {
    /// The status of a `LogDrain`.
    Status,
    /// Its finalizer.
    Finalizer,
    /// An event.
    Event,
    /// The lease of the leader.
    Lease,
}

/// Class of an answer's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum StatusClass {
    /// 2xx.
    #[strum(serialize = "2xx")]
    Success,
    /// 3xx.
    #[strum(serialize = "3xx")]
    Redirection,
    /// 4xx.
    #[strum(serialize = "4xx")]
    ClientError,
    /// 5xx.
    #[strum(serialize = "5xx")]
    ServerError,
    /// Any other, or no answer.
    None,
}

impl From<StatusCode> for StatusClass {
    fn from(status: StatusCode) -> Self {
        match status.as_u16() / 100 {
            2 => Self::Success,
            3 => Self::Redirection,
            4 => Self::ClientError,
            5 => Self::ServerError,
            _ => Self::None,
        }
    }
}

impl Default for Metrics {
    /// Counters whose labels are known stand at 0: of one that appears with its first count, Prometheus sees no
    /// increase.
    fn default() -> Self {
        let metrics = Self {
            reconciles: Family::default(),
            reconcile_duration: Histogram::new(RECONCILE_BUCKETS),
            errors: Family::default(),
            requests: Family::default(),
            request_duration: Family::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS)),
            drift_healed: Family::default(),
            given_up: Counter::default(),
            writes: Family::default(),
        };
        for result in ReconcileResult::VARIANTS {
            let _ = metrics.reconciles.get_or_create(&[("result", *result)]);
        }
        for kind in FailureKind::VARIANTS {
            let _ = metrics.errors.get_or_create(&[("kind", *kind)]);
        }
        for drift in Drift::VARIANTS {
            let _ = metrics.drift_healed.get_or_create(&[("reason", *drift)]);
        }
        for write in Write::VARIANTS {
            let _ = metrics.writes.get_or_create(&[("kind", *write)]);
        }
        for operation in Operation::VARIANTS {
            for status in StatusClass::VARIANTS {
                let _ = metrics.requests.get_or_create(&[("operation", *operation), ("status", *status)]);
            }
        }
        metrics
    }
}

impl Metrics {
    /// Begins a reconciliation of a resource: it is counted when what this gives is dropped, without the time that it has
    /// `waited` for the request budget.
    pub fn reconcile(&self, waited: impl Fn() -> Duration + Send + 'static) -> Reconcile {
        let before = waited();
        Reconcile {
            metrics: self.clone(),
            begun: Instant::now(),
            waited: Box::new(move || waited().saturating_sub(before)),
            result: Some(ReconcileResult::Passing),
        }
    }

    /// Something has failed.
    pub fn error(&self, kind: FailureKind) {
        self.errors.get_or_create(&[("kind", kind.into())]).inc();
    }

    /// A request to Scalingo has ended, after so long.
    pub fn scalingo_request(&self, operation: Operation, status: StatusClass, duration: Duration) {
        self.requests.get_or_create(&[("operation", operation.into()), ("status", status.into())]).inc();
        let durations = self.request_duration.get_or_create(&[("operation", operation.into())]);
        durations.observe(duration.as_secs_f64());
    }

    /// A drain that had drifted is as it should be again.
    pub fn drift_healed(&self, drift: Drift) {
        self.drift_healed.get_or_create(&[("reason", drift.into())]).inc();
    }

    /// A drain was to be deleted, and is taken for gone with an app or addon that is not found.
    pub fn drain_given_up(&self) {
        self.given_up.inc();
    }

    /// A write is sent to the Kubernetes API.
    pub fn kubernetes_write(&self, kind: Write) {
        self.writes.get_or_create(&[("kind", kind.into())]).inc();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// A reconciliation that is under way. Dropped without an end, it counts as given up.
#[must_use = "it is counted when it is dropped"]
pub struct Reconcile {
    metrics: Metrics,
    begun: Instant,
    waited: Box<dyn Fn() -> Duration + Send>,
    result: Option<ReconcileResult>,
}

impl Reconcile {
    /// It goes on later, and is counted then.
    pub fn pauses(&mut self) {
        self.result = None;
    }

    /// What it has come to.
    pub fn ends(&mut self, result: ReconcileResult) {
        self.result = Some(result);
    }
}

impl Drop for Reconcile {
    fn drop(&mut self) {
        let Some(result) = self.result else { return };
        let worked = self.begun.elapsed().saturating_sub((self.waited)());
        self.metrics.reconciles.get_or_create(&[("result", result.into())]).inc();
        self.metrics.reconcile_duration.observe(worked.as_secs_f64());
    }
}
