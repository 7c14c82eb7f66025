//! Whether this process leads.

use std::{
    fmt,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// Whether this process leads, and until when it may count on that. A clone tells the same.
#[derive(Clone)]
pub struct Leadership(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Clone, Copy, Debug)]
struct State {
    term: Term,
    handover: Option<Handover>,
}

/// What was seen of whoever led before, when this process began to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handover {
    /// How long ago it may last have led.
    pub ago: Duration,
    /// How long it had led by then, by its own clock.
    pub led: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Term {
    /// Without election.
    Always,
    /// Not yet, or no more.
    No,
    Until(Instant),
}

impl Leadership {
    /// Of an operator that stands for no election: it leads.
    #[must_use]
    pub fn always() -> Self {
        Self::of(Term::Always)
    }

    /// Of one that does not lead yet.
    pub(crate) fn none() -> Self {
        Self::of(Term::No)
    }

    fn of(term: Term) -> Self {
        let state = Mutex::new(State { term, handover: None });
        Self(Arc::new(Shared { state, news: Notify::new() }))
    }

    /// Whether something may begin that only one may do.
    #[must_use]
    pub fn holds(&self) -> bool {
        match self.state().term {
            Term::Always => true,
            Term::No => false,
            Term::Until(end) => Instant::now() < end,
        }
    }

    /// Whether it leads by election.
    #[must_use]
    pub fn is_elected(&self) -> bool {
        !matches!(self.state().term, Term::Always)
    }

    /// What was seen of whoever led before; nothing, where nobody was seen to.
    #[must_use]
    pub fn handover(&self) -> Option<Handover> {
        self.state().handover
    }

    /// Waits until this process leads.
    pub async fn begun(&self) {
        loop {
            let news = self.0.news.notified();
            if self.holds() {
                return;
            }
            news.await;
        }
    }

    /// Waits until this process does not lead, or no longer.
    pub async fn over(&self) {
        loop {
            let news = self.0.news.notified();
            let term = self.state().term;
            match term {
                Term::Always => pending().await,
                Term::No => return,
                Term::Until(end) if end <= Instant::now() => return,
                Term::Until(end) => tokio::select! {
                    biased;
                    () = sleep_until(end) => {}
                    () = news => {}
                },
            }
        }
    }

    pub(crate) fn begins(&self, end: Instant, handover: Option<Handover>) {
        *self.state() = State { term: Term::Until(end), handover };
        self.0.news.notify_waiters();
    }

    /// Nobody need be told: whoever waits for the end looks again when the old one has come.
    pub(crate) fn goes_on_until(&self, end: Instant) {
        self.state().term = Term::Until(end);
    }

    pub(crate) fn ends(&self) {
        self.state().term = Term::No;
        self.0.news.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Leadership {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Leadership").field(&self.state().term).finish()
    }
}
