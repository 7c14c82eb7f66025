//! Writes the finalizer and the status, each only when it differs, guarded by resourceVersion.

mod forbidden;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use super::{
    admission::Admission,
    context::Context,
    error::Error,
    event::{Event, Told},
    schedule::Trigger,
};
use crate::{
    crd::{
        DeletionPolicy, DrainRecord, DrainState, FINALIZER, LogDrain, LogDrainStatus, Reason, Revision,
        conditions,
    },
    drain::Target,
    metrics::Write,
    scalingo::{self, Client, Requester, budget::Owner},
    state::{listings::Freshness, store::Newer},
};

/// Who writes, for `managedFields`.
const MANAGER: &str = "logdrain-operator";

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

/// A resource under reconciliation, in its newest form.
pub struct Subject<'a> {
    context: &'a Arc<Context>,
    object: Arc<LogDrain>,
    /// The form of it that this reconciliation is about.
    revision: Revision,
    trigger: Trigger,
    requester: Requester,
    /// The request that this reconciliation answers.
    request: Option<String>,
    is_answered: bool,
    duplicate_of: Option<String>,
    renamed_to: Option<String>,
    client: Client,
    /// Why it was not given what it has waited for.
    refusal: Option<scalingo::Error>,
    /// What the reconciliation waits for. The mutex makes the subject `Sync`; nobody ever locks it.
    admission: Mutex<Option<Admission>>,
}

impl<'a> Subject<'a> {
    /// Begins a reconciliation of a resource. `client` is what it has waited for, or why it got none.
    #[must_use]
    pub fn new(
        context: &'a Arc<Context>,
        object: Arc<LogDrain>,
        trigger: Trigger,
        client: Option<Result<Client, scalingo::Error>>,
    ) -> Self {
        let revision = Revision::of(&object);
        let owner = Owner { namespace: object.namespace().unwrap_or_default(), name: object.name_any() };
        let requester = || Requester::new(context.schedule.class(&object), owner);
        let (client, refusal) = match client {
            Some(Ok(client)) => (Some(client), None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        let client = client.unwrap_or_else(|| context.scalingo.on_behalf_of(requester()));
        let request = object.open_request().map(str::to_owned);
        let renamed_to = object.status.as_ref().and_then(|status| status.renamed_to.clone());
        Self {
            context,
            revision,
            trigger,
            requester: client.requester().clone(),
            request,
            is_answered: false,
            duplicate_of: None,
            renamed_to,
            client,
            refusal,
            admission: Mutex::default(),
            object,
        }
    }

    /// What every reconciliation shares.
    #[must_use]
    pub fn context(&self) -> &'a Arc<Context> {
        self.context
    }

    /// The client of this reconciliation.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Why it was not given what it has waited for.
    #[must_use]
    pub fn refusal(&self) -> Option<&scalingo::Error> {
        self.refusal.as_ref()
    }

    /// It goes on once this is over.
    pub fn wait_for(&mut self, admission: Admission) {
        self.admission = Mutex::new(Some(admission));
    }

    /// What it waits for, if it does.
    pub fn take_admission(&mut self) -> Option<Admission> {
        self.admission.get_mut().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether a person has requested this reconciliation.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.request.is_some()
    }

    /// The reconciliation has come to its end: what is written from now on says so to whoever has requested it.
    pub fn answer_request(&mut self) {
        self.is_answered = true;
    }

    /// The drain is there, and the resource of this name owns it.
    pub fn is_duplicate_of(&mut self, owner: &str) {
        self.duplicate_of = Some(owner.to_owned());
    }

    /// What the app is called now, where that is another name than the spec has; told once. Gives what the condition is to say of it.
    pub fn app_is_called(&mut self, name: Option<String>) -> Option<String> {
        let before = std::mem::replace(&mut self.renamed_to, name);
        let to = self.renamed_to.clone()?;
        let renamed = Event::Renamed { from: self.object.spec.app.clone(), to };
        if before != self.renamed_to {
            self.tell(&renamed);
        }
        Some(renamed.note())
    }

    /// Who asks Scalingo in this reconciliation: a person waits for what has changed, or is not done yet.
    #[must_use]
    pub fn requester(&self) -> &Requester {
        &self.requester
    }

    /// Since when this reconciliation is asked for, and why.
    #[must_use]
    pub fn trigger(&self) -> Trigger {
        self.trigger
    }

    /// The list that this reconciliation needs: not an older one where something of its own is on its way.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        let observed = self.object.status.as_ref().and_then(|status| status.observed_generation);
        let is_open = self.records().iter().any(|record| record.state != DrainState::Active);
        let is_new = observed != self.object.metadata.generation && !is_open && !self.is_requested();
        Freshness { since: self.trigger.since, is_new }
    }

    /// The resource as it stands.
    #[must_use]
    pub fn object(&self) -> &Arc<LogDrain> {
        &self.object
    }

    /// Takes the newest known form in hand, where people have not changed what is wanted, and have not come to wait for
    /// what nobody waited for.
    ///
    /// # Errors
    /// When they have.
    pub fn catch_up(&mut self) -> Result<(), Error> {
        match self.context.view.newer(&self.object) {
            Newer::Nothing => self.go_on()?,
            Newer::Form(newer) if Revision::of(&newer) == self.revision => {
                self.object = newer;
            }
            Newer::Form(_) | Newer::Released => return Err(Error::Changed),
        }
        let is_requested =
            self.object.open_request().is_some_and(|text| self.request.as_deref() != Some(text));
        let is_urgent = is_requested || self.context.schedule.is_called(&self.uid());
        let goes_before = is_urgent && self.context.schedule.class(&self.object) < self.requester.class;
        if goes_before { Err(Error::Changed) } else { Ok(()) }
    }

    /// Whether nobody else has written the resource: another operator may have carried out what is planned here.
    ///
    /// # Errors
    /// When somebody has.
    pub fn is_newest(&self) -> Result<(), Error> {
        match self.context.view.newer(&self.object) {
            Newer::Nothing => Ok(()),
            Newer::Form(_) | Newer::Released => Err(Error::Changed),
        }
    }

    /// Whether another step may be taken: not once a write has met a newer form than this reconciliation is about.
    ///
    /// # Errors
    /// When people have changed what is wanted.
    pub fn go_on(&self) -> Result<(), Error> {
        if Revision::of(&self.object) == self.revision { Ok(()) } else { Err(Error::Changed) }
    }

    /// Tells people what has happened to it, as soon as it has.
    pub fn tell(&self, event: &Event) {
        self.context.events.publish(&self.object, event);
    }

    /// Its uid.
    #[must_use]
    pub fn uid(&self) -> String {
        self.object.uid().unwrap_or_default()
    }

    /// Its records.
    #[must_use]
    pub fn records(&self) -> &[DrainRecord] {
        self.object.status.as_ref().map_or(&[], |status| &status.drains)
    }

    /// What its records are about.
    #[must_use]
    pub fn targets(&self) -> BTreeSet<Target> {
        self.records().iter().map(DrainRecord::target).collect()
    }

    /// Whether the resource is being deleted.
    #[must_use]
    pub fn is_being_deleted(&self) -> bool {
        self.revision.deleting
    }

    /// Whether the resource goes and its drains stay.
    #[must_use]
    pub fn leaves_drains(&self) -> bool {
        self.is_being_deleted() && self.object.spec.deletion_policy == DeletionPolicy::Retain
    }

    /// Whether the finalizer stands.
    #[must_use]
    pub fn has_finalizer(&self) -> bool {
        self.object.is_held()
    }

    /// Sets the finalizer, if it does not stand.
    ///
    /// # Errors
    /// When the resource has changed meanwhile, or those of the Kubernetes API.
    pub async fn add_finalizer(&mut self) -> Result<(), Error> {
        if self.has_finalizer() {
            return Ok(());
        }
        let mut finalizers = self.object.finalizers().to_vec();
        finalizers.push(FINALIZER.to_owned());
        let held = self.patch_finalizers(&finalizers).await?;
        self.hold(held);
        Ok(())
    }

    /// Removes the finalizer: the resource may go.
    ///
    /// # Errors
    /// When the resource has changed meanwhile, or those of the Kubernetes API.
    pub async fn remove_finalizer(&mut self) -> Result<(), Error> {
        let finalizers: Vec<String> =
            self.object.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).cloned().collect();
        match self.patch_finalizers(&finalizers).await {
            Ok(released) => self.context.view.released(Arc::new(released)),
            Err(Error::Kubernetes(error)) if is_not_found(&error) => {
                self.context.view.released(self.object.clone());
            }
            Err(error) if error.is_forbidden() => {
                self.context.view.could_not_release(&self.uid());
                return Err(self.not_released(error, &finalizers));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn patch_finalizers(&self, finalizers: &[String]) -> Result<LogDrain, Error> {
        let patch = Patch::Merge(json!({"metadata": {
            "resourceVersion": self.object.resource_version(),
            "finalizers": finalizers,
        }}));
        let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let (api, name) = (self.api(), self.object.name_any());
        let call = api.patch(&name, &parameters, &patch);
        self.context.metrics.kubernetes_write(Write::Finalizer);
        let patched = self.answer(call).await;
        if let Err(Error::Changed) = &patched {
            self.learn().await;
        }
        patched
    }

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
        let now = self.context.now();
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

    /// Reads the newest form, for the next reconciliation: where the watch is late, that one would meet the same conflict, after as
    /// many requests to Scalingo. This reconciliation has ended, so nothing hangs on it.
    async fn learn(&self) {
        if let Newer::Nothing = self.context.view.newer(&self.object)
            && let Ok(newest) = self.answer(self.api().get(&self.object.name_any())).await
            && newest.uid() == self.object.uid()
        {
            self.context.view.wrote(newest);
        }
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

    /// How the last try for this form of the spec failed at Scalingo, if it did. It is said until another has
    /// come to something: else each try would turn the conditions and be news.
    #[must_use]
    pub fn earlier_failure(&self) -> Option<(Reason, String)> {
        const AT_SCALINGO: [Reason; 5] = [
            Reason::Rejected,
            Reason::Unauthorized,
            Reason::NotPermitted,
            Reason::RateLimited,
            Reason::Unavailable,
        ];
        let status = self.object.status.as_ref()?;
        let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready")?;
        let reason = AT_SCALINGO.into_iter().find(|reason| reason.as_ref() == ready.reason)?;
        let is_of_this_form = ready.observed_generation == self.object.metadata.generation;
        is_of_this_form.then(|| (reason, ready.message.clone()))
    }

    /// Takes the newest form in hand, unless somebody else has written records.
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

    /// Goes on with the form that was written.
    fn hold(&mut self, written: LogDrain) {
        self.object = Arc::new(written);
        self.context.view.wrote(self.object.clone());
    }

    /// What the API server answers, without who has written which field, as the watch has it too.
    async fn answer(
        &self,
        call: impl Future<Output = Result<LogDrain, kube::Error>>,
    ) -> Result<LogDrain, Error> {
        let mut object = self.context.kubernetes(call).await?;
        object.metadata.managed_fields = None;
        Ok(object)
    }

    fn api(&self) -> Api<LogDrain> {
        Api::namespaced(self.context.client.clone(), &self.object.namespace().unwrap_or_default())
    }
}

fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_not_found())
}
