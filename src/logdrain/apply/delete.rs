//! Deletion, also of one among several drains with the same URL.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::time::Instant;

use super::{PlanExecutor, answer_lost};
use crate::{
    crd::{DrainRecord, DrainState, Reason},
    drain::{Destination, Digest, DrainUrl},
    logdrain::{error::Error, event::Event, plan::settled, status::Basis},
    metrics::Drift,
    scalingo::{ChangeOutcome, DeleteForm, ErrorKind},
    state::{delete_forms::Proof, feeds::Kind, observation::Presence},
};

impl PlanExecutor<'_, '_> {
    pub(super) async fn delete(
        &mut self,
        record: &DrainRecord,
        digest: &Digest,
        keep: usize,
    ) -> Result<(), Error> {
        if self.just_added.as_ref() == Some(digest) {
            // The new drain goes by the old one's URL: which of them stands needs another reconciliation.
            return Err(Error::Changed);
        }
        let Some(url) = self.observation.url(digest).cloned() else {
            return self.put(record, None, Reason::Progressing, "the drain is gone").await;
        };
        if keep > 0 && self.restorable(record, Some(&url)).is_none() {
            // It tells whose copy is gone when a person takes one away.
            self.note_deletion(record, digest, keep, None).await?;
            return Err(Error::Irreplaceable { copies: keep + 1 });
        }
        let (record, is_made) = self.delete_at_scalingo(record, digest, &url, keep).await?;
        if keep == 0 {
            self.context.doubts.told(self.target(), digest, Kind::Deleted, Instant::now());
        }
        let missing = keep.saturating_sub(self.observation.count(digest));
        // Where no request found the drain, somebody else has taken all of them.
        if missing > 0 && is_made {
            return self.restore_with(&record, missing, self.restorable(&record, Some(&url))).await;
        }
        self.tell_of_deletion(&record);
        self.put(&record, None, Reason::Progressing, "deleted a drain").await
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
        keep: usize,
        since: Option<Timestamp>,
    ) -> Result<DrainRecord, Error> {
        let noted = DrainRecord {
            state: DrainState::Deleting,
            since: since.map(Time),
            listed_before: vec![digest.to_string(); keep + 1],
            ..record.clone()
        };
        if noted == *record {
            return Ok(noted);
        }
        let message =
            if keep > 0 { "deleting one of several drains with the same URL" } else { "deleting a drain" };
        // What is about to be done holds for the form that it was planned for, what has come of it for any.
        let basis = if since.is_some() { Basis::ThisForm } else { Basis::AnyForm };
        let records = self.with(record, Some(noted.clone()));
        self.write(records, Reason::Progressing, message, basis).await?;
        Ok(self.standing(&noted).unwrap_or(noted))
    }

    /// The intent to delete, as it stands: not so old that it would not tell when its request is sent.
    async fn intend_deletion(
        &mut self,
        record: &DrainRecord,
        digest: &Digest,
        keep: usize,
    ) -> Result<(DrainRecord, Timestamp), Error> {
        let mut intent = record.clone();
        loop {
            let sent = self.context.now();
            intent = self.note_deletion(&intent, digest, keep, Some(sent)).await?;
            self.context.go_on()?;
            if self.holds(sent) {
                return Ok((intent, sent));
            }
        }
    }

    /// Deletes, and makes sure that it worked where the form of the request is not proven yet. Gives the record as it
    /// stands then, and whether a request may have deleted anything.
    async fn delete_at_scalingo(
        &mut self,
        record: &DrainRecord,
        digest: &Digest,
        url: &DrainUrl,
        keep: usize,
    ) -> Result<(DrainRecord, bool), Error> {
        let region = self.target().region.clone();
        let (mut form, mut proof) = self.context.delete_forms.form(&region);
        let (mut tried_all, mut is_made) = (false, false);
        let mut record = record.clone();
        loop {
            let client = self.writer().await?;
            let sent;
            (record, sent) = self.intend_deletion(&record, digest, keep).await?;
            // What the feed tells is not judged before it is known whose change it was.
            let change = self.begin_change();
            let answer = client.delete_drain(self.token, self.target(), url, form).await;
            let mut failure = None;
            let heeded = match answer {
                Ok(true) if proof == Proof::Seen && keep == 0 => {
                    self.observation.deleted(digest);
                    self.expect_echo(Kind::Deleted, digest);
                    change.made(self.observation.clone());
                    return Ok((record, true));
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
                        self.note_deletion(&record, digest, keep, None).await?;
                        return Err(Error::Scalingo(error));
                    }
                    ChangeOutcome::Answered | ChangeOutcome::Made => {
                        failure = Some(error);
                        false
                    }
                },
            };
            is_made |= heeded || failure.is_some();
            if self.is_gone_by_a_list(digest, keep).await? {
                if heeded {
                    self.expect_echo(Kind::Deleted, digest);
                    self.context.delete_forms.works(&region, form);
                }
                return Ok((record, is_made));
            }
            if tried_all || proof == Proof::Seen || failure.is_some() {
                self.note_deletion(&record, digest, keep, None).await?;
                return Err(failure.map_or(Error::NotDeleted, Error::Scalingo));
            }
            (form, tried_all) = (other(form), true);
        }
    }

    /// Whether a drain is gone whose deletion was just answered. A list tells so at once only of a drain that is alone, and old
    /// enough to be in it; else one that is sent later.
    async fn is_gone_by_a_list(&mut self, digest: &Digest, keep: usize) -> Result<bool, Error> {
        let is_young = self.context.doubts.is_young(self.target(), digest, Instant::now());
        if keep == 0 && !is_young {
            self.observation = self.list_anew(self.client).await?;
            if self.observation.count(digest) == 0 {
                return Ok(true);
            }
        }
        self.until_listed().await?;
        self.observation = self.list_anew(self.client).await?;
        Ok(self.observation.count(digest) <= keep)
    }

    pub(super) async fn restore(
        &mut self,
        record: &DrainRecord,
        digest: &Digest,
        missing: usize,
    ) -> Result<(), Error> {
        let destination = self.restorable(record, self.observation.url(digest));
        self.restore_with(record, missing, destination).await
    }

    /// Adds again what a deletion took along, then drops the deletion's record.
    async fn restore_with(
        &mut self,
        record: &DrainRecord,
        missing: usize,
        destination: Option<Destination>,
    ) -> Result<(), Error> {
        if self.observation.presence() != Presence::Found {
            return self.drop_without_target(record).await;
        }
        let Some(destination) = destination else {
            self.subject.tell(&Event::NotRestored { url: record.shown() });
            return self.put(record, None, Reason::Progressing, "deleted a drain").await;
        };
        let mut intent = record.clone();
        for _ in 0..missing {
            let client = self.writer().await?;
            // The time of the request, so that a successor does not repeat it too early.
            let restoring = DrainRecord { since: Some(Time(self.context.now())), ..intent.clone() };
            let message = "restoring a drain that was deleted along";
            self.put(&intent, Some(restoring.clone()), Reason::Progressing, message).await?;
            intent = self.standing(&restoring).unwrap_or(restoring);
            // What it is listed as afterwards is left to a list.
            let _change = self.begin_change();
            let url = match client.add_drain(self.token, self.target(), &destination).await {
                Ok(url) => url,
                // Another has come in its place since, and this API has no room for two.
                Err(error) if error.kind() == ErrorKind::Refused && self.is_listed(record) => {
                    self.subject.tell(&Event::NotRestored { url: record.shown() });
                    return self.put(&intent, None, Reason::Progressing, "deleted a drain").await;
                }
                Err(error) => {
                    if matches!(error.kind(), ErrorKind::NotFound(_)) {
                        self.observation = self.list_anew(&client).await?;
                        if self.observation.presence() != Presence::Found {
                            return self.drop_without_target(&intent).await;
                        }
                    }
                    if error.change_outcome() == ChangeOutcome::NotMade {
                        // Nothing is out that could take effect, and what is missing is missing for our deletion.
                        let since = Some(Time(settled(self.context.now())));
                        let open = DrainRecord { since, ..intent.clone() };
                        self.put(&intent, Some(open), Reason::Progressing, message).await?;
                    }
                    return Err(error.into());
                }
            };
            self.context.metrics.drift_healed(Drift::DeletedAlong);
            self.expect_echo(Kind::Added, &self.context.digester.url(self.target(), &url));
        }
        self.subject.tell(&Event::Deleted { url: record.shown() });
        self.put(&intent, None, Reason::Progressing, "deleted a drain").await
    }

    /// Nobody has a drain there any more, for all that this token can see.
    async fn drop_without_target(&mut self, record: &DrainRecord) -> Result<(), Error> {
        self.tell_of_deletion(record);
        self.put(record, None, Reason::Progressing, "dropped the record of a drain").await
    }

    fn is_listed(&self, record: &DrainRecord) -> bool {
        let url = record.url_digest.as_deref().map(Digest::recorded);
        url.is_some_and(|url| self.observation.count(&url) > 0)
    }

    /// What to ask for so that this record's URL is listed once more.
    fn restorable(&self, record: &DrainRecord, url: Option<&DrainUrl>) -> Option<Destination> {
        let described = self.described.filter(|described| self.is_of(record, described)).cloned();
        described.or_else(|| url?.to_destination(record.drain_type, |asked| self.is_of(record, asked)))
    }
}

fn other(form: DeleteForm) -> DeleteForm {
    match form {
        DeleteForm::Body => DeleteForm::Query,
        DeleteForm::Query => DeleteForm::Body,
    }
}
