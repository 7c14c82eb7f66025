//! The `LogDrain` resource: what its definition says, and what a real API server makes of it.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod cases;
mod checker;
mod definition;
mod examples;
mod server;
mod strings;
mod types;
