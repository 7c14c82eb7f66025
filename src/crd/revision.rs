//! Which form of the spec a resource is in.

use super::LogDrain;

/// What people have asked for of a `LogDrain`, as far as a number tells: a status or an annotation changes none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// `metadata.generation`.
    pub generation: Option<i64>,
    /// Whether it is being deleted.
    pub deleting: bool,
}

impl Revision {
    /// That of this form.
    #[must_use]
    pub fn of(object: &LogDrain) -> Self {
        let metadata = &object.metadata;
        Self { generation: metadata.generation, deleting: metadata.deletion_timestamp.is_some() }
    }
}
