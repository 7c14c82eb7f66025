//! Keeps Scalingo log drains as `LogDrain` resources say.

pub mod controller;
pub mod crd;
pub mod drain;
pub mod scalingo;
