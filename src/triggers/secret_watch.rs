//! Notices that a Secret has changed, and calls the resources that use what has changed of it.
//!
//! The watch asks for metadata only, and of that the name and the resource version are kept no longer than the
//! event is handled: an annotation such as `kubectl.kubernetes.io/last-applied-configuration` may hold the
//! values themselves. Whether a value in use has changed is told by reading the Secret.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, future, stream::FuturesUnordered};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt, core::PartialObjectMeta, runtime::watcher::Event};
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use crate::{
    kube::{watch_health::Watched, watching::watching},
    logdrain::{
        context::{Cluster, Context},
        error::Error,
        schedule::Crowd,
    },
    metrics::FailureKind,
    state::secrets::{Change, SecretName, Version},
};

mod agenda;

use agenda::Agenda;

/// How many Secrets are read at a time.
const AT_ONCE: usize = 16;
/// How long resources wait for the first list of Secrets, which spares them reads of their own.
const FIRST_LIST: Duration = Duration::from_secs(5);
/// How often what is known of resources that are gone without their finalizer is forgotten.
const TIDY: Duration = Duration::from_secs(60);

/// Follows the Secrets of these namespaces, or of all where one is `None`. Never ends.
///
/// Where a watch fails, all else goes on: what it would have told is found by the next reconciliation of each resource.
pub async fn watch_secrets(namespaces: Vec<Option<String>>, context: Arc<Context>) {
    context.cluster.secrets.begin(namespaces.len());
    let watching = namespaces.into_iter().map(|namespace| watch(&context.cluster, namespace));
    let patience = async {
        sleep(FIRST_LIST).await;
        context.cluster.secrets.begin(0);
    };
    future::join4(future::join_all(watching), check_all(&context), tidy(&context), patience).await;
}

async fn watch(cluster: &Cluster, namespace: Option<String>) {
    let monitor = cluster.watch_health.begin(Watched::Secret, namespace.clone());
    let client = monitor.client(&cluster.client);
    let api: Api<PartialObjectMeta<Secret>> = match &namespace {
        None => Api::all(client),
        Some(namespace) => Api::namespaced(client, namespace),
    };
    let mut events = watching(api);
    let mut is_answered = false;
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => cluster.secrets.lists(namespace.as_deref()),
            Ok(Event::InitDone) => {
                cluster.secrets.listed(namespace.as_deref());
                answered(cluster, &mut is_answered);
            }
            Ok(Event::InitApply(secret) | Event::Apply(secret)) => {
                cluster.secrets.heard(&name(&secret), version(&secret));
            }
            Ok(Event::Delete(secret)) => {
                cluster.secrets.heard(&name(&secret), Version::Gone);
            }
            Err(error) => {
                monitor.failed(&error);
                answered(cluster, &mut is_answered);
            }
        }
    }
}

/// Whoever waits for the first list waits for this watch no longer.
fn answered(cluster: &Cluster, is_answered: &mut bool) {
    if !std::mem::replace(is_answered, true) {
        cluster.secrets.answered();
    }
}

/// Reads each Secret that is to be checked, soon and not too often, and calls whom it concerns.
async fn check_all(context: &Context) {
    let permits = Semaphore::new(AT_ONCE);
    let mut agenda = Agenda::default();
    let mut checks = FuturesUnordered::new();
    loop {
        let next = agenda.next();
        tokio::select! {
            // In this order rather than at random: a course of events can then be repeated.
            biased;
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                checks.extend(agenda.take(Instant::now()).into_iter().map(|secret| check(context, &permits, secret)));
            }
            Some((secret, result)) = checks.next(), if !checks.is_empty() => {
                if let Err(error) = result {
                    context.metrics.error(FailureKind::SecretRead);
                    tracing::debug!(secret = secret.name, namespace = secret.namespace, %error, "cannot be read");
                    agenda.again(secret, Instant::now());
                }
            }
            secrets = context.cluster.secrets.to_check() => {
                let now = Instant::now();
                for secret in secrets {
                    agenda.want(secret, now);
                }
            }
        }
    }
}

async fn check(context: &Context, permits: &Semaphore, name: SecretName) -> (SecretName, Result<(), Error>) {
    let _permit = permits.acquire().await;
    let api: Api<Secret> = Api::namespaced(context.cluster.client.clone(), &name.namespace);
    let answer = context.cluster.call(api.get_opt(&name.name)).await;
    let result = answer.map(|secret| {
        let concerned = context.cluster.secrets.compare(&name, secret.as_ref());
        tracing::info_span!("notice", namespace = name.namespace, secret = name.name).in_scope(|| {
            if concerned.is_empty() {
                tracing::debug!("nothing in use of the Secret has changed");
            } else {
                tracing::info!(logdrains = concerned.len(), "the Secret has changed: looking at who uses it");
            }
        });
        let crowd = Crowd::of(concerned.len());
        for (uid, change) in concerned {
            match change {
                Change::Certain => context.dispatch.call_with(&uid, Instant::now(), crowd),
                Change::Possible => context.dispatch.prove(&uid, Instant::now(), crowd),
            }
        }
    });
    (name, result)
}

/// Forgets what nobody uses any more, once in a while.
async fn tidy(context: &Context) {
    context.view.filled().await;
    let mut ticks = interval(TIDY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        context.tidy();
    }
}

fn name(secret: &PartialObjectMeta<Secret>) -> SecretName {
    SecretName { namespace: secret.namespace().unwrap_or_default(), name: secret.name_any() }
}

fn version(secret: &PartialObjectMeta<Secret>) -> Version {
    Version::of(secret.metadata.resource_version.as_deref())
}

#[cfg(test)]
mod tests;
