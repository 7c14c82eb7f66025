//! How operators end, as data.

use std::time::Duration;

use fastrand::Rng;

use crate::operator::LEASE_DURATION;

/// Whose end it is to be, and in which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub whose: Whose,
    pub way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Leader,
    Standby,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By `kill -9`.
    Killed,
    /// By SIGTERM, as Kubernetes does it.
    Asked,
    /// By itself, when it wakes from a halt that was longer than its Lease.
    Halted(Duration),
}

impl End {
    /// Of one of many.
    pub fn random(random: &mut Rng) -> Self {
        let (whose, way) = match random.u8(..20) {
            0..7 => (Whose::Leader, Way::Killed),
            7..10 => (Whose::Standby, Way::Killed),
            10..13 => (Whose::Leader, Way::Asked),
            13..15 => (Whose::Standby, Way::Asked),
            _ => {
                let longer = Duration::from_millis(random.u64(1_000..8_000));
                (Whose::Leader, Way::Halted(LEASE_DURATION + longer))
            }
        };
        Self { whose, way }
    }
}
