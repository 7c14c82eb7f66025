//! Kills the operator's binary again and again on a real control plane, while `LogDrain`s, Secrets and drains change and
//! requests to the simulated Scalingo go wrong; then all becomes calm, and what is left is judged by what it promises.
//!
//! It asks what the random histories ask, of the real thing: each wanted drain is there exactly once, nothing is left behind,
//! the drains of others are untouched, nothing is written any more on either side, not even after a restart, no drain was
//! deleted that no `LogDrain` had recorded, and no secret stands in anything that was emitted.

mod audit;
mod campaign;
mod change;
mod error;
mod evidence;
mod fault;
mod judge;
mod killer;
mod operator;
mod people;
mod run;
mod secrecy;
mod setting;
mod summary;
mod universe;
mod watch;
mod witness;

pub use campaign::Campaign;
pub use error::Error;
pub use summary::Summary;
