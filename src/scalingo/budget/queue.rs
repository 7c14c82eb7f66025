//! The requests that wait for a slot, in fair order.

use std::collections::{BTreeSet, HashMap, VecDeque};

use tokio::time::Instant;

use super::{Owner, Ticket};

/// How often in a row a namespace goes on with what it has begun while others of it wait to begin.
const IN_A_ROW: usize = 8;

/// Tickets in fair order: a turn for each namespace, within it for each owner, within that by age. What was begun
/// goes on first, for a while: the list that it stands on grows old.
#[derive(Debug, Default)]
pub(super) struct Queue {
    namespaces: Turns<Namespace>,
    /// Those that wait. A ticket elsewhere that is not among them was withdrawn.
    asked: HashMap<Ticket, Instant>,
    by_age: BTreeSet<(Instant, Ticket)>,
}

#[derive(Debug, Default)]
struct Namespace {
    going_on: VecDeque<Ticket>,
    in_a_row: usize,
    owners: Turns<VecDeque<Ticket>>,
}

/// Those of these names, the one whose turn is next in front.
#[derive(Debug)]
struct Turns<T> {
    order: VecDeque<String>,
    by_name: HashMap<String, T>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { order: VecDeque::new(), by_name: HashMap::new() }
    }
}

impl<T: Default> Turns<T> {
    fn entry(&mut self, name: &str) -> &mut T {
        if !self.by_name.contains_key(name) {
            self.order.push_back(name.to_owned());
        }
        self.by_name.entry(name.to_owned()).or_default()
    }

    /// Takes something from the first name that has any, and puts that name last. Drops the names that have nothing.
    fn next<R>(&mut self, mut take: impl FnMut(&mut T) -> Option<R>) -> Option<R> {
        while let Some(name) = self.order.pop_front() {
            match self.by_name.get_mut(&name).and_then(&mut take) {
                Some(taken) => {
                    self.order.push_back(name);
                    return Some(taken);
                }
                None => self.by_name.remove(&name),
            };
        }
        None
    }
}

impl Queue {
    pub(super) fn push(&mut self, ticket: Ticket, owner: &Owner, goes_on: bool, now: Instant) {
        let namespace = self.namespaces.entry(&owner.namespace);
        if goes_on {
            namespace.going_on.push_back(ticket);
        } else {
            namespace.owners.entry(&owner.name).push_back(ticket);
        }
        self.asked.insert(ticket, now);
        self.by_age.insert((now, ticket));
    }

    /// Takes the ticket whose turn it is; whoever had it comes last in the next round.
    pub(super) fn pop(&mut self) -> Option<Ticket> {
        let asked = &self.asked;
        let ticket = self.namespaces.next(|namespace| namespace.pop(asked))?;
        self.waits_no_longer(ticket);
        Some(ticket)
    }

    /// Takes out a ticket that is no longer wanted.
    pub(super) fn remove(&mut self, ticket: Ticket) -> bool {
        let was_asked = self.waits_no_longer(ticket);
        if self.asked.is_empty() {
            self.namespaces = Turns::default();
        }
        was_asked
    }

    fn waits_no_longer(&mut self, ticket: Ticket) -> bool {
        let asked = self.asked.remove(&ticket);
        asked.is_some_and(|asked| self.by_age.remove(&(asked, ticket)))
    }

    pub(super) fn len(&self) -> usize {
        self.asked.len()
    }

    /// When the oldest of those who wait has asked.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.by_age.first().map(|(asked, _)| *asked)
    }
}

impl Namespace {
    fn pop(&mut self, asked: &HashMap<Ticket, Instant>) -> Option<Ticket> {
        if self.in_a_row >= IN_A_ROW
            && let Some(ticket) = self.owners.next(|tickets| first(tickets, asked))
        {
            self.in_a_row = 0;
            return Some(ticket);
        }
        if let Some(ticket) = first(&mut self.going_on, asked) {
            self.in_a_row += 1;
            return Some(ticket);
        }
        self.in_a_row = 0;
        self.owners.next(|tickets| first(tickets, asked))
    }
}

/// The first that still waits.
fn first(tickets: &mut VecDeque<Ticket>, asked: &HashMap<Ticket, Instant>) -> Option<Ticket> {
    std::iter::from_fn(|| tickets.pop_front()).find(|ticket| asked.contains_key(ticket))
}
