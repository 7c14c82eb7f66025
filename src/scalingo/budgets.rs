//! The budgets of all API tokens, and who waits for them.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use strum::IntoEnumIterator as _;
use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{Instant, sleep_until},
};

use super::{
    budget::{Budget, Class, Next, Owner, Predecessors, Ticket, WINDOW},
    token::TokenKey,
    waits::Waits,
};

/// Who asks, and how long they have waited for the budget in all.
#[derive(Clone, Debug)]
pub struct Requester {
    /// Whether a person waits.
    pub class: Class,
    /// On whose behalf.
    pub owner: Owner,
    /// Whether what it has begun goes on with the request: a list grows old.
    pub goes_on: bool,
    waited: Arc<Mutex<Waited>>,
}

#[derive(Debug, Default)]
struct Waited {
    past: Duration,
    since: Option<Instant>,
}

impl Requester {
    /// One who has not waited yet.
    #[must_use]
    pub fn new(class: Class, owner: Owner) -> Self {
        Self { class, owner, goes_on: false, waited: Arc::default() }
    }

    /// The same, to go on with what it has begun.
    #[must_use]
    pub fn going_on(&self) -> Self {
        Self { goes_on: true, ..self.clone() }
    }

    /// The same, to end what it has begun: nobody's check is in the background any more. The time that either waits counts for both.
    #[must_use]
    pub fn continuing(&self) -> Self {
        let class = if self.class == Class::Background { Class::Interactive } else { self.class };
        Self { class, goes_on: true, ..self.clone() }
    }

    /// The same, for what all who use a token wait for.
    #[must_use]
    pub fn for_all(&self) -> Self {
        Self { class: Class::Interactive, goes_on: true, ..self.clone() }
    }

    /// How long they have waited in all, up to now.
    #[must_use]
    pub fn waited(&self) -> Duration {
        let waited = lock(&self.waited);
        waited.past + waited.since.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// Whether they wait.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        lock(&self.waited).since.is_some()
    }

    fn begin(&self) {
        lock(&self.waited).since = Some(Instant::now());
    }

    fn end(&self) {
        let mut waited = lock(&self.waited);
        if let Some(since) = waited.since.take() {
            waited.past += since.elapsed();
        }
    }
}

/// How the budget of one API token stands.
#[derive(Clone, Debug)]
pub struct BudgetFigures {
    /// Whose it is.
    pub key: TokenKey,
    /// How many slots there are.
    pub limit: usize,
    /// How many of them are held.
    pub used: usize,
    /// How often Scalingo has asked to wait.
    pub rate_limited: u64,
    /// For how long nothing was sent because it had.
    pub paused: Duration,
    classes: Vec<ClassFigures>,
}

/// How one class of requests stands.
#[derive(Clone, Debug)]
pub struct ClassFigures {
    /// How many wait.
    pub waiting: usize,
    /// How long those had waited that do not wait any more.
    pub waits: Waits,
}

impl BudgetFigures {
    /// Those of one class.
    #[must_use]
    pub fn of(&self, class: Class) -> &ClassFigures {
        &self.classes[class as usize]
    }
}

/// One budget for each API token. Two tokens share none; one token in two Secrets has one.
pub(super) struct Budgets {
    limit: usize,
    /// From whom, and until when what they may have sent counts.
    inherited: Mutex<(Predecessors, Instant)>,
    turnstiles: Mutex<HashMap<TokenKey, Arc<Turnstile>>>,
}

impl Budgets {
    pub(super) fn new(limit: usize) -> Self {
        let inherited = Mutex::new((Predecessors::None, Instant::now()));
        Self { limit, inherited, turnstiles: Mutex::default() }
    }

    /// Counts what predecessors may have sent up to now with tokens that have not been used here yet.
    pub(super) fn inherit(&self, predecessors: Predecessors) {
        *lock(&self.inherited) = (predecessors, Instant::now() + WINDOW);
    }

    /// Forgets the tokens that are not among these, as soon as nothing is lost with them.
    pub(super) fn keep_only(&self, keys: &BTreeSet<TokenKey>) {
        let now = Instant::now();
        let is_kept =
            |key: &TokenKey, one: &Turnstile| keys.contains(key) || !lock(&one.state).budget.is_idle(now);
        lock(&self.turnstiles).retain(|key, turnstile| is_kept(key, turnstile));
    }

    /// Waits for a slot in the budget of a token. Whoever no longer waits has given the place back.
    pub(super) async fn acquire(&self, key: TokenKey, requester: &Requester) -> Permit {
        let turnstile = self.turnstile(key);
        let begun = Instant::now();
        requester.begin();
        let (ticket, granted) = turnstile.ask(requester);
        let place = Place { turnstile: &turnstile, requester, ticket: Some(ticket) };
        // The other end stays in the queue until it grants.
        let _ = granted.await;
        place.taken();
        lock(&turnstile.state).waits[requester.class as usize].add(begun.elapsed());
        Permit { turnstile, ticket, sent: false }
    }

    /// When a request that would be asked for now could be sent, as far as can be told.
    pub(super) fn goes_on(&self, key: TokenKey) -> Instant {
        let turnstile = self.turnstile(key);
        let budget = &lock(&turnstile.state).budget;
        budget.expected(Instant::now())
    }

    /// How the budgets of these tokens stand, of those that have one.
    pub(super) fn figures(&self, keys: impl IntoIterator<Item = TokenKey>) -> Vec<BudgetFigures> {
        let turnstiles = lock(&self.turnstiles);
        keys.into_iter().filter_map(|key| Some(turnstiles.get(&key)?.figures(key))).collect()
    }

    fn turnstile(&self, key: TokenKey) -> Arc<Turnstile> {
        let (predecessors, until) = *lock(&self.inherited);
        let mut turnstiles = lock(&self.turnstiles);
        turnstiles
            .entry(key)
            .or_insert_with(|| {
                let budget = if until > Instant::now() {
                    Budget::inherited(self.limit, predecessors, until)
                } else {
                    Budget::new(self.limit)
                };
                Arc::new(Turnstile {
                    state: Mutex::new(State {
                        budget,
                        granting: HashMap::new(),
                        timer: None,
                        waits: Default::default(),
                    }),
                })
            })
            .clone()
    }
}

impl fmt::Debug for Budgets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Budgets").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Lets requests of one token through, one at a time as the budget says.
struct Turnstile {
    state: Mutex<State>,
}

struct State {
    budget: Budget,
    granting: HashMap<Ticket, oneshot::Sender<()>>,
    /// When somebody will turn it next.
    timer: Option<Instant>,
    waits: [Waits; 3],
}

impl Turnstile {
    fn ask(self: &Arc<Self>, requester: &Requester) -> (Ticket, oneshot::Receiver<()>) {
        let (grant, granted) = oneshot::channel();
        let ticket = {
            let mut state = lock(&self.state);
            let ticket =
                state.budget.ask(requester.class, &requester.owner, requester.goes_on, Instant::now());
            state.granting.insert(ticket, grant);
            ticket
        };
        self.turn();
        (ticket, granted)
    }

    fn figures(&self, key: TokenKey) -> BudgetFigures {
        let now = Instant::now();
        let state = lock(&self.state);
        let of = |class| ClassFigures {
            waiting: state.budget.waiting(class),
            waits: state.waits[class as usize].clone(),
        };
        BudgetFigures {
            key,
            limit: state.budget.limit(),
            used: state.budget.used_at(now),
            rate_limited: state.budget.rate_limited(),
            paused: state.budget.paused(now),
            classes: Class::iter().map(of).collect(),
        }
    }

    /// Lets through all who may go, and sees to it that somebody looks again when the next may.
    fn turn(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        loop {
            match state.budget.next(Instant::now()) {
                Next::Send(ticket) => {
                    let grant = state.granting.remove(&ticket);
                    if grant.is_none_or(|grant| grant.send(()).is_err()) {
                        state.budget.not_sent(ticket);
                    }
                }
                Next::At(at) => {
                    if state.timer.is_none_or(|timer| timer > at) {
                        state.timer = Some(at);
                        // Without a runtime the process is about to end.
                        if let Ok(runtime) = Handle::try_current() {
                            runtime.spawn(turn_at(Arc::downgrade(self), at));
                        }
                    }
                    return;
                }
                Next::Idle => return,
            }
        }
    }

    fn change(self: &Arc<Self>, change: impl FnOnce(&mut Budget, Instant)) {
        change(&mut lock(&self.state).budget, Instant::now());
        self.turn();
    }
}

async fn turn_at(turnstile: Weak<Turnstile>, at: Instant) {
    sleep_until(at).await;
    let Some(turnstile) = turnstile.upgrade() else { return };
    {
        let mut state = lock(&turnstile.state);
        if state.timer == Some(at) {
            state.timer = None;
        }
    }
    turnstile.turn();
}

/// A place in the queue, given back when nobody waits in it any more.
struct Place<'a> {
    turnstile: &'a Arc<Turnstile>,
    requester: &'a Requester,
    ticket: Option<Ticket>,
}

impl Place<'_> {
    fn taken(mut self) {
        self.ticket = None;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.requester.end();
        if let Some(ticket) = self.ticket {
            lock(&self.turnstile.state).granting.remove(&ticket);
            self.turnstile.change(|budget, _| {
                budget.withdraw(ticket);
                // Where it was granted in the same moment, nothing was sent with it.
                budget.not_sent(ticket);
            });
        }
    }
}

/// One slot, given back when it is dropped before anything was sent.
pub(super) struct Permit {
    turnstile: Arc<Turnstile>,
    ticket: Ticket,
    sent: bool,
}

impl Permit {
    /// The request is about to be sent: cut off from here on, it may have arrived.
    pub(super) fn sending(&mut self) {
        self.sent = true;
    }

    /// It was not sent after all.
    pub(super) fn not_sent(&mut self) {
        self.sent = false;
    }

    /// The answer was that too many requests are sent.
    pub(super) fn refused(&self, retry_after: Option<Duration>) {
        self.turnstile.change(|budget, now| budget.pause(retry_after, now));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let (ticket, sent) = (self.ticket, self.sent);
        self.turnstile.change(
            |budget, now| {
                if sent { budget.ended(ticket, now) } else { budget.not_sent(ticket) }
            },
        );
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
