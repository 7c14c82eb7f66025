//! Waits for what has to be shared: a target, and the request budget.

use std::{collections::BTreeSet, time::Duration};

use futures::FutureExt;
use tokio::{pin, sync::OwnedMutexGuard, time::timeout};

use super::{
    context::Context,
    error::{Error, at_second},
    status::{Basis, Subject},
};
use crate::{
    crd::Reason,
    drain::Target,
    scalingo::{ApiToken, Client, Requester, budget::Class},
};

/// How long a stage of a reconciliation may take, apart from waiting for the budget.
const STAGE_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a resource may wait for the budget before its status says so.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether what waits is still wanted.
const GLANCE: Duration = Duration::from_secs(1);

/// Waits until nobody else in this process works on these targets.
pub(super) async fn on_targets(
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

/// What a wait for the budget must leave as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum During {
    /// What people want: the reconciliation has yet to begin.
    Approach,
    /// All that is recorded too: a plan stands on it.
    Plan,
}

/// Waits until the budget of the token has a request for the next call of this client, or until what it would ask
/// for is `known`. Who is no longer wanted gives the place back.
pub(super) async fn on_budget(
    context: &Context,
    subject: &mut Subject<'_>,
    client: &Client,
    token: &ApiToken,
    during: During,
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
    let mut waited = Duration::ZERO;
    let mut said = false;
    loop {
        let reserved = timeout(GLANCE, &mut reservation).await;
        context.go_on()?;
        match during {
            During::Approach => subject.catch_up()?,
            During::Plan => subject.is_newest()?,
        }
        if let Ok(reserved) = reserved {
            return Ok(reserved?);
        }
        waited += GLANCE;
        let somebody_waits = client.requester().class != Class::Background;
        if waited >= PATIENCE && somebody_waits && !said {
            let message = format!(
                "waiting for the request budget of the API token; goes on at about {}",
                at_second(client.goes_on(token))
            );
            let records = subject.records().to_vec();
            subject.write(records, Reason::RateLimited, &message, Basis::ThisForm).await?;
            said = true;
        }
    }
}

/// Waits until these targets are in hand, and with them the list of one or a request to fetch it.
pub(super) async fn on_list(
    context: &Context,
    subject: &mut Subject<'_>,
    (client, token): (&Client, &ApiToken),
    targets: &BTreeSet<Target>,
    listed: &Target,
) -> Result<Vec<OwnedMutexGuard<()>>, Error> {
    let key = (token.key(), listed.clone());
    let freshness = subject.freshness();
    let _waiting = context.lists.wait_for(&key);
    loop {
        let known = context.lists.until_known(&key, freshness);
        on_budget(context, subject, client, token, During::Approach, known).await?;
        let is_listed = || context.lists.get(&key, freshness).is_some();
        if let Some(turn) = context.targets.try_lock(targets) {
            subject.catch_up()?;
            if client.has_reserved(token) || is_listed() {
                return Ok(turn);
            }
        }
        // Whoever has the target in hand may be waiting for a request: none is kept meanwhile. And with the target in
        // hand none is waited for: somebody may come who is to go first.
        client.give_back();
        let turn = on_targets(context, subject, targets).await?;
        if is_listed() || client.reserve(token).now_or_never().is_some_and(|reserved| reserved.is_ok()) {
            return Ok(turn);
        }
    }
}

/// Gives a stage its time-out, which does not run while it waits for the budget.
pub(super) async fn in_time<T>(
    requester: &Requester,
    stage: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
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
