//! Who leads, and what is to be written. Pure: times are passed in.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use tokio::time::Instant;

use crate::scalingo::budget::WINDOW;

/// What is known of the Lease, by its last form and when that was new.
#[derive(Debug)]
pub(super) struct Election {
    name: String,
    identity: String,
    duration: Duration,
    observed: Option<Observed>,
    /// When another was last seen to hold it.
    other_held: Option<Instant>,
}

#[derive(Debug)]
struct Observed {
    /// None where it is gone.
    lease: Option<Lease>,
    /// For how long its holder, another, may lead from `changed` on.
    claim: Option<Duration>,
    changed: Instant,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Move {
    /// Create this Lease.
    Create(Lease),
    /// Put this one in the place of the one that was read.
    Replace(Lease),
    /// Nothing: another may lead.
    Wait,
}

impl Election {
    pub(super) fn new(name: String, identity: String, duration: Duration) -> Self {
        Self { name, identity, duration, observed: None, other_held: None }
    }

    /// The Lease was read at this time, or is not there. Only another spec counts as a change.
    pub(super) fn observe(&mut self, lease: Option<Lease>, now: Instant, time: Timestamp) {
        let claim = lease.as_ref().and_then(|lease| self.claim(lease));
        let was_left = lease.as_ref().is_some_and(|lease| was_left_of_late(lease, time));
        if claim.is_some() || was_left {
            self.other_held = Some(now);
        }
        let before = self.observed.take();
        let is_same =
            before.as_ref().is_some_and(|before| spec(before.lease.as_ref()) == spec(lease.as_ref()));
        self.observed = Some(match before {
            Some(before) if is_same => Observed { lease, ..before },
            // Whoever held what was deleted does not know it yet.
            Some(before) if lease.is_none() => Observed { lease, claim: before.claim, changed: now },
            _ => Observed { lease, claim, changed: now },
        });
    }

    /// What is to be done now.
    pub(super) fn next(&self, now: Instant, time: Timestamp) -> Move {
        let Some(observed) = &self.observed else { return Move::Wait };
        if observed.claim.is_some_and(|claim| now.duration_since(observed.changed) < claim) {
            return Move::Wait;
        }
        let spec = |before: Option<&LeaseSpec>| {
            let own = before.filter(|before| before.holder_identity.as_ref() == Some(&self.identity));
            let acquired = own.and_then(|own| own.acquire_time.clone());
            let transitions = before.and_then(|before| before.lease_transitions).unwrap_or_default();
            LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: Some(seconds(self.duration)),
                acquire_time: acquired.or(Some(MicroTime(time))),
                renew_time: Some(MicroTime(time)),
                lease_transitions: Some(match (before, own) {
                    (None, _) => 0,
                    (_, Some(_)) => transitions,
                    _ => transitions.saturating_add(1),
                }),
                ..before.cloned().unwrap_or_default()
            }
        };
        match &observed.lease {
            None => {
                let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
                Move::Create(Lease { metadata, spec: Some(spec(None)) })
            }
            Some(lease) => Move::Replace(Lease { spec: Some(spec(lease.spec.as_ref())), ..lease.clone() }),
        }
    }

    /// The Lease as it is to be left to whoever comes next; none where it is not held.
    pub(super) fn released(&self, time: Timestamp) -> Option<Lease> {
        let lease = self.observed.as_ref()?.lease.as_ref()?;
        let before = lease.spec.as_ref().filter(|spec| spec.holder_identity.as_ref() == Some(&self.identity));
        let spec = LeaseSpec {
            holder_identity: Some(String::new()),
            lease_duration_seconds: Some(1),
            renew_time: Some(MicroTime(time)),
            ..before?.clone()
        };
        Some(Lease { spec: Some(spec), ..lease.clone() })
    }

    /// Whether it was last seen as our own: then it can be renewed without being read.
    pub(super) fn is_own(&self) -> bool {
        self.holder() == Some(&self.identity)
    }

    /// Who held it last.
    pub(super) fn holder(&self) -> Option<&str> {
        let spec = spec(self.observed.as_ref()?.lease.as_ref())?;
        spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())
    }

    /// Whether another has led within the last minute, as far as can be told.
    pub(super) fn follows_another(&self, now: Instant) -> bool {
        self.other_held.is_some_and(|held| now.duration_since(held) < WINDOW)
    }

    /// How long another may lead by this Lease.
    fn claim(&self, lease: &Lease) -> Option<Duration> {
        let spec = lease.spec.as_ref()?;
        let holder = spec.holder_identity.as_ref().filter(|holder| !holder.is_empty())?;
        let asked = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        (*holder != self.identity).then(|| asked.map_or(self.duration, Duration::from_secs))
    }
}

fn spec(lease: Option<&Lease>) -> Option<&LeaseSpec> {
    lease?.spec.as_ref()
}

/// Whether its holder has left it to others within the last minute, if the clocks agree.
fn was_left_of_late(lease: &Lease, time: Timestamp) -> bool {
    let spec = lease.spec.as_ref();
    let holder = spec.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
    let renewed = spec.and_then(|spec| spec.renew_time.as_ref());
    let minute = SignedDuration::try_from(WINDOW).unwrap_or_default();
    holder.is_empty() && renewed.is_some_and(|renewed| time.duration_since(renewed.0).abs() < minute)
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
