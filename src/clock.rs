//! The time of day, which nothing reads by itself.

use std::sync::Arc;

use jiff::Timestamp;

/// Tells the time of day: for what Scalingo and Kubernetes date, and for people.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
