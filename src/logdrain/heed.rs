//! Follows the watches of `LogDrain`s: before this process leads, and while it leads.

use futures::{StreamExt, future::join_all, stream::select_all};
use kube::ResourceExt;

use super::{
    context::Context,
    peers::{Heirs, call_heirs},
    watch::{Renewal, Watch},
};
use crate::state::store::Passed;

/// Keeps the caches of these watches full until this process leads.
pub(crate) async fn stand_by(watches: &mut [Watch], context: &Context) {
    let renewals: Vec<Renewal> = watches.iter().map(|watch| watch.renewal.clone()).collect();
    let follow = async {
        let mut events = select_all(watches.iter_mut().map(|watch| &mut watch.stream));
        while events.next().await.is_some() {}
        // All watches have ended. `heed` ends then too.
    };
    // Only a whole cache shows what has passed meanwhile. One whose watch has fallen silent would lack what the predecessor
    // wrote last, and a drain that another resource has come to share would look unshared.
    let called = async {
        context.process.leadership.begun().await;
        if context.process.leadership.is_elected() {
            join_all(renewals.into_iter().map(Renewal::renew)).await;
        }
        context.view.filled().await;
    };
    tokio::select! {
        biased;
        () = called => {}
        () = follow => {}
    }
}

/// Follows the watches.
pub(crate) async fn heed(watches: Vec<Watch>, context: &Context) {
    // What has passed while standing by, first.
    for object in context.view.all() {
        context.dispatch.look_at(&object);
    }
    let mut passed = select_all(watches.into_iter().map(|watch| watch.stream));
    while let Some(passed) = passed.next().await {
        match passed {
            Passed::Changed(object) => context.dispatch.look_at(&object),
            Passed::Gone(object) => {
                context.forget(&object.uid().unwrap_or_default());
                call_heirs(&context.dispatch, Heirs::Of(&object));
            }
            // What went while nothing was heard is only seen to be absent.
            Passed::Listed(gone) => {
                gone.iter().filter_map(|object| object.uid()).for_each(|uid| context.forget(&uid));
                call_heirs(&context.dispatch, Heirs::All);
            }
        }
    }
}
