//! The finalizer.

use kube::ResourceExt;

use super::LogDrain;

/// Keeps a resource until the drains it recorded are gone.
pub const FINALIZER: &str = "logs.scalingo.com/drains";

impl LogDrain {
    /// Whether the [finalizer](FINALIZER) stands.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
    }
}
