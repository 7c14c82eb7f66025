use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Adoption, Forgotten, Found, Listed, Peer, SETTLES_AFTER, Situation, Step, Verdict, destination, url,
};
use crate::{
    crd::{DrainRecord, DrainState},
    drain::{Digest, Likeness},
};

/// Whose addition is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Own,
    Peer,
}

impl Situation<'_> {
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

    fn find_by(&self, adding: &DrainRecord, whose: Whose, likeness: impl Fn(&Listed) -> Likeness) -> Found {
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

    /// How to come to the wanted drain, or what to wait for.
    pub(super) fn obtain(&self, wanted: &Digest, records: &[DrainRecord]) -> Result<Step, Verdict> {
        let same = |record: &DrainRecord| destination(record) == *wanted;
        let shared = self.peer_records().find(|(_, record)| {
            same(record) && record.state == DrainState::Active && self.count(&url(record)) > 0
        });
        if let Some((_, record)) = shared {
            return Ok(Step::Adopt { url: url(record), how: Adoption::Shared });
        }
        for (peer, record) in self.peer_records() {
            if !same(record) || record.state != DrainState::Adding {
                continue;
            }
            if let Some(until) = self.unsettled(record) {
                return Err(Verdict::WaitForPeer(peer.name.clone(), until));
            }
            // The peer may be kept from looking for its drain itself.
            match self.find_by(record, Whose::Peer, |listed| listed.like_wanted) {
                Found::Drain(url) => return Ok(Step::Adopt { url, how: Adoption::Shared }),
                Found::OneOf(many) => return Err(Verdict::Ambiguous(many)),
                Found::Nothing => {}
            }
        }
        let claimed: BTreeSet<Digest> =
            records.iter().chain(self.peer_records().map(|(_, record)| record)).map(url).collect();
        let recognised: BTreeSet<&Digest> = self
            .listed
            .iter()
            .filter(|listed| listed.like_wanted == Likeness::Same && !claimed.contains(&listed.digest))
            .map(|listed| &listed.digest)
            .collect();
        if let (1, Some(digest)) = (recognised.len(), recognised.first()) {
            return Ok(Step::Adopt { url: (*digest).clone(), how: Adoption::Recognised });
        }
        let drifted = records.iter().any(|record| same(record) && record.state == DrainState::Active);
        Ok(Step::Add { drifted })
    }

    /// How to be rid of a record, or until when to wait with it.
    pub(super) fn release(&self, record: &DrainRecord, records: &[DrainRecord]) -> Result<Step, Timestamp> {
        let url = url(record);
        let there = self.count(&url);
        let forget = |because| Ok(Step::Forget { record: record.clone(), because });
        if record.state == DrainState::Deleting {
            let keep = record.listed_before.len().saturating_sub(1);
            return match there {
                _ if there > keep => Ok(Step::Delete { record: record.clone(), keep }),
                _ if there == keep => forget(Forgotten::Gone),
                _ => match self.unsettled(record) {
                    Some(until) => Err(until),
                    None => Ok(Step::Restore { record: record.clone(), missing: keep - there }),
                },
            };
        }
        if there == 0 {
            return forget(Forgotten::Gone);
        }
        let twin = |other: &DrainRecord| {
            other.url_digest == record.url_digest && other.destination_digest == record.destination_digest
        };
        // Of several that go at once, the oldest deletes; whoever stays keeps it for all.
        let left_to_peer = self
            .peer_records()
            .any(|(peer, other)| twin(other) && (!peer.deleting || self.deleting && peer.rank < *self.rank));
        let left_to_own = records.iter().any(|other| other != record && twin(other));
        if left_to_peer || left_to_own {
            return forget(Forgotten::Shared);
        }
        let own_claims = records.iter().filter(|other| other.url_digest == record.url_digest);
        let others: BTreeSet<&str> = self
            .peer_records()
            .map(|(_, other)| other)
            .filter(|other| other.url_digest == record.url_digest)
            .chain(own_claims)
            .map(|other| other.destination_digest.as_str())
            .filter(|other| *other != record.destination_digest)
            .collect();
        if others.len() >= there {
            return forget(Forgotten::Shared);
        }
        Ok(Step::Delete { record: record.clone(), keep: there - 1 })
    }

    /// The peer that comes first of all who want this destination and have its drain.
    pub(super) fn owner(&self, wanted: &Digest) -> Option<&Peer> {
        self.peers
            .iter()
            .filter(|peer| !peer.deleting && peer.rank < *self.rank)
            .filter(|peer| {
                peer.records
                    .iter()
                    .any(|record| destination(record) == *wanted && record.state == DrainState::Active)
            })
            .min_by_key(|peer| &peer.rank)
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

    fn peer_records(&self) -> impl Iterator<Item = (&Peer, &DrainRecord)> {
        self.peers.iter().flat_map(|peer| peer.records.iter().map(move |record| (peer, record)))
    }
}
