//! What a resource says of itself.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::{DrainRecord, LogDrain, Reason};

/// Keeps a resource until the drains it recorded are gone.
pub const FINALIZER: &str = "logs.scalingo.com/drains";

impl LogDrain {
    /// Namespace and name, as people write them.
    #[must_use]
    pub fn qualified_name(&self) -> String {
        format!("{}/{}", self.namespace().unwrap_or_default(), self.name_any())
    }

    /// Whether the [finalizer](FINALIZER) stands.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
    }

    /// The drains that it answers for.
    #[must_use]
    pub fn records(&self) -> &[DrainRecord] {
        self.status.as_ref().map_or(&[], |status| &status.drains)
    }

    /// The condition `Ready`, if anybody has written one.
    #[must_use]
    pub fn ready(&self) -> Option<&Condition> {
        let mut conditions = self.status.iter().flat_map(|status| &status.conditions);
        conditions.find(|condition| condition.type_ == "Ready")
    }

    /// Whether `Ready` has this reason.
    #[must_use]
    pub fn is_ready_as(&self, reason: Reason) -> bool {
        self.ready().is_some_and(|ready| ready.reason == reason.as_ref())
    }
}
