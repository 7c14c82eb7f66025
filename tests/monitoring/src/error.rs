use std::{io, path::PathBuf};

/// Why something could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is not there, or is no text.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is not the YAML that it should be.
    #[error("{} is not understood: {message}", path.display())]
    Yaml {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// There is no promtool, and none could be got.
    #[error(
        "promtool is not there, and apt gives none: {0}; install it, as Debian's package prometheus or from https://prometheus.io/download, so that it is in PATH"
    )]
    NoPromtool(String),
    /// promtool could not be started.
    #[error("promtool cannot be run: {0}")]
    Run(io::Error),
    /// A query is not written as the reader knows it.
    #[error("{query}: {message}")]
    Query {
        /// Which.
        query: String,
        /// What is wrong with it.
        message: String,
    },
}
