//! Reconciles `LogDrain` resources: watch → desired → observe → plan → apply → status.
//!
//! [`triggers`](crate::triggers) call for a reconciliation where something else than the resource has changed.
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
//! | resting | left alone until it changes, is called, or its target is checked |

mod admission;
pub(crate) mod admitted;
mod apply;
mod compare;
pub(crate) mod context;
pub(crate) mod desired;
mod dispatch;
pub(crate) mod error;
mod event;
mod events;
mod execute;
mod finalize;
pub(crate) mod heed;
mod labels;
mod observe;
mod peers;
pub(crate) mod plan;
pub(crate) mod reconcile;
mod report;
mod sabotage;
pub(crate) mod schedule;
mod snapshot;
mod status;
mod vanished;
pub(crate) mod view;
pub(crate) mod watch;

pub use context::{Context, Parts, Settings};
pub use event::{Event, Told};
pub use labels::label_values;
#[cfg(feature = "sabotage")]
#[doc(hidden)]
pub use sabotage::Sabotage;
pub use view::View;
pub use watch::{Cache, Watch, watches};
