//! Watches, and whether they work, of any kind.

pub mod watch_health;
pub mod watching;
