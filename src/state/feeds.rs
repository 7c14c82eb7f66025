//! What is known of the change feeds, one for each API token and region. Pure: the time is passed in.
//!
//! A feed is a hint. It is checked by itself: every own write must show up in it. An app whose echo has not come
//! counts as not covered until one comes; so does everything while a feed does not answer.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use super::listings::Key;
use crate::{
    drain::{Digest, Target},
    scalingo::{
        Missing, TokenKey,
        event::{Change, EVENTS_PER_PAGE, Event},
    },
};

/// How long the echo of an own write may take.
const ECHO: Duration = Duration::from_secs(120);
/// How long an echo is recognised at least.
const RECOGNISED: Duration = Duration::from_secs(15 * 60);
/// How long a feed may be silent, where its interval is not longer, before it counts as failing.
const SILENCE: Duration = Duration::from_secs(120);
/// Longest time between two tries of a feed that does not answer.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// How many own writes may come in while pages wait for the budget.
const MEANWHILE: usize = 50;
/// How many events are known again.
const KNOWN: usize = 2_000;

/// Whose feed it is, and of which region.
pub type FeedKey = (TokenKey, String);

/// Kind of a change of a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It was added.
    Added,
    /// It was deleted.
    Deleted,
}

/// All feeds.
#[derive(Debug)]
pub struct Feeds {
    interval: Option<Duration>,
    known: HashMap<FeedKey, Feed>,
    /// Own writes, by target: the oldest first.
    writes: BTreeMap<Target, Vec<Write>>,
    /// Apps that were deleted, by region and id.
    deleted: BTreeSet<(String, String)>,
    /// Apps that have lost an addon.
    lost_addon: BTreeSet<(String, String)>,
}

#[derive(Debug)]
struct Feed {
    begun: Instant,
    due: Instant,
    is_under_way: bool,
    failures: u32,
    read: Option<Instant>,
    known: Known,
    /// Apps, by id, whose echoes have not come.
    silent: BTreeSet<String>,
}

/// The events that were read last.
#[derive(Debug, Default)]
struct Known {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

#[derive(Debug)]
struct Write {
    token: TokenKey,
    kind: Kind,
    url: Digest,
    at: Instant,
    /// The tokens whose feed of this region has told of this write.
    seen_by: Vec<TokenKey>,
    /// Whether the feed of its token is still to tell of it. It is not if its echo may have been among events that nobody read.
    is_awaited: bool,
}

impl Feeds {
    /// No feed yet. Each is read every `interval`; none ever without it.
    #[must_use]
    pub fn new(interval: Option<Duration>) -> Self {
        Self {
            interval,
            known: HashMap::new(),
            writes: BTreeMap::new(),
            deleted: BTreeSet::new(),
            lost_addon: BTreeSet::new(),
        }
    }

    /// Keeps the feeds that are in use, and gives those to be read now. Each is to be ended by
    /// [`read`](Self::read), [`failed`](Self::failed) or [`put_off`](Self::put_off).
    pub fn due(&mut self, in_use: &BTreeSet<FeedKey>, now: Instant) -> Vec<FeedKey> {
        self.known.retain(|key, _| in_use.contains(key));
        let mut due = Vec::new();
        for key in in_use {
            let feed = self.known.entry(key.clone()).or_insert_with(|| Feed {
                begun: now,
                due: now,
                is_under_way: false,
                failures: 0,
                read: None,
                known: Known::default(),
                silent: BTreeSet::new(),
            });
            if feed.due <= now && !feed.is_under_way {
                feed.is_under_way = true;
                due.push(key.clone());
            }
        }
        due
    }

    /// Forgets old own writes, and all of apps that are not in use, by region and id.
    pub fn tidy(&mut self, now: Instant, is_used: impl Fn(&str, &str) -> bool) {
        self.writes.retain(|target, writes| {
            writes.retain(|write| now.duration_since(write.at) < RECOGNISED);
            !writes.is_empty() && is_used(&target.region, &target.app_id)
        });
        for apps in [&mut self.deleted, &mut self.lost_addon] {
            apps.retain(|(region, app)| is_used(region, app));
        }
        for ((_, region), feed) in &mut self.known {
            feed.silent.retain(|app| is_used(region, app));
        }
    }

    /// When the next feed is to be read.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.known.values().filter(|feed| !feed.is_under_way).map(|feed| feed.due).min()
    }

    /// Whether nothing has been read of a feed yet.
    #[must_use]
    pub fn is_first(&self, key: &FeedKey) -> bool {
        self.known.get(key).is_none_or(|feed| feed.read.is_none())
    }

    /// Of a page, the events that were not read before; and whether there were others.
    #[must_use]
    pub fn unseen(&self, key: &FeedKey, page: Vec<Event>) -> (Vec<Event>, bool) {
        let Some(feed) = self.known.get(key) else { return (Vec::new(), true) };
        let count = page.len();
        let unseen: Vec<Event> =
            page.into_iter().filter(|event| !feed.known.ids.contains(&event.id)).collect();
        let meets = unseen.len() < count;
        (unseen, meets)
    }

    /// How many pages it takes at least, read in a minute or so, to see the echoes that have not come yet.
    #[must_use]
    pub fn pages(&self, key: &FeedKey) -> u64 {
        let count = to_come(&self.writes, key).count();
        if count < EVENTS_PER_PAGE { 1 } else { 1 + ((count + MEANWHILE) / EVENTS_PER_PAGE) as u64 }
    }

    /// A feed was read, asked at this time, and these events, newest first, are new; whether they are all that are.
    /// Gives the apps, by id, whose echoes should have come by now and have not.
    pub fn read(
        &mut self,
        key: &FeedKey,
        asked: Instant,
        events: &[Event],
        is_complete: bool,
        now: Instant,
    ) -> Vec<String> {
        let Some(feed) = self.known.get_mut(key) else { return Vec::new() };
        feed.is_under_way = false;
        feed.failures = 0;
        feed.read = Some(now);
        feed.due = now + self.interval.unwrap_or(LONGEST_WAIT);
        for event in events.iter().rev() {
            feed.known.add(&event.id);
            let apps = match event.change {
                Change::AppDeleted => &mut self.deleted,
                Change::AddonDeleted => &mut self.lost_addon,
                _ => continue,
            };
            apps.insert((key.1.clone(), event.app_id.clone()));
        }
        if !is_complete {
            // Their echoes may be among those that were not read.
            self.writes.values_mut().flatten().for_each(|write| write.is_awaited = false);
        }
        let overdue = to_come(&self.writes, key)
            .filter(|(_, write)| asked.saturating_duration_since(write.at) >= ECHO)
            .map(|(target, _)| target.app_id.clone());
        overdue.filter(|app_id| feed.silent.insert(app_id.clone())).collect()
    }

    /// A feed could not be read. Gives whether it could before.
    pub fn failed(&mut self, key: &FeedKey, now: Instant) -> bool {
        let Some(feed) = self.known.get_mut(key) else { return false };
        feed.is_under_way = false;
        let wait = self.interval.unwrap_or(LONGEST_WAIT);
        let wait = wait.saturating_mul(2_u32.saturating_pow(feed.failures)).min(LONGEST_WAIT.max(wait));
        feed.due = now + wait;
        feed.failures = feed.failures.saturating_add(1);
        feed.failures == 1
    }

    /// A feed was not read, which says nothing of it.
    pub fn put_off(&mut self, key: &FeedKey, now: Instant) {
        if let Some(feed) = self.known.get_mut(key) {
            feed.is_under_way = false;
            feed.due = now + self.interval.unwrap_or(LONGEST_WAIT);
        }
    }

    /// Whether the last try to read a feed has failed.
    #[must_use]
    pub fn is_failing(&self, key: &FeedKey) -> bool {
        self.known.get(key).is_some_and(|feed| feed.failures > 0)
    }

    /// An own write, which is to show up in the feeds.
    pub fn wrote(&mut self, key: &Key, kind: Kind, url: Digest, now: Instant) {
        if self.interval.is_some() {
            let (token, target) = key.clone();
            self.writes.entry(target).or_default().push(Write {
                token,
                kind,
                url,
                at: now,
                seen_by: Vec::new(),
                is_awaited: true,
            });
        }
    }

    /// Whether a target was deleted of which Scalingo answers that this is missing, and has not merely been hidden from an API token.
    ///
    /// The id of an app never comes back, so `delete_app` is proof for ever. `delete_addon` does not say which addon it was: it is proof
    /// together with an answer that the addon is missing, which only those get who see the app.
    #[must_use]
    pub fn proves_deletion(&self, target: &Target, missing: Missing) -> bool {
        let app = (target.region.clone(), target.app_id.clone());
        let is_addon = target.addon.is_some() && missing == Missing::Addon;
        self.deleted.contains(&app) || is_addon && self.lost_addon.contains(&app)
    }

    /// Whether the echo of an own write is still to come.
    #[must_use]
    pub fn may_echo(&self, key: &FeedKey, target: &Target, kind: Kind) -> bool {
        let mut writes = self.writes.get(target).into_iter().flatten();
        writes.any(|write| write.kind == kind && !write.seen_by.contains(&key.0))
    }

    /// Whether an event is the echo of an own write; each is so once in each feed.
    pub fn is_echo(&mut self, key: &FeedKey, target: &Target, kind: Kind, url: &Digest) -> bool {
        let mut writes = self.writes.get_mut(target).into_iter().flatten();
        let echoed =
            writes.find(|write| write.kind == kind && write.url == *url && !write.seen_by.contains(&key.0));
        let Some(write) = echoed else { return false };
        // Most are seen by one feed alone.
        write.seen_by.reserve_exact(1);
        write.seen_by.push(key.0);
        write.is_awaited &= write.token != key.0;
        if write.token == key.0
            && let Some(feed) = self.known.get_mut(key)
        {
            feed.silent.remove(&target.app_id);
        }
        true
    }

    /// How long ago the feed was read that was read longest ago; of one that never was, how long it is known.
    #[must_use]
    pub fn age(&self, now: Instant) -> Option<Duration> {
        self.known.values().map(|feed| now.saturating_duration_since(feed.read.unwrap_or(feed.begun))).max()
    }

    /// Which feeds answer, and which apps each hides: whether a target is [covered](Self::covers) changes only with this.
    #[must_use]
    pub fn coverage(&self, now: Instant) -> Vec<(FeedKey, bool, BTreeSet<String>)> {
        let of = |(key, feed): (&FeedKey, &Feed)| {
            (key.clone(), self.answers(key.0, &key.1, now), feed.silent.clone())
        };
        let mut coverage: Vec<_> = self.known.iter().map(of).collect();
        coverage.sort();
        coverage
    }

    /// How many feeds answer, and how many do not.
    #[must_use]
    pub fn count(&self, now: Instant) -> (usize, usize) {
        let answers = |(token, region): &&FeedKey| self.answers(*token, region, now);
        let answering = self.known.keys().filter(answers).count();
        (answering, self.known.len() - answering)
    }

    /// Whether the feed of a token tells of the changes of a target.
    #[must_use]
    pub fn covers(&self, key: &Key, now: Instant) -> bool {
        let (token, target) = key;
        self.answers(*token, &target.region, now)
            && self
                .known
                .get(&(*token, target.region.clone()))
                .is_none_or(|feed| !feed.silent.contains(&target.app_id))
    }

    /// Whether the feed of a token answers, and is not known to hide an app: a name may come to mean one of which it does not tell.
    #[must_use]
    pub fn tells_of_all(&self, token: TokenKey, region: &str, now: Instant) -> bool {
        let feed = self.known.get(&(token, region.to_owned()));
        self.answers(token, region, now) && feed.is_none_or(|feed| feed.silent.is_empty())
    }

    /// Whether the feed of a token answers. One that nobody has asked yet is thought to.
    #[must_use]
    pub fn answers(&self, token: TokenKey, region: &str, now: Instant) -> bool {
        let Some(interval) = self.interval else { return false };
        let Some(feed) = self.known.get(&(token, region.to_owned())) else { return true };
        // One that waits for the budget is worth more than the checks that would wait with it.
        let patience = SILENCE.max(interval.saturating_mul(4));
        let is_young = now.duration_since(feed.read.unwrap_or(feed.begun)) < patience;
        feed.failures == 0 && (feed.is_under_way || is_young)
    }
}

impl Known {
    fn add(&mut self, id: &str) {
        if self.ids.insert(id.to_owned()) {
            self.order.push_back(id.to_owned());
        }
        if self.order.len() > KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

/// The own writes that this feed has not told yet, and is to tell.
fn to_come<'a>(
    writes: &'a BTreeMap<Target, Vec<Write>>,
    key: &'a FeedKey,
) -> impl Iterator<Item = (&'a Target, &'a Write)> {
    let writes = writes.iter().flat_map(|(target, writes)| writes.iter().map(move |write| (target, write)));
    writes.filter(|(target, write)| write.is_awaited && write.token == key.0 && target.region == key.1)
}

#[cfg(test)]
mod tests;
