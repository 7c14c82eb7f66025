//! What the records and the list of a target tell.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Found, Ledger, Listed, Peer, SETTLES_AFTER, destination, url};
use crate::{
    crd::{DrainRecord, DrainState},
    drain::{Digest, Likeness},
};

/// Whose addition is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Own,
    Peer,
}

impl Ledger<'_> {
    /// Until when the request that a record announces may still take effect; `None` once it cannot.
    #[must_use]
    pub fn unsettled(&self, record: &DrainRecord) -> Option<Timestamp> {
        let sent = record.since.as_ref()?.0.max(self.led_since);
        let until = sent.checked_add(SETTLES_AFTER).ok()?;
        (until > self.now).then_some(until)
    }

    /// The own record whose addition is not known to have ended; there is never more than one.
    #[must_use]
    pub fn adding(&self) -> Option<&DrainRecord> {
        self.records.iter().find(|record| record.state == DrainState::Adding)
    }

    /// Looks for the drain of an addition whose answer was lost.
    ///
    /// A drain is it when it was not listed before, no record claims it, and it is the only one that can be.
    #[must_use]
    pub fn find(&self, adding: &DrainRecord) -> Found {
        self.find_by(adding, Whose::Own, |listed| listed.like_adding)
    }

    pub(super) fn find_by(
        &self,
        adding: &DrainRecord,
        whose: Whose,
        likeness: impl Fn(&Listed) -> Likeness,
    ) -> Found {
        let wanted = destination(adding);
        let shared = self.peer_records().find(|(_, record)| {
            record.state == DrainState::Active
                && destination(record) == wanted
                && self.count(&url(record)) > 0
        });
        if let Some((_, record)) = shared {
            return Found::Drain(url(record));
        }

        let mut candidates: BTreeMap<Likeness, BTreeSet<&Digest>> = BTreeMap::new();
        let mut doubtful: BTreeSet<&Digest> = BTreeSet::new();
        for listed in self.listed.iter().filter(|listed| likeness(listed) > Likeness::Other) {
            let before = adding.listed_before.iter().filter(|digest| **digest == listed.digest.to_string());
            let before = before.count();
            let (own, peers) = self.claims(&listed.digest, &wanted);
            // Whose addition it is had added all its other drains before; another's may have come since.
            let (earlier, others) = if whose == Whose::Own { (own, peers) } else { (0, own + peers) };
            let (least, most) = (before.max(own + peers), before.max(earlier) + others);
            let count = self.count(&listed.digest);
            if count > most {
                candidates.entry(likeness(listed)).or_default().insert(&listed.digest);
            } else if count > least {
                doubtful.insert(&listed.digest);
            }
        }
        let same = candidates.remove(&Likeness::Same).unwrap_or_default();
        let possible = candidates.remove(&Likeness::Possible).unwrap_or_default();
        match (same.len(), possible.len()) {
            (1, _) => same.first().map_or(Found::Nothing, |digest| Found::Drain((*digest).clone())),
            (0, 0) if doubtful.is_empty() => Found::Nothing,
            (0, 0) => Found::OneOf(doubtful.len()),
            (0, 1) if !self.has_rival(adding) => {
                possible.first().map_or(Found::Nothing, |digest| Found::Drain((*digest).clone()))
            }
            (0, many) | (many, _) => Found::OneOf(many),
        }
    }

    /// Whether another addition on this target is open too: then a drain that only may be ours may be its.
    fn has_rival(&self, adding: &DrainRecord) -> bool {
        self.peer_records().any(|(_, record)| {
            record.state == DrainState::Adding && record.destination_digest != adding.destination_digest
        })
    }

    pub(super) fn is_there(&self, record: &DrainRecord, wanted: &Digest) -> bool {
        record.state == DrainState::Active && destination(record) == *wanted && self.count(&url(record)) > 0
    }

    pub(super) fn count(&self, url: &Digest) -> usize {
        self.listed.iter().filter(|listed| listed.digest == *url).count()
    }

    /// How many drains with this URL the records of other destinations account for: own ones, and those of peers alone.
    fn claims(&self, url: &Digest, except: &Digest) -> (usize, usize) {
        let url = Some(url.to_string());
        let claims = |record: &&DrainRecord| record.url_digest == url && destination(record) != *except;
        let own: BTreeSet<Digest> = self.records.iter().filter(claims).map(destination).collect();
        let peers = self.peer_records().map(|(_, record)| record).filter(claims).map(destination);
        let peers: BTreeSet<Digest> = peers.filter(|destination| !own.contains(destination)).collect();
        (own.len(), peers.len())
    }

    pub(super) fn peer_records(&self) -> impl Iterator<Item = (&Peer, &DrainRecord)> {
        self.peers.iter().flat_map(|peer| peer.records.iter().map(move |record| (peer, record)))
    }
}
