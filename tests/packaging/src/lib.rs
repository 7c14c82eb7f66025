//! The Helm chart and the kustomizations of `deploy/`, tried with the real programs.

mod helm;
mod objects;

pub use helm::Helm;
pub use objects::{name, of_kind, parse};

use std::path::{Path, PathBuf};

/// The root of this repository.
#[must_use]
pub fn repository() -> PathBuf {
    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_directory.ancestors().nth(2).unwrap_or(crate_directory).to_owned()
}

/// The chart.
#[must_use]
pub fn chart() -> PathBuf {
    repository().join("deploy/chart")
}
