//! Keeps Scalingo log drains as `LogDrain` resources say.

pub mod admin;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod crd;
pub mod drain;
mod duration;
pub mod exit;
pub mod guarded;
pub mod keyed;
pub mod kube;
pub mod lease;
pub mod logdrain;
pub mod metrics;
pub mod run;
pub mod scalingo;
pub mod state;
pub mod telemetry;
pub mod triggers;
pub mod work;
