//! What was asked of Scalingo, counted.

use jiff::Timestamp;
use scalingo_simulator::{Change, ChangeKind, Entry};

/// What came and went within some time.
pub struct Requests {
    /// The simulator's journal.
    pub journal: Vec<Entry>,
    /// The drains that came and went.
    pub changes: Vec<Change>,
    /// What was written to Kubernetes.
    pub kubernetes_writes: usize,
}

/// How many there were of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Exchanges of the API token.
    pub exchanges: usize,
    /// Of all apps, or of one.
    pub apps: usize,
    /// Lists of drains.
    pub lists: usize,
    /// Additions.
    pub adds: usize,
    /// Deletions.
    pub deletes: usize,
    /// Reads of the change feed.
    pub polls: usize,
    /// Anything else.
    pub others: usize,
}

impl Counts {
    /// Without the reads of the feed.
    pub fn without_polls(&self) -> usize {
        self.exchanges + self.apps + self.lists + self.adds + self.deletes + self.others
    }

    /// All.
    pub fn all(&self) -> usize {
        self.without_polls() + self.polls
    }

    fn count(&mut self, entry: &Entry) {
        let segments: Vec<&str> = entry.path.split('/').skip(2).collect();
        let counter = match (entry.method.as_str(), segments.as_slice()) {
            ("POST", ["tokens", "exchange"]) => &mut self.exchanges,
            ("GET", ["events"] | ["apps", _, "events"]) => &mut self.polls,
            ("GET", ["apps"] | ["apps", _]) => &mut self.apps,
            ("GET", [.., "log_drains"]) => &mut self.lists,
            ("POST", [.., "log_drains"]) => &mut self.adds,
            ("DELETE", [.., "log_drains"]) => &mut self.deletes,
            _ => &mut self.others,
        };
        *counter += 1;
    }
}

/// A change and what followed it.
#[derive(Clone, Copy, Debug)]
pub struct Followed {
    /// Seconds until the target's drains were next asked for.
    pub noticed: Option<f64>,
    /// Seconds until the drain was there again.
    pub healed: Option<f64>,
}

impl Requests {
    /// Counts them all.
    pub fn counts(&self) -> Counts {
        self.counts_until(Timestamp::MAX)
    }

    /// Counts those before a moment.
    pub fn counts_until(&self, end: Timestamp) -> Counts {
        let mut counts = Counts::default();
        self.journal.iter().filter(|entry| entry.at < end).for_each(|entry| counts.count(entry));
        counts
    }

    /// How many were answered with 429.
    pub fn refused(&self) -> usize {
        self.journal.iter().filter(|entry| entry.status == Some(429)).count()
    }

    /// For each drain that was removed behind the operator's back, what followed.
    pub fn drifts(&self) -> Vec<Followed> {
        let removed = self.changes.iter().filter(|change| change.kind == ChangeKind::Removed);
        removed.filter(|change| change.by.is_none()).map(|change| self.after(change)).collect()
    }

    fn after(&self, removed: &Change) -> Followed {
        let path = format!("/v1/apps/{}/log_drains", removed.target.app);
        let asked = self
            .journal
            .iter()
            .find(|entry| entry.sequence > removed.sequence && entry.method == "GET" && entry.path == path);
        let added = self.changes.iter().find(|change| {
            change.sequence > removed.sequence
                && change.kind == ChangeKind::Added
                && change.target == removed.target
                && change.url == removed.url
        });
        Followed {
            noticed: asked.map(|entry| seconds(removed.at, entry.at)),
            healed: added.map(|change| seconds(removed.at, change.at)),
        }
    }

    /// When the operator added a drain whose URL holds this text.
    pub fn added(&self, text: &str) -> Option<Timestamp> {
        let mut added = self.changes.iter().filter(|change| change.kind == ChangeKind::Added);
        added.find(|change| change.by.is_some() && change.url.contains(text)).map(|change| change.at)
    }
}

/// Seconds between two moments.
pub fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// The value that this share of the values does not exceed; what never came counts as infinite, and so does nothing at all.
pub fn percentile(values: impl Iterator<Item = Option<f64>>, share: f64) -> f64 {
    let mut values: Vec<f64> = values.map(|value| value.unwrap_or(f64::INFINITY)).collect();
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a few hundred values"
    )]
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(f64::INFINITY)
}
