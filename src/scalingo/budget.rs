//! The request budget of one API token. Pure: the time is passed in.
//!
//! Guarantees:
//! - in no 60 s window does Scalingo see more requests than the limit: a request holds its slot from when it
//!   is sent until 60 s after it was answered, and it arrived somewhere in between;
//! - together with a predecessor that kept to the same limit, no more than the 60 that Scalingo documents;
//! - one change that a person waits for goes before a rollout of many;
//! - background work holds at most half of the slots, and none is given to it while other work waits, but for a
//!   trickle that keeps it from starving;
//! - within a class, namespaces take turns, and so do the `LogDrain` resources of a namespace, except that what was
//!   begun goes on first, for a while;
//! - while Scalingo asks to wait, nothing is sent.

mod queue;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use strum::{Display, EnumIter, VariantNames};
use tokio::time::Instant;

use queue::Queue;

/// How far back Scalingo counts.
pub const WINDOW: Duration = Duration::from_secs(60);
/// How long background work waits behind interactive work at the most before it gets a turn.
const STARVED_AFTER: Duration = Duration::from_secs(120);
/// How often starved background work gets a turn.
const TRICKLE: Duration = Duration::from_secs(10);
/// Longest wait that Scalingo is believed to want.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What Scalingo allows in a window, unless it was raised for a customer.
const ALLOWED: usize = 60;

/// Who may have sent requests with the same tokens within the window before this process began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predecessors {
    /// Nobody.
    None,
    /// One, and for so long that nobody before it counts.
    One,
    /// More than one, for all that is known.
    Several,
}

impl Predecessors {
    /// By what was seen of the last one: how long `ago` it may have sent something, and how long it had been alone then.
    #[must_use]
    pub fn seen(ago: Duration, alone: Duration) -> Self {
        if ago >= WINDOW {
            Self::None
        } else if alone > WINDOW {
            Self::One
        } else {
            Self::Several
        }
    }
}

/// Who is waiting for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Display, EnumIter, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Class {
    /// A person.
    Interactive,
    /// Many resources at once: their drains were never there, or their shared Secret was replaced.
    Rollout,
    /// Nobody.
    Background,
}

/// On whose behalf a request is made, for fairness.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// A request that waits or is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// What can be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// This request may be sent.
    Send(Ticket),
    /// Nothing before then.
    At(Instant),
    /// Nothing until a request ends or another asks.
    Idle,
}

/// The budget.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    /// Class of each request under way, and of each answered one until when its slot is held.
    under_way: BTreeMap<Ticket, Class>,
    answered: VecDeque<(Instant, Class)>,
    /// How many slots background work holds.
    in_background: usize,
    paused_until: Option<Instant>,
    /// How long all pauses are together, the one that lasts included to its end.
    pauses: Duration,
    rate_limited: u64,
    queues: [Queue; 3],
    /// From when on starved background work has its next turn.
    next_turn: Option<Instant>,
    next: u64,
}

impl Budget {
    /// A budget of `limit` requests in 60 s, of which none has been used.
    ///
    /// A limit below 2 counts as 2: background work gets half, and half of one is nothing.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(2),
            under_way: BTreeMap::new(),
            answered: VecDeque::new(),
            in_background: 0,
            paused_until: None,
            pauses: Duration::ZERO,
            rate_limited: 0,
            queues: Default::default(),
            next_turn: None,
            next: 0,
        }
    }

    /// A budget whose slots a predecessor may have used up to this moment: they are held until `until`, a window after
    /// that, but for those that Scalingo allows beyond the limit of one process.
    #[must_use]
    pub fn inherited(limit: usize, predecessors: Predecessors, until: Instant) -> Self {
        let mut budget = Self::new(limit);
        let spare = spare(budget.limit, predecessors);
        let (held, in_background) = (budget.limit - spare, budget.limit / 2 - spare / 2);
        // Of what is free, background work may have no more than half, too.
        budget.in_background = in_background;
        budget.answered.resize(in_background, (until, Class::Background));
        budget.answered.resize(held, (until, Class::Interactive));
        budget
    }

    /// Queues a request; among those of its namespace first, if it `goes_on` with what was begun, and in the background
    /// as if it had waited since long.
    pub fn ask(&mut self, class: Class, owner: &Owner, goes_on: bool, now: Instant) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        let long_ago = if class == Class::Background && goes_on { STARVED_AFTER } else { Duration::ZERO };
        self.queue(class).push(ticket, owner, goes_on, now.checked_sub(long_ago).unwrap_or(now));
        ticket
    }

    /// A request that waits is no longer wanted: its place is free.
    pub fn withdraw(&mut self, ticket: Ticket) {
        let _ = self.queues.iter_mut().any(|queue| queue.remove(ticket));
    }

    /// What can be done now.
    pub fn next(&mut self, now: Instant) -> Next {
        while let Some((_, class)) = self.answered.front().filter(|(until, _)| *until <= now) {
            self.in_background -= usize::from(*class == Class::Background);
            self.answered.pop_front();
        }
        if let Some(until) = self.paused_until {
            if until > now {
                return if self.is_waiting() { Next::At(until) } else { Next::Idle };
            }
            self.paused_until = None;
        }
        if self.under_way.len() + self.answered.len() >= self.limit {
            return self.at_next_slot(now);
        }
        let background_may = self.in_background < self.limit / 2;
        let background_goes_first = background_may && self.is_starved(now);
        match self.first() {
            Some(class) if !background_goes_first => self.send(class, now),
            _ if background_may => self.send(Class::Background, now),
            _ => self.at_next_slot(now),
        }
    }

    /// The first class that waits, besides the background.
    fn first(&self) -> Option<Class> {
        [Class::Interactive, Class::Rollout].into_iter().find(|class| self.waiting(*class) > 0)
    }

    fn send(&mut self, class: Class, now: Instant) -> Next {
        let behind = class == Class::Background && self.first().is_some();
        let Some(ticket) = self.queue(class).pop() else { return Next::Idle };
        if behind {
            // Slots become free many at a time, a minute apart: turns that could not be taken meanwhile are not lost.
            let earliest = (now + TRICKLE).checked_sub(WINDOW).unwrap_or(now);
            self.next_turn = Some(self.next_turn.map_or(earliest, |turn| turn.max(earliest)) + TRICKLE);
        }
        self.under_way.insert(ticket, class);
        self.in_background += usize::from(class == Class::Background);
        Next::Send(ticket)
    }

    /// A request was answered, or given up.
    pub fn ended(&mut self, ticket: Ticket, now: Instant) {
        if let Some(class) = self.under_way.remove(&ticket) {
            let until = now + WINDOW;
            let place = self.answered.partition_point(|(other, _)| *other <= until);
            self.answered.insert(place, (until, class));
        }
    }

    /// A request was never sent: its slot is free.
    pub fn not_sent(&mut self, ticket: Ticket) {
        if let Some(class) = self.under_way.remove(&ticket) {
            self.in_background -= usize::from(class == Class::Background);
        }
    }

    /// Scalingo asks to wait: for `retry_after`, else until the minute is over.
    pub fn pause(&mut self, retry_after: Option<Duration>, now: Instant) {
        let until = now + retry_after.unwrap_or(WINDOW).min(LONGEST_PAUSE);
        let paused_already = self.paused_until.map_or(now, |until| until.max(now));
        self.pauses += until.saturating_duration_since(paused_already);
        self.rate_limited += 1;
        self.paused_until = self.paused_until.max(Some(until));
    }

    /// When a request that is asked for now can be sent at the earliest, behind all who wait already.
    #[must_use]
    pub fn expected(&self, now: Instant) -> Instant {
        let behind: usize = self.queues.iter().map(Queue::len).sum();
        let free = self.limit.saturating_sub(self.used());
        let rounds = u32::try_from(behind / self.limit).unwrap_or(u32::MAX);
        let slot = match (behind % self.limit).checked_sub(free) {
            None => now,
            Some(index) => self.answered.get(index).map_or(now + WINDOW, |(until, _)| *until),
        };
        (slot + WINDOW.saturating_mul(rounds)).max(self.paused_until.unwrap_or(now)).max(now)
    }

    /// How many requests wait in a class.
    #[must_use]
    pub fn waiting(&self, class: Class) -> usize {
        self.queues[class as usize].len()
    }

    /// How many slots are held.
    #[must_use]
    pub fn used(&self) -> usize {
        self.under_way.len() + self.answered.len()
    }

    /// How many slots there are.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many slots will still be held then.
    #[must_use]
    pub fn used_at(&self, now: Instant) -> usize {
        self.under_way.len() + self.answered.len() - self.answered.partition_point(|(until, _)| *until <= now)
    }

    /// How often Scalingo has asked to wait.
    #[must_use]
    pub fn rate_limited(&self) -> u64 {
        self.rate_limited
    }

    /// For how long, up to now, nothing was sent because it had.
    #[must_use]
    pub fn paused(&self, now: Instant) -> Duration {
        let left = self.paused_until.map(|until| until.saturating_duration_since(now));
        self.pauses.saturating_sub(left.unwrap_or_default())
    }

    /// Until when Scalingo asks to wait.
    #[must_use]
    pub fn paused_until(&self) -> Option<Instant> {
        self.paused_until
    }

    /// Whether nothing is lost with it: nobody waits, no slot is held, and Scalingo does not ask to wait.
    #[must_use]
    pub fn is_idle(&self, now: Instant) -> bool {
        !self.is_waiting() && self.used_at(now) == 0 && self.paused_until.is_none_or(|until| until <= now)
    }

    fn queue(&mut self, class: Class) -> &mut Queue {
        &mut self.queues[class as usize]
    }

    fn is_waiting(&self) -> bool {
        self.queues.iter().any(|queue| queue.len() > 0)
    }

    /// Whether background work has waited too long behind other work, and has a turn.
    fn is_starved(&self, now: Instant) -> bool {
        let waited = self.queues[Class::Background as usize]
            .oldest()
            .is_some_and(|asked| now.duration_since(asked) >= STARVED_AFTER);
        waited && self.next_turn.is_none_or(|turn| turn <= now)
    }

    /// When the next slot becomes free that somebody waits for.
    fn at_next_slot(&self, now: Instant) -> Next {
        if !self.is_waiting() {
            return Next::Idle;
        }
        let only_background = self.first().is_none() && self.used() < self.limit;
        let mut slots =
            self.answered.iter().filter(|(_, class)| !only_background || *class == Class::Background);
        slots.find(|(until, _)| *until > now).map_or(Next::Idle, |(until, _)| Next::At(*until))
    }
}

/// How many requests may be sent though a predecessor may have sent as many as the limit allows: together no more than
/// Scalingo allows. What that is above its documented limit is not known; a fifth of the limit is taken to be free then: half
/// of it for the first successor, and the rest for ten more.
fn spare(limit: usize, predecessors: Predecessors) -> usize {
    match predecessors {
        Predecessors::None => limit,
        Predecessors::One if limit > ALLOWED => limit / 10,
        Predecessors::Several if limit > ALLOWED => limit / 100,
        Predecessors::One => (limit / 5).min(ALLOWED - limit),
        Predecessors::Several => 0,
    }
}

#[cfg(test)]
mod tests;
