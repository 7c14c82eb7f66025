//! Lets a resource go that is being deleted: its drains first, unless they are to stay.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use kube::ResourceExt;
use tokio::sync::OwnedMutexGuard;

use super::{
    admission::{self, in_time},
    context::Context,
    desired,
    error::Error,
    event::Event,
    execute::delete_on_all,
    plan::{Ledger, Phase, Verdict},
    report::Outcome,
    status::Subject,
    view::FoundBy,
};
use crate::{
    crd::{LogDrain, Reason},
    drain::Target,
};

/// How long a deletion lets others go first that were not looked at yet.
const NEWCOMERS_FIRST: SignedDuration = SignedDuration::from_mins(1);

pub(super) async fn finalize<'a>(context: &'a Context, subject: &mut Subject<'a>) -> Result<Outcome, Error> {
    if !subject.has_finalizer() {
        return Ok(Outcome::Released);
    }
    if subject.leaves_drains() {
        return leave_drains(context, subject).await;
    }
    if is_before_a_newcomer(context, subject) {
        return Err(Error::Changed);
    }
    let targets = subject.targets();
    let (left, _turn) = delete_drains(context, subject, &targets).await?;
    if let Some(verdict) = left {
        return Ok(Outcome::Looked { verdict, seen: None, note: None });
    }
    // Still with the targets in hand: a peer must not count on this resource any more.
    subject.remove_finalizer().await?;
    Ok(Outcome::Released)
}

/// Whether another resource may want a drain of this one, and was not looked at since it came or was changed. So it is where a
/// tool renames a resource: the new one is looked at first, and the drain stays.
fn is_before_a_newcomer(context: &Context, subject: &Subject<'_>) -> bool {
    let deleted = subject.object().metadata.deletion_timestamp.as_ref();
    if deleted.is_none_or(|deleted| context.process.now().duration_since(deleted.0) > NEWCOMERS_FIRST) {
        return false;
    }
    let me = subject.uid();
    subject.records().iter().any(|record| {
        let wants_it = |other: &LogDrain| {
            let observed = other.status.as_ref().and_then(|status| status.observed_generation);
            let is_unseen = observed != other.metadata.generation
                || other.records().is_empty() && other.is_ready_as(Reason::RateLimited);
            is_unseen
                && other.metadata.deletion_timestamp.is_none()
                && [&record.app, &record.app_id].contains(&&other.spec.app)
                && record.addon == other.spec.addon
                && record.region == context.settings.region_of(other)
                && other.uid().is_some_and(|uid| uid != me)
        };
        let found = [&record.app, &record.app_id].map(|app| context.view.find(&FoundBy::App(app.clone())));
        found.iter().flatten().any(|other| wants_it(other))
    })
}

/// Releases the resource without its drains, once nothing can come of its requests any more: a drain that came later would stand
/// beside that of whoever wants the same.
async fn leave_drains<'a>(context: &'a Context, subject: &mut Subject<'a>) -> Result<Outcome, Error> {
    let records = context.view.records(subject.object(), context.process.now());
    let (now, led_since) = (context.process.now(), context.process.led_since());
    let doubts = BTreeMap::new();
    let ledger = Ledger { records: &records, listed: &[], doubts: &doubts, peers: &[], now, led_since };
    if let Some(until) = records.iter().filter_map(|record| ledger.unsettled(record)).max() {
        return Ok(Outcome::Settling(until));
    }
    subject.remove_finalizer().await?;
    for record in &records {
        let url = record.written.shown();
        subject.tell(&match record.phase {
            Phase::Active { .. } | Phase::Deleting { since: None, .. } => Event::Retained { url },
            Phase::Adding { .. } | Phase::Deleting { .. } | Phase::Nameless => Event::MayBeLeft { url },
        });
    }
    Ok(Outcome::Released)
}

/// Deletes the drains on these targets. Gives what is left to wait for, and the locks of the targets.
async fn delete_drains<'a>(
    context: &'a Context,
    subject: &mut Subject<'a>,
    targets: &BTreeSet<Target>,
) -> Result<(Option<Verdict>, Vec<OwnedMutexGuard<()>>), Error> {
    let Some(first) = targets.first() else { return Ok((None, Vec::new())) };
    let client = subject.client();
    let requester = client.requester();
    let token =
        in_time(&context.dispatch, requester, desired::api_token_for_deletion(context, subject.object()))
            .await?;
    let described = in_time(
        &context.dispatch,
        requester,
        desired::destination_for_deletion(&context.cluster, subject.object()),
    )
    .await;
    let described = match described {
        // The role may have gone first, and no deletion needs it.
        Err(error) if error.is_forbidden() => None,
        described => described?,
    };
    let account = (&client, &token);
    let turn = admission::on_list(context, subject, account, targets, first).await?;
    let left = delete_on_all(context, subject, account, targets, described.as_ref());
    Ok((in_time(&context.dispatch, requester, Box::pin(left)).await?, turn))
}
