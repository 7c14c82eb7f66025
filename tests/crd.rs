//! The `LogDrain` resource: what its definition says, and what a real API server makes of it.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

#[path = "crd/cases.rs"]
mod cases;
#[path = "crd/checker.rs"]
mod checker;
#[path = "crd/definition.rs"]
mod definition;
#[path = "crd/examples.rs"]
mod examples;
#[path = "crd/server.rs"]
mod server;
#[path = "crd/strings.rs"]
mod strings;
#[path = "crd/types.rs"]
mod types;
