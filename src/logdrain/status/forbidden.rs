//! What is done where the operator has lost its rights to a resource that goes: a namespace that is being deleted takes the role of the
//! operator along, often before its `LogDrain`s.

use std::sync::Arc;

use kube::ResourceExt;
use serde_json::json;

use super::Subject;
use crate::{
    crd::{DrainRecord, DrainState, Reason},
    logdrain::error::Error,
    metrics::FailureKind,
};

impl Subject<'_> {
    /// Whether the resource goes, and its drains are to go all the same where the operator may not write these records.
    ///
    /// Not where a record tells that a deletion was sent which may remove more than its own drain: after a crash nothing else would
    /// tell what to put back.
    pub(super) fn may_go_on_unwritten(&self, records: &[DrainRecord]) -> bool {
        let tells_copies_apart =
            |record: &DrainRecord| record.state == DrainState::Deleting && record.listed_before.len() > 1;
        self.is_being_deleted() && !records.iter().any(tells_copies_apart)
    }

    /// Goes on with records that may not be written: this process alone knows them.
    pub(super) fn go_on_unwritten(
        &mut self,
        records: Vec<DrainRecord>,
        error: &Error,
        reason: Reason,
        message: &str,
    ) {
        self.context.metrics.error(FailureKind::StatusWrite);
        let is_news = self.context.view.could_not_write(&self.object, &records, message);
        if is_news && reason != Reason::Progressing {
            tracing::error!(%error, %reason, "the status may not be written, which would say: {message}");
        } else {
            tracing::debug!(%error, %reason, "the status may not be written, which would say: {message}");
        }
        Arc::make_mut(&mut self.object).status.get_or_insert_default().drains = records;
    }

    /// Why the resource stays, and what a person has to do.
    pub(super) fn not_released(&self, error: Error, left: &[String]) -> Error {
        let error = match error {
            Error::Kubernetes(error) => match *error {
                kube::Error::Api(status) => status.message,
                other => other.to_string(),
            },
            other => return other,
        };
        let left = if left.is_empty() { json!(null) } else { json!(left) };
        let (name, namespace) = (self.object.name_any(), self.object.namespace().unwrap_or_default());
        let patch = json!({"metadata": {"finalizers": left}});
        let command =
            format!("kubectl patch logdrain {name} --namespace {namespace} --type merge --patch '{patch}'");
        Error::NotReleased { error, command }
    }
}
