//! One look at one resource, as a list of named steps.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc, time::Duration};

use kube::{
    ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};
use tokio::sync::OwnedMutexGuard;
use tracing::Instrument;

use super::{
    apply::Work,
    apps::Resolved,
    context::Context,
    desired,
    error::Error,
    events::Happening,
    observe,
    plan::{Plan, Situation, Verdict},
    status::{Basis, Subject},
    view::rank,
};
use crate::{
    crd::{DeletionPolicy, DrainRecord, DrainState, LogDrain, Reason, Remedy},
    drain::{Destination, Target},
    scalingo::ApiToken,
};

/// How long reading what is wanted may take, and how long the work on the targets may. Waiting for others on
/// the same target is part of neither.
const STAGE_TIMEOUT: Duration = Duration::from_secs(120);
/// How often a drain is looked for that a lost answer or a peer may have made.
const POLL: Duration = Duration::from_secs(10);
/// How soon a resource that has changed meanwhile is looked at again, should its watch event be late.
const CHANGED: Duration = Duration::from_secs(1);

/// What one look has come to.
enum Outcome {
    /// The finalizer is off, or was never on.
    Released,
    /// Nothing is done while suspended.
    Suspended,
    /// The drains are as this says, on the target that is wanted, if any; the note goes with it.
    Looked { verdict: Verdict, target: Option<Target>, note: Option<String> },
}

/// What the resource asks for, resolved as far as it can be without looking at drains.
struct Desired {
    token: ApiToken,
    destination: Destination,
    target: Target,
    note: Option<String>,
}

/// Looks at a resource, changes what has to be changed, says so in its status, and when to look again.
///
/// # Errors
/// None: a failure is part of the status and of when to look again.
pub async fn reconcile(seen: Arc<LogDrain>, context: Arc<Context>) -> Result<Action, Infallible> {
    context.view.filled().await;
    let Some(object) = context.view.newest(&seen) else { return Ok(Action::await_change()) };
    if let Some(wait) = context.schedule.wait(&object) {
        return Ok(Action::requeue(wait));
    }
    let span = tracing::info_span!(
        "reconcile",
        namespace = object.namespace().unwrap_or_default(),
        name = object.name_any(),
        generation = object.metadata.generation,
    );
    Ok(Box::pin(look(&context, Arc::unwrap_or_clone(object))).instrument(span).await)
}

async fn look(context: &Context, object: LogDrain) -> Action {
    let before = records(&object);
    let mut subject = Subject::new(context, object);
    let mut happened = Vec::new();
    let outcome = Box::pin(visit(context, &mut subject, &mut happened)).await;
    for happening in &happened {
        context.events.publish(subject.object(), happening);
    }
    let action = conclude(context, &mut subject, outcome).await;
    call_peers(context, &subject, &before);
    action
}

async fn visit<'a>(
    context: &'a Context,
    subject: &mut Subject<'a>,
    happened: &mut Vec<Happening>,
) -> Result<Outcome, Error> {
    if subject.object().metadata.deletion_timestamp.is_some() {
        return release(context, subject, happened).await;
    }
    if subject.object().spec.suspend {
        return Ok(Outcome::Suspended);
    }
    subject.hold().await?;
    let desired = in_time(desire(context, subject, happened)).await?;
    let mut targets: BTreeSet<Target> = subject.records().iter().map(DrainRecord::target).collect();
    targets.insert(desired.target.clone());
    let _turn = take_turn(context, subject, &targets).await?;
    let verdict = in_time(keep(context, subject, &desired, happened)).await?;
    Ok(Outcome::Looked { verdict, target: Some(desired.target), note: desired.note })
}

/// Reads Secrets and finds the app.
async fn desire(
    context: &Context,
    subject: &Subject<'_>,
    happened: &mut Vec<Happening>,
) -> Result<Desired, Error> {
    let object = subject.object();
    let token = desired::api_token(context, object).await?;
    let destination = desired::destination(context, object).await?;
    let spec = &object.spec;
    let region = spec.region.clone().unwrap_or_else(|| context.settings.region.clone());
    let recorded = subject.records().iter().find(|record| record.region == region && record.app == spec.app);
    let recorded = recorded.map(|record| record.app_id.as_str());
    let resolved = context.apps.resolve(&context.scalingo, &token, &region, &spec.app, recorded).await?;
    let (app, note) = match resolved {
        Resolved::App(app) => (app, None),
        Resolved::Renamed(app) => {
            let renamed = Happening::Renamed { from: spec.app.clone(), to: app.name.clone() };
            let note = renamed.note();
            if !says(object, &note) {
                happened.push(renamed);
            }
            (app, Some(note))
        }
        Resolved::Nothing => return Err(Error::AppNotFound { app: spec.app.clone(), region }),
    };
    let target = Target { region, app_id: app.id, addon: spec.addon.clone() };
    Ok(Desired { token, destination, target, note })
}

/// Waits until nobody else in this process works on these targets.
async fn take_turn(
    context: &Context,
    subject: &mut Subject<'_>,
    targets: &BTreeSet<Target>,
) -> Result<Vec<OwnedMutexGuard<()>>, Error> {
    let turn = tokio::select! {
        turn = context.targets.lock(targets) => turn,
        () = context.stopping.cancelled() => return Err(Error::Stopping),
    };
    subject.catch_up()?;
    Ok(turn)
}

/// Makes the wanted drain be there, then the drains of earlier targets go.
async fn keep<'a>(
    context: &'a Context,
    subject: &mut Subject<'a>,
    desired: &Desired,
    happened: &mut Vec<Happening>,
) -> Result<Verdict, Error> {
    let observation = observe::wanted(context, &desired.token, &desired.target, subject.object()).await?;
    let mut work = Work {
        context,
        subject,
        token: &desired.token,
        observation,
        wanted: Some(&desired.destination),
        described: Some(&desired.destination),
        happened,
        just_added: None,
    };
    let verdict = plan_and_carry_out(&mut work).await?;
    if !matches!(verdict, Verdict::InSync | Verdict::Duplicate(_)) {
        return Ok(verdict);
    }
    let left =
        leave(context, subject, &desired.token, Some(&desired.target), Some(&desired.destination), happened);
    Ok(left.await?.unwrap_or(verdict))
}

/// Makes the drains go that are recorded elsewhere than on `except`; what is still to wait for.
async fn leave<'a>(
    context: &'a Context,
    subject: &mut Subject<'a>,
    token: &ApiToken,
    except: Option<&Target>,
    described: Option<&Destination>,
    happened: &mut Vec<Happening>,
) -> Result<Option<Verdict>, Error> {
    let targets: BTreeSet<Target> = subject.records().iter().map(DrainRecord::target).collect();
    let mut open = None;
    for target in targets.iter().filter(|target| Some(*target) != except) {
        let observation = observe::leaving(context, token, target).await?;
        let mut work = Work {
            context,
            subject,
            token,
            observation,
            wanted: None,
            described,
            happened,
            just_added: None,
        };
        let verdict = plan_and_carry_out(&mut work).await?;
        if verdict != Verdict::InSync {
            open = open.or(Some(verdict));
        }
    }
    Ok(open)
}

async fn plan_and_carry_out(work: &mut Work<'_, '_>) -> Result<Verdict, Error> {
    let context = work.context;
    let object = work.subject.object();
    let target = work.observation.target().clone();
    let records = work.records_here();
    let adding = records.iter().find(|record| record.state == DrainState::Adding);
    let listed = work.observation.listed(context, work.wanted, adding);
    let wanted = work.wanted.map(|wanted| context.digester.destination(&target, wanted));
    let plan = Plan::new(&Situation {
        rank: &rank(object),
        deleting: object.metadata.deletion_timestamp.is_some(),
        wanted: wanted.as_ref(),
        records: &records,
        listed: &listed,
        peers: &context.view.peers(&work.subject.uid(), &target),
        now: context.now(),
    });
    tracing::debug!(%target, listed = listed.len(), steps = plan.steps.len(), verdict = ?plan.verdict, "planned");
    work.carry_out(&plan).await?;
    Ok(plan.verdict)
}

/// Lets a resource go that is being deleted, its drains first.
async fn release<'a>(
    context: &'a Context,
    subject: &mut Subject<'a>,
    happened: &mut Vec<Happening>,
) -> Result<Outcome, Error> {
    if !subject.is_held() {
        return Ok(Outcome::Released);
    }
    if subject.object().spec.deletion_policy == DeletionPolicy::Retain {
        happened.extend(
            subject
                .records()
                .iter()
                .filter_map(|record| record.url.clone())
                .map(|url| Happening::Retained { url }),
        );
    } else if !subject.records().is_empty() {
        let token = in_time(desired::api_token_for_deletion(context, subject.object())).await?;
        let described = in_time(desired::destination(context, subject.object())).await.ok();
        let targets: BTreeSet<Target> = subject.records().iter().map(DrainRecord::target).collect();
        let _turn = take_turn(context, subject, &targets).await?;
        let left = in_time(leave(context, subject, &token, None, described.as_ref(), happened)).await?;
        if let Some(verdict) = left {
            return Ok(Outcome::Looked { verdict, target: None, note: None });
        }
        // Still with the targets in hand: a peer must not count on this resource any more.
        subject.release().await?;
        return Ok(Outcome::Released);
    }
    subject.release().await?;
    Ok(Outcome::Released)
}

/// Says in the status what has come of it, and when to look again.
async fn conclude(context: &Context, subject: &mut Subject<'_>, outcome: Result<Outcome, Error>) -> Action {
    let resync = context.settings.resync;
    let (reason, message) = match &outcome {
        Ok(Outcome::Released) => {
            context.forget(&subject.uid());
            return Action::await_change();
        }
        Ok(Outcome::Suspended) => {
            (Reason::Suspended, "spec.suspend is true: nothing is checked or changed at Scalingo".to_owned())
        }
        Ok(Outcome::Looked { verdict, note, .. }) => describe(subject, verdict, note.as_deref()),
        Err(error) if error.is_passing() => {
            tracing::debug!(%error, "to be looked at again");
            return Action::requeue(CHANGED);
        }
        Err(error) => (error.reason(), error.message()),
    };
    let target = match &outcome {
        Ok(Outcome::Looked { target, .. }) => target.as_ref(),
        _ => None,
    };
    let records = under_current_name(subject, target);
    if let Err(error) = subject.write(records, reason, &message, Basis::ThisForm).await {
        if error.is_passing() {
            return Action::requeue(CHANGED);
        }
        tracing::warn!(%error, "the status could not be written");
        return Action::requeue(context.schedule.after_failure(subject.object(), Duration::ZERO));
    }
    let object = subject.object();
    let wait = match &outcome {
        Ok(Outcome::Suspended) => return Action::await_change(),
        Ok(Outcome::Looked {
            verdict: Verdict::WaitForAnswer(until) | Verdict::WaitForPeer(_, until),
            ..
        })
        | Err(Error::AnswerLost { until, .. }) => context.schedule.after(object, until_then(context, *until)),
        Err(error) if reason.remedy() == Remedy::Time => {
            tracing::warn!(%reason, "{message}");
            let asked = match error {
                Error::Scalingo(error) => error.retry_after().unwrap_or_default(),
                _ => Duration::ZERO,
            };
            context.schedule.after_failure(object, asked)
        }
        _ => context.schedule.after(object, resync),
    };
    Action::requeue(wait)
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
                "LogDrain {owner} is older, wants the same drain and owns it; this one takes over when it goes"
            ),
        ),
        Verdict::WaitForAnswer(_) => (
            Reason::Progressing,
            "the answer to a request was lost; looking for what it may have done".to_owned(),
        ),
        Verdict::WaitForPeer(peer, _) => {
            (Reason::Progressing, format!("LogDrain {peer} is adding the same drain"))
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
fn under_current_name(subject: &Subject<'_>, wanted: Option<&Target>) -> Vec<DrainRecord> {
    let mut records = subject.records().to_vec();
    for record in records.iter_mut().filter(|record| Some(&record.target()) == wanted) {
        record.app.clone_from(&subject.object().spec.app);
    }
    records
}

fn until_then(context: &Context, until: jiff::Timestamp) -> Duration {
    let left = until.duration_since(context.now()).try_into().unwrap_or(Duration::ZERO);
    POLL.min(left + CHANGED)
}

/// Calls those whose standing this resource's changes may have changed: all with the same drain when it is
/// gone from here, the younger ones when it is new here.
fn call_peers(context: &Context, subject: &Subject<'_>, before: &[DrainRecord]) {
    let after = if context.view.is_released(&subject.uid()) { &[] } else { subject.records() };
    let in_none = |record: &&DrainRecord, records: &[DrainRecord]| {
        !records.iter().any(|other| other.is_of_same_drain(record) && other.target() == record.target())
    };
    let gone: Vec<_> = before.iter().filter(|record| in_none(record, after)).collect();
    let new: Vec<_> = after.iter().filter(|record| in_none(record, before)).collect();
    if gone.is_empty() && new.is_empty() {
        return;
    }
    let me = rank(subject.object());
    for peer in context.view.all() {
        let shares = |records: &[&DrainRecord]| {
            peer.status.iter().flat_map(|status| &status.drains).any(|other| {
                records.iter().any(|record| {
                    other.target() == record.target() && other.destination_digest == record.destination_digest
                })
            })
        };
        let concerned = shares(&gone) || rank(&peer) > me && shares(&new);
        if let (Some(uid), true) = (peer.uid().filter(|uid| *uid != me.uid), concerned) {
            context.call(&uid, ObjectRef::from_obj(&peer));
        }
    }
}

async fn in_time<T>(stage: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout(STAGE_TIMEOUT, stage).await {
        Ok(result) => result,
        Err(_) => Err(Error::Timeout(STAGE_TIMEOUT.as_secs())),
    }
}

fn records(object: &LogDrain) -> Vec<DrainRecord> {
    object.status.as_ref().map(|status| status.drains.clone()).unwrap_or_default()
}

/// Whether the conditions say this already.
fn says(object: &LogDrain, note: &str) -> bool {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().any(|condition| condition.message.contains(note))
}
