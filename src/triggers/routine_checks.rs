//! Checks one target after the other, as [`Sweeps`](crate::state::sweeps::Sweeps) says.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::{kube::watch_health::Watched, logdrain::context::Context, state::sweeps::NextCheck};

/// How long changes are gathered: after each, all targets are gone through.
const GATHER: Duration = Duration::from_millis(100);

/// Lets every target be checked now and then. Never ends.
pub async fn sweep(context: &Context) {
    context.ready().await;
    loop {
        let now = Instant::now();
        let next = context.dispatch.next_check(|key| context.remote.feeds().covers(key, now));
        match next {
            NextCheck::Check(uid) => {
                context.dispatch.check(&uid);
                continue;
            }
            NextCheck::At(at) => {
                tokio::select! {
                    biased;
                    () = sleep_until(at) => continue,
                    () = context.dispatch.checks_changed() => {}
                }
            }
            NextCheck::Idle => context.dispatch.checks_changed().await,
        }
        sleep(GATHER).await;
    }
}

/// While a watch of Secrets fails, reconciles each resource every resync, so that it reads its own. Never ends.
pub async fn reread_secrets(context: &Context) {
    let mut turns = context.cluster.watch_health.turns();
    let mut last = String::new();
    loop {
        turns.mark_unchanged();
        let is_blind = context.cluster.watch_health.fails(Watched::Secret);
        let next = context.dispatch.checked_after(&last);
        let count = next.as_ref().map_or(1, |(_, count)| u32::try_from(*count).unwrap_or(u32::MAX));
        tokio::select! {
            biased;
            _ = turns.changed() => continue,
            () = sleep(context.settings.resync / count), if is_blind => {}
        }
        if let Some((uid, _)) = next {
            context.dispatch.check(&uid);
            last = uid;
        }
    }
}
