//! What tells that something has changed beside the resources themselves. Each only calls for reconciliations.

pub mod change_feed;
pub mod routine_checks;
pub mod secret_watch;
