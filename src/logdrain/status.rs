//! A resource under reconciliation. Its finalizer and its status are written only when they differ, guarded by resourceVersion.

mod finalizer;
mod forbidden;
mod write;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use kube::{Api, ResourceExt};

pub use self::write::Basis;
use super::{admitted::Admission, context::Context, error::Error, event::Event, schedule::Trigger};
use crate::{
    crd::{DeletionPolicy, DrainRecord, DrainState, LogDrain, Reason, Revision},
    drain::Target,
    scalingo::{self, Client, Requester, budget::Owner},
    state::{listings::Freshness, store::Newer},
};

/// Who writes, for `managedFields`.
const MANAGER: &str = "logdrain-operator";

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
        let requester = || Requester::new(context.dispatch.class(&object), owner);
        let (client, refusal) = match client {
            Some(Ok(client)) => (Some(client), None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        let client = client.unwrap_or_else(|| context.remote.client.on_behalf_of(requester()));
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
        let is_urgent = is_requested || self.context.dispatch.is_called(&self.uid());
        let goes_before = is_urgent && self.context.dispatch.class(&self.object) < self.requester.class;
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
        self.context.cluster.events.publish(&self.object, event);
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
        let ready = self.object.ready()?;
        let reason = AT_SCALINGO.into_iter().find(|reason| reason.as_ref() == ready.reason)?;
        let is_of_this_form = ready.observed_generation == self.object.metadata.generation;
        is_of_this_form.then(|| (reason, ready.message.clone()))
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
        let mut object = self.context.cluster.call(call).await?;
        object.metadata.managed_fields = None;
        Ok(object)
    }

    fn api(&self) -> Api<LogDrain> {
        Api::namespaced(self.context.cluster.client.clone(), &self.object.namespace().unwrap_or_default())
    }
}
