//! What Argo CD and Flux make of `LogDrain`s: the scripts of `deploy/argocd` in a real Lua 5.1, and the libraries of Flux
//! in a small Go program.

pub mod argo;
pub mod customization;
mod error;
pub mod fields;
pub mod flux;
mod standing;
pub mod testdata;

use std::path::PathBuf;

pub use error::Error;
pub use standing::Standing;

/// The repository.
#[must_use]
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The scripts and their test data, as Argo CD's own repository has them.
#[must_use]
pub fn scripts() -> PathBuf {
    repository().join("deploy/argocd/resource_customizations/logs.scalingo.com/LogDrain")
}

/// The text of a file.
///
/// # Errors
/// [`Error::Read`], naming the file.
pub fn read(path: &std::path::Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
