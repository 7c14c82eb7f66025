//! What to do about the drains of one `LogDrain` on one target. Pure.
//!
//! Guarantees, whatever the input:
//! - a listed drain that no record names is never deleted;
//! - nothing is added where the wanted drain may be there, or may yet come;
//! - deletions stand behind the addition that replaces them.

mod ledger;
mod situation;

use jiff::{SignedDuration, Timestamp};

use crate::{
    crd::{DrainRecord, DrainState},
    drain::{Digest, Likeness},
};

/// How long a request that was sent may still take effect after its answer was lost, and how far two
/// clocks may stand apart in judging that: 90 s, and 10 s between the intent and its request.
pub const SETTLES_AFTER: SignedDuration = SignedDuration::from_secs(100);

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
    pub records: Vec<DrainRecord>,
}

/// What is recorded and listed on one target: it tells what has become of a drain, whatever is wanted.
#[derive(Clone, Debug)]
pub struct Ledger<'a> {
    /// The `LogDrain`'s own records on this target.
    pub records: &'a [DrainRecord],
    /// What Scalingo lists.
    pub listed: &'a [Listed],
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
    /// Whether this `LogDrain` is being deleted.
    pub deleting: bool,
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
        /// How many drains with this URL must be there afterwards.
        keep: usize,
    },
    /// Add again what a deletion took away too much.
    Restore {
        /// The record of the deletion.
        record: DrainRecord,
        /// How many drains are missing.
        missing: usize,
    },
}

/// Where things stand once all steps are done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is as wanted.
    InSync,
    /// All is as wanted, and the drain belongs to the `LogDrain` of this name.
    Duplicate(String),
    /// A request may still take effect: look again, at the latest then.
    WaitForAnswer(Timestamp),
    /// The `LogDrain` of this name is adding the same drain: look again, at the latest then.
    WaitForPeer(String, Timestamp),
    /// This many new drains cannot be told apart: a person must decide.
    Ambiguous(usize),
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

        if let Some(adding) = ledger.adding() {
            match ledger.find(adding) {
                Found::Drain(url) => {
                    records.retain(|record| record != adding);
                    records.push(resolved(adding, &url));
                    steps.push(Step::Resolve { record: adding.clone(), url });
                }
                found => {
                    if let Some(until) = ledger.unsettled(adding) {
                        return Self { steps, verdict: Verdict::WaitForAnswer(until) };
                    }
                    if let Found::OneOf(many) = found {
                        return Self { steps, verdict: Verdict::Ambiguous(many) };
                    }
                    records.retain(|record| record != adding);
                    if situation.wanted != Some(&destination(adding)) {
                        steps.push(Step::Forget { record: adding.clone(), because: Forgotten::NeverAdded });
                    }
                }
            }
        }

        let mut verdict = Verdict::InSync;
        let mut kept = None;
        if let Some(wanted) = situation.wanted {
            kept = records.iter().find(|record| ledger.is_there(record, wanted)).cloned();
            if kept.is_none() {
                match situation.obtain(wanted, &records) {
                    Ok(step) => steps.push(step),
                    Err(wait) => return Self { steps, verdict: wait },
                }
            }
            if let Some(owner) = situation.owner(wanted) {
                verdict = Verdict::Duplicate(owner.name.clone());
            }
        }

        for record in records.iter().filter(|record| Some(*record) != kept.as_ref()) {
            let vanished = record.state == DrainState::Active && ledger.count(&url(record)) == 0;
            // Where it is the wanted one, the record that the steps above make takes its place.
            if vanished && situation.wanted == Some(&destination(record)) {
                continue;
            }
            match situation.release(record, &records) {
                Ok(step) => steps.push(step),
                Err(until) => verdict = Verdict::WaitForAnswer(until),
            }
        }
        Self { steps, verdict }
    }
}

/// The record of an addition whose drain has been found.
#[must_use]
pub fn resolved(adding: &DrainRecord, url: &Digest) -> DrainRecord {
    DrainRecord {
        url_digest: Some(url.to_string()),
        state: DrainState::Active,
        since: None,
        listed_before: Vec::new(),
        ..adding.clone()
    }
}

fn destination(record: &DrainRecord) -> Digest {
    Digest::recorded(&record.destination_digest)
}

/// A record without a URL claims nothing: no URL has this digest.
fn url(record: &DrainRecord) -> Digest {
    Digest::recorded(record.url_digest.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
