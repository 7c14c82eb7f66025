//! Deletion.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::time::Instant;

use super::{PlanExecutor, answer_lost};
use crate::{
    crd::{DrainRecord, DrainState, Reason},
    drain::{Digest, DrainUrl},
    logdrain::{error::Error, event::Event, status::Basis},
    scalingo::{ChangeOutcome, DeleteForm, ErrorKind},
    state::{delete_forms::Proof, feeds::Kind, observation::Presence},
};

impl PlanExecutor<'_, '_> {
    pub(super) async fn delete(&mut self, record: &DrainRecord, digest: &Digest) -> Result<(), Error> {
        let Some(url) = self.observation.url(digest).cloned() else {
            return self.put(record, None, Reason::Progressing, "the drain is gone").await;
        };
        let record = self.delete_at_scalingo(record, digest, &url).await?;
        self.context.remote.doubts.told(self.target(), digest, Kind::Deleted, Instant::now());
        self.tell_of_deletion(&record);
        self.put(&record, None, Reason::Progressing, "deleted a drain").await
    }

    /// One deletion may take all of them. The record tells that its drain is gone once a person has deleted one.
    pub(super) async fn leave_to_person(
        &mut self,
        record: &DrainRecord,
        digest: &Digest,
        copies: usize,
    ) -> Result<(), Error> {
        self.note_deletion(record, digest, copies, None).await?;
        Err(Error::SeveralCopies { url: record.shown(), copies })
    }

    pub(super) fn tell_of_deletion(&mut self, record: &DrainRecord) {
        let url = record.shown();
        self.subject.tell(&match (self.observation.presence(), self.other_active(record)) {
            (Presence::NotFound, _) => {
                self.context.metrics.drain_given_up();
                Event::TargetNotFound { target: record.shown_target(), url }
            }
            (Presence::Deleted, _) => Event::GoneWithTarget { target: record.shown_target(), url },
            (Presence::Found, Some(new)) if !self.subject.is_being_deleted() => {
                Event::Replaced { old: url, new: new.shown() }
            }
            (Presence::Found, _) => Event::Deleted { url },
        });
    }

    /// Has the record say that its drain is being deleted: by a request that is about to be sent, or by none that is out.
    /// Gives it as it stands then.
    async fn note_deletion(
        &mut self,
        record: &DrainRecord,
        digest: &Digest,
        copies: usize,
        since: Option<Timestamp>,
    ) -> Result<DrainRecord, Error> {
        let noted = DrainRecord {
            state: DrainState::Deleting,
            since: since.map(Time),
            listed_before: vec![digest.to_string(); copies],
            ..record.clone()
        };
        if noted == *record {
            return Ok(noted);
        }
        // What is about to be done holds for the form that it was planned for, what has come of it for any.
        let basis = if since.is_some() { Basis::ThisForm } else { Basis::AnyForm };
        let records = self.with(record, Some(noted.clone()));
        self.write(records, Reason::Progressing, "deleting a drain", basis).await?;
        Ok(self.standing(&noted).unwrap_or(noted))
    }

    /// The intent to delete, as it stands: not so old that it would not tell when its request is sent.
    async fn intend_deletion(
        &mut self,
        record: &DrainRecord,
        digest: &Digest,
    ) -> Result<(DrainRecord, Timestamp), Error> {
        let mut intent = record.clone();
        loop {
            let sent = self.context.process.now();
            intent = self.note_deletion(&intent, digest, 1, Some(sent)).await?;
            self.context.process.go_on()?;
            if self.holds(sent) {
                return Ok((intent, sent));
            }
        }
    }

    /// Deletes, and makes sure that it worked where the form of the request is not proven yet. Gives the record as it
    /// stands then.
    async fn delete_at_scalingo(
        &mut self,
        record: &DrainRecord,
        digest: &Digest,
        url: &DrainUrl,
    ) -> Result<DrainRecord, Error> {
        let region = self.target().region.clone();
        let (mut form, mut proof) = self.context.remote.delete_forms.form(&region);
        let mut tried_all = false;
        let mut record = record.clone();
        loop {
            let client = self.writer().await?;
            if self.observation.count(digest) > 1 {
                // Another has come beside it, as where the new drain goes by the old one's URL.
                return Err(Error::Changed);
            }
            let sent;
            (record, sent) = self.intend_deletion(&record, digest).await?;
            // What the feed tells is not judged before it is known whose change it was.
            let change = self.begin_change();
            let answer = client.delete_drain(self.token, self.target(), url, form).await;
            let mut failure = None;
            let heeded = match answer {
                Ok(true) if proof == Proof::Seen => {
                    self.observation.deleted(digest);
                    self.expect_echo(Kind::Deleted, digest);
                    change.made(self.observation.clone());
                    return Ok(record);
                }
                Ok(_) => true,
                // It was gone already, which proves nothing.
                Err(error) if matches!(error.kind(), ErrorKind::NotFound(_)) => false,
                // What worked once may have come to be refused.
                Err(error) if error.kind() == ErrorKind::Refused && !tried_all => {
                    (form, proof, tried_all) = (other(form), Proof::Open, true);
                    continue;
                }
                Err(error) => match error.change_outcome() {
                    ChangeOutcome::Unknown => return Err(answer_lost(error, sent)),
                    ChangeOutcome::NotMade => {
                        self.note_deletion(&record, digest, 1, None).await?;
                        return Err(Error::Scalingo(error));
                    }
                    ChangeOutcome::Answered | ChangeOutcome::Made => {
                        failure = Some(error);
                        false
                    }
                },
            };
            if self.is_gone_by_a_list(digest).await? {
                if heeded {
                    self.expect_echo(Kind::Deleted, digest);
                    self.context.remote.delete_forms.works(&region, form);
                }
                return Ok(record);
            }
            if tried_all || proof == Proof::Seen || failure.is_some() {
                self.note_deletion(&record, digest, 1, None).await?;
                return Err(failure.map_or(Error::NotDeleted, Error::Scalingo));
            }
            (form, tried_all) = (other(form), true);
        }
    }

    /// Whether a drain is gone whose deletion was just answered. A list tells so at once only of one that is old enough to be in
    /// it; else one that is sent later.
    async fn is_gone_by_a_list(&mut self, digest: &Digest) -> Result<bool, Error> {
        if !self.context.remote.doubts.is_young(self.target(), digest, Instant::now()) {
            self.observation = self.list_anew(self.client).await?;
            if self.observation.count(digest) == 0 {
                return Ok(true);
            }
        }
        self.until_listed().await?;
        self.observation = self.list_anew(self.client).await?;
        Ok(self.observation.count(digest) == 0)
    }
}

fn other(form: DeleteForm) -> DeleteForm {
    match form {
        DeleteForm::Body => DeleteForm::Query,
        DeleteForm::Query => DeleteForm::Body,
    }
}
