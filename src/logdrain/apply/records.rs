//! The records of a resource while steps are carried out: how they are made, found, and written.

use std::collections::BTreeMap;

use super::PlanExecutor;
use crate::{
    crd::{DrainRecord, DrainState, DrainType, Reason},
    drain::{Destination, Digest},
    logdrain::{
        error::Error,
        plan::{Peer, Record},
        status::Basis,
    },
};

impl PlanExecutor<'_, '_> {
    pub(super) fn is_of(&self, record: &DrainRecord, destination: &Destination) -> bool {
        let digest = self.context.digester.destination(self.target(), destination);
        record.destination_digest == digest.to_string()
    }

    pub(super) fn record(
        &self,
        destination: &Destination,
        digest: &Digest,
        state: DrainState,
    ) -> DrainRecord {
        let target = self.target();
        DrainRecord {
            region: target.region.clone(),
            app: self.subject.object().spec.app.clone(),
            app_id: target.app_id.clone(),
            addon: target.addon.clone(),
            drain_type: destination.drain_type,
            url: None,
            url_digest: None,
            destination_digest: digest.to_string(),
            secret_version: self.secret_version.map(str::to_owned),
            state,
            since: None,
            listed_before: Vec::new(),
        }
    }

    /// Writes those digests anew that an earlier version has made of a spelling that has another normal form now: by them the drains
    /// would be taken for gone, or for others.
    ///
    /// # Errors
    /// Those of a write of the status.
    pub async fn renew_digests(&mut self) -> Result<(), Error> {
        let (former, target) = (self.former_digests(), self.target());
        let mut records = self.subject.records().to_vec();
        for record in records.iter_mut().filter(|record| record.is_on(target)) {
            renew(record, &former);
        }
        if records == self.subject.records() {
            return Ok(());
        }
        self.write(records, Reason::Progressing, "renewed the digests of a record", Basis::AnyForm).await
    }

    /// The others that have records here. What they have recorded in an earlier version is read as if it were of this one.
    #[must_use]
    pub fn peers(&self) -> Vec<Peer> {
        let mut peers =
            self.context.view.peers(&self.subject.uid(), self.target(), self.context.process.now(), |_| true);
        let former = self.former_digests();
        for record in peers.iter_mut().flat_map(|peer| &mut peer.records).filter(|_| !former.is_empty()) {
            let mut written = record.written.clone();
            renew(&mut written, &former);
            *record = Record { seen: record.seen, ..Record::from(written) };
        }
        peers
    }

    fn former_digests(&self) -> BTreeMap<String, String> {
        self.observation.former_digests(&self.context.digester, self.wanted.or(self.described))
    }

    /// The records, with this one in the place of those of the same destination, whose drains are gone. An intent takes the place
    /// of an earlier intent only: its addition may be refused.
    pub(super) fn with_wanted(&self, record: &DrainRecord) -> Vec<DrainRecord> {
        let target = self.target();
        let is_replaced = |other: &DrainRecord| {
            other.is_on(target)
                && other.destination_digest == record.destination_digest
                && (record.state != DrainState::Adding || other.state == DrainState::Adding)
        };
        let left = self.subject.records().iter().filter(|other| !is_replaced(other)).cloned();
        left.chain([record.clone()]).collect()
    }

    /// The resource's records on this target.
    #[must_use]
    pub fn records_here(&self) -> Vec<Record> {
        let target = self.target();
        let records = self.context.view.records(self.subject.object(), self.context.process.now());
        records.into_iter().filter(|record| record.written.is_on(target)).collect()
    }

    /// The record as it stands in the status.
    pub(super) fn standing(&self, record: &DrainRecord) -> Option<DrainRecord> {
        let target = self.target();
        self.subject
            .records()
            .iter()
            .find(|other| {
                other.is_on(target) && other.is_of_same_drain(record) && other.state == record.state
            })
            .cloned()
    }

    /// Puts a record in another's place, or nothing.
    pub(super) async fn put(
        &mut self,
        old: &DrainRecord,
        new: Option<DrainRecord>,
        reason: Reason,
        message: &str,
    ) -> Result<(), Error> {
        self.write(self.with(old, new), reason, message, Basis::AnyForm).await
    }

    /// The records, with one in another's place, or nothing.
    pub(super) fn with(&self, old: &DrainRecord, new: Option<DrainRecord>) -> Vec<DrainRecord> {
        let target = self.target();
        let mut records = self.subject.records().to_vec();
        let place = records
            .iter()
            .position(|other| other.is_on(target) && other.is_of_same_drain(old) && other.state == old.state);
        match (place, new) {
            (Some(place), Some(new)) => records[place] = new,
            (Some(place), None) => drop(records.remove(place)),
            (None, Some(new)) => records.push(new),
            (None, None) => {}
        }
        records
    }

    pub(super) async fn write(
        &mut self,
        records: Vec<DrainRecord>,
        reason: Reason,
        message: &str,
        basis: Basis,
    ) -> Result<(), Error> {
        let earlier = if reason == Reason::Progressing { self.subject.earlier_failure() } else { None };
        let (reason, message) = earlier.unwrap_or_else(|| (reason, message.to_owned()));
        self.subject.write(records, reason, &message, basis).await
    }

    /// The URL with this digest for people. What may be shown of it is known only from the destination that the record
    /// is of: another, such as the spec's new one, would take a token for a host.
    pub(super) fn shown(&self, record: &DrainRecord, digest: &Digest) -> Option<String> {
        let url = self.observation.url(digest)?;
        match self.wanted.or(self.described).filter(|described| self.is_of(record, described)) {
            Some(described) => Some(url.redacted(described, self.subject.object().spec.url.is_some())),
            // Of this type nothing but the host would be shown, and whether this is one is not known.
            None if record.drain_type == DrainType::Elk => None,
            None => Some(url.redacted(&Destination::new(record.drain_type), false)),
        }
    }
}

fn renew(record: &mut DrainRecord, former: &BTreeMap<String, String>) {
    let url = record.url_digest.iter_mut();
    for digest in url.chain([&mut record.destination_digest]).chain(&mut record.listed_before) {
        if let Some(renewed) = former.get(digest) {
            digest.clone_from(renewed);
        }
    }
}
