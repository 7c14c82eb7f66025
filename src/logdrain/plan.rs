//! What to do about the drains of one `LogDrain` on one target. Pure.
//!
//! Guarantees, whatever the input:
//! - a listed drain that no record names is never deleted;
//! - nothing is added where the wanted drain may be there, or may yet come;
//! - deletions stand behind the addition that replaces them;
//! - nothing is deleted whose URL is listed more than once: a deletion names a URL, and may take all of them;
//! - nothing is deleted, or counted on, that an earlier deletion may yet take.

mod ledger;
mod record;
mod situation;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    crd::DrainRecord,
    drain::{Digest, Likeness},
    state::doubts::LISTS_LAG,
};
pub use record::{Phase, Record, resolved};

/// When a list tells what became of a request whose answer was lost, counted from its intent: 90 s for which it may still take
/// effect, 10 s between the intent and the request, and the lag of the list.
pub const SETTLES_AFTER: SignedDuration = SignedDuration::from_secs(100 + LISTS_LAG.as_secs());

/// When a list tells what became of a request that was sent then.
#[must_use]
pub fn settles(sent: Timestamp) -> Timestamp {
    sent.checked_add(SETTLES_AFTER).unwrap_or(Timestamp::MAX)
}

/// Who comes first where two want the same: the older, then the smaller uid.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// When the `LogDrain` was created.
    pub created: Timestamp,
    /// Its uid.
    pub uid: String,
}

/// A listed drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Digest of its URL.
    pub digest: Digest,
    /// How far it looks like the wanted destination.
    pub like_wanted: Likeness,
    /// How far it looks like the destination of the own record in state `Adding`.
    pub like_adding: Likeness,
}

/// Another `LogDrain` with records on the same target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Namespace and name, for messages.
    pub name: String,
    /// Where it stands in the order of ownership.
    pub rank: Rank,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Its records on this target.
    pub records: Vec<Record>,
}

/// What is recorded and listed on one target: it tells what has become of a drain, whatever is wanted.
#[derive(Clone, Debug)]
pub struct Ledger<'a> {
    /// The `LogDrain`'s own records on this target.
    pub records: &'a [Record],
    /// What Scalingo lists.
    pub listed: &'a [Listed],
    /// The drains of which the list does not tell whether they are there, since it may lag, and when a list will.
    pub doubts: &'a BTreeMap<Digest, Timestamp>,
    /// The others on this target.
    pub peers: &'a [Peer],
    /// The time.
    pub now: Timestamp,
    /// When this process began to lead. What another process has sent, whose clock may show something else, counts as
    /// sent no earlier.
    pub led_since: Timestamp,
}

/// Everything that the plan depends on.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// What is recorded and listed.
    pub ledger: Ledger<'a>,
    /// Where this `LogDrain` stands in the order of ownership.
    pub rank: &'a Rank,
    /// Digest of the destination that is wanted on this target, if any is.
    pub wanted: Option<&'a Digest>,
}

/// How a listed drain came to be known as the wanted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// It shows every value of the destination, and nobody had recorded it.
    Recognised,
    /// Another `LogDrain` has recorded it for the same destination.
    Shared,
}

/// Why a record goes without a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// Its drain is not listed.
    Gone,
    /// Its drain belongs to another record as well.
    Shared,
    /// Its drain never came to be.
    NeverAdded,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The drain of a record in state `Adding` has been found.
    Resolve {
        /// The record.
        record: DrainRecord,
        /// Digest of the URL found.
        url: Digest,
    },
    /// The drain of a record that was edited is there: the record shall say so.
    Mend {
        /// The record.
        record: DrainRecord,
        /// Digest of its drain's URL.
        url: Digest,
    },
    /// Record a listed drain as the wanted one.
    Adopt {
        /// Digest of its URL.
        url: Digest,
        /// How it is known.
        how: Adoption,
    },
    /// Add the wanted drain.
    Add {
        /// Whether it had been there and vanished.
        drifted: bool,
    },
    /// Drop a record.
    Forget {
        /// The record.
        record: DrainRecord,
        /// Why.
        because: Forgotten,
    },
    /// Delete the drain of a record.
    Delete {
        /// The record.
        record: DrainRecord,
        /// Digest of its drain's URL, which is listed once.
        url: Digest,
    },
    /// Delete nothing before a person has deleted one of several drains with the URL of a record.
    LeaveToPerson {
        /// The record.
        record: DrainRecord,
        /// Digest of the URL.
        url: Digest,
        /// How many drains with this URL are listed.
        copies: usize,
    },
}

/// Where things stand once all steps are done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is as wanted.
    InSync,
    /// All is as wanted, and the drain belongs to the `LogDrain` of this name.
    Duplicate(String),
    /// A request may still take effect: reconcile again, at the latest then.
    WaitForAnswer(Timestamp),
    /// What comes next depends on what is listed after these steps: reconcile again.
    LookAgain,
    /// What is listed may be out of date: reconcile again, not before then.
    Unconfirmed(Timestamp),
    /// The `LogDrain` of this name is adding or deleting the same drain: reconcile again, at the latest then.
    WaitForPeer(String, Timestamp),
    /// This many new drains cannot be told apart: a person must decide.
    Ambiguous(usize),
}

impl Verdict {
    fn until(until: Timestamp, now: Timestamp) -> Self {
        if until > now { Self::WaitForAnswer(until) } else { Self::LookAgain }
    }
}

/// What to do, in order, and what comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The steps. Those after an `Add` count on it.
    pub steps: Vec<Step>,
    /// Where things stand once all steps are done.
    pub verdict: Verdict,
}

/// What became of an addition whose answer was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// This is its drain.
    Drain(Digest),
    /// There is none (yet).
    Nothing,
    /// One of this many drains is it.
    OneOf(usize),
}

impl Plan {
    /// Decides.
    #[must_use]
    pub fn new(situation: &Situation<'_>) -> Self {
        let ledger = &situation.ledger;
        let mut steps = Vec::new();
        let mut records = ledger.records.to_vec();
        let mut given_up = None;

        if let Some(place) = records.iter().position(Record::is_adding) {
            let adding = records.remove(place);
            match ledger.find(&adding) {
                Found::Drain(url) => {
                    records.push(adding.resolved(&url));
                    steps.push(Step::Resolve { record: adding.written, url });
                }
                found => {
                    if let Some(until) = ledger.unsettled(&adding) {
                        return Self { steps, verdict: Verdict::WaitForAnswer(until) };
                    }
                    if let Found::OneOf(many) = found {
                        return Self { steps, verdict: Verdict::Ambiguous(many) };
                    }
                    let never_added = Step::Forget { record: adding.written, because: Forgotten::NeverAdded };
                    if situation.wanted == Some(&adding.destination) && !records.iter().any(Record::is_adding)
                    {
                        // What takes its place is written over it.
                        given_up = Some(never_added);
                    } else {
                        steps.push(never_added);
                    }
                }
            }
            // The next is looked for by its own likeness.
            if let Some(next) = records.iter().find(|record| record.is_adding()) {
                let until = ledger.unsettled(next).unwrap_or(ledger.now);
                return Self { steps, verdict: Verdict::until(until, ledger.now) };
            }
        }

        let mut verdict = Verdict::InSync;
        let mut kept = None;
        if let Some(wanted) = situation.wanted {
            kept = records.iter().position(|record| ledger.standing(record, wanted).is_some());
            match kept.map(|place| &records[place]) {
                None => {
                    if let Some(until) = situation.doubt(wanted, &records) {
                        return Self { steps, verdict: Verdict::Unconfirmed(until) };
                    }
                    if let Some(until) = situation.earlier_deletion(wanted, &records) {
                        return Self { steps, verdict: Verdict::WaitForAnswer(until) };
                    }
                    match situation.obtain(wanted, &records) {
                        Ok(step) => steps.push(step),
                        Err(wait) => return Self { steps, verdict: wait },
                    }
                }
                Some(record) => steps.extend(given_up.into_iter().chain(record.mend())),
            }
            if let Some(owner) = owner(ledger.peers, situation.rank, wanted) {
                verdict = Verdict::Duplicate(owner.name.clone());
            }
        }
        if let Some(wait) = release(situation, &records, kept, &mut steps) {
            verdict = wait;
        }
        Self { steps, verdict }
    }
}

/// The peer that comes first of all who want a destination and have its drain, unless this rank comes before it.
#[must_use]
fn owner<'a>(peers: &'a [Peer], rank: &Rank, wanted: &Digest) -> Option<&'a Peer> {
    let has_it = |record: &Record| record.destination == *wanted && record.is_had();
    peers
        .iter()
        .filter(|peer| !peer.deleting && peer.rank < *rank)
        .filter(|peer| peer.records.iter().any(has_it))
        .min_by_key(|peer| &peer.rank)
}

/// Adds how to be rid of all records but the one that is kept; what to wait for with one.
fn release(
    situation: &Situation<'_>,
    records: &[Record],
    kept: Option<usize>,
    steps: &mut Vec<Step>,
) -> Option<Verdict> {
    let (mut wait, mut gone) = (None, Vec::new());
    for (place, record) in records.iter().enumerate().filter(|(place, _)| Some(*place) != kept) {
        let there = record.url().map_or(0, |url| situation.ledger.count(url));
        // Where it is the wanted one, the record that the steps above make takes its place.
        if record.is_gone(there) && kept.is_none() && situation.wanted == Some(&record.destination) {
            continue;
        }
        let others = records.iter().enumerate().filter(|(other, _)| *other != place && !gone.contains(other));
        let left: Vec<&Record> = others.map(|(_, other)| other).collect();
        match situation.release(record, &left) {
            Ok(step) => {
                if !matches!(step, Step::LeaveToPerson { .. }) {
                    gone.push(place);
                }
                steps.push(step);
            }
            Err(verdict) => wait = Some(verdict),
        }
    }
    wait
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
