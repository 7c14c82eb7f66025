//! Deletion, also of one among several drains with the same URL.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{PlanExecutor, shown};
use crate::{
    controller::{
        delete_forms::Proof, error::Error, feeds::Kind, happening::Happening, lists::Freshness, observe,
    },
    crd::{DrainRecord, DrainState, Reason},
    drain::{Destination, Digest, DrainUrl},
    metrics::Drift,
    scalingo::{DeleteForm, ErrorKind},
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
        let mut record = record.clone();
        let copies = keep + 1;
        let noted = vec![digest.to_string(); copies];
        let is_noted = record.state == DrainState::Deleting && record.listed_before == noted;
        // Written also where no deletion follows: it tells whose copy is gone when a person takes one away.
        if keep > 0 && !is_noted {
            let intent = DrainRecord {
                state: DrainState::Deleting,
                since: Some(Time(self.context.now())),
                listed_before: noted,
                ..record.clone()
            };
            let message = "deleting one of several drains with the same URL";
            self.put(&record, Some(intent.clone()), Reason::Progressing, message).await?;
            record = self.standing(&intent).unwrap_or(intent);
        }
        if keep > 0 && self.restorable(&record, &url).is_none() {
            return Err(Error::Irreplaceable { copies });
        }
        self.delete_at_scalingo(digest, &url, keep).await?;
        let missing = keep.saturating_sub(self.observation.count(digest));
        if missing > 0 {
            return self.restore_with(&record, missing, self.restorable(&record, &url)).await;
        }
        let url = shown(&record);
        self.subject.tell(&match self.other_active(&record) {
            Some(new) if !self.subject.is_being_deleted() => {
                Happening::Replaced { old: url, new: shown(new) }
            }
            _ => Happening::Deleted { url },
        });
        self.put(&record, None, Reason::Progressing, "deleted a drain").await
    }

    /// Deletes, and makes sure that it worked where the form of the request is not proven yet.
    async fn delete_at_scalingo(
        &mut self,
        digest: &Digest,
        url: &DrainUrl,
        keep: usize,
    ) -> Result<(), Error> {
        let region = self.target().region.clone();
        let (mut form, mut proof) = self.context.delete_forms.form(&region);
        let mut tried_all = false;
        loop {
            let client = self.writer().await?;
            // What the feed tells is not judged before it is known whose change it was.
            let change = self.begin_change();
            let answer = client.delete_drain(self.token, self.target(), url, form).await;
            let heeded = match answer {
                Ok(true) if proof == Proof::Seen && keep == 0 => {
                    let before = self.observation.clone();
                    self.observation.deleted(digest);
                    self.expect_echo(Kind::Deleted, digest);
                    self.end_change(change, before);
                    return Ok(());
                }
                Ok(_) => true,
                // It was gone already, which proves nothing.
                Err(error) if matches!(error.kind(), ErrorKind::NotFound(_)) => false,
                // What worked once may have come to be refused.
                Err(error) if error.kind() == ErrorKind::Refused && !tried_all => {
                    (form, proof, tried_all) = (other(form), Proof::Open, true);
                    continue;
                }
                Err(error) => return Err(Error::Scalingo(error)),
            };
            let account = (self.client, self.token);
            self.observation =
                observe::leaving(self.context, account, &self.target().clone(), Freshness::now()).await?;
            if self.observation.count(digest) <= keep {
                if heeded {
                    self.expect_echo(Kind::Deleted, digest);
                    self.context.delete_forms.works(&region, form);
                }
                return Ok(());
            }
            if tried_all || proof == Proof::Seen {
                return Err(Error::NotDeleted);
            }
            (form, tried_all) = (other(form), true);
        }
    }

    pub(super) async fn restore(
        &mut self,
        record: &DrainRecord,
        digest: &Digest,
        missing: usize,
    ) -> Result<(), Error> {
        let described = self.described.filter(|described| self.is_of(record, described)).cloned();
        let listed = self.observation.url(digest).and_then(|url| self.restorable(record, url));
        self.restore_with(record, missing, described.or(listed)).await
    }

    /// Adds again what a deletion took along, then drops the deletion's record.
    async fn restore_with(
        &mut self,
        record: &DrainRecord,
        missing: usize,
        destination: Option<Destination>,
    ) -> Result<(), Error> {
        let Some(destination) = destination else {
            self.subject.tell(&Happening::NotRestored { url: shown(record) });
            return self.put(record, None, Reason::Progressing, "deleted a drain").await;
        };
        // The time of the request, so that a successor does not repeat it too early.
        let intent = DrainRecord { since: Some(Time(self.context.now())), ..record.clone() };
        let message = "restoring a drain that was deleted along";
        self.put(record, Some(intent.clone()), Reason::Progressing, message).await?;
        let intent = self.standing(&intent).unwrap_or(intent);
        for _ in 0..missing {
            let client = self.writer().await?;
            // What it is listed as afterwards is left to a list.
            let _change = self.begin_change();
            let url = client.add_drain(self.token, self.target(), &destination).await?;
            self.context.metrics.drift_healed(Drift::DeletedAlong);
            self.expect_echo(Kind::Added, &self.context.digester.url(self.target(), &url));
        }
        self.subject.tell(&Happening::Deleted { url: shown(record) });
        self.put(&intent, None, Reason::Progressing, "deleted a drain").await
    }

    /// What to ask for so that this record's URL is listed once more.
    fn restorable(&self, record: &DrainRecord, url: &DrainUrl) -> Option<Destination> {
        let described = self.described.filter(|described| self.is_of(record, described)).cloned();
        described.or_else(|| url.to_destination(record.drain_type))
    }
}

fn other(form: DeleteForm) -> DeleteForm {
    match form {
        DeleteForm::Body => DeleteForm::Query,
        DeleteForm::Query => DeleteForm::Body,
    }
}
