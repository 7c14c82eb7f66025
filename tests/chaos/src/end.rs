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

/// The ends of a campaign, in random order: each kind comes among any ten from the first on.
#[derive(Default)]
pub struct Ends {
    left: Vec<End>,
}

impl Ends {
    /// The next one.
    pub fn next(&mut self, random: &mut Rng) -> End {
        if self.left.is_empty() {
            let mut halted = || Way::Halted(LEASE_DURATION + Duration::from_millis(random.u64(1_000..8_000)));
            let ends = [
                (Whose::Leader, Way::Killed),
                (Whose::Leader, Way::Killed),
                (Whose::Leader, Way::Killed),
                (Whose::Leader, Way::Asked),
                (Whose::Leader, Way::Asked),
                (Whose::Leader, halted()),
                (Whose::Leader, halted()),
                (Whose::Standby, Way::Killed),
                (Whose::Standby, Way::Killed),
                (Whose::Standby, Way::Asked),
            ];
            self.left.extend(ends.map(|(whose, way)| End { whose, way }));
            random.shuffle(&mut self.left);
        }
        self.left.pop().unwrap_or(End { whose: Whose::Leader, way: Way::Killed })
    }
}
