use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use super::{Owner, Ticket};

/// What each name has in the queue, whose turn it is first.
type Turns<T> = VecDeque<(String, T)>;

/// Tickets in fair order: a turn for each namespace, within it for each owner, within that by age.
#[derive(Debug, Default)]
pub(super) struct Queue {
    turns: Turns<Turns<VecDeque<Ticket>>>,
    asked: HashMap<Ticket, (Owner, Instant)>,
}

impl Queue {
    pub(super) fn push(&mut self, ticket: Ticket, owner: &Owner, now: Instant) {
        let namespace = entry(&mut self.turns, &owner.namespace);
        entry(namespace, &owner.name).push_back(ticket);
        self.asked.insert(ticket, (owner.clone(), now));
    }

    /// Takes the ticket whose turn it is; whoever had it comes last in the next round.
    pub(super) fn pop(&mut self) -> Option<Ticket> {
        let (namespace, mut owners) = self.turns.pop_front()?;
        let (name, mut tickets) = owners.pop_front()?;
        let ticket = tickets.pop_front()?;
        if !tickets.is_empty() {
            owners.push_back((name, tickets));
        }
        if !owners.is_empty() {
            self.turns.push_back((namespace, owners));
        }
        self.asked.remove(&ticket);
        Some(ticket)
    }

    /// Takes out a ticket that is no longer wanted.
    pub(super) fn remove(&mut self, ticket: Ticket) -> bool {
        let Some((owner, _)) = self.asked.remove(&ticket) else { return false };
        let owners = entry(&mut self.turns, &owner.namespace);
        entry(owners, &owner.name).retain(|other| *other != ticket);
        owners.retain(|(_, tickets)| !tickets.is_empty());
        self.turns.retain(|(_, owners)| !owners.is_empty());
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.asked.len()
    }

    /// When the oldest of those who wait has asked.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.asked.values().map(|(_, asked)| *asked).min()
    }
}

fn entry<'a, T: Default>(turns: &'a mut Turns<T>, name: &str) -> &'a mut T {
    let place = turns.iter().position(|(other, _)| other == name).unwrap_or_else(|| {
        turns.push_back((name.to_owned(), T::default()));
        turns.len() - 1
    });
    &mut turns[place].1
}
