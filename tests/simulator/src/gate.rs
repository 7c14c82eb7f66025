use std::sync::Arc;

use tokio::sync::watch;

/// A point at which requests wait until the test lets them go on.
///
/// A request that waits here is carried on when its client has gone meanwhile, as on a real server:
/// after [`Gate::release`] its change is made.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<Progress>>);

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    arrived: usize,
    verdict: Option<Verdict>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Release,
    BreakOff,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Progress::default())))
    }

    /// Waits until a request waits here.
    pub async fn reached(&self) {
        self.reached_by(1).await;
    }

    /// Waits until `count` requests have come here, those included that have gone on.
    pub async fn reached_by(&self, count: usize) {
        let _ = self.0.subscribe().wait_for(|progress| progress.arrived >= count).await;
    }

    /// How many requests have come here.
    #[must_use]
    pub fn arrived(&self) -> usize {
        self.0.borrow().arrived
    }

    /// Lets all requests go on, those too that come later.
    pub fn release(&self) {
        self.decide(Verdict::Release);
    }

    /// Breaks the connections of all requests, those too that come later; a change that was not yet made never is.
    pub fn break_off(&self) {
        self.decide(Verdict::BreakOff);
    }

    fn decide(&self, verdict: Verdict) {
        self.0.send_modify(|progress| {
            progress.verdict.get_or_insert(verdict);
        });
    }

    pub(crate) async fn pass(&self) -> Verdict {
        self.0.send_modify(|progress| progress.arrived += 1);
        let mut receiver = self.0.subscribe();
        let decided = receiver.wait_for(|progress| progress.verdict.is_some()).await;
        decided.ok().and_then(|progress| progress.verdict).unwrap_or(Verdict::BreakOff)
    }
}
