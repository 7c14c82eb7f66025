//! When which Secret is read. In memory.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use crate::state::secrets::SecretName;

/// How long a Secret is left to come to rest: who writes it may write it again at once.
const GATHER: Duration = Duration::from_millis(100);
/// How long a Secret is left alone once it was read, however often it changes.
const REST: Duration = Duration::from_secs(1);
/// How long after a failure it is read again.
const RETRY: Duration = Duration::from_secs(10);

/// When which Secret is to be read.
#[derive(Default)]
pub struct Agenda {
    entries: HashMap<SecretName, Entry>,
}

struct Entry {
    at: Instant,
    is_wanted: bool,
}

impl Agenda {
    /// A Secret is to be read.
    pub fn want(&mut self, secret: SecretName, now: Instant) {
        let entry = self.entries.entry(secret).or_insert(Entry { at: now + GATHER, is_wanted: true });
        entry.is_wanted = true;
    }

    /// A Secret could not be read.
    pub fn again(&mut self, secret: SecretName, now: Instant) {
        self.entries.insert(secret, Entry { at: now + RETRY, is_wanted: true });
    }

    /// When there is something to do next.
    pub fn next(&self) -> Option<Instant> {
        self.entries.values().map(|entry| entry.at).min()
    }

    /// The Secrets to be read now; each then rests.
    pub fn take(&mut self, now: Instant) -> Vec<SecretName> {
        let mut due = Vec::new();
        self.entries.retain(|secret, entry| {
            if entry.at > now {
                return true;
            }
            if !entry.is_wanted {
                return false;
            }
            due.push(secret.clone());
            *entry = Entry { at: now + REST, is_wanted: false };
            true
        });
        due.sort_unstable();
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str) -> SecretName {
        SecretName { namespace: "shop".into(), name: name.into() }
    }

    #[test]
    fn a_secret_is_read_soon_once_and_then_rests() {
        let begin = Instant::now();
        let at = |milliseconds| begin + Duration::from_millis(milliseconds);
        let mut agenda = Agenda::default();
        assert_eq!(agenda.next(), None);
        agenda.want(secret("a"), at(0));
        agenda.want(secret("a"), at(90));
        agenda.want(secret("b"), at(90));
        assert_eq!(agenda.next(), Some(at(100)), "a second wish puts nothing off");
        assert_eq!(agenda.take(at(99)), []);
        assert_eq!(agenda.take(at(100)), [secret("a")]);
        assert_eq!(agenda.take(at(190)), [secret("b")]);

        // A storm.
        for milliseconds in (200..1100).step_by(10) {
            agenda.want(secret("a"), at(milliseconds));
            assert_eq!(agenda.take(at(milliseconds)), []);
        }
        assert_eq!(agenda.take(at(1100)), [secret("a")], "the last change is seen");
        assert_eq!(agenda.take(at(2100)), []);
        assert_eq!(agenda.next(), None, "nothing is left behind");
    }

    #[test]
    fn a_secret_that_cannot_be_read_is_read_again_later() {
        let begin = Instant::now();
        let mut agenda = Agenda::default();
        agenda.want(secret("a"), begin);
        assert_eq!(agenda.take(begin + GATHER), [secret("a")]);
        agenda.again(secret("a"), begin + GATHER);
        agenda.want(secret("a"), begin + GATHER);
        assert_eq!(agenda.next(), Some(begin + GATHER + RETRY));
        assert_eq!(agenda.take(begin + GATHER + RETRY), [secret("a")]);
    }
}
