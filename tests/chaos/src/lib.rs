//! Kills the operator's binary again and again on a real control plane, while `LogDrain`s, Secrets and drains change and
//! requests to the simulated Scalingo go wrong; then all becomes calm, and what is left is judged by what it promises.
//!
//! It asks what the random histories ask, of the real thing: each wanted drain is there exactly once, nothing is left behind,
//! the drains of others are untouched, nothing is written any more on either side, not even after a restart, no drain was
//! deleted that no `LogDrain` had recorded, and no secret stands in anything that was emitted. Where several operators run at
//! once, nothing is sent to Scalingo but by the one that the Lease names.

mod audit;
mod campaign;
mod change;
mod end;
mod error;
mod evidence;
mod fault;
mod fleet;
mod judge;
mod killer;
mod lead;
mod operator;
mod people;
mod quiet;
mod run;
mod secrecy;
mod setting;
mod stalls;
mod summary;
mod universe;
mod watch;
mod witness;

pub use campaign::Campaign;
pub use error::Error;
pub use summary::Summary;
