//! Reconciles `LogDrain` resources: watch → desired → observe → plan → apply → status.
//!
//! Beside it three watch over what has changed: `notice` the Secrets, `poll` the change feed, `sweep` what nothing
//! tells of.
//!
//! Files named with a noun are pure or in memory; those named with a verb do I/O.

mod apply;
mod apps;
mod conclude;
mod context;
mod delete_forms;
mod desired;
mod error;
mod events;
mod feeds;
mod happening;
mod labels;
mod lists;
mod notice;
mod observation;
mod observe;
mod plan;
mod poll;
mod reconcile;
mod schedule;
mod secrets;
mod snapshot;
mod status;
mod sweep;
mod sweeps;
mod targets;
mod tokens;
mod turn;
mod view;
mod watch;

#[cfg(feature = "sabotage")]
#[doc(hidden)]
pub use context::Sabotage;
pub use context::{Context, Parts, Settings};
pub use happening::Happening;
pub use labels::label_values;
pub use status::FINALIZER;
pub use view::View;
pub use watch::{Watch, follow, watches};
