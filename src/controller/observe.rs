//! Asks what Scalingo lists for a target, unless that is known.

use tokio::time::Instant;

use super::{
    context::{Context, Sabotage},
    error::Error,
    lists::Freshness,
    observation::Observation,
};
use crate::{
    crd::LogDrain,
    drain::Target,
    scalingo::{ApiToken, Client, ErrorKind, Missing},
};

/// The drains of the target that a resource wants.
///
/// # Errors
/// Those of the API, put in terms of the spec.
pub async fn wanted(
    context: &Context,
    (client, token): (&Client, &ApiToken),
    target: &Target,
    object: &LogDrain,
    freshness: Freshness,
) -> Result<Observation, Error> {
    let app = || object.spec.app.clone();
    let addon = || object.spec.addon.clone().unwrap_or_default();
    match list(context, (client, token), target, freshness).await {
        Ok(observation) => Ok(observation),
        Err(error) => Err(match error.kind() {
            ErrorKind::NotFound(Missing::Addon) => Error::AddonNotFound { app: app(), addon: addon() },
            ErrorKind::NotFound(Missing::Unknown) if target.addon.is_some() => {
                Error::AddonNotFound { app: app(), addon: addon() }
            }
            ErrorKind::NotFound(_) => {
                context.apps.forget(token, &target.region);
                Error::AppVanished { app: app() }
            }
            ErrorKind::Unsupported => Error::AddonUnsupported { addon: addon() },
            _ => Error::Scalingo(error),
        }),
    }
}

/// The drains of a target whose drains are to go. One that is gone has none.
///
/// # Errors
/// Those of the API. A refused credential is not a target that is gone.
pub async fn leaving(
    context: &Context,
    (client, token): (&Client, &ApiToken),
    target: &Target,
    freshness: Freshness,
) -> Result<Observation, Error> {
    let (sent, at) = (Instant::now(), context.now());
    match list(context, (client, token), target, freshness).await {
        Ok(observation) => Ok(observation),
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound(_))
                || error.kind() == ErrorKind::Unauthorized
                    && context.is_sabotaged(Sabotage::UnauthorizedIsNotFound) =>
        {
            Ok(Observation::of_nothing(target.clone(), sent, at))
        }
        Err(error) => Err(Error::Scalingo(error)),
    }
}

/// The list that is known, or a new one.
async fn list(
    context: &Context,
    (client, token): (&Client, &ApiToken),
    target: &Target,
    freshness: Freshness,
) -> Result<Observation, crate::scalingo::Error> {
    let key = (token.key(), target.clone());
    if let Some(known) = context.lists.get(&key, freshness) {
        return Ok(known);
    }
    let (sent, at) = (Instant::now(), context.now());
    let drains = client.drains(token, target).await?;
    let drains = drains.into_iter().map(|url| (context.digester.url(target, &url), url)).collect();
    let observation = Observation::new(target.clone(), drains, sent, at);
    context.lists.put(key, observation.clone(), freshness);
    Ok(observation)
}
