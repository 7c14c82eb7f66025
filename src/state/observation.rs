//! What Scalingo lists for a target, and what it looks like to a resource.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::drain::{Destination, Digest, Digester, DrainUrl, Target};

/// Whether a target is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Found,
    /// It is not found, and nothing proves that it was deleted: this API token may not see it.
    NotFound,
    /// It was deleted, and its drains with it.
    Deleted,
}

/// The drains of a target at one moment, kept up to date with our own changes.
#[derive(Clone, Debug)]
pub struct Observation {
    target: Target,
    presence: Presence,
    drains: Vec<(Digest, DrainUrl)>,
    sent: Instant,
    at: Timestamp,
}

impl Observation {
    /// These drains, asked for at this time.
    #[must_use]
    pub fn new(target: Target, drains: Vec<(Digest, DrainUrl)>, sent: Instant, at: Timestamp) -> Self {
        Self { target, presence: Presence::Found, drains, sent, at }
    }

    /// The target is not there.
    #[must_use]
    pub fn of_nothing(target: Target, presence: Presence, sent: Instant, at: Timestamp) -> Self {
        Self { presence, ..Self::new(target, Vec::new(), sent, at) }
    }

    /// Whether the target is there.
    #[must_use]
    pub fn presence(&self) -> Presence {
        self.presence
    }

    /// When they were asked for, by this process's own clock.
    #[must_use]
    pub fn sent(&self) -> Instant {
        self.sent
    }

    /// When they were asked for, by the time of day.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// How long ago that was.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.sent.elapsed()
    }

    /// The target.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Digests of all listed URLs.
    #[must_use]
    pub fn digests(&self) -> Vec<String> {
        self.drains.iter().map(|(digest, _)| digest.to_string()).collect()
    }

    /// The URL with this digest, as it is listed.
    #[must_use]
    pub fn url(&self, digest: &Digest) -> Option<&DrainUrl> {
        self.drains.iter().find(|(listed, _)| listed == digest).map(|(_, url)| url)
    }

    /// How many drains are listed with this digest.
    #[must_use]
    pub fn count(&self, digest: &Digest) -> usize {
        self.drains.iter().filter(|(listed, _)| listed == digest).count()
    }

    /// A drain was added.
    pub fn added(&mut self, digest: Digest, url: DrainUrl) {
        self.drains.push((digest, url));
    }

    /// All drains with this digest were deleted.
    pub fn deleted(&mut self, digest: &Digest) {
        self.drains.retain(|(listed, _)| listed != digest);
    }

    /// Digests that an earlier version has made of what is listed, and of this destination, each with today's.
    #[must_use]
    pub fn former_digests(
        &self,
        digester: &Digester,
        destination: Option<&Destination>,
    ) -> BTreeMap<String, String> {
        let target = &self.target;
        let urls = self.drains.iter().map(|(digest, url)| (digester.former_url(target, url), digest.clone()));
        let destination = destination.map(|destination| {
            (digester.former_destination(target, destination), digester.destination(target, destination))
        });
        let all = urls.chain(destination);
        all.filter_map(|(former, digest)| Some((former?.to_string(), digest.to_string()))).collect()
    }

    /// The drains.
    #[must_use]
    pub fn drains(&self) -> &[(Digest, DrainUrl)] {
        &self.drains
    }
}
