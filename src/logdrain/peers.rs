//! Calls the resources whose standing changes with another that has the same drain.

use std::{collections::BTreeMap, sync::Arc};

use kube::ResourceExt;
use tokio::time::Instant;

use super::{
    dispatch::Dispatch,
    plan::Record,
    status::Subject,
    view::{FoundBy, View, rank},
};
use crate::crd::{DrainRecord, LogDrain, Reason};

/// Calls those whose standing this resource's changes may have changed: all with the same drain when it is
/// gone from here, the younger ones when it is new here.
pub(crate) fn call_peers(dispatch: &Dispatch, subject: &Subject<'_>, before: &[DrainRecord]) {
    let after = if dispatch.view.get(&subject.uid()).is_none() { &[] } else { subject.records() };
    let is_in = |record: &DrainRecord, records: &[DrainRecord]| {
        records.iter().any(|other| other.is_of_same_drain(record) && other.target() == record.target())
    };
    let gone = before.iter().filter(|record| !is_in(record, after));
    let new = after.iter().filter(|record| !is_in(record, before));
    let me = rank(subject.object());
    let mut concerned = BTreeMap::new();
    for (record, is_gone) in gone.map(|record| (record, true)).chain(new.map(|record| (record, false))) {
        let peers = dispatch.view.find(&FoundBy::Target(record.target())).into_iter();
        let shares = peers.filter(|peer| peer.records().iter().any(|other| is_same(other, record)));
        let ranked = shares.map(|peer| (rank(&peer), peer));
        concerned.extend(ranked.filter(|(rank, _)| rank.uid != me.uid && (is_gone || *rank > me)));
    }
    let now = Instant::now();
    for peer in concerned.values() {
        dispatch.call(&peer.uid().unwrap_or_default(), now);
    }
}

/// Who may have lost an owner.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Heirs<'a> {
    /// All duplicates.
    All,
    /// The duplicates of this one.
    Of(&'a LogDrain),
    /// This duplicate.
    Itself(&'a LogDrain),
}

/// Calls those that rest as duplicates of what is not their owner any more: a record or a whole resource may have gone without
/// this process having been told that it has taken it away.
pub(crate) fn call_heirs(dispatch: &Dispatch, heirs: Heirs<'_>) {
    let heirs = match heirs {
        Heirs::All => dispatch.view.find(&FoundBy::Duplicate),
        Heirs::Of(owner) => dispatch.view.find(&FoundBy::DuplicateOf(owner.qualified_name())),
        Heirs::Itself(heir) => vec![Arc::new(heir.clone())],
    };
    let now = Instant::now();
    for heir in heirs.iter().filter(|heir| heir.is_ready_as(Reason::Duplicate)) {
        let uid = heir.uid().unwrap_or_default();
        if dispatch.rests(&uid) && !has_owner(&dispatch.view, heir) {
            dispatch.call(&uid, now);
        }
    }
}

/// Whether the first of all that have its drain is the one that its status names.
fn has_owner(view: &View, heir: &LogDrain) -> bool {
    let named = heir.status.as_ref().and_then(|status| status.duplicate_of.as_ref());
    let is_named = |wanted: &DrainRecord| {
        let has_it = |record: &DrainRecord| is_same(record, wanted) && Record::from(record.clone()).is_had();
        let owner = view
            .find(&FoundBy::Target(wanted.target()))
            .into_iter()
            .filter(|object| {
                object.metadata.deletion_timestamp.is_none() && object.records().iter().any(has_it)
            })
            .min_by_key(|object| rank(object));
        owner.is_some_and(|owner| Some(&owner.qualified_name()) == named)
    };
    heir.records().iter().any(is_named)
}

/// Whether both are of one destination on one target.
fn is_same(one: &DrainRecord, other: &DrainRecord) -> bool {
    one.destination_digest == other.destination_digest && one.target() == other.target()
}
