//! Asks what Scalingo lists for a target, unless that is known.

use tokio::time::Instant;

use super::{
    context::Context,
    error::Error,
    plan::{Listed, Record},
    sabotage::Sabotage,
    status::Subject,
};
use crate::{
    crd::{DrainRecord, LogDrain},
    drain::{Destination, Digest, Digester, DrainUrl, Likeness, Target},
    scalingo::{ApiToken, Client, ErrorKind, Missing},
    state::{
        listings::Freshness,
        observation::{Observation, Presence},
    },
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
                context.remote.apps.forget(token, &target.region);
                Error::AppVanished { app: app() }
            }
            ErrorKind::Unsupported => Error::AddonUnsupported { addon: addon() },
            _ => Error::Scalingo(error),
        }),
    }
}

/// The drains of a target whose drains are to go. One that was deleted has none, and nor has one that was not found for long: a target
/// that is hidden from the API token is answered for in the same way.
///
/// # Errors
/// Those of the API, and that the target is not found. A refused credential is not a target that is gone.
pub async fn leaving(
    context: &Context,
    subject: &Subject<'_>,
    (client, token): (&Client, &ApiToken),
    target: &Target,
    freshness: Freshness,
) -> Result<Observation, Error> {
    let (sent, at) = (Instant::now(), context.process.now());
    let error = match list(context, (client, token), target, freshness).await {
        Ok(observation) => {
            context.remote.vanished.found(&subject.uid(), target);
            return Ok(observation);
        }
        Err(error) => error,
    };
    let presence = match error.kind() {
        ErrorKind::NotFound(missing) if context.remote.feeds().proves_deletion(target, missing) => {
            Presence::Deleted
        }
        ErrorKind::NotFound(_) => {
            let (now, gone_after) = ((Instant::now(), context.process.now()), context.settings.gone_after);
            let patience = context.remote.vanished.not_found(subject.object(), target, now, gone_after);
            if sent < patience.end && !context.process.is_sabotaged(Sabotage::NotFoundIsGone) {
                let on_target = subject.records().iter().find(|record| record.is_on(target));
                return Err(Error::TargetNotFound {
                    target: on_target.map_or_else(|| target.to_string(), DrainRecord::shown_target),
                    patience,
                    deleting: subject.is_being_deleted(),
                });
            }
            Presence::NotFound
        }
        ErrorKind::Unauthorized if context.process.is_sabotaged(Sabotage::UnauthorizedIsNotFound) => {
            Presence::NotFound
        }
        _ => return Err(Error::Scalingo(error)),
    };
    Ok(Observation::of_nothing(target.clone(), presence, sent, at))
}

/// The list that is known, or a new one.
async fn list(
    context: &Context,
    (client, token): (&Client, &ApiToken),
    target: &Target,
    freshness: Freshness,
) -> Result<Observation, crate::scalingo::Error> {
    let key = (token.key(), target.clone());
    if let Some(known) = context.remote.lists.get(&key, freshness) {
        return Ok(known);
    }
    let (sent, at) = (Instant::now(), context.process.now());
    let drains = client.drains(token, target).await?;
    let drains = drains.into_iter().map(|url| (context.digester.url(target, &url), url)).collect();
    let observation = Observation::new(target.clone(), drains, sent, at);
    context.remote.lists.put(key, observation.clone(), freshness);
    Ok(observation)
}

/// What the plan sees of what Scalingo lists.
#[must_use]
pub fn listed(
    observation: &Observation,
    digester: &Digester,
    wanted: Option<&Destination>,
    adding: Option<&Record>,
) -> Vec<Listed> {
    let digest_of = |destination: &Destination| digester.destination(observation.target(), destination);
    let wanted_digest = wanted.map(digest_of);
    let look = |(digest, url): &(Digest, DrainUrl)| {
        let like_wanted = wanted.map_or(Likeness::Other, |wanted| Likeness::of(url, wanted));
        let like_adding = match adding {
            None => Likeness::Other,
            Some(record) if wanted_digest.as_ref() == Some(&record.destination) => like_wanted,
            Some(record) => Likeness::of_forgotten(url, record.written.drain_type, |found| {
                digest_of(found) == record.destination
            }),
        };
        Listed { digest: digest.clone(), like_wanted, like_adding }
    };
    observation.drains().iter().map(look).collect()
}
