//! Waits for what has to be shared: a target, and the request budget.

use std::{collections::BTreeSet, future::poll_fn, sync::Arc, task::Poll, time::Duration};

use futures::FutureExt;
use jiff::SignedDuration;
use tokio::{pin, sync::OwnedMutexGuard, time::timeout};

use super::{
    admitted::Admission,
    context::Context,
    dispatch::Dispatch,
    error::{Error, at_second},
    status::{Basis, Subject},
};
use crate::{
    crd::Reason,
    drain::Target,
    scalingo::{ApiToken, Client, Requester, budget::Class},
    state::{apps::Fresh, listings::Waiting},
};

/// How long a stage of a reconciliation may take, apart from waiting for the budget.
const STAGE_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a resource may wait for the budget before its status says so.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
const LONG: SignedDuration = SignedDuration::from_secs(10);
/// How often it is looked whether what waits is still wanted.
const GLANCE: Duration = Duration::from_secs(1);

/// Waits until nobody else in this process works on these targets.
pub(super) async fn on_targets(
    context: &Context,
    subject: &mut Subject<'_>,
    targets: &BTreeSet<Target>,
) -> Result<Vec<OwnedMutexGuard<()>>, Error> {
    let _idle = context.dispatch.idle();
    let turn = tokio::select! {
        biased;
        () = context.process.stopping.cancelled() => return Err(Error::Stopping),
        turn = context.remote.locks.lock(targets) => turn,
    };
    subject.catch_up()?;
    Ok(turn)
}

/// Goes on where the budget of the token has a request for the next call of this client, or what it would ask for is `known`.
/// Otherwise the subject is to wait for it.
///
/// # Errors
/// That it is to wait, and those of an exchange, be it while it waited.
async fn admit<K>(
    subject: &mut Subject<'_>,
    client: &Client,
    token: &ApiToken,
    list: Option<Waiting>,
    known: impl FnOnce(Arc<Context>) -> K + Send + 'static,
) -> Result<(), Error>
where
    K: Future<Output = ()> + Send,
{
    let (context, waiter, its_token) = (subject.context().clone(), client.clone(), token.clone());
    if let Some(error) = subject.refusal() {
        return Err(error.clone().into());
    }
    let mut admission: Admission = Box::pin(async move {
        tokio::select! {
            biased;
            () = known(context) => {}
            reserved = waiter.reserve(&its_token) => reserved?,
        }
        Ok((waiter, list))
    });
    if let Poll::Ready(admitted) = futures::poll!(&mut admission) {
        admitted?;
        return Ok(());
    }
    if client.goes_on(token).duration_since(subject.context().process.now()) >= LONG {
        say_that_it_waits(subject, client, token).await?;
    }
    subject.wait_for(admission);
    Err(Error::Waits)
}

/// Says when it goes on, where somebody waits for it.
async fn say_that_it_waits(
    subject: &mut Subject<'_>,
    client: &Client,
    token: &ApiToken,
) -> Result<(), Error> {
    if client.requester().class == Class::Background {
        return Ok(());
    }
    let message = format!(
        "waiting for the request budget of the API token; goes on at about {}",
        at_second(client.goes_on(token))
    );
    let records = subject.records().to_vec();
    subject.write(records, Reason::RateLimited, &message, Basis::ThisForm).await
}

/// Goes on where the names of the apps are known, or there is a request to ask for them.
pub(super) async fn on_names(
    subject: &mut Subject<'_>,
    (client, token): (&Client, &ApiToken),
    region: &str,
    fresh: Fresh,
) -> Result<(), Error> {
    let (its_token, region) = (token.clone(), region.to_owned());
    let known = move |context: Arc<Context>| async move {
        context.remote.apps.until_known(&its_token, &region, fresh).await;
    };
    admit(subject, client, token, None, known).await
}

/// Waits until the budget of the token has a request for the next call of this client, or until what it would ask
/// for is `known`. All that is recorded must stay as it was: a plan stands on it.
pub(super) async fn on_budget(
    context: &Context,
    subject: &mut Subject<'_>,
    client: &Client,
    token: &ApiToken,
    known: impl Future<Output = ()>,
) -> Result<(), Error> {
    let reservation = async {
        tokio::select! {
            biased;
            () = known => Ok(()),
            reserved = client.reserve(token) => reserved,
        }
    };
    pin!(reservation);
    let (mut waited, mut is_said) = (Duration::ZERO, false);
    loop {
        let reserved = timeout(GLANCE, &mut reservation).await;
        context.process.go_on()?;
        subject.is_newest()?;
        if let Ok(reserved) = reserved {
            return Ok(reserved?);
        }
        waited += GLANCE;
        if waited >= PATIENCE && !is_said {
            say_that_it_waits(subject, client, token).await?;
            is_said = true;
        }
    }
}

/// Locks these targets. Goes on once the list of one is known, or a request for it is reserved.
pub(super) async fn on_list(
    context: &Context,
    subject: &mut Subject<'_>,
    (client, token): (&Client, &ApiToken),
    targets: &BTreeSet<Target>,
    listed: &Target,
) -> Result<Vec<OwnedMutexGuard<()>>, Error> {
    let key = (token.key(), listed.clone());
    let freshness = subject.freshness();
    let _waiting = context.remote.lists.wait_for(&key);
    loop {
        let its_key = key.clone();
        let known = move |context: Arc<Context>| async move {
            context.remote.lists.until_known(&its_key, freshness).await;
        };
        admit(subject, client, token, Some(context.remote.lists.wait_for(&key)), known).await?;
        let is_listed = || context.remote.lists.get(&key, freshness).is_some();
        if let Some(turn) = context.remote.locks.try_lock(targets) {
            subject.catch_up()?;
            if client.has_reserved(token) || is_listed() {
                return Ok(turn);
            }
        }
        // Another reconciliation holds the target, and may need a request: this one gives its own back.
        // A holder of the target never waits for a request: a more urgent reconciliation may come.
        client.give_back();
        let turn = on_targets(context, subject, targets).await?;
        if is_listed() || client.reserve(token).now_or_never().is_some_and(|reserved| reserved.is_ok()) {
            return Ok(turn);
        }
    }
}

/// Gives a stage its time-out, which does not run while it waits for the budget. Meanwhile it takes nobody's place.
pub(super) async fn in_time<T>(
    dispatch: &Dispatch,
    requester: &Requester,
    stage: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    pin!(stage);
    let mut idle = None;
    let stage = poll_fn(|task| {
        let result = stage.as_mut().poll(task);
        idle = (result.is_pending() && requester.is_waiting())
            .then(|| idle.take().unwrap_or_else(|| dispatch.idle()));
        result
    });
    pin!(stage);
    let mut left = STAGE_TIMEOUT;
    loop {
        let before = requester.waited();
        if let Ok(result) = timeout(left, &mut stage).await {
            return result;
        }
        left = requester.waited().saturating_sub(before);
        if left.is_zero() {
            return Err(Error::Timeout(STAGE_TIMEOUT.as_secs()));
        }
    }
}
