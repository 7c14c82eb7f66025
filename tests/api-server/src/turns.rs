use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

/// Puts what happens at one instant of virtual time into an order that depends on the seed alone.
///
/// A `Controller` polls the reconciliations that are ready in the order of a hash map with random keys, so what they do at the
/// same instant comes in another order in each run. Whoever asks for a turn waits until everything else has come to rest; those
/// who then wait are shuffled, from the order of their names, and go one by one, a moment apart, each only when what the one
/// before it set off has come to rest too.
///
/// This holds in one thread and in paused time, and as long as all that can be seen by others happens after a turn.
#[derive(Clone)]
pub struct Turns {
    shared: Arc<Mutex<State>>,
    moment: Duration,
    asker: Arc<dyn Fn() -> String + Send + Sync>,
}

struct State {
    waiting: BTreeMap<(String, u64), oneshot::Sender<()>>,
    asked: u64,
    random: fastrand::Rng,
    driven: bool,
}

impl Turns {
    /// `moment` lies between two turns; tokio's clock knows nothing below a millisecond.
    #[must_use]
    pub fn new(seed: u64, moment: Duration) -> Self {
        let state = State {
            waiting: BTreeMap::new(),
            asked: 0,
            random: fastrand::Rng::with_seed(seed),
            driven: false,
        };
        Self { shared: Arc::new(Mutex::new(state)), moment, asker: Arc::new(String::new) }
    }

    /// With this to tell whoever asks from others who ask under the same name.
    #[must_use]
    pub fn asked_by(mut self, asker: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.asker = Arc::new(asker);
        self
    }

    /// Waits for its turn, under a name that should tell it from others of the same instant.
    pub async fn turn(&self, name: String) {
        let name = format!("{name} {}", (self.asker)());
        let (sender, receiver) = oneshot::channel();
        let drive = {
            let mut state = self.state();
            state.asked += 1;
            let asked = state.asked;
            state.waiting.insert((name, asked), sender);
            !std::mem::replace(&mut state.driven, true)
        };
        if drive {
            tokio::spawn(self.clone().drive());
        }
        // The driver goes only when nobody waits, or with the runtime.
        let _ = receiver.await;
    }

    async fn drive(self) {
        loop {
            sleep(self.moment).await;
            let mut batch: Vec<_> = {
                let mut state = self.state();
                if state.waiting.is_empty() {
                    state.driven = false;
                    return;
                }
                let mut batch: Vec<_> = std::mem::take(&mut state.waiting).into_values().collect();
                state.random.shuffle(&mut batch);
                batch
            };
            let last = batch.pop();
            for sender in batch {
                // Whoever has gone needs no turn.
                if sender.send(()).is_ok() {
                    sleep(self.moment).await;
                }
            }
            let _ = last.map(|sender| sender.send(()));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Turns").field("moment", &self.moment).finish_non_exhaustive()
    }
}
