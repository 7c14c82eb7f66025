//! Writes the status, and tells people what is new in it.

use std::sync::Arc;

use kube::{ResourceExt, api::PostParams};

use super::{MANAGER, Subject};
use crate::{
    crd::{DrainRecord, LogDrain, LogDrainStatus, Reason, conditions},
    logdrain::{
        error::Error,
        event::{Event, Told},
    },
    metrics::Write,
};

/// How often a write of facts is tried on newer and newer forms of the resource.
const REBASES: usize = 5;

/// What a write stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// An intention: it counts only for the very form of the resource that it was made for.
    ThisForm,
    /// A fact: it holds whatever people have changed in the spec meanwhile.
    AnyForm,
}

impl Subject<'_> {
    /// Writes the records and what is said of them, if either differs from what stands.
    ///
    /// # Errors
    /// When the resource has changed meanwhile and the write does not hold for its new form, or those
    /// of the Kubernetes API.
    pub async fn write(
        &mut self,
        records: Vec<DrainRecord>,
        reason: Reason,
        message: &str,
        basis: Basis,
    ) -> Result<(), Error> {
        if basis == Basis::ThisForm {
            self.go_on()?;
        }
        let before = self.object.status.clone().unwrap_or_default();
        let generation = self.revision.generation;
        let now = self.context.process.now();
        let answered = self.request.clone().filter(|_| self.is_answered);
        let mut status = LogDrainStatus {
            observed_generation: generation,
            last_handled_requested_at: answered.clone().or_else(|| before.last_handled_requested_at.clone()),
            duplicate_of: self.duplicate_of.clone().filter(|_| reason == Reason::Duplicate),
            renamed_to: self.renamed_to.clone(),
            conditions: conditions(&before.conditions, reason, message, generation, now),
            drains: records,
        };
        if self.object.status.as_ref() == Some(&status) {
            return Ok(());
        }
        let told = before.conditions.iter().find(|condition| condition.type_ == "Ready").map(|ready| Told {
            reason: &ready.reason,
            message: &ready.message,
            generation: ready.observed_generation,
        });
        for _ in 0..REBASES {
            let mut next = LogDrain::clone(&self.object);
            next.status = Some(status.clone());
            let parameters = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
            let (api, name) = (self.api(), self.object.name_any());
            let call = api.replace_status(&name, &parameters, &next);
            self.context.metrics.kubernetes_write(Write::Status);
            match self.answer(call).await {
                Ok(written) => {
                    self.hold(written);
                    self.tell_of(told, reason, message);
                    tracing::debug!(%reason, message, "status written");
                    return Ok(());
                }
                Err(Error::Changed) if basis == Basis::AnyForm => {
                    self.rebase(&before).await?;
                    if answered.is_none() {
                        let newest = self.object.status.as_ref();
                        status.last_handled_requested_at =
                            newest.and_then(|newest| newest.last_handled_requested_at.clone());
                    }
                }
                Err(error) => {
                    if let Error::Changed = &error {
                        self.learn().await;
                    }
                    if error.is_forbidden() && self.may_go_on_unwritten(&status.drains) {
                        self.go_on_unwritten(status.drains, &error, reason, message);
                        return Ok(());
                    }
                    return Err(error);
                }
            }
        }
        Err(Error::Changed)
    }

    /// Tells of a condition `Ready` that has come to be as it is, of which something else was told before.
    fn tell_of(&self, told: Option<Told<'_>>, reason: Reason, message: &str) {
        let was = |reason: Reason| told.is_some_and(|told| told.reason == reason.as_ref());
        if was(Reason::Suspended) && !self.object.spec.suspend {
            self.tell(&Event::Resumed);
        }
        match Event::of_condition(told, reason, message, self.revision.generation) {
            Some(event) => self.tell(&event),
            None if reason == Reason::Synced && !was(reason) => {
                tracing::info!(action = "Check", reason = reason.as_ref(), "in sync: {message}");
            }
            None => {}
        }
    }

    /// Goes on with the newest form, unless somebody else has written records.
    async fn rebase(&mut self, before: &LogDrainStatus) -> Result<(), Error> {
        let api = self.api();
        let newest = self.answer(api.get(&self.object.name_any())).await?;
        let newest = self.context.view.completed(Arc::new(newest));
        let records = newest.status.as_ref().map_or(&[][..], |status| &status.drains);
        if newest.uid() != self.object.uid() {
            return Err(Error::Changed);
        }
        if records != before.drains {
            // For the next reconciliation, whether the watch is late or not.
            self.context.view.wrote(newest);
            return Err(Error::Changed);
        }
        self.object = newest;
        Ok(())
    }
}
