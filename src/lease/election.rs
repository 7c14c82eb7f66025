//! Who leads, and what is to be written. Pure: times are passed in.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use tokio::time::Instant;

use super::Handover;

/// What is known of the Lease, by its last form and when that was new.
#[derive(Debug)]
pub(super) struct Election {
    name: String,
    identity: String,
    duration: Duration,
    observed: Option<Observed>,
    /// When another may last have held it, for all that was seen here, and how long that one had led by its own clock.
    other: Option<(Instant, Duration)>,
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
        Self { name, identity, duration, observed: None, other: None }
    }

    /// The Lease was read at this time, or is not there. Only another spec counts as a change.
    pub(super) fn observe(&mut self, lease: Option<Lease>, now: Instant) {
        let claim = lease.as_ref().and_then(|lease| self.claim(lease));
        let before = self.observed.take();
        let is_same =
            before.as_ref().is_some_and(|before| spec(before.lease.as_ref()) == spec(lease.as_ref()));
        if let Some(left) = lease.as_ref().filter(|lease| claim.is_some() || is_left(lease) && !is_same) {
            self.other = Some((now, led(left)));
        }
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

    /// What was seen of another. When a Lease was left that is seen for the first time, only clocks that may differ could
    /// tell since when: it counts as left just now.
    pub(super) fn handover(&self, now: Instant) -> Option<Handover> {
        self.other.map(|(held, led)| Handover { ago: now.duration_since(held), led })
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

/// Whether its holder has left it to others.
fn is_left(lease: &Lease) -> bool {
    let holder = spec(Some(lease)).and_then(|spec| spec.holder_identity.as_deref());
    holder.unwrap_or_default().is_empty()
}

/// For how long its last holder had it, at the last time that it said so.
fn led(lease: &Lease) -> Duration {
    let times =
        spec(Some(lease)).and_then(|spec| Some((spec.acquire_time.as_ref()?, spec.renew_time.as_ref()?)));
    let led = times.map(|(acquired, renewed)| renewed.0.duration_since(acquired.0));
    led.and_then(|led| Duration::try_from(led).ok()).unwrap_or_default()
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
