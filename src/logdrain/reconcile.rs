//! One reconciliation of one resource, as a list of named steps.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::FutureExt;
use kube::ResourceExt;
use tokio::time::Instant;
use tracing::Instrument;

use super::{
    admission::{self, in_time},
    admitted::{Admission, Admitted, Given},
    apply::PlanExecutor,
    compare,
    context::{Context, Process, Settings},
    desired::{self, Described},
    dispatch::Followup,
    error::Error,
    execute::{delete_on_all, plan_and_execute},
    finalize::finalize,
    observe,
    peers::{Heirs, call_heirs, call_peers},
    plan::{Ledger, Listed, Plan, Record, Situation, Verdict},
    report::{Outcome, Seen, report},
    schedule::{Decision, Trigger},
    status::Subject,
    view::{View, rank},
};
use crate::{
    crd::{DrainRecord, DrainState, LogDrain, Reason},
    drain::{Destination, Digest, Likeness, Target},
    kube::watch_health::Watched,
    metrics::ReconcileResult,
    scalingo::{ApiToken, Client, budget::Class},
    state::{
        apps::{Fresh, Resolved},
        listings::Key,
        queue::Next,
        secrets::Version,
    },
};

/// What the resource asks for, resolved as far as it can be without looking at drains.
struct Desired {
    client: Client,
    token: ApiToken,
    described: Described,
    target: Target,
    renamed_to: Option<String>,
}

/// Changes what has to be changed for a resource, and says so in its status. Gives when to look at it again, and for whom.
pub(crate) async fn reconcile(
    uid: String,
    admitted: Option<Admitted>,
    context: Arc<Context>,
) -> Next<Class, Admitted> {
    context.ready().await;
    let Some(object) = context.view.get(&uid) else { return Next::Rest };
    // What has changed meanwhile is not what it has waited for.
    let admitted = admitted.filter(|_| !context.dispatch.is_outdated(&object));
    let (trigger, client) = match admitted {
        Some(Admitted { client, trigger }) => (trigger, Some(client)),
        None => match context.dispatch.decide(&object) {
            Decision::Reconcile(trigger) => (trigger, None),
            Decision::Wait(wait) => {
                return Next::At(context.dispatch.class(&object), Instant::now() + wait);
            }
            Decision::Rest => return Next::Rest,
        },
    };
    let span = tracing::info_span!(
        "reconcile",
        namespace = object.namespace(),
        logdrain = object.name_any(),
        app = object.spec.app,
        generation = object.metadata.generation,
    );
    let next = look_after(&context, object, trigger, client).instrument(span).await;
    let Some(object) = context.view.get(&uid) else {
        context.forget(&uid);
        return Next::Rest;
    };
    match next {
        Wait::Rest => Next::Rest,
        Wait::For(wait) => Next::At(context.dispatch.class(&object), Instant::now() + wait),
        Wait::Until(class, admission) => {
            Next::With(class, admission.map(move |client| Admitted { client, trigger }).boxed())
        }
    }
}

/// When a resource is looked at again.
enum Wait {
    Rest,
    For(Duration),
    Until(Class, Admission),
}

async fn look_after(
    context: &Arc<Context>,
    object: Arc<LogDrain>,
    trigger: Trigger,
    client: Option<Given>,
) -> Wait {
    if client.is_none()
        && let Some(key) = left_unread(context, &object, trigger).await
    {
        context.metrics.reconcile(|| Duration::ZERO).ends(ReconcileResult::Ok);
        context.dispatch.follow_up(&object, Followup::Check(key, None));
        return Wait::Rest;
    }
    Box::pin(reconcile_whole(context, object, trigger, client)).await
}

async fn reconcile_whole(
    context: &Arc<Context>,
    object: Arc<LogDrain>,
    trigger: Trigger,
    client: Option<Given>,
) -> Wait {
    let is_begun = client.is_some();
    let before = object.records().to_vec();
    let (client, _waiting) = match client {
        Some(Ok((client, waiting))) => (Some(Ok(client)), waiting),
        Some(Err(error)) => (Some(Err(error)), None),
        None => (None, None),
    };
    let mut subject = Subject::new(context, object, trigger, client);
    if subject.is_requested() && !is_begun {
        tracing::info!(action = "Check", reason = "Requested", "a check was requested");
    }
    let for_whom = subject.requester().clone();
    let mut counted = context.metrics.reconcile(move || for_whom.waited());
    let outcome = Box::pin(run_steps(context, &mut subject)).await;
    if let (Err(Error::Waits), Some(admission)) = (&outcome, subject.take_admission()) {
        counted.pauses();
        call_peers(&context.dispatch, &subject, &before);
        context.dispatch.waits(subject.object(), subject.requester().class);
        return Wait::Until(subject.requester().class, admission);
    }
    match &outcome {
        Ok(_) => counted.ends(ReconcileResult::Ok),
        Err(error) => {
            counted.ends(error.result());
            if let Some(kind) = error.kind() {
                context.metrics.error(kind);
            }
        }
    }
    let has_failed = outcome.as_ref().is_err_and(|error| !error.is_passing());
    let follows_failure = context.dispatch.ends(subject.object(), has_failed);
    let wait = report(context, &mut subject, outcome).await;
    call_peers(&context.dispatch, &subject, &before);
    // A record may have gone then by a write that was not answered.
    if follows_failure {
        call_heirs(&context.dispatch, Heirs::Of(subject.object()));
    }
    wait.map_or(Wait::Rest, Wait::For)
}

async fn run_steps<'a>(context: &'a Context, subject: &mut Subject<'a>) -> Result<Outcome, Error> {
    if subject.is_being_deleted() {
        return Box::pin(finalize(context, subject)).await;
    }
    if subject.object().spec.suspend {
        let is_done = desired::remember_api_token(context, subject.object()).await;
        return Ok(Outcome::Suspended { is_done });
    }
    subject.add_finalizer().await?;
    let client = subject.client();
    let requester = client.requester().clone();
    let token = in_time(&context.dispatch, &requester, desired::api_token(context, subject.object())).await?;
    let described =
        in_time(&context.dispatch, &requester, desired::destination(&context.cluster, subject.object()))
            .await?;
    if let Some(target) = left_in_order(context, subject, &described.destination) {
        return Ok(Outcome::LeftInOrder((token.key(), target)));
    }
    let region = context.settings.region_of(subject.object());
    let kept_for = if subject.is_requested() { Duration::ZERO } else { context.keeps_apps(&token, &region) };
    let fresh = Fresh { since: subject.trigger().since, keep: kept_for };
    admission::on_names(subject, (&client, &token), &region, fresh).await?;
    let desired =
        in_time(&context.dispatch, &requester, desire(context, subject, client, token, described, fresh))
            .await?;
    let mut targets = subject.targets();
    targets.insert(desired.target.clone());
    let account = (&desired.client, &desired.token);
    let _turn = admission::on_list(context, subject, account, &targets, &desired.target).await?;
    let (verdict, seen) =
        in_time(&context.dispatch, &requester, Box::pin(ensure_drain(context, subject, &desired))).await?;
    // Told once the status can say it too: what it does not say would be told at each reconciliation.
    let note = subject.app_is_called(desired.renamed_to);
    let seen = Seen { key: (desired.token.key(), desired.target), sent: seen };
    Ok(Outcome::Looked { verdict, seen: Some(seen), note })
}

/// The target of a resource that is as its status says, for all that can be told without a request: the check is left to the sweep.
fn left_in_order(context: &Context, subject: &Subject<'_>, destination: &Destination) -> Option<Target> {
    let object = subject.object();
    let record = record_that_may_stand(&context.settings, object, subject.trigger())?;
    let wanted = context.digester.destination(&record.target(), destination);
    is_in_order(&context.view, &context.process, object, record, &wanted).then(|| record.target())
}

/// The same without a look into the Secret of its destination, which stands in the version that is recorded. After a start, most
/// resources end here.
async fn left_unread(context: &Context, object: &LogDrain, trigger: Trigger) -> Option<Key> {
    let record = record_that_may_stand(&context.settings, object, trigger)?;
    let secret = match (&object.spec.token_secret_ref, &object.spec.url_secret_ref) {
        (Some(secret), None) | (None, Some(secret)) => Some(secret),
        // A record without a version may be of an earlier version of the operator, and to be written anew.
        (None, None) if desired::destination_without_secrets(&object.spec).has_former_digest() => {
            return None;
        }
        (None, None) => None,
        (Some(_), Some(_)) => return None,
    };
    let version = record.secret_version.as_deref().map(|version| Version::of(Some(version)));
    let wanted = Digest::recorded(&record.destination_digest);
    if secret.is_some() != version.is_some()
        || !is_in_order(&context.view, &context.process, object, record, &wanted)
    {
        return None;
    }
    context.cluster.secrets.until_listed().await;
    if context.cluster.watch_health.fails(Watched::Secret) {
        return None;
    }
    // Where it cannot be read, a whole reconciliation says why.
    let token = desired::shared_api_token(context, object).await.ok()?;
    let stands = secret
        .zip(version)
        .is_none_or(|(secret, version)| context.cluster.secrets.rely_on(object, secret, version, None));
    stands.then(|| (token.key(), record.target()))
}

/// The only record of a resource, where its status says that its drain is there as the spec wants it, and nothing says that it is not.
fn record_that_may_stand<'a>(
    settings: &Settings,
    object: &'a LogDrain,
    trigger: Trigger,
) -> Option<&'a DrainRecord> {
    let (spec, status) = (&object.spec, object.status.as_ref()?);
    let [record] = status.drains.as_slice() else { return None };
    let is_of_spec =
        record.app == spec.app && record.addon == spec.addon && record.region == settings.region_of(object);
    let is_current = status.observed_generation == object.metadata.generation;
    let is_steady = object.metadata.deletion_timestamp.is_none() && !spec.suspend && object.is_held();
    let may_stand = trigger.may_stand && is_steady && object.open_request().is_none();
    (may_stand && is_current && is_of_spec && record.state == DrainState::Active).then_some(record)
}

/// Whether there is nothing to do about a record where its drain is listed, and the status says so.
fn is_in_order(
    view: &View,
    process: &Process,
    object: &LogDrain,
    record: &DrainRecord,
    wanted: &Digest,
) -> bool {
    let Some(status) = &object.status else { return false };
    let Some(url) = record.url_digest.as_deref() else { return false };
    let listed =
        Listed { digest: Digest::recorded(url), like_wanted: Likeness::Same, like_adding: Likeness::Other };
    // What another has in order is nothing to this one, unless it is the same.
    let matters = |other: &DrainRecord| {
        let is_same =
            other.destination_digest == record.destination_digest || other.url_digest == record.url_digest;
        is_same || other.state != DrainState::Active || other.url_digest.is_none()
    };
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let peers = view.peers(uid, &record.target(), process.now(), matters);
    let plan = Plan::new(&Situation {
        ledger: Ledger {
            records: &[Record::from(record.clone())],
            listed: &[listed],
            doubts: &BTreeMap::new(),
            peers: &peers,
            now: process.now(),
            led_since: process.led_since(),
        },
        rank: &rank(object),
        wanted: Some(wanted),
    });
    let is_said = match &plan.verdict {
        Verdict::InSync => object.is_ready_as(Reason::Synced),
        Verdict::Duplicate(owner) => status.duplicate_of.as_ref() == Some(owner),
        _ => false,
    };
    plan.steps.is_empty() && is_said
}

/// Finds the app.
async fn desire(
    context: &Context,
    subject: &Subject<'_>,
    client: Client,
    token: ApiToken,
    described: Described,
    fresh: Fresh,
) -> Result<Desired, Error> {
    let object = subject.object();
    let spec = &object.spec;
    let region = context.settings.region_of(object);
    let recorded = subject.records().iter().find(|record| record.region == region && record.app == spec.app);
    let recorded = recorded.map(|record| record.app_id.as_str());
    let resolved = context.remote.apps.resolve(&client, &token, &region, (&spec.app, recorded), fresh).await;
    let resolved = match resolved {
        Ok(resolved) => resolved,
        Err(error) if error.misses_api() => {
            return Err(match context.remote.regions.instead_of(&client, &token, &region).await {
                Some(regions) => Error::RegionNotFound { region, regions, is_default: spec.region.is_none() },
                None => Error::Scalingo(error),
            });
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(apps) = context.remote.apps.news(&token, &region).await {
        compare::compare_names(&context.dispatch, token.key(), &region, &apps);
    }
    let (app, renamed_to) = match resolved {
        Resolved::App(app) => (app, None),
        Resolved::Renamed(app) => {
            let name = app.name.clone();
            (app, Some(name))
        }
        Resolved::Nothing => return Err(Error::AppNotFound { app: spec.app.clone(), region }),
    };
    let target = Target { region, app_id: app.id, addon: spec.addon.clone() };
    Ok(Desired { client, token, described, target, renamed_to })
}

/// Adds the wanted drain if it is missing, then deletes the drains of earlier targets. Gives the verdict, and when the list was
/// asked for.
async fn ensure_drain<'a>(
    context: &'a Context,
    subject: &mut Subject<'a>,
    desired: &Desired,
) -> Result<(Verdict, Instant), Error> {
    let account = (&desired.client, &desired.token);
    let freshness = subject.freshness();
    let observation = observe::wanted(context, account, &desired.target, subject.object(), freshness).await?;
    let sent = observation.sent();
    let key = (desired.token.key(), desired.target.clone());
    compare::compare_all(&context.dispatch, &context.remote.doubts, &key, &observation, &subject.uid());
    let described = Some(&desired.described.destination);
    let mut work = PlanExecutor {
        context,
        subject,
        client: &desired.client,
        token: &desired.token,
        observation,
        wanted: described,
        secret_version: desired.described.secret_version.as_deref(),
        described,
    };
    let verdict = plan_and_execute(&mut work).await?;
    if !matches!(verdict, Verdict::InSync | Verdict::Duplicate(_)) {
        return Ok((verdict, sent));
    }
    let mut elsewhere = subject.targets();
    elsewhere.remove(&desired.target);
    let left = delete_on_all(context, subject, account, &elsewhere, described);
    Ok((left.await?.unwrap_or(verdict), sent))
}
