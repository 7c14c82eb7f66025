//! Leader election: of several operators one works, and the others stand by.
//!
//! The algorithm is that of client-go's `leaderelection`, over a Lease of `coordination.k8s.io`.
//!
//! # Guarantees
//! - Nobody takes a Lease from a holder before it has seen it unchanged for as long as the holder has asked for, by its own
//!   monotonic clock. No clock is compared with another.
//! - Every write carries the resource version that was read, so that of two who try at once one succeeds.
//! - Whoever leads stops when the Lease could not be renewed for the renew deadline, counted from before the last renewal was
//!   sent: no request of theirs to Scalingo is under way when another may lead.
//!
//! # Assumptions
//! The clocks of two machines run equally fast, within the share by which the lease duration exceeds the renew deadline. They
//! may show different times. All operators are told the same durations.
//!
//! # Caveats
//! What has left the machine cannot be called back: a request that was cut off may still take effect at Scalingo. The record
//! that was written before it tells the next leader to wait for that. A process that is halted just when it hands a request
//! without a body to its connection, such as a list, or a deletion where its URL stands in the query, may send that when it
//! goes on; one with a body it does not.

mod election;
mod elector;
mod leadership;

pub use elector::{Elector, Lost, Settings};
pub use leadership::{Handover, Leadership};

#[cfg(test)]
mod tests;
