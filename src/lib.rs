//! Keeps Scalingo log drains as `LogDrain` resources say.

pub mod crd;
pub mod drain;
pub mod scalingo;
