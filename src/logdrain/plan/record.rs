//! What a record means.
//!
//! The operator writes three forms. A status can be edited by hand, so every other form has a meaning too: the one that
//! touches least of what is not ours, and that neither forgets nor repeats what is.
//!
//! | as it stands | means | because |
//! |---|---|---|
//! | a digest that is empty | none is there | no URL has it |
//! | `Active` without a digest | `Nameless` | nothing tells its drain from others |
//! | `Active` with a time or a list | `Active` | they announce nothing |
//! | `Adding` with a digest | `Adding` and `answered` | its drain is the one with this URL where that is listed; else its request may still be out |
//! | `Adding` twice | one after the other, and nothing is added before | each request may be out |
//! | `Adding` without a time | sent when this process began to lead | it may still take effect |
//! | `Deleting` without a time | no request is out | so it is written where none could be sent, or one was refused |
//! | a time yet to come, however late | sent when this process first saw the record, at the latest | a clock may have been ahead, or set back since |
//! | `Deleting` without a digest | `Nameless` | nothing tells its drain from others |
//! | `Deleting` without its digest in the list | `Active` | the list of now tells how many there are |
//! | other digests in the list of `Deleting` | are not there | only copies of its own drain count |
//! | two of one drain | it is kept for both, and deleted for the last | else it would go twice, or never |

use jiff::Timestamp;

use super::Step;
use crate::{
    crd::{DrainRecord, DrainState},
    drain::Digest,
};

/// A record of the status, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// As it stands in the status.
    pub written: DrainRecord,
    /// Digest of the destination that was asked for.
    pub destination: Digest,
    /// How far its drain has come.
    pub phase: Phase,
    /// When this process first saw what the record announces: the request was sent no later.
    pub seen: Timestamp,
}

/// How far a drain has come, with what is known of it then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// About to be added, or added with the answer lost.
    Adding {
        /// When the request was about to be sent.
        since: Timestamp,
        /// The URLs that were listed before.
        listed_before: Vec<Digest>,
        /// The URL that somebody else has written into the record.
        answered: Option<Digest>,
    },
    /// There, as far as known.
    Active {
        /// Its URL.
        url: Digest,
    },
    /// About to be deleted.
    Deleting {
        /// Its URL.
        url: Digest,
        /// When the request was about to be sent; `None` where none is out.
        since: Option<Timestamp>,
        /// How many drains with this URL were listed, it among them: where fewer are, it is gone.
        copies: usize,
    },
    /// Nothing is known by which it could be found.
    Nameless,
}

impl From<DrainRecord> for Record {
    fn from(written: DrainRecord) -> Self {
        let url = written.url_digest.as_deref().filter(|url| !url.is_empty()).map(Digest::recorded);
        let since = written.since.as_ref().map(|since| since.0);
        let listed_before = || written.listed_before.iter().map(|digest| Digest::recorded(digest));
        let phase = match (written.state, url) {
            (DrainState::Adding, answered) => Phase::Adding {
                // Whatever was sent before this process began to lead counts as sent then.
                since: since.unwrap_or(Timestamp::MIN),
                listed_before: listed_before().collect(),
                answered,
            },
            (DrainState::Active | DrainState::Deleting, None) => Phase::Nameless,
            (DrainState::Active, Some(url)) => Phase::Active { url },
            (DrainState::Deleting, Some(url)) => {
                match listed_before().filter(|listed| *listed == url).count() {
                    0 => Phase::Active { url },
                    copies => Phase::Deleting { url, since, copies },
                }
            }
        };
        let destination = Digest::recorded(&written.destination_digest);
        Self { destination, phase, seen: Timestamp::MAX, written }
    }
}

impl Record {
    /// Whether its addition is not known to have ended.
    #[must_use]
    pub fn is_adding(&self) -> bool {
        matches!(self.phase, Phase::Adding { .. })
    }

    /// Whether its resource has the drain, for all that is known.
    #[must_use]
    pub fn is_had(&self) -> bool {
        matches!(self.phase, Phase::Active { .. } | Phase::Nameless)
    }

    /// The URL that it claims.
    #[must_use]
    pub fn url(&self) -> Option<&Digest> {
        match &self.phase {
            Phase::Adding { answered, .. } => answered.as_ref(),
            Phase::Active { url } | Phase::Deleting { url, .. } => Some(url),
            Phase::Nameless => None,
        }
    }

    /// The URL that it claims, and how many drains with it are listed as long as its drain is there.
    #[must_use]
    pub fn expected(&self) -> Option<(&Digest, usize)> {
        let copies = if let Phase::Deleting { copies, .. } = &self.phase { *copies } else { 1 };
        Some((self.url()?, copies))
    }

    /// Whether its drain is known to be gone where so many drains with its URL are listed.
    #[must_use]
    pub fn is_gone(&self, there: usize) -> bool {
        match &self.phase {
            Phase::Adding { .. } => false,
            Phase::Active { .. } => there == 0,
            Phase::Nameless => true,
            // Those that are left of several may be somebody else's.
            Phase::Deleting { copies, .. } => there < *copies,
        }
    }

    /// Whether both claim the same drain.
    pub(super) fn is_twin_of(&self, other: &Self) -> bool {
        self.url().is_some() && self.url() == other.url() && self.destination == other.destination
    }

    /// How to make it say that its drain is there, where it says something else.
    pub(super) fn mend(&self) -> Option<Step> {
        let url = self.url().filter(|_| self.written.state != DrainState::Active)?;
        Some(Step::Mend { record: self.written.clone(), url: url.clone() })
    }

    /// The record of an addition whose drain has been found.
    pub(super) fn resolved(&self, url: &Digest) -> Self {
        Self {
            phase: Phase::Active { url: url.clone() },
            written: resolved(&self.written, url),
            ..self.clone()
        }
    }
}

/// The record of a drain that has been found, in the form in which it is written.
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
