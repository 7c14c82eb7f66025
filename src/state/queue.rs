//! Which object is worked on when: one entry for each, whatever it waits for.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::{
    FutureExt, StreamExt,
    future::{AbortHandle, Abortable, BoxFuture},
    stream::FuturesUnordered,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// Objects by name, each to be worked on at a time and by one only. Of those whose time has come, the first class goes first, and
/// within a class whose time came first.
///
/// An object that waits for something is an entry, not a task.
pub struct Queue<N, C> {
    state: Mutex<State<N, C>>,
    news: Notify,
}

/// How the work on an object has ended.
pub enum Next<C, W> {
    /// There is nothing to do until somebody asks.
    Rest,
    /// It is to be worked on again then.
    At(C, Instant),
    /// It is to be worked on with this, once it is there.
    With(C, BoxFuture<'static, W>),
}

struct State<N, C> {
    entries: BTreeMap<N, Entry<C>>,
    /// Whose time is yet to come.
    later: BTreeSet<(Turn, N)>,
    /// Whose time has come.
    due: BTreeSet<(Place<C>, N)>,
    /// Who was asked for while waiting for something.
    touched: BTreeSet<N>,
    /// How many turns were given.
    turns: u64,
    /// How many of those that are worked on wait for others.
    idle: usize,
}

/// When it is an object's turn; of two at the same time, the one that was asked for first.
type Turn = (Instant, u64);

/// In which order those are worked on whose time has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place<C> {
    /// Whether there has to be room. Who holds what others wait for goes first, and always.
    needs_room: bool,
    class: C,
    turn: Turn,
}

struct Entry<C> {
    stage: Stage<C>,
    /// What was asked for since it was taken up: it is to be worked on again then.
    again: Option<(C, Turn)>,
    /// Whether it has what it waited for.
    is_given: bool,
}

enum Stage<C> {
    /// Its time is yet to come.
    Later(C, Turn),
    /// Its time has come.
    Due(Place<C>),
    /// It is worked on.
    UnderWay,
    /// It waits for something.
    Waiting(C, AbortHandle),
}

impl<N: Ord + Clone, C: Ord + Copy> State<N, C> {
    fn turn(&mut self, at: Instant) -> Turn {
        self.turns += 1;
        (at, self.turns)
    }

    fn want(&mut self, name: N, class: C, at: Instant) {
        let turn = self.turn(at);
        let first = |(other, earlier): (C, Turn)| (class.min(other), turn.min(earlier));
        let Some(entry) = self.entries.get_mut(&name) else { return self.put_off(name, class, turn) };
        match &entry.stage {
            Stage::Later(other, earlier) => {
                let (other, earlier) = (*other, *earlier);
                self.later.remove(&(earlier, name.clone()));
                let (class, turn) = first((other, earlier));
                self.put_off(name, class, turn);
            }
            // It keeps its turn. Where something was given to it, it is worked on once more.
            Stage::Due(place) => {
                let (before, place) = (*place, Place { class: class.min(place.class), ..*place });
                if entry.is_given {
                    entry.again = Some(entry.again.map_or((class, turn), first));
                }
                entry.stage = Stage::Due(place);
                self.due.remove(&(before, name.clone()));
                self.due.insert((place, name));
            }
            Stage::UnderWay => entry.again = Some(entry.again.map_or((class, turn), first)),
            Stage::Waiting(..) => {
                entry.again = Some(entry.again.map_or((class, turn), first));
                self.touched.insert(name);
            }
        }
    }

    fn put_off(&mut self, name: N, class: C, turn: Turn) {
        self.later.insert((turn, name.clone()));
        self.entries.insert(name, Entry { stage: Stage::Later(class, turn), again: None, is_given: false });
    }

    /// Moves on whose time has come.
    fn advance(&mut self, now: Instant) {
        while self.later.first().is_some_and(|((at, _), _)| *at <= now) {
            let Some((turn, name)) = self.later.pop_first() else { return };
            if let Some(entry) = self.entries.get_mut(&name)
                && let Stage::Later(class, _) = entry.stage
            {
                let place = Place { needs_room: true, class, turn };
                entry.stage = Stage::Due(place);
                self.due.insert((place, name));
            }
        }
    }

    /// Takes up whose turn it is, if there is room for its class.
    fn take(&mut self, now: Instant, is_let_in: impl Fn(C) -> bool) -> Option<N> {
        self.advance(now);
        let (place, _) = self.due.first()?;
        if place.needs_room && !is_let_in(place.class) {
            return None;
        }
        let (_, name) = self.due.pop_first()?;
        let entry = self.entries.get_mut(&name)?;
        (entry.stage, entry.is_given) = (Stage::UnderWay, false);
        Some(name)
    }

    /// What an object waits for is there.
    fn given(&mut self, name: &N, needs_room: bool, now: Instant) {
        let turn = self.turn(now);
        if let Some(entry) = self.entries.get_mut(name)
            && let Stage::Waiting(class, _) = entry.stage
        {
            let place = Place { needs_room, class, turn };
            (entry.stage, entry.is_given) = (Stage::Due(place), true);
            self.due.insert((place, name.clone()));
        }
    }

    /// An object is not to wait any more: what was asked for since comes first.
    fn recall(&mut self, name: N) {
        let Some(Entry { stage: Stage::Waiting(_, abort), again, .. }) = self.entries.get(&name) else {
            return;
        };
        abort.abort();
        let again = *again;
        self.entries.remove(&name);
        if let Some((class, (at, _))) = again {
            self.want(name, class, at);
        }
    }

    fn ended(&mut self, name: &N, again: Option<(C, Instant)>) {
        let asked = self.entries.remove(name).and_then(|entry| entry.again);
        let asked = asked.map(|(class, (at, _))| (class, at));
        for (class, at) in asked.into_iter().chain(again) {
            self.want(name.clone(), class, at);
        }
    }
}

impl<N, C> Default for Queue<N, C> {
    fn default() -> Self {
        let state = State {
            entries: BTreeMap::new(),
            later: BTreeSet::new(),
            due: BTreeSet::new(),
            touched: BTreeSet::new(),
            turns: 0,
            idle: 0,
        };
        Self { state: Mutex::new(state), news: Notify::new() }
    }
}

/// A job waits for what others have. As long as this lives, the job takes nobody's place.
pub struct Idle<'a, N, C> {
    state: &'a Mutex<State<N, C>>,
}

impl<N, C> Drop for Idle<'_, N, C> {
    fn drop(&mut self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).idle -= 1;
    }
}

/// How many may be worked on at once, without those that wait for others.
#[derive(Clone, Copy, Debug)]
pub struct AtOnce<C> {
    /// Of all classes.
    pub all: usize,
    /// More of this class and those before it: they do not wait for the others to end.
    pub more: (C, usize),
}

impl<N: Ord + Clone, C: Ord + Copy> Queue<N, C> {
    /// Has an object worked on from then on; where it is under way, once more when that has ended.
    pub fn want(&self, name: N, class: C, at: Instant) {
        self.state().want(name, class, at);
        self.news.notify_one();
    }

    /// To be held by a job while it waits for what others have.
    #[must_use]
    pub fn idle(&self) -> Idle<'_, N, C> {
        self.state().idle += 1;
        self.news.notify_one();
        Idle { state: &self.state }
    }

    /// How many objects there are to work on, now or later.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().entries.len()
    }

    /// Whether there is nothing to work on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Works on each object at its turn. A job is given what its object has waited for, if it has; what `is_held` others wait for. Of
    /// one that waits and is asked for, `is_outdated` tells whether it is worked on at once instead.
    ///
    /// Begins nothing once it is `stopping`, and ends when all that was begun has.
    pub async fn work<W, F>(
        &self,
        at_once: AtOnce<C>,
        stopping: &CancellationToken,
        job: impl Fn(N, Option<W>) -> F,
        is_held: impl Fn(&W) -> bool,
        is_outdated: impl Fn(&N) -> bool,
    ) where
        F: Future<Output = Next<C, W>>,
    {
        let mut under_way = FuturesUnordered::new();
        let mut waiting = FuturesUnordered::new();
        let mut given: BTreeMap<N, W> = BTreeMap::new();
        loop {
            while !stopping.is_cancelled()
                && let Some(name) = self.take(under_way.len(), at_once)
            {
                under_way.push(job(name.clone(), given.remove(&name)).map(|next| (name, next)));
            }
            if stopping.is_cancelled() && under_way.is_empty() {
                return;
            }
            let next = self.state().later.first().map(|((at, _), _)| *at);
            let next = next.filter(|_| !stopping.is_cancelled());
            tokio::select! {
                // In this order rather than at random: a course of events can then be repeated.
                biased;
                Some((name, next)) = under_way.next(), if !under_way.is_empty() => match next {
                    Next::Rest => self.state().ended(&name, None),
                    Next::At(class, at) => self.state().ended(&name, Some((class, at))),
                    Next::With(class, something) => {
                        let (abort, registration) = AbortHandle::new_pair();
                        let mut state = self.state();
                        if let Some(entry) = state.entries.get_mut(&name) {
                            entry.stage = Stage::Waiting(class, abort);
                            if entry.again.is_some() {
                                state.touched.insert(name.clone());
                                self.news.notify_one();
                            }
                        }
                        drop(state);
                        waiting.push(Abortable::new(something.map(|there| (name, there)), registration));
                    }
                },
                Some(there) = waiting.next(), if !waiting.is_empty() => {
                    if let Ok((name, there)) = there {
                        self.state().given(&name, !is_held(&there), Instant::now());
                        given.insert(name, there);
                    }
                }
                () = self.news.notified() => {
                    let touched = std::mem::take(&mut self.state().touched);
                    for name in touched {
                        if is_outdated(&name) {
                            self.state().recall(name);
                        }
                    }
                }
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
                () = stopping.cancelled(), if !stopping.is_cancelled() => {}
            }
        }
    }

    /// Takes up whose turn it is, where so many are worked on.
    fn take(&self, under_way: usize, at_once: AtOnce<C>) -> Option<N> {
        let mut state = self.state();
        let busy = under_way.saturating_sub(state.idle);
        let (class, more) = at_once.more;
        state.take(Instant::now(), |other| busy < at_once.all || other <= class && busy < at_once.all + more)
    }

    /// Whose time has come, each as if it were worked on at once.
    #[cfg(test)]
    pub fn take_due(&self) -> Vec<N> {
        let mut state = self.state();
        let due: Vec<N> = std::iter::from_fn(|| state.take(Instant::now(), |_| true)).collect();
        for name in &due {
            state.ended(name, None);
        }
        due
    }

    fn state(&self) -> MutexGuard<'_, State<N, C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
