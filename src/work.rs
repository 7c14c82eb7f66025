//! All that an operator does while it leads: watches, reconciliations, and what calls for them.

use std::sync::Arc;

use crate::{
    logdrain::{
        Context, Watch,
        heed::{heed, stand_by},
        reconcile::reconcile,
    },
    triggers::{
        change_feed::poll_change_feeds,
        routine_checks::{reread_secrets, sweep},
        secret_watch::watch_secrets,
    },
};

/// Stands by until this process leads, then follows the watches until the operator is stopping and every reconciliation
/// that runs has ended.
pub async fn follow(mut watches: Vec<Watch>, context: Arc<Context>) {
    tokio::select! {
        biased;
        () = stand_by(&mut watches, &context) => {}
        () = context.process.stopping.cancelled() => return,
    }
    let namespaces = watches.iter().map(|watch| watch.namespace().map(str::to_owned)).collect();
    let secrets = watch_secrets(namespaces, Arc::clone(&context));
    let work = context.dispatch.work(
        context.settings.max_concurrent_reconciles,
        &context.process.stopping,
        |uid, admitted| reconcile(uid, admitted, Arc::clone(&context)),
    );
    tokio::select! {
        // In this order rather than at random: a course of events can then be repeated.
        biased;
        () = work => {}
        () = heed(watches, &context) => {}
        () = secrets => {}
        () = poll_change_feeds(&context) => {}
        () = sweep(&context) => {}
        () = reread_secrets(&context) => {}
    }
}
