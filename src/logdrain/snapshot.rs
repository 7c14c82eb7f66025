//! How things stand, for the metrics.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;
use strum::IntoEnumIterator as _;
use tokio::time::Instant;

use super::context::Context;
use crate::{
    crd::{DrainState, LogDrain, Reason},
    metrics::{Snapshot, Standing},
    state::listings::Key,
};

/// Of a resource without a status.
pub(super) const NEW: Standing = ("Unknown", "New");
/// Of a resource whose condition is not the operator's.
pub(super) const OTHER: Standing = ("Unknown", "Other");

impl Context {
    /// How things stand now. What the caches tell is absent until they have been filled: none would be untrue.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let now = Instant::now();
        let objects = if self.view.is_filled() { Some(self.view.all()) } else { None };
        // The feeds may be asked while the sweeps are locked, never the other way round.
        let (feeds_answering, feeds_silent) = self.remote.feeds().count(now);
        let feed_age = self.remote.feeds().age(now);
        let is_covered = |key: &Key| self.remote.feeds().covers(key, now);
        let (achieved_interval, oldest_check) = self.dispatch.check_ages(is_covered);
        let (mut covered, mut uncovered) = (BTreeSet::new(), BTreeSet::new());
        for object in objects.iter().flatten().filter(|object| !object.spec.suspend) {
            let Some(token) = object.uid().and_then(|uid| self.tokens.last(&uid)) else { continue };
            for record in object.records() {
                let key = (token.key(), record.target());
                let apps = if is_covered(&key) { &mut covered } else { &mut uncovered };
                apps.insert((key.1.region, key.1.app_id));
            }
        }
        Snapshot {
            leads: self.process.leadership.holds(),
            watches: self.cluster.watch_health.count(),
            logdrains: objects.as_ref().map(|objects| standings(objects.iter().map(AsRef::as_ref))),
            drains: objects.as_ref().map(|objects| drains(objects.iter().map(AsRef::as_ref))),
            unreleased: self.view.unreleased(),
            budgets: self.remote.client.budgets(self.tokens.in_use()),
            feeds_answering,
            feeds_silent,
            feed_age,
            // Where one token's feed tells of an app and another's does not, somebody has to list it.
            apps_covered: covered.difference(&uncovered).count(),
            apps_uncovered: uncovered.len(),
            sweep_interval: self.settings.sweep_interval,
            resync: self.settings.resync,
            achieved_interval,
            oldest_check,
        }
    }
}

/// How many resources stand how; each reason is there, with 0 too.
fn standings<'a>(objects: impl Iterator<Item = &'a LogDrain>) -> BTreeMap<Standing, usize> {
    let of = |reason: Reason| (reason.ready(), reason.into());
    let mut standings: BTreeMap<Standing, usize> =
        Reason::iter().map(of).chain([NEW]).map(|standing| (standing, 0)).collect();
    for object in objects {
        let standing = object.ready().map_or(NEW, |ready| {
            // Anybody who may write the status could invent others without end.
            ready.reason.parse().map_or(OTHER, of)
        });
        *standings.entry(standing).or_default() += 1;
    }
    standings
}

/// How many drains are recorded as there; one that two resources record is one.
fn drains<'a>(objects: impl Iterator<Item = &'a LogDrain>) -> usize {
    let records = objects.flat_map(LogDrain::records);
    let active = records.filter(|record| record.state == DrainState::Active);
    active.map(|record| (record.target(), &record.url_digest)).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{DrainRecord, DrainType, LogDrainSpec, LogDrainStatus, conditions, tests::active};

    fn object(reason: Option<Reason>, urls: &[(&str, DrainState)]) -> LogDrain {
        let mut object = LogDrain::new("x", LogDrainSpec::new("shop", DrainType::Datadog));
        let record = |(url, state): &(&str, DrainState)| DrainRecord { state: *state, ..active("", url) };
        object.status = reason.map(|reason| LogDrainStatus {
            conditions: conditions(&[], reason, "", Some(1), jiff::Timestamp::UNIX_EPOCH),
            drains: urls.iter().map(record).collect(),
            ..LogDrainStatus::default()
        });
        object
    }

    #[test]
    fn resources_are_counted_by_how_they_stand_and_an_invented_reason_makes_no_label() {
        let mut invented = object(Some(Reason::Synced), &[]);
        invented.status.as_mut().unwrap().conditions[0].reason = "Invented".into();
        let objects = [
            object(Some(Reason::Synced), &[]),
            object(Some(Reason::Synced), &[]),
            object(Some(Reason::Suspended), &[]),
            object(None, &[]),
            invented,
        ];
        let standings = standings(objects.iter());
        assert_eq!(standings[&("True", "Synced")], 2);
        assert_eq!(standings[&("Unknown", "Suspended")], 1);
        assert_eq!(standings[&NEW], 1);
        assert_eq!(standings[&OTHER], 1);
        assert_eq!(standings[&("False", "Unauthorized")], 0);
        assert_eq!(standings.len(), Reason::iter().len() + 2);
    }

    #[test]
    fn a_drain_that_two_resources_record_is_one_and_one_that_is_on_its_way_is_none() {
        use DrainState::{Active, Adding, Deleting};
        let objects = [
            object(Some(Reason::Synced), &[("u", Active), ("v", Active)]),
            object(Some(Reason::Duplicate), &[("u", Active), ("w", Adding), ("x", Deleting)]),
        ];
        assert_eq!(drains(objects.iter()), 2);
    }
}
