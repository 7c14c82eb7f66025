//! What the records and the list of a target tell.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Found, Ledger, Listed, Peer, Phase, Record, settles};
use crate::drain::{Digest, Likeness};

/// Whose addition is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Own,
    Peer,
}

/// What has become of the deletion of a record.
pub(super) enum Deletion {
    /// Its drain is gone.
    Done,
    /// It may yet take effect, until then.
    Open(Timestamp),
    /// It came to nothing: its drain is there.
    Undone,
}

impl Ledger<'_> {
    /// Until when the request that a record announces may still take effect; `None` once it cannot.
    #[must_use]
    pub fn unsettled(&self, record: &Record) -> Option<Timestamp> {
        let until = settles(self.sent(record)?);
        (until > self.now).then_some(until)
    }

    /// When the request that a record announces was sent at the latest, by this process's own clock; `None` where it announces none.
    #[must_use]
    pub fn sent(&self, record: &Record) -> Option<Timestamp> {
        let since = match &record.phase {
            Phase::Adding { since, .. } => Some(*since),
            Phase::Deleting { since, .. } => *since,
            Phase::Active { .. } | Phase::Nameless => None,
        };
        Some(since?.max(self.led_since).min(record.seen))
    }

    /// What has become of the deletion that a record announces; `None` where it announces none.
    ///
    /// No second one is sent before the first can no longer take effect: it would take a drain that is not ours, or
    /// one that has been added since.
    pub(super) fn deletion(&self, record: &Record) -> Option<Deletion> {
        let Phase::Deleting { url, .. } = &record.phase else { return None };
        Some(match (self.doubt(record), self.unsettled(record)) {
            (Some(until), _) => Deletion::Open(until),
            _ if record.is_gone(self.count(url)) => Deletion::Done,
            (None, Some(until)) => Deletion::Open(until),
            (None, None) => Deletion::Undone,
        })
    }

    /// Looks for the drain of an addition whose answer was lost; there is nothing to look for where a record announces
    /// none.
    ///
    /// A drain is it when it was not listed before, no record claims it, and it is the only one that can be. One that
    /// does not show every value may be somebody else's: none such is taken while the one that was asked for may yet come.
    #[must_use]
    pub fn find(&self, adding: &Record) -> Found {
        let certainty = if self.unsettled(adding).is_some() { Likeness::Same } else { Likeness::Possible };
        self.find_by(adding, Whose::Own, certainty, |listed| listed.like_adding)
    }

    /// The same, of one whose request is known to have ended.
    #[must_use]
    pub fn find_ended(&self, adding: &Record) -> Found {
        self.find_by(adding, Whose::Own, Likeness::Possible, |listed| listed.like_adding)
    }

    /// The same, by another likeness; the least that a drain must have of it to be taken.
    pub(super) fn find_by(
        &self,
        adding: &Record,
        whose: Whose,
        least: Likeness,
        likeness: impl Fn(&Listed) -> Likeness,
    ) -> Found {
        let Phase::Adding { listed_before, answered, .. } = &adding.phase else { return Found::Nothing };
        if let Some(url) = answered.as_ref().filter(|url| self.count(url) > 0) {
            return Found::Drain(url.clone());
        }
        if let Some(url) = self.shared(&adding.destination) {
            return Found::Drain(url.clone());
        }

        let mut candidates: BTreeMap<Likeness, BTreeSet<&Digest>> = BTreeMap::new();
        let mut doubtful: BTreeSet<&Digest> = BTreeSet::new();
        let is_there = |listed: &&Listed| !self.doubts.contains_key(&listed.digest);
        for listed in self.listed.iter().filter(|listed| likeness(listed) > Likeness::Other).filter(is_there)
        {
            let before = listed_before.iter().filter(|digest| **digest == listed.digest).count();
            let (own, peers) = self.claims(&listed.digest, &adding.destination);
            // Whose addition it is had added all its other drains before; another's may have come since.
            let (earlier, others) = if whose == Whose::Own { (own, peers) } else { (0, own + peers) };
            let (fewest, most) = (before.max(own + peers), before.max(earlier) + others);
            let count = self.count(&listed.digest);
            if count > most {
                candidates.entry(likeness(listed)).or_default().insert(&listed.digest);
            } else if count > fewest {
                doubtful.insert(&listed.digest);
            }
        }
        let same = candidates.remove(&Likeness::Same).unwrap_or_default();
        let possible = candidates.remove(&Likeness::Possible).unwrap_or_default();
        // The drain that had been missed is there again, by this addition or without it: its record tells, and no rival can have it.
        let is_over = whose == Whose::Own && self.unsettled(adding).is_none();
        let mut own = self.records.iter().filter(|_| is_over);
        let is_back = own.any(|record| self.standing(record, &adding.destination).is_some());
        match (same.len(), possible.len()) {
            (0, _) if is_back => Found::Nothing,
            (1, _) => same.first().map_or(Found::Nothing, |digest| Found::Drain((*digest).clone())),
            (0, 0) if doubtful.is_empty() => Found::Nothing,
            (0, 0) => Found::OneOf(doubtful.len()),
            (0, 1) if least == Likeness::Possible && !self.has_rival(adding) => {
                possible.first().map_or(Found::Nothing, |digest| Found::Drain((*digest).clone()))
            }
            (0, many) | (many, _) => Found::OneOf(many),
        }
    }

    /// Whether another addition on this target is open too: then a drain that only may be ours may be its.
    fn has_rival(&self, adding: &Record) -> bool {
        self.peer_records().any(|(_, record)| record.is_adding() && record.destination != adding.destination)
    }

    /// The drain of a destination that a peer has, and that is there.
    pub(super) fn shared(&self, wanted: &Digest) -> Option<&Digest> {
        self.peer_records().find_map(|(_, record)| self.standing(record, wanted))
    }

    /// The drain of a destination that a record says to be there, and that is.
    pub(super) fn standing<'r>(&self, record: &'r Record, wanted: &Digest) -> Option<&'r Digest> {
        let is_there = match &record.phase {
            Phase::Active { url } => self.count(url) > 0 && self.doubt(record).is_none(),
            Phase::Deleting { .. } => matches!(self.deletion(record), Some(Deletion::Undone)),
            Phase::Adding { .. } | Phase::Nameless => false,
        };
        record.url().filter(|_| is_there && record.destination == *wanted)
    }

    /// When a list tells whether the drain of a record is there; `None` where this one does.
    pub(super) fn doubt(&self, record: &Record) -> Option<Timestamp> {
        self.doubts.get(record.url()?).copied()
    }

    pub(super) fn count(&self, url: &Digest) -> usize {
        self.listed.iter().filter(|listed| listed.digest == *url).count()
    }

    /// How many drains with this URL the records of other destinations account for: own ones, and those of peers alone.
    fn claims(&self, url: &Digest, except: &Digest) -> (usize, usize) {
        let claims = |record: &&Record| record.url() == Some(url) && record.destination != *except;
        let own: BTreeSet<&Digest> =
            self.records.iter().filter(claims).map(|record| &record.destination).collect();
        let peers = self.peer_records().map(|(_, record)| record).filter(claims);
        let peers: BTreeSet<&Digest> = peers
            .map(|record| &record.destination)
            .filter(|destination| !own.contains(destination))
            .collect();
        (own.len(), peers.len())
    }

    pub(super) fn peer_records(&self) -> impl Iterator<Item = (&Peer, &Record)> {
        self.peers.iter().flat_map(|peer| peer.records.iter().map(move |record| (peer, record)))
    }
}
