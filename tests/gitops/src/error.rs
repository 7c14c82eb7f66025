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
    /// A script fails, or returns what Argo CD does not take.
    #[error("{0}")]
    Lua(#[from] mlua::Error),
    /// The judge could not be built.
    #[error(transparent)]
    Build(#[from] control_plane::Error),
    /// The judge could not be started or spoken to.
    #[error("the judge cannot be run: {0}")]
    Run(io::Error),
    /// The judge fails.
    #[error("the judge failed: {0}")]
    Failed(String),
    /// The judge says something that is no verdict.
    #[error("the judge is not understood: {0}")]
    Answer(#[from] serde_json::Error),
}
