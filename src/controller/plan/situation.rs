//! How to come to the wanted drain, and how to be rid of the others.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Adoption, Forgotten, Found, Peer, Situation, Step, Verdict, destination, ledger::Whose, url};
use crate::{
    crd::{DrainRecord, DrainState},
    drain::{Digest, Likeness},
};

impl Situation<'_> {
    /// How to come to the wanted drain, or what to wait for.
    pub(super) fn obtain(&self, wanted: &Digest, records: &[DrainRecord]) -> Result<Step, Verdict> {
        let same = |record: &DrainRecord| destination(record) == *wanted;
        let shared = self.ledger.peer_records().find(|(_, record)| {
            same(record) && record.state == DrainState::Active && self.ledger.count(&url(record)) > 0
        });
        if let Some((_, record)) = shared {
            return Ok(Step::Adopt { url: url(record), how: Adoption::Shared });
        }
        for (peer, record) in self.ledger.peer_records() {
            if !same(record) || record.state != DrainState::Adding {
                continue;
            }
            if let Some(until) = self.ledger.unsettled(record) {
                return Err(Verdict::WaitForPeer(peer.name.clone(), until));
            }
            // The peer may be kept from looking for its drain itself.
            match self.ledger.find_by(record, Whose::Peer, |listed| listed.like_wanted) {
                Found::Drain(url) => return Ok(Step::Adopt { url, how: Adoption::Shared }),
                Found::OneOf(many) => return Err(Verdict::Ambiguous(many)),
                Found::Nothing => {}
            }
        }
        let claimed: BTreeSet<Digest> =
            records.iter().chain(self.ledger.peer_records().map(|(_, record)| record)).map(url).collect();
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
        let drifted = records.iter().any(|record| same(record) && record.state == DrainState::Active);
        Ok(Step::Add { drifted })
    }

    /// How to be rid of a record, or until when to wait with it.
    pub(super) fn release(&self, record: &DrainRecord, records: &[DrainRecord]) -> Result<Step, Timestamp> {
        let url = url(record);
        let there = self.ledger.count(&url);
        let forget = |because| Ok(Step::Forget { record: record.clone(), because });
        if record.state == DrainState::Deleting {
            let keep = record.listed_before.len().saturating_sub(1);
            return match there {
                _ if there > keep => Ok(Step::Delete { record: record.clone(), keep }),
                _ if there == keep => forget(Forgotten::Gone),
                _ => match self.ledger.unsettled(record) {
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
            .ledger
            .peer_records()
            .any(|(peer, other)| twin(other) && (!peer.deleting || self.deleting && peer.rank < *self.rank));
        let left_to_own = records.iter().any(|other| other != record && twin(other));
        if left_to_peer || left_to_own {
            return forget(Forgotten::Shared);
        }
        let own_claims = records.iter().filter(|other| other.url_digest == record.url_digest);
        let others: BTreeSet<&str> = self
            .ledger
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
        self.ledger
            .peers
            .iter()
            .filter(|peer| !peer.deleting && peer.rank < *self.rank)
            .filter(|peer| {
                peer.records
                    .iter()
                    .any(|record| destination(record) == *wanted && record.state == DrainState::Active)
            })
            .min_by_key(|peer| &peer.rank)
    }
}
