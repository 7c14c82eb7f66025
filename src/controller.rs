//! Reconciles `LogDrain` resources: watch → desired → observe → plan → apply → status.
//!
//! Beside it three watch over what has changed: `notice` the Secrets, `poll` the change feed, `sweep` what nothing
//! tells of.
//!
//! Files named with a noun are pure or in memory; those named with a verb do I/O.
//!
//! | word | means |
//! |---|---|
//! | target | an app or an addon at Scalingo: what drains hang on, and what is listed with one request |
//! | destination | where logs are to go, secrets included: what a `LogDrain` wants on its target |
//! | record | what a status keeps of a drain that the resource answers for; `plan/record.rs` says what each form means |
//! | intent | a record that is written before the request that it announces, so that a crash cannot hide the request |
//! | peer | another `LogDrain` with a record on the same target |
//! | rank | who of several peers comes first: the older, then the smaller uid |
//! | requester | on whose behalf Scalingo is asked: it decides the turn in the request budget |
//! | called | to be reconciled at once, though neither the resource nor a timer says so |
//! | resting | in order, and left to the sweep of its target |

mod apply;
mod apps;
mod clean_up;
mod conclude;
mod context;
mod delete_forms;
mod desired;
mod doubts;
mod error;
mod events;
mod execute;
mod feeds;
mod happening;
mod hearing;
mod labels;
mod lists;
mod notice;
mod observation;
mod observe;
mod peers;
mod plan;
mod poll;
mod reconcile;
mod regions;
mod sabotage;
mod schedule;
mod secrets;
mod snapshot;
mod status;
mod sweep;
mod sweeps;
mod targets;
mod tokens;
mod turn;
mod vanished;
mod view;
mod watch;
mod watching;

pub use context::{Context, Parts, Settings};
pub use happening::{Happening, Told};
pub use hearing::Hearing;
pub use labels::label_values;
#[cfg(feature = "sabotage")]
#[doc(hidden)]
pub use sabotage::Sabotage;
pub use view::View;
pub use watch::{Cache, Watch, follow, watches};
