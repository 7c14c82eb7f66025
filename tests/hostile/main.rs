//! Input of any shape: no panic, no request outside of the documented paths, no secret in an error.

#![expect(clippy::expect_used, reason = "a test fails by a panic")]

mod answers;
mod calls;
mod drains;
mod requests;
mod text;
