use std::{fmt, io};

/// Why the tour ended early.
#[derive(Debug)]
pub enum Stop {
    /// Ctrl-C, or SIGTERM.
    Interrupted,
    /// Nobody reads standard output any more, as with `| head`.
    NoReader,
    /// What went wrong: one sentence, and perhaps lines that explain it.
    Failed(String),
}

impl Stop {
    /// A failure whose first line says what was tried.
    pub fn failed(what: impl fmt::Display) -> Self {
        Self::Failed(what.to_string())
    }
}

impl From<control_plane::Error> for Stop {
    fn from(error: control_plane::Error) -> Self {
        Self::failed(error)
    }
}

impl From<control_plane::CargoError> for Stop {
    fn from(error: control_plane::CargoError) -> Self {
        Self::failed(error)
    }
}

/// Writing to standard output is the only I/O that fails with these.
impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::NoReader
    }
}
