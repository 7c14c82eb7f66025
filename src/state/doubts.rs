//! What a list does not tell for sure: it may lag behind a change.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{
    feeds::Kind,
    observation::{Observation, Presence},
};
use crate::drain::{Digest, Target};

/// How far a list may lag behind changes. Scalingo names no bound: replicas of a database are mostly some seconds late.
pub const LISTS_LAG: SignedDuration = SignedDuration::from_secs(10);

/// For how long it is known what was missing, and what was told of a drain.
const KEEP: Duration = Duration::from_secs(2 * 60 * 60);

/// What was seen and told of recorded drains.
///
/// A recorded drain counts as gone in two cases:
/// - the change feed or the answer to an own request told its deletion, and a list lacks it;
/// - two lists lack it, the second one [`LISTS_LAG`] after the first.
///
/// A list lacks one of several drains with the same URL where it shows fewer than are recorded.
/// A drain whose deletion was told counts as there only by a list that is [`LISTS_LAG`] later. A list may show it beside a new one.
///
/// A cache: where it is lost, one more list is asked for.
#[derive(Default)]
pub struct Doubts {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    begun: Option<Instant>,
    targets: HashMap<Target, Seen>,
}

#[derive(Default)]
struct Seen {
    /// When the first of those lists was asked for that have lacked a drain one after the other.
    missing: HashMap<Digest, Instant>,
    /// What was told of a drain.
    told: HashMap<Digest, Told>,
}

/// What was told of a drain.
#[derive(Clone, Copy)]
struct Told {
    /// What happened last.
    kind: Kind,
    /// When that was told.
    at: Instant,
    /// When a deletion was told last.
    deleted: Option<Instant>,
    /// When the list was asked for that lacked the drain before an own request added it: that list shows the new one alone.
    lacking: Option<Instant>,
}

impl Seen {
    /// Until when lists may show a drain that was deleted, as this one does.
    fn lingers(&self, list: &Observation, digest: &Digest) -> Option<Instant> {
        let told = self.told.get(digest).filter(|told| told.lacking != Some(list.sent()))?;
        told.deleted.filter(|_| list.count(digest) > 0).map(|at| at + lag())
    }

    /// Whether a drain was deleted, as was told last.
    fn is_deleted(&self, digest: &Digest) -> bool {
        self.told.get(digest).is_some_and(|told| told.kind == Kind::Deleted)
    }

    fn tell(&mut self, digest: &Digest, kind: Kind, at: Instant, lacking: Option<Instant>) {
        self.missing.remove(digest);
        let earlier = self.told.get(digest).and_then(|told| told.deleted);
        let deleted = if kind == Kind::Deleted { Some(at) } else { earlier };
        self.told.insert(digest.clone(), Told { kind, at, deleted, lacking });
    }
}

impl Doubts {
    /// This process leads from now on: what its predecessor has just done is not known.
    pub fn begin(&self, now: Instant) {
        self.state().begun = Some(now);
    }

    /// A drain was added or deleted, as the change feed or the answer to an own request says.
    pub fn told(&self, target: &Target, digest: &Digest, kind: Kind, now: Instant) {
        self.state().targets.entry(target.clone()).or_default().tell(digest, kind, now, None);
    }

    /// An own request has added a drain that is not on this list yet, for all that the list tells.
    pub fn added_to(&self, list: &Observation, digest: &Digest, now: Instant) {
        let lacking = Some(list.sent()).filter(|_| list.count(digest) == 0);
        self.state().targets.entry(list.target().clone()).or_default().tell(
            digest,
            Kind::Added,
            now,
            lacking,
        );
    }

    /// Whether a drain may have been added so short a time ago that a list does not show it yet.
    #[must_use]
    pub fn is_young(&self, target: &Target, digest: &Digest, now: Instant) -> bool {
        let state = self.state();
        let told = state.targets.get(target).and_then(|seen| seen.told.get(digest));
        let added = told.filter(|told| told.kind == Kind::Added).map(|told| told.at);
        added.max(state.begun).is_some_and(|since| now < since + lag())
    }

    /// The drains of which this list does not tell whether they are there, each with the time of a list that will.
    /// `recorded` holds the digest of each recorded drain, and how many drains with it are to be listed.
    #[must_use]
    pub fn of<'a>(
        &self,
        list: &Observation,
        recorded: impl IntoIterator<Item = (&'a Digest, usize)>,
    ) -> BTreeMap<Digest, Timestamp> {
        let mut doubts = BTreeMap::new();
        if list.presence() != Presence::Found {
            return doubts;
        }
        let (mut state, sent) = (self.state(), list.sent());
        let seen = state.targets.entry(list.target().clone()).or_default();
        let is_lacking = |(digest, copies): &(&Digest, usize)| list.count(digest) < *copies;
        let lacking: BTreeSet<&Digest> =
            recorded.into_iter().filter(is_lacking).map(|(digest, _)| digest).collect();
        seen.missing.retain(|digest, _| lacking.contains(digest) || list.count(digest) == 0);
        let shown: Vec<Digest> = seen.told.keys().filter(|digest| list.count(digest) > 0).cloned().collect();
        for digest in shown {
            match seen.lingers(list, &digest) {
                Some(until) if until > sent => drop(doubts.insert(digest, time_of(list, until))),
                // Of an addition since it is still known that it is young.
                Some(_) if seen.is_deleted(&digest) => drop(seen.told.remove(&digest)),
                Some(_) => {
                    seen.told.entry(digest).and_modify(|told| told.deleted = None);
                }
                None => {}
            }
        }
        for digest in lacking {
            if seen.is_deleted(digest) {
                continue;
            }
            let until = *seen.missing.entry(digest.clone()).or_insert(sent) + lag();
            if until > sent {
                doubts.insert(digest.clone(), time_of(list, until));
            }
        }
        doubts
    }

    /// Whether a list shows that a drain is there.
    #[must_use]
    pub fn shows(&self, list: &Observation, digest: &Digest) -> bool {
        let state = self.state();
        let lingers = state.targets.get(list.target()).and_then(|seen| seen.lingers(list, digest));
        list.count(digest) > 0 && lingers.is_none_or(|until| until <= list.sent())
    }

    /// Forgets what is old.
    pub fn tidy(&self, now: Instant) {
        let is_kept = |at: &Instant| now.duration_since(*at) < KEEP;
        self.state().targets.retain(|_, seen| {
            seen.missing.retain(|_, first| is_kept(first));
            seen.told.retain(|_, told| is_kept(&told.at));
            !(seen.missing.is_empty() && seen.told.is_empty())
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lag() -> Duration {
    LISTS_LAG.unsigned_abs()
}

/// An instant by the time of day that a list was asked for with.
fn time_of(list: &Observation, instant: Instant) -> Timestamp {
    let after = SignedDuration::try_from(instant.saturating_duration_since(list.sent()));
    after.ok().and_then(|after| list.at().checked_add(after).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drain::DrainUrl;

    const SOME_TIME: u64 = 1_000;

    struct Case {
        begin: Instant,
        doubts: Doubts,
    }

    fn target() -> Target {
        Target { region: "r".into(), app_id: "a".into(), addon: None }
    }

    fn digest(text: &str) -> Digest {
        Digest::recorded(text)
    }

    impl Case {
        fn new() -> Self {
            Self { begin: Instant::now(), doubts: Doubts::default() }
        }

        fn at(&self, second: u64) -> Instant {
            self.begin + Duration::from_secs(second)
        }

        fn list(&self, second: u64, urls: &[&str]) -> Observation {
            let drains = urls.iter().map(|url| (digest(url), DrainUrl::new((*url).to_owned()))).collect();
            let time = Timestamp::from_second(second.try_into().unwrap()).unwrap();
            Observation::new(target(), drains, self.at(second), time)
        }

        /// What is doubtful of `u`, which is recorded, by a list that shows these, and until when.
        fn doubt(&self, second: u64, urls: &[&str]) -> Option<i64> {
            let doubts = self.doubts.of(&self.list(second, urls), [(&digest("u"), 1)]);
            doubts.get(&digest("u")).map(|until| until.as_second())
        }

        fn told(&self, second: u64, kind: Kind) {
            self.doubts.told(&target(), &digest("u"), kind, self.at(second));
        }
    }

    #[test]
    fn what_is_listed_is_not_doubtful_and_what_is_missing_is_gone_by_a_second_list() {
        let case = Case::new();
        assert_eq!(case.doubt(0, &["u"]), None);
        assert_eq!(case.doubt(100, &["v"]), Some(110));
        assert_eq!(case.doubt(105, &[]), Some(110));
        assert_eq!(case.doubt(110, &["v"]), None);
        // Lists in between count for nothing once one has shown it.
        assert_eq!(case.doubt(200, &["u"]), None);
        assert_eq!(case.doubt(201, &[]), Some(211));
    }

    #[test]
    fn of_several_one_is_gone_by_a_second_list() {
        let case = Case::new();
        let doubts = |second, urls: &[&str]| {
            let doubts = case.doubts.of(&case.list(second, urls), [(&digest("u"), 2), (&digest("v"), 1)]);
            doubts.get(&digest("u")).map(|until| until.as_second())
        };
        assert_eq!(doubts(0, &["u", "u", "v"]), None);
        assert_eq!(doubts(100, &["u", "v"]), Some(110));
        assert_eq!(doubts(105, &["u", "u", "v"]), None);
        assert_eq!(doubts(106, &["u", "v"]), Some(116));
        assert_eq!(doubts(116, &["v"]), None);
    }

    #[test]
    fn what_is_missing_is_gone_at_once_where_its_deletion_was_told() {
        let case = Case::new();
        assert_eq!(case.doubt(0, &["u"]), None);
        case.told(50, Kind::Deleted);
        assert_eq!(case.doubt(51, &[]), None);
        // It is there again.
        case.told(65, Kind::Added);
        assert_eq!(case.doubt(66, &[]), Some(76));
    }

    #[test]
    fn what_was_told_to_be_deleted_is_there_by_a_later_list_alone() {
        let case = Case::new();
        case.told(50, Kind::Deleted);
        assert_eq!(case.doubt(52, &["u"]), Some(60));
        assert!(!case.doubts.shows(&case.list(52, &["u"]), &digest("u")));
        assert!(case.doubts.shows(&case.list(60, &["u"]), &digest("u")));
        assert_eq!(case.doubt(60, &["u"]), None);
        assert_eq!(case.doubt(61, &[]), Some(71), "that deletion was another's");
        // It is doubtful whether recorded or not: nobody shall adopt it.
        case.told(100, Kind::Deleted);
        assert_eq!(case.doubts.of(&case.list(101, &["u"]), []).len(), 1);
    }

    #[test]
    fn what_was_added_again_may_stand_in_a_list_beside_what_was_deleted() {
        let case = Case::new();
        case.told(50, Kind::Deleted);
        case.told(51, Kind::Added);
        assert_eq!(case.doubt(52, &["u", "u"]), Some(60));
        assert_eq!(case.doubt(60, &["u"]), None);
        // An own request has added it where the list showed it still, and where the list did not.
        for (second, shown, doubt) in [(100, &["u"][..], Some(110)), (200, &[], None)] {
            case.told(second, Kind::Deleted);
            let mut list = case.list(second + 1, shown);
            case.doubts.added_to(&list, &digest("u"), case.at(second + 2));
            list.added(digest("u"), DrainUrl::new("u".to_owned()));
            let doubts = case.doubts.of(&list, [(&digest("u"), 1)]);
            assert_eq!(doubts.get(&digest("u")).map(|until| until.as_second()), doubt);
            assert_eq!(case.doubts.shows(&list, &digest("u")), doubt.is_none());
            let later = i64::try_from(second).unwrap() + 10;
            assert_eq!(case.doubt(second + 3, &["u", "u"]), Some(later), "another list may show both");
        }
    }

    #[test]
    fn what_was_added_again_is_young_though_a_list_tells_that_the_deletion_is_over() {
        let case = Case::new();
        case.told(50, Kind::Deleted);
        case.told(55, Kind::Added);
        assert_eq!(case.doubt(61, &["u"]), None);
        assert!(case.doubts.is_young(&target(), &digest("u"), case.at(64)));
        assert_eq!(case.doubt(62, &[]), Some(72), "that one was not deleted");
    }

    #[test]
    fn a_target_that_is_not_found_says_nothing_of_its_drains() {
        let case = Case::new();
        let nothing =
            Observation::of_nothing(target(), Presence::NotFound, case.at(0), Timestamp::UNIX_EPOCH);
        assert!(case.doubts.of(&nothing, [(&digest("u"), 1)]).is_empty());
        assert_eq!(case.doubt(20, &[]), Some(30));
    }

    #[test]
    fn what_was_just_added_or_may_have_been_by_a_predecessor_is_young() {
        let case = Case::new();
        let is_young = |second| case.doubts.is_young(&target(), &digest("u"), case.at(second));
        assert!(!is_young(0));
        case.doubts.begin(case.at(1));
        assert!(is_young(10) && !is_young(11));
        case.told(20, Kind::Added);
        assert!(is_young(29) && !is_young(30));
        case.told(31, Kind::Deleted);
        assert!(!is_young(32));
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let case = Case::new();
        assert_eq!(case.doubt(0, &[]), Some(10));
        case.told(SOME_TIME, Kind::Added);
        case.doubts.tidy(case.at(KEEP.as_secs()));
        assert_eq!(case.doubts.state().targets.len(), 1);
        case.doubts.tidy(case.at(KEEP.as_secs() + SOME_TIME));
        assert_eq!(case.doubts.state().targets.len(), 0);
    }
}
