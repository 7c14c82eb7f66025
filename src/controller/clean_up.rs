//! Lets a resource go that is being deleted: its drains first, unless they are to stay.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use tokio::sync::OwnedMutexGuard;

use super::{
    conclude::Outcome,
    context::Context,
    desired,
    error::Error,
    happening::Happening,
    plan::{Ledger, Phase, Record, Verdict},
    reconcile::{client, delete_elsewhere},
    status::Subject,
    turn::{self, in_time},
};
use crate::{
    crd::{DrainRecord, DrainState, Reason},
    drain::Target,
    metrics::ReconcileResult,
};

/// How long a request may take at the most until it can no longer take effect, by clocks that are wrong by minutes.
const LATEST: SignedDuration = SignedDuration::from_hours(1);

pub(super) async fn clean_up<'a>(context: &'a Context, subject: &mut Subject<'a>) -> Result<Outcome, Error> {
    if !subject.has_finalizer() {
        return Ok(Outcome::Released);
    }
    if subject.leaves_drains() {
        return leave_drains(context, subject).await;
    }
    let (left, _turn) = finish(context, subject).await?;
    if let Some(verdict) = left {
        return Ok(Outcome::Looked { verdict, seen: None, note: None });
    }
    // Still with the targets in hand: a peer must not count on this resource any more.
    subject.remove_finalizer().await?;
    Ok(Outcome::Released)
}

/// Releases the resource without its drains, once nothing can come of its requests any more: a drain that came later would stand
/// beside that of whoever wants the same.
async fn leave_drains<'a>(context: &'a Context, subject: &mut Subject<'a>) -> Result<Outcome, Error> {
    let records: Vec<Record> = subject.records().iter().cloned().map(Record::from).collect();
    let ledger = Ledger {
        records: &records,
        listed: &[],
        peers: &[],
        now: context.now(),
        led_since: context.led_since(),
    };
    let unsettled = records.iter().filter_map(|record| ledger.unsettled(record));
    // A later time is one that somebody has written, and this policy lets every resource go.
    if let Some(until) = unsettled.filter(|until| until.duration_since(ledger.now) < LATEST).max() {
        return Ok(Outcome::Settling(until));
    }
    let has_taken_along =
        |record: &&Record| matches!(record.phase, Phase::Deleting { since: Some(_), keep: 1.., .. });
    if records.iter().any(|record| has_taken_along(&record)) {
        match finish(context, subject).await {
            Ok(_) => {}
            // This policy is the way out where a person would have to help.
            Err(error)
                if error.result() == ReconcileResult::Stalled
                    || error.reason() == Reason::ApiTokenNotFound =>
            {
                for record in records.iter().filter(has_taken_along) {
                    subject.tell(&Happening::NotRestored { url: record.written.shown() });
                }
            }
            Err(error) => return Err(error),
        }
    }
    subject.remove_finalizer().await?;
    for record in subject.records() {
        let url = record.shown();
        subject.tell(&match record.state {
            DrainState::Active => Happening::Retained { url },
            DrainState::Adding | DrainState::Deleting => Happening::MayBeLeft { url },
        });
    }
    Ok(Outcome::Released)
}

/// Does what is left to be done about the drains; what is to be waited for, with the targets in hand.
async fn finish<'a>(
    context: &'a Context,
    subject: &mut Subject<'a>,
) -> Result<(Option<Verdict>, Vec<OwnedMutexGuard<()>>), Error> {
    let targets: BTreeSet<Target> = subject.records().iter().map(DrainRecord::target).collect();
    let Some(first) = targets.first() else { return Ok((None, Vec::new())) };
    let client = client(context, subject);
    let requester = client.requester();
    let token = in_time(requester, desired::api_token_for_deletion(context, subject.object())).await?;
    let described = in_time(requester, desired::destination_for_deletion(context, subject.object())).await?;
    let account = (&client, &token);
    let turn = turn::on_list(context, subject, account, &targets, first).await?;
    let left = delete_elsewhere(context, subject, account, None, described.as_ref());
    Ok((in_time(requester, Box::pin(left)).await?, turn))
}
