use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::settings::{Lag, ListLag};
use crate::state::{Drain, Target};

/// For how long former drains are known.
const KEPT: SignedDuration = SignedDuration::from_mins(5);

/// Drains as they were before each change, for lists that lag.
#[derive(Default)]
pub(crate) struct Past(HashMap<Target, VecDeque<Former>>);

struct Former {
    drains: Vec<Drain>,
    until: Timestamp,
    /// Whether a list has shown it since.
    is_shown: bool,
}

impl Past {
    /// These drains of a target, named by id, are about to change.
    pub(crate) fn remember(&mut self, target: Target, drains: Vec<Drain>, now: Timestamp) {
        let formers = self.0.entry(target).or_default();
        formers.retain(|former| now.duration_since(former.until) < KEPT);
        formers.push_back(Former { drains, until: now, is_shown: false });
    }

    /// A target is gone: nobody lists it.
    pub(crate) fn forget(&mut self, target: &Target) {
        self.0.remove(target);
    }

    /// The former drains that a list shows; none where it shows those of now.
    pub(crate) fn shown(
        &mut self,
        target: &Target,
        lag: ListLag,
        random: &mut fastrand::Rng,
        now: Timestamp,
    ) -> Option<Vec<Drain>> {
        let most = i64::from(lag.seconds) * 1000;
        let behind = if lag.kind == Lag::Varying { random.i64(0..=most) } else { most };
        let then = now.checked_sub(SignedDuration::from_millis(behind)).unwrap_or(Timestamp::MIN);
        let formers = self.0.get_mut(target)?;
        let is_once = lag.kind == Lag::Once;
        let mut fitting =
            formers.iter_mut().filter(|former| former.until > then && !(is_once && former.is_shown));
        let first = fitting.next()?;
        first.is_shown = true;
        fitting.for_each(|former| former.is_shown = true);
        Some(first.drains.clone())
    }
}
