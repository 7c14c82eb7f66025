//! Which target is checked when, though nothing tells that it has changed. Pure: the time is passed in.
//!
//! Guarantees, as far as the request budget has room:
//! - a target that the change feed covers is checked at least every sweep interval, another every resync;
//! - checks are spread evenly: of `n` targets, one is begun every `n`-th part of the interval, the one that was
//!   checked longest ago first, and none again within an eighth of its interval;
//! - one check serves all resources of a target.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::listings::Key;
use crate::{drain::Target, scalingo::TokenKey};

/// How many checks with one token may be under way at a time: more would only wait for its budget.
const UNDER_WAY: usize = 4;
/// For which part of its interval a target is not checked again.
const FRESH: u32 = 8;
/// A check that has not come to an end by then is begun anew.
const LOST: Duration = Duration::from_secs(600);

/// How often a target is checked, whatever happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pace {
    /// Nobody knows what has happened there: soon.
    Soon,
    /// Its changes are not told by the feed.
    Resync,
    /// Its changes are told by the feed.
    Sweep,
}

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextCheck {
    /// This resource is to be reconciled.
    Check(String),
    /// Nothing before then.
    At(Instant),
    /// Nothing until a check ends or a resource joins.
    Idle,
}

/// All targets that are as they should be.
#[derive(Debug)]
pub struct Sweeps {
    resync: Duration,
    sweep: Duration,
    targets: HashMap<Arc<Key>, Entry>,
    members: BTreeMap<Arc<str>, Arc<Key>>,
    begun: BTreeMap<Pace, Instant>,
}

#[derive(Debug)]
struct Entry {
    joined: Instant,
    checked: Option<Instant>,
    /// What was between the last two checks.
    gap: Duration,
    is_unknown: bool,
    /// Since when the feed does not tell of it, if it does not.
    uncovered: Option<Instant>,
    under_way: Option<Instant>,
    members: Vec<Arc<str>>,
}

impl Entry {
    fn known_since(&self) -> Instant {
        self.checked.unwrap_or(self.joined)
    }

    /// Since when a check is waited for, by what it is promised now: before the feed ceased to tell of it, it was promised less.
    fn waits_since(&self) -> Instant {
        self.known_since().max(self.uncovered.unwrap_or(self.joined))
    }

    /// How often it is to be checked, as the metrics name it.
    fn kind(&self) -> &'static str {
        if self.uncovered.is_none() { "sweep" } else { "resync" }
    }

    fn is_under_way(&self, now: Instant) -> bool {
        self.under_way.is_some_and(|begun| now.duration_since(begun) < LOST)
    }
}

impl Sweeps {
    /// Nothing to check yet. Where the feed does not tell of a target, it is checked every `resync`, else every
    /// `sweep`.
    #[must_use]
    pub fn new(resync: Duration, sweep: Duration) -> Self {
        Self { resync, sweep, targets: HashMap::new(), members: BTreeMap::new(), begun: BTreeMap::new() }
    }

    /// A resource is as it should be by a list that was asked for at this time; by none, where it was as it should
    /// be when the process began.
    pub fn join(&mut self, uid: &str, key: &Key, checked: Option<Instant>, now: Instant) {
        if self.members.get(uid).is_some_and(|before| **before != *key) {
            self.leave(uid);
        }
        let known = self.targets.get_key_value(key).map(|(key, _)| key.clone());
        let key = known.unwrap_or_else(|| Arc::new(key.clone()));
        let newcomer: Option<Arc<str>> = (!self.has(uid)).then(|| uid.into());
        self.members.extend(newcomer.iter().map(|uid| (uid.clone(), key.clone())));
        let entry = self.targets.entry(key).or_insert_with(|| Entry {
            joined: now,
            checked: None,
            gap: Duration::ZERO,
            is_unknown: false,
            uncovered: None,
            under_way: None,
            members: Vec::new(),
        });
        entry.members.extend(newcomer);
        if let Some(checked) = checked {
            entry.under_way = None;
            if entry.checked.is_none_or(|before| before < checked) {
                entry.gap = checked.duration_since(entry.waits_since());
                entry.checked = Some(checked);
                entry.is_unknown = false;
            }
        }
    }

    /// A resource is looked after otherwise, or not at all.
    pub fn leave(&mut self, uid: &str) {
        let Some(key) = self.members.remove(uid) else { return };
        if let Some(entry) = self.targets.get_mut(&key) {
            entry.under_way = None;
            entry.members.retain(|member| **member != *uid);
            if entry.members.is_empty() {
                self.targets.remove(&key);
            }
        }
    }

    /// The resources of a target that are as they should be, by uid.
    #[must_use]
    pub fn members(&self, key: &Key) -> Vec<String> {
        let members = self.targets.get(key).map(|entry| &entry.members);
        members.into_iter().flatten().map(ToString::to_string).collect()
    }

    /// The resource that comes after this one, in a circle, and how many there are.
    #[must_use]
    pub fn after(&self, uid: &str) -> Option<(String, usize)> {
        let later = self.members.range::<str, _>((Bound::Excluded(uid), Bound::Unbounded)).next();
        let (uid, _) = later.or_else(|| self.members.first_key_value())?;
        Some((uid.to_string(), self.members.len()))
    }

    /// All resources of a token in a region, with the targets where they are as they should be.
    #[must_use]
    pub fn members_of(&self, token: TokenKey, region: &str) -> Vec<(String, Target)> {
        let of_token = self.members.iter().filter(|(_, key)| key.0 == token && key.1.region == region);
        of_token.map(|(uid, key)| (uid.to_string(), key.1.clone())).collect()
    }

    /// Whether a resource is looked after here.
    #[must_use]
    pub fn has(&self, uid: &str) -> bool {
        self.members.contains_key(uid)
    }

    /// Nobody knows what has happened to the targets of a token in a region.
    pub fn lose_track(&mut self, token: TokenKey, region: &str) {
        let of_feed = |key: &Key| key.0 == token && key.1.region == region;
        for (_, entry) in self.targets.iter_mut().filter(|(key, _)| of_feed(key)) {
            entry.is_unknown = true;
        }
    }

    /// What is to be done now. `is_covered` tells whether the feed tells of a target's changes.
    pub fn next(&mut self, now: Instant, is_covered: impl Fn(&Key) -> bool) -> NextCheck {
        self.note_coverage(now, is_covered);
        let mut under_way: HashMap<TokenKey, usize> = HashMap::new();
        for (key, _) in self.targets.iter().filter(|(_, entry)| entry.is_under_way(now)) {
            *under_way.entry(key.0).or_default() += 1;
        }
        let mut counts: BTreeMap<Pace, u32> = BTreeMap::new();
        let mut firsts: BTreeMap<Pace, (Instant, &Key)> = BTreeMap::new();
        for (key, entry) in &self.targets {
            let pace = match (entry.is_unknown, entry.uncovered) {
                (true, _) => Pace::Soon,
                (_, None) => Pace::Sweep,
                (_, Some(_)) => Pace::Resync,
            };
            *counts.entry(pace).or_default() += 1;
            if entry.is_under_way(now) || under_way.get(&key.0).is_some_and(|count| *count >= UNDER_WAY) {
                continue;
            }
            let since = entry.known_since();
            let first = firsts.entry(pace).or_insert((since, key));
            if (since, &key.1, key.0) < (first.0, &first.1.1, first.1.0) {
                *first = (since, key);
            }
        }
        let mut earliest: Option<(Instant, Pace, Key)> = None;
        for (pace, (since, key)) in firsts {
            let is_checked = self.targets.get(key).is_some_and(|entry| entry.checked.is_some());
            let count = counts.get(&pace).copied().unwrap_or(1);
            let at = match self.interval(pace) {
                None => now,
                Some(interval) => {
                    let begun = *self.begun.entry(pace).or_insert(now);
                    // What has only just been checked is left alone, though its turn has come.
                    let fresh = if is_checked { interval / FRESH } else { Duration::ZERO };
                    (begun + interval / count).max(since + fresh).min(since + interval)
                }
            };
            if earliest.as_ref().is_none_or(|(other, ..)| at < *other) {
                earliest = Some((at, pace, key.clone()));
            }
        }
        match earliest {
            None => NextCheck::Idle,
            Some((at, ..)) if at > now => NextCheck::At(at),
            Some((_, pace, key)) => {
                self.begun.insert(pace, now);
                let member = self.targets.get_mut(&key).and_then(|entry| {
                    entry.under_way = Some(now);
                    entry.members.first()
                });
                member.map_or(NextCheck::Idle, |uid| NextCheck::Check(uid.to_string()))
            }
        }
    }

    /// The longest that a target of each kind has waited between its last two checks, or has been waiting since. Kinds without
    /// targets are absent.
    pub fn achieved(
        &mut self,
        now: Instant,
        is_covered: impl Fn(&Key) -> bool,
    ) -> BTreeMap<&'static str, Duration> {
        self.longest(now, is_covered, |entry, waits| entry.gap.max(waits))
    }

    /// How long the target of each kind has waited for a check that has waited longest. Kinds without targets are absent.
    pub fn oldest(
        &mut self,
        now: Instant,
        is_covered: impl Fn(&Key) -> bool,
    ) -> BTreeMap<&'static str, Duration> {
        self.longest(now, is_covered, |_, waits| waits)
    }

    fn longest(
        &mut self,
        now: Instant,
        is_covered: impl Fn(&Key) -> bool,
        of: fn(&Entry, Duration) -> Duration,
    ) -> BTreeMap<&'static str, Duration> {
        self.note_coverage(now, is_covered);
        let mut longest = BTreeMap::new();
        for entry in self.targets.values() {
            let time: &mut Duration = longest.entry(entry.kind()).or_default();
            *time = of(entry, now.saturating_duration_since(entry.waits_since())).max(*time);
        }
        longest
    }

    fn note_coverage(&mut self, now: Instant, is_covered: impl Fn(&Key) -> bool) {
        for (key, entry) in &mut self.targets {
            entry.uncovered = if is_covered(key) { None } else { entry.uncovered.or(Some(now)) };
        }
    }

    fn interval(&self, pace: Pace) -> Option<Duration> {
        match pace {
            Pace::Soon => None,
            Pace::Resync => Some(self.resync),
            Pace::Sweep => Some(self.sweep),
        }
    }
}

#[cfg(test)]
mod tests;
