//! The alerts, the dashboard and the kube-state-metrics configuration of `deploy/monitoring`, tried with the real programs.

mod error;
mod promtool;
mod query;
mod series;

pub use error::Error;
pub use promtool::Promtool;
pub use query::{Matcher, Query, Selector};
pub use series::{complaints, is_label_of};

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The root of this repository.
#[must_use]
pub fn repository() -> PathBuf {
    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_directory.ancestors().nth(2).unwrap_or(crate_directory).to_owned()
}

/// A file of this repository in YAML or JSON.
///
/// # Errors
/// It is not there, or not what it should be.
pub fn read(path: &str) -> Result<Value, Error> {
    let path = repository().join(path);
    let text = fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
    serde_saphyr::from_str(&text).map_err(|error| Error::Yaml { path, message: error.to_string() })
}

/// The alerts.
///
/// # Errors
/// Those of [`read`].
pub fn rules() -> Result<Value, Error> {
    Ok(read("deploy/monitoring/prometheus-rule.yaml")?["spec"].take())
}
