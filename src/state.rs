//! What this process knows, and which object it works on when. Nothing here names a kind.

pub mod apps;
pub mod credentials;
pub mod delete_forms;
pub mod doubts;
pub mod feeds;
pub mod listings;
pub mod observation;
pub mod queue;
pub mod regions;
pub mod secrets;
pub mod store;
pub mod sweeps;
pub mod target_locks;
