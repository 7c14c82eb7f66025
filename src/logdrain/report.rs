//! Says what has come of a reconciliation: in its status, to its peers, and to the schedule.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    admission::PATIENCE,
    context::{Context, Process},
    dispatch::Followup,
    error::{Error, at_second},
    peers::{self, Heirs},
    plan::Verdict,
    status::{Basis, Subject},
};
use crate::{
    crd::{DrainRecord, DrainState, DrainType, LogDrain, Reason, Remedy},
    drain::Target,
    metrics::FailureKind,
    scalingo::{ErrorKind, budget::WINDOW},
    state::listings::Key,
};

/// How often a drain is looked for that a lost answer or a peer may have made.
const POLL: Duration = Duration::from_secs(10);
/// How soon a resource that has changed meanwhile is reconciled again, should its watch event be late.
const CHANGED: Duration = Duration::from_secs(1);

/// What one reconciliation has come to.
pub(super) enum Outcome {
    /// The finalizer is off, or was never on.
    Released,
    /// The drains are to stay, and the resource goes once no request for them can take effect any more.
    Settling(Timestamp),
    /// Nothing is done while suspended, but that the API token is to be known.
    Suspended { is_done: bool },
    /// Nothing has changed since an earlier process left it in order; there the check is still to come.
    LeftInOrder(Key),
    /// The drains are as this says, by what was seen of the target that is wanted, if any; the note goes with it.
    Looked { verdict: Verdict, seen: Option<Seen>, note: Option<String> },
}

/// What a reconciliation was about, and when Scalingo was asked to list it.
pub(super) struct Seen {
    pub(super) key: Key,
    pub(super) sent: Instant,
}

/// Says in the status what has come of it, and when to reconcile again.
pub(super) async fn report(
    context: &Context,
    subject: &mut Subject<'_>,
    outcome: Result<Outcome, Error>,
) -> Option<Duration> {
    // It leaves the routine check before the status is written. The change feed calls the other members meanwhile.
    let is_in_order = matches!(
        &outcome,
        Ok(Outcome::LeftInOrder(_)
            | Outcome::Looked { verdict: Verdict::InSync | Verdict::Duplicate(_), .. })
    );
    if !is_in_order {
        context.dispatch.withdraw(&subject.uid());
    }
    let asked = outcome.as_ref().err().and_then(asked_to_wait);
    if let Some(wait) = asked.filter(|wait| *wait < PATIENCE || is_content(subject.object())) {
        tracing::debug!(?wait, "Scalingo asks to send fewer requests");
        return follow_up(context, subject, Followup::AfterFailure(wait, Duration::MAX));
    }
    if let Ok(Outcome::Looked { verdict: Verdict::Unconfirmed(until), .. }) = &outcome
        && is_well(subject.object())
    {
        // A check that was requested has not ended.
        tracing::debug!(%until, "the next list tells whether the drain is there");
        return follow_up(context, subject, with_list(&context.process, *until));
    }
    let (reason, message) = match &outcome {
        Ok(Outcome::Released) => {
            context.forget(&subject.uid());
            return None;
        }
        Ok(Outcome::LeftInOrder(key)) => {
            return follow_up(context, subject, Followup::Check(key.clone(), None));
        }
        Ok(Outcome::Suspended { .. }) => {
            (Reason::Suspended, "spec.suspend is true: nothing is checked or changed at Scalingo".to_owned())
        }
        Ok(Outcome::Settling(until)) => (
            Reason::Progressing,
            format!(
                "the answer to a request was lost; this resource goes at {}, when it can no longer take effect",
                at_second(*until)
            ),
        ),
        Ok(Outcome::Looked { verdict, note, .. }) => describe(subject, verdict, note.as_deref()),
        Err(error) if error.is_passing() => {
            tracing::debug!(%error, "to be reconciled again");
            return follow_up(context, subject, Followup::Again(CHANGED));
        }
        Err(error) => {
            let until = asked.and_then(|wait| context.process.now().checked_add(wait).ok());
            let end = until.map(|until| format!("; goes on at about {}", at_second(until)));
            let message =
                if subject.is_being_deleted() { error.message_for_deletion() } else { error.message() };
            (error.reason(), message + &end.unwrap_or_default())
        }
    };
    let seen = match &outcome {
        Ok(Outcome::Looked { seen, .. }) => seen.as_ref(),
        _ => None,
    };
    let target = seen.map(|seen| &seen.key.1);
    let records = records_to_write(subject, target, outcome.as_ref().err());
    subject.answer_request();
    if let Ok(Outcome::Looked { verdict: Verdict::Duplicate(owner), .. }) = &outcome {
        subject.is_duplicate_of(owner);
    }
    if let Err(error) = subject.write(records, reason, &message, Basis::ThisForm).await {
        if error.is_passing() {
            return follow_up(context, subject, Followup::Again(CHANGED));
        }
        tracing::warn!(%error, "the status could not be written");
        context.metrics.error(FailureKind::StatusWrite);
        return follow_up(context, subject, Followup::AfterFailure(Duration::ZERO, Duration::MAX));
    }
    let wait = follow_up(context, subject, next(context, &outcome, (reason, asked)));
    if reason == Reason::Duplicate {
        // The owner may have gone while this was written.
        peers::call_heirs(&context.dispatch, Heirs::Itself(subject.object()));
    }
    wait
}

fn follow_up(context: &Context, subject: &Subject<'_>, followup: Followup) -> Option<Duration> {
    context.dispatch.follow_up(subject.object(), followup)
}

/// What follows a reconciliation that came to this outcome, of which the status says so.
fn next(
    context: &Context,
    outcome: &Result<Outcome, Error>,
    (reason, asked): (Reason, Option<Duration>),
) -> Followup {
    match outcome {
        Ok(Outcome::Suspended { is_done: true }) => Followup::Rest,
        Ok(Outcome::Suspended { is_done: false }) => Followup::AfterFailure(Duration::ZERO, Duration::MAX),
        Ok(
            Outcome::Settling(until)
            | Outcome::Looked {
                verdict: Verdict::WaitForAnswer(until) | Verdict::WaitForPeer(_, until), ..
            },
        )
        | Err(Error::AnswerLost { until, .. }) => Followup::After(until_then(&context.process, *until)),
        Ok(Outcome::Looked { verdict: Verdict::LookAgain, .. }) => Followup::After(CHANGED),
        Ok(Outcome::Looked { verdict: Verdict::Unconfirmed(until), .. }) => {
            with_list(&context.process, *until)
        }
        // The last try comes at the end: the target may have been found again by then.
        Err(Error::TargetNotFound { patience, .. }) => {
            let left = patience.end.saturating_duration_since(Instant::now());
            Followup::AfterFailure(Duration::ZERO, left)
        }
        Err(error) if reason.remedy() == Remedy::Time => {
            tracing::debug!(%reason, %error, "to be tried again");
            let asked_too = match error {
                Error::Scalingo(error) => error.retry_after(),
                _ => None,
            };
            Followup::AfterFailure(asked.or(asked_too).unwrap_or_default(), Duration::MAX)
        }
        Ok(Outcome::Looked {
            verdict: Verdict::InSync | Verdict::Duplicate(_), seen: Some(seen), ..
        }) => Followup::Check(seen.key.clone(), Some(seen.sent)),
        _ => Followup::After(context.settings.resync),
    }
}

/// How long the whole token waits, where Scalingo has answered that too many requests are sent.
fn asked_to_wait(error: &Error) -> Option<Duration> {
    match error {
        Error::Scalingo(error) => match error.kind() {
            ErrorKind::RateLimited { retry_after } => Some(retry_after.unwrap_or(WINDOW)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether nobody waits for this reconciliation: all was well, and nothing else has been asked for since.
fn is_content(object: &LogDrain) -> bool {
    is_well(object) && object.open_request().is_none()
}

/// Whether all was well, and nothing else is wanted since.
fn is_well(object: &LogDrain) -> bool {
    let observed = object.status.as_ref().and_then(|status| status.observed_generation);
    let is_current = observed == object.metadata.generation;
    let is_being_deleted = object.metadata.deletion_timestamp.is_some();
    is_current && !is_being_deleted && object.ready().is_some_and(|ready| ready.status == "True")
}

/// What a verdict says to people.
fn describe(subject: &Subject<'_>, verdict: &Verdict, note: Option<&str>) -> (Reason, String) {
    let (reason, mut message) = match verdict {
        Verdict::InSync => {
            let active = subject.records().iter().rev().find(|record| record.state == DrainState::Active);
            let url = active.and_then(|record| record.url.as_deref()).unwrap_or("of this resource");
            (Reason::Synced, format!("Scalingo lists the drain {url}"))
        }
        Verdict::Duplicate(owner) => (
            Reason::Duplicate,
            format!(
                "the drain is there, and the older LogDrain {owner} owns it; this one takes over when that one goes"
            ),
        ),
        Verdict::WaitForAnswer(until) => (
            Reason::Progressing,
            format!(
                "the answer to a request was lost; looking until {} for what it may have done",
                at_second(*until)
            ),
        ),
        Verdict::LookAgain => (
            Reason::Progressing,
            "a step is done, and the next depends on what Scalingo lists now: looking again".to_owned(),
        ),
        Verdict::Unconfirmed(until) => (
            Reason::Progressing,
            format!(
                "Scalingo may list the drains of some seconds ago; a list after {} tells whether the drain is there",
                at_second(*until)
            ),
        ),
        Verdict::WaitForPeer(peer, _) => {
            (Reason::Progressing, format!("LogDrain {peer} is adding or deleting the same drain"))
        }
        Verdict::Ambiguous(many) => (
            Reason::Ambiguous,
            format!(
                "the answer to an addition was lost, and {many} new drains at Scalingo may be the one: delete those \
                 that nobody wants there; nothing is added or deleted until then"
            ),
        ),
    };
    if let Some(note) = note {
        message = format!("{message}; {note}");
    }
    (reason, message)
}

/// The records, with the wanted app under the name that the spec gives it now.
fn records_to_write(
    subject: &Subject<'_>,
    wanted: Option<&Target>,
    failure: Option<&Error>,
) -> Vec<DrainRecord> {
    let mut records = subject.records().to_vec();
    for record in records.iter_mut().filter(|record| Some(&record.target()) == wanted) {
        record.app.clone_from(&subject.object().spec.app);
    }
    if let Some(Error::UrlOfTwoReadings { .. }) = failure {
        // An earlier version may have shown part of the password as the host.
        let has_url = [DrainType::Elk, DrainType::Custom];
        for record in records.iter_mut().filter(|record| has_url.contains(&record.drain_type)) {
            record.url = None;
        }
    }
    records
}

fn until_then(process: &Process, until: Timestamp) -> Duration {
    let left = until.duration_since(process.now()).try_into().unwrap_or(Duration::ZERO);
    POLL.min(left + CHANGED)
}

/// When to reconcile again with what is listed from then on.
fn with_list(process: &Process, since: Timestamp) -> Followup {
    let left = since.duration_since(process.now()).try_into().unwrap_or(Duration::ZERO);
    Followup::WithList(Instant::now() + left)
}
