//! Random histories of the operator, in one thread and in virtual time, judged by what it promises.
//!
//! The controller and the client of the Scalingo API are the real ones; only the two wires lead into memory, and the clock is
//! that of tokio, paused. A [`History`] is made of [`Step`]s, which follow from a seed; [`History::run`] lets it happen, then
//! stops all faults, waits, and gives the promises that were broken. [`Campaign`] runs many and shortens those that fail.

mod campaign;
mod faults;
mod generate;
mod history;
mod journal;
mod judge;
mod operator;
mod sabotage;
mod shrink;
mod speaker;
pub mod step;
pub mod universe;
mod witness;
mod world;

pub use campaign::{Campaign, Failure, Summary};
pub use generate::generate;
pub use history::{History, Verdict};
pub use logdrain_operator::drain::Digester;
pub use sabotage::Sabotage;
pub use shrink::shrink;
pub use step::Step;
