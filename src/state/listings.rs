//! What Scalingo has listed, one holder a target.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::observation::Observation;
use crate::{drain::Target, scalingo::TokenKey};

/// How much older than a reconciliation a list may be where both are for something new: whoever applies several
/// manifests does so within moments.
const MOMENT: Duration = Duration::from_secs(2);
/// How long a list holds for those who wait, as many may, for the budget.
const HOLDS: Duration = Duration::from_secs(600);
/// The same where the feed would tell of a change.
const HOLDS_WHERE_COVERED: Duration = Duration::from_secs(2 * 60 * 60);

/// How long a list is kept that nobody waits for: who has just been called by it is on the way.
const KEEP: Duration = Duration::from_secs(60);

/// What is listed, and with whose rights: what one token may see tells nothing to another.
pub type Key = (TokenKey, Target);

/// Why a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Since when.
    pub since: Instant,
    /// Whether for something new: nothing has been done about it before.
    pub is_new: bool,
}

impl Freshness {
    /// For one that is sent from now on.
    #[must_use]
    pub fn now() -> Self {
        Self { since: Instant::now(), is_new: false }
    }
}

/// The drains that Scalingo has listed of late, one list for all who wait for it, kept up to date with own changes.
///
/// A cache: it saves requests and decides nothing that a list would not decide. Only whoever has a target in hand
/// takes its list or puts it there.
#[derive(Default)]
pub struct Lists {
    state: Mutex<State>,
    news: Notify,
    settled: Notify,
}

#[derive(Default)]
struct State {
    known: HashMap<Key, Known>,
    /// Targets that somebody else has changed, and when that was known.
    outdated: HashMap<Target, Instant>,
    /// Targets that are being changed.
    changing: BTreeSet<Target>,
    /// How many wait for a list.
    waiting: HashMap<Key, usize>,
}

struct Known {
    observation: Observation,
    freshness: Freshness,
}

impl Known {
    fn answers(&self, freshness: Freshness) -> bool {
        let sent = self.observation.sent();
        let is_of_the_same_moment =
            freshness.is_new && self.freshness.is_new && sent + MOMENT >= freshness.since;
        sent >= freshness.since || is_of_the_same_moment
    }
}

impl Lists {
    /// The list that is fresh enough, if there is one.
    #[must_use]
    pub fn get(&self, key: &Key, freshness: Freshness) -> Option<Observation> {
        let state = self.state();
        state.known.get(key).filter(|known| known.answers(freshness)).map(|known| known.observation.clone())
    }

    /// Waits until there is a list that is fresh enough.
    pub async fn until_known(&self, key: &Key, freshness: Freshness) {
        loop {
            let news = self.news.notified();
            if self.state().known.get(key).is_some_and(|known| known.answers(freshness)) {
                return;
            }
            news.await;
        }
    }

    /// Whether what was listed can still be counted on, where the feed tells of the target's changes or does not.
    #[must_use]
    pub fn holds(&self, observation: &Observation, is_covered: bool) -> bool {
        let state = self.state();
        let outdated = state.outdated.get(observation.target());
        let holds = if is_covered { HOLDS_WHERE_COVERED } else { HOLDS };
        observation.age() < holds && outdated.is_none_or(|since| *since < observation.sent())
    }

    /// To be held by whoever waits for a list: it is kept for them.
    #[must_use]
    pub fn wait_for(self: &Arc<Self>, key: &Key) -> Waiting {
        *self.state().waiting.entry(key.clone()).or_default() += 1;
        Waiting { lists: Arc::clone(self), key: key.clone() }
    }

    /// Keeps a list, fetched to be this fresh, for all who wait for it.
    pub fn put(&self, key: Key, observation: Observation, freshness: Freshness) {
        self.state().known.insert(key, Known { observation, freshness });
        self.news.notify_waiters();
    }

    /// Begins a change of a target: until it has come to a known end, no list of it holds.
    #[must_use]
    pub fn change<'a>(&'a self, key: &Key) -> Change<'a> {
        let mut state = self.state();
        let own = state.known.remove(key);
        state.known.retain(|(_, target), _| *target != key.1);
        state.changing.insert(key.1.clone());
        Change { lists: self, key: key.clone(), known: own }
    }

    /// Waits until a target is not just being changed by ourselves.
    pub async fn until_settled(&self, target: &Target) {
        loop {
            let settled = self.settled.notified();
            if !self.state().changing.contains(target) {
                return;
            }
            settled.await;
        }
    }

    /// Forgets what was listed of a target: somebody else has changed it.
    pub fn forget(&self, target: &Target) {
        let mut state = self.state();
        state.known.retain(|(_, other), _| other != target);
        state.outdated.insert(target.clone(), Instant::now());
    }

    /// Forgets what nobody waits for any more: lists hold secrets.
    pub fn tidy(&self, now: Instant) {
        let mut state = self.state();
        let State { known, outdated, waiting, .. } = &mut *state;
        known.retain(|key, known| {
            let keep = if waiting.contains_key(key) { HOLDS_WHERE_COVERED } else { KEEP };
            now.duration_since(known.observation.sent()) < keep
        });
        outdated.retain(|_, since| now.duration_since(*since) < HOLDS_WHERE_COVERED);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change of a target that is under way. Dropped without an end, it leaves no list behind.
pub struct Change<'a> {
    lists: &'a Lists,
    key: Key,
    known: Option<Known>,
}

impl Change<'_> {
    /// The change has come to its end, and this is what would be listed now.
    pub fn made(mut self, observation: Observation) {
        if let Some(known) = self.known.take() {
            self.lists.put(self.key.clone(), observation, known.freshness);
        }
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.lists.state().changing.remove(&self.key.1);
        self.lists.settled.notify_waiters();
    }
}

/// Somebody waits for a list.
pub struct Waiting {
    lists: Arc<Lists>,
    key: Key,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.lists.state();
        if let Some(count) = state.waiting.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                state.waiting.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::{
        drain::{Digest, DrainUrl},
        scalingo::ApiToken,
    };

    fn target(app: &str) -> Target {
        Target { region: "osc-fr1".into(), app_id: app.into(), addon: None }
    }

    fn key(token: &str) -> Key {
        (ApiToken::new(token).unwrap().key(), target("a"))
    }

    fn freshness(since: Instant, is_new: bool) -> Freshness {
        Freshness { since, is_new }
    }

    fn listed(at: Instant) -> Observation {
        Observation::new(target("a"), Vec::new(), at, jiff::Timestamp::UNIX_EPOCH)
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_answers_those_who_wished_for_it_before_it_was_sent() {
        let lists = Arc::new(Lists::default());
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        lists.put(key("one"), listed(at(10)), freshness(at(0), false));
        assert!(lists.get(&key("one"), freshness(at(10), false)).is_some());
        assert!(lists.get(&key("one"), freshness(at(11), false)).is_none());
        assert!(lists.get(&key("one"), freshness(at(11), true)).is_none(), "it was for a check");
        assert!(
            lists.get(&key("other"), freshness(at(0), false)).is_none(),
            "another token may see other drains"
        );
        lists.put(key("one"), listed(at(10)), freshness(at(0), true));
        assert!(lists.get(&key("one"), freshness(at(12), true)).is_some());
        assert!(lists.get(&key("one"), freshness(at(13), true)).is_none());
        assert!(lists.get(&key("one"), freshness(at(11), false)).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_is_told() {
        let lists = Arc::new(Lists::default());
        let now = Instant::now();
        let key = key("one");
        let mut waiting = std::pin::pin!(lists.until_known(&key, freshness(now, false)));
        assert!(waiting.as_mut().now_or_never().is_none());
        lists.put(key.clone(), listed(now), freshness(now, false));
        assert!(waiting.as_mut().now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_whose_end_is_not_known_leaves_no_list_behind() {
        let lists = Arc::new(Lists::default());
        let now = Instant::now();
        let put = || {
            lists.put(key("one"), listed(now), freshness(now, false));
            lists.put(key("other"), listed(now), freshness(now, false));
        };
        put();
        drop(lists.change(&key("one")));
        assert!(lists.get(&key("one"), freshness(now, false)).is_none());
        put();
        let change = lists.change(&key("one"));
        let mut after = listed(now);
        after.added(Digest::recorded("v1:a"), DrainUrl::new("x://y".into()));
        change.made(after);
        assert_eq!(lists.get(&key("one"), freshness(now, false)).unwrap().digests(), ["v1:a"]);
        assert!(lists.get(&key("other"), freshness(now, false)).is_none(), "it does not know of the change");
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_holds_until_somebody_else_changes_its_target_or_it_is_old() {
        let lists = Arc::new(Lists::default());
        let listed = listed(Instant::now());
        assert!(lists.holds(&listed, false));
        tokio::time::advance(Duration::from_secs(1)).await;
        lists.forget(&target("b"));
        assert!(lists.holds(&listed, true));
        lists.forget(&target("a"));
        assert!(!lists.holds(&listed, true));
        tokio::time::advance(Duration::from_secs(1)).await;
        let listed = Observation::new(target("a"), Vec::new(), Instant::now(), listed.at());
        assert!(lists.holds(&listed, true));
        tokio::time::advance(HOLDS).await;
        assert!(!lists.holds(&listed, false) && lists.holds(&listed, true));
        tokio::time::advance(HOLDS_WHERE_COVERED).await;
        assert!(!lists.holds(&listed, true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_is_settled_once_the_end_of_a_change_is_known_or_given_up() {
        let lists = Arc::new(Lists::default());
        for is_made in [true, false] {
            let change = lists.change(&key("one"));
            let target_of_change = target("a");
            let mut settled = std::pin::pin!(lists.until_settled(&target_of_change));
            assert!(settled.as_mut().now_or_never().is_none());
            assert!(lists.until_settled(&target("b")).now_or_never().is_some());
            if is_made {
                change.made(listed(Instant::now()));
            } else {
                drop(change);
            }
            assert!(settled.as_mut().now_or_never().is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_is_kept_longer_for_those_who_wait_for_it() {
        let lists = Arc::new(Lists::default());
        let now = Instant::now();
        lists.put(key("one"), listed(now), freshness(now, false));
        let waiting = [lists.wait_for(&key("one")), lists.wait_for(&key("one"))];
        for waiting in waiting {
            lists.tidy(now + KEEP);
            assert!(lists.get(&key("one"), freshness(now, false)).is_some());
            drop(waiting);
        }
        lists.tidy(now + KEEP);
        assert!(lists.get(&key("one"), freshness(now, false)).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_old_is_forgotten() {
        let lists = Arc::new(Lists::default());
        let now = Instant::now();
        lists.put(key("one"), listed(now), freshness(now, false));
        lists.tidy(now + KEEP - Duration::from_secs(1));
        assert!(lists.get(&key("one"), freshness(now, false)).is_some());
        lists.tidy(now + KEEP);
        assert!(lists.get(&key("one"), freshness(now, false)).is_none());
        lists.put(key("one"), listed(now), freshness(now, false));
        lists.forget(&target("a"));
        assert!(lists.get(&key("one"), freshness(now, false)).is_none());
    }
}
