//! Input of any shape: no panic, no request outside of the documented paths, no secret in an error.

#![expect(clippy::expect_used, reason = "a test fails by a panic")]

#[path = "hostile/answers.rs"]
mod answers;
#[path = "hostile/calls.rs"]
mod calls;
#[path = "hostile/drains.rs"]
mod drains;
#[path = "hostile/requests.rs"]
mod requests;
#[path = "hostile/text.rs"]
mod text;
