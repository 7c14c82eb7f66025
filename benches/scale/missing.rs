//! Why a figure is missing.

use std::fmt;

/// Why a figure is missing: a time limit, or a failure of what it is measured with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub String);

/// It is no error itself, so that every error becomes one.
impl<E: std::error::Error> From<E> for Missing {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A figure, or why it is missing.
pub type Measured<T> = Result<T, Missing>;
