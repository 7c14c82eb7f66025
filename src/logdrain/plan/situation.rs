//! How to come to the wanted drain, and how to be rid of the others.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    Adoption, Forgotten, Found, Phase, Record, Situation, Step, Verdict,
    ledger::{Deletion, Whose},
};
use crate::drain::{Digest, Likeness};

impl Situation<'_> {
    /// When a list tells whether the wanted drain is there, as a record or the URL of a listed one says; `None` where this one
    /// does.
    pub(super) fn doubt(&self, wanted: &Digest, records: &[Record]) -> Option<Timestamp> {
        let recorded = records.iter().chain(self.ledger.peer_records().map(|(_, record)| record));
        let recorded = recorded.filter(|record| record.destination == *wanted && !record.is_adding());
        let alike = self.ledger.listed.iter().filter(|listed| listed.like_wanted == Likeness::Same);
        let alike = alike.filter_map(|listed| self.ledger.doubts.get(&listed.digest).copied());
        recorded.filter_map(|record| self.ledger.doubt(record)).chain(alike).max()
    }

    /// Until when an earlier deletion of the wanted drain may take effect: whether the drain stays is not known before.
    pub(super) fn earlier_deletion(&self, wanted: &Digest, records: &[Record]) -> Option<Timestamp> {
        let mut records = records.iter().filter(|record| record.destination == *wanted);
        records.find_map(|record| match self.ledger.deletion(record)? {
            Deletion::Open(until) => Some(until),
            Deletion::Done | Deletion::Undone => None,
        })
    }

    /// How to come to the wanted drain, or what to wait for.
    pub(super) fn obtain(&self, wanted: &Digest, records: &[Record]) -> Result<Step, Verdict> {
        if let Some(url) = self.ledger.shared(wanted) {
            return Ok(Step::Adopt { url: url.clone(), how: Adoption::Shared });
        }
        for (peer, record) in self.ledger.peer_records().filter(|(_, record)| record.destination == *wanted) {
            if let Some(Deletion::Open(until)) = self.ledger.deletion(record) {
                return Err(Verdict::WaitForPeer(peer.name.clone(), until));
            }
            if !record.is_adding() {
                continue;
            }
            if let Some(until) = self.ledger.unsettled(record) {
                return Err(Verdict::WaitForPeer(peer.name.clone(), until));
            }
            // The peer may be kept from looking for its drain itself.
            match self.ledger.find_by(record, Whose::Peer, Likeness::Possible, |listed| listed.like_wanted) {
                Found::Drain(url) => return Ok(Step::Adopt { url, how: Adoption::Shared }),
                Found::OneOf(many) => return Err(Verdict::Ambiguous(many)),
                Found::Nothing => {}
            }
        }
        let claimed: BTreeSet<&Digest> = records
            .iter()
            .chain(self.ledger.peer_records().map(|(_, record)| record))
            .filter_map(Record::url)
            .collect();
        let recognised: BTreeSet<&Digest> = self
            .ledger
            .listed
            .iter()
            .filter(|listed| listed.like_wanted == Likeness::Same && !claimed.contains(&listed.digest))
            .map(|listed| &listed.digest)
            .collect();
        if let (1, Some(digest)) = (recognised.len(), recognised.first()) {
            return Ok(Step::Adopt { url: (*digest).clone(), how: Adoption::Recognised });
        }
        let drifted = records.iter().any(|record| {
            record.destination == *wanted && matches!(record.phase, Phase::Active { .. } | Phase::Nameless)
        });
        Ok(Step::Add { drifted })
    }

    /// The step that releases a record, or what it waits for. `left` are the other records of the resource.
    pub(super) fn release(&self, record: &Record, left: &[&Record]) -> Result<Step, Verdict> {
        let written = || record.written.clone();
        let forget = |because| Ok(Step::Forget { record: written(), because });
        match &record.phase {
            // Its request is known to have ended without a drain, or it would have been found before.
            Phase::Adding { .. } => forget(Forgotten::NeverAdded),
            Phase::Nameless => forget(Forgotten::Gone),
            Phase::Active { url } | Phase::Deleting { url, .. } => {
                if let Some(until) = self.ledger.doubt(record) {
                    return Err(Verdict::Unconfirmed(until));
                }
                if let Some(Deletion::Open(until)) = self.ledger.deletion(record) {
                    return Err(Verdict::WaitForAnswer(until));
                }
                let copies = self.ledger.count(url);
                if record.is_gone(copies) {
                    return forget(Forgotten::Gone);
                }
                if self.is_left_to_another(record, left) || self.others(record, url, left) >= copies {
                    return forget(Forgotten::Shared);
                }
                if let Some(until) = self.addition_of_peer(record) {
                    return Err(Verdict::WaitForAnswer(until));
                }
                let (record, url) = (written(), url.clone());
                Ok(match copies {
                    1 => Step::Delete { record, url },
                    _ => Step::LeaveToPerson { record, url, copies },
                })
            }
        }
    }

    /// Until when one of the copies may be what a peer, who has seen none of its own, has just added.
    fn addition_of_peer(&self, record: &Record) -> Option<Timestamp> {
        let mut peers =
            self.ledger.peer_records().filter(|(_, other)| other.destination == record.destination);
        peers.find_map(|(_, other)| self.ledger.unsettled(other).filter(|_| other.is_adding()))
    }

    /// Whether another record of the same drain is left: a resource that stays keeps it, and of several that go the last
    /// deletes it. Two that did would take a drain each, and the second is not theirs.
    fn is_left_to_another(&self, record: &Record, left: &[&Record]) -> bool {
        let to_peer = self.ledger.peer_records().any(|(_, other)| other.is_twin_of(record));
        to_peer || left.iter().any(|other| other.is_twin_of(record))
    }

    /// For how many other destinations a drain with this URL is recorded.
    fn others(&self, record: &Record, url: &Digest, left: &[&Record]) -> usize {
        let peers = self.ledger.peer_records().map(|(_, other)| other);
        let others: BTreeSet<&Digest> = peers
            .chain(left.iter().copied())
            .filter(|other| other.url() == Some(url))
            .map(|other| &other.destination)
            .filter(|other| **other != record.destination)
            .collect();
        others.len()
    }
}
