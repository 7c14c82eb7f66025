//! The `LogDrain` resource: what its definition says, and what a real API server makes of it.

#[path = "crd/cases.rs"]
mod cases;
#[path = "crd/checker.rs"]
mod checker;
#[path = "crd/definition.rs"]
mod definition;
#[path = "crd/examples.rs"]
mod examples;
#[path = "crd/strings.rs"]
mod strings;
#[path = "crd/types.rs"]
mod types;
