use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use super::{Owner, Ticket};

/// How often in a row a namespace goes on with what it has begun while others of it wait to begin.
const IN_A_ROW: usize = 8;

/// Tickets in fair order: a turn for each namespace, within it for each owner, within that by age. What was begun
/// goes on first, for a while: the list that it stands on grows old.
#[derive(Debug, Default)]
pub(super) struct Queue {
    namespaces: VecDeque<(String, Namespace)>,
    /// Those that wait. A ticket elsewhere that is not among them was withdrawn.
    asked: HashMap<Ticket, Instant>,
}

#[derive(Debug, Default)]
struct Namespace {
    going_on: VecDeque<Ticket>,
    in_a_row: usize,
    owners: VecDeque<(String, VecDeque<Ticket>)>,
}

impl Queue {
    pub(super) fn push(&mut self, ticket: Ticket, owner: &Owner, goes_on: bool, now: Instant) {
        let namespace = entry(&mut self.namespaces, &owner.namespace);
        if goes_on {
            namespace.going_on.push_back(ticket);
        } else {
            entry(&mut namespace.owners, &owner.name).push_back(ticket);
        }
        self.asked.insert(ticket, now);
    }

    /// Takes the ticket whose turn it is; whoever had it comes last in the next round.
    pub(super) fn pop(&mut self) -> Option<Ticket> {
        while let Some((name, mut namespace)) = self.namespaces.pop_front() {
            let Some(ticket) = namespace.pop(&self.asked) else { continue };
            self.namespaces.push_back((name, namespace));
            self.asked.remove(&ticket);
            return Some(ticket);
        }
        None
    }

    /// Takes out a ticket that is no longer wanted.
    pub(super) fn remove(&mut self, ticket: Ticket) -> bool {
        let was_asked = self.asked.remove(&ticket).is_some();
        if self.asked.is_empty() {
            self.namespaces.clear();
        }
        was_asked
    }

    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.asked.len()
    }

    /// When the oldest of those who wait has asked.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.asked.values().copied().min()
    }
}

impl Namespace {
    fn pop(&mut self, asked: &HashMap<Ticket, Instant>) -> Option<Ticket> {
        self.going_on.retain(|ticket| asked.contains_key(ticket));
        while let Some((_, tickets)) = self.owners.front_mut() {
            tickets.retain(|ticket| asked.contains_key(ticket));
            if !tickets.is_empty() {
                break;
            }
            self.owners.pop_front();
        }
        if (self.in_a_row < IN_A_ROW || self.owners.is_empty())
            && let Some(ticket) = self.going_on.pop_front()
        {
            self.in_a_row += 1;
            return Some(ticket);
        }
        self.in_a_row = 0;
        let (name, mut tickets) = self.owners.pop_front()?;
        let ticket = tickets.pop_front()?;
        self.owners.push_back((name, tickets));
        Some(ticket)
    }
}

fn entry<'a, T: Default>(turns: &'a mut VecDeque<(String, T)>, name: &str) -> &'a mut T {
    let place = turns.iter().position(|(other, _)| other == name).unwrap_or_else(|| {
        turns.push_back((name.to_owned(), T::default()));
        turns.len() - 1
    });
    &mut turns[place].1
}
