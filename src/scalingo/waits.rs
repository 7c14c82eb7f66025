//! How long requests have waited.

use std::time::Duration;

/// Until a request could be sent.
const LIMITS: [Duration; 11] = [
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(120),
    Duration::from_secs(300),
    Duration::from_secs(1_800),
    Duration::from_secs(7_200),
];

/// How long requests have waited that do not wait any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    total: Duration,
    /// How many, up to each limit from the one before on.
    up_to: [u64; LIMITS.len()],
    longer: u64,
}

impl Waits {
    pub(super) fn add(&mut self, wait: Duration) {
        self.total += wait;
        let index = LIMITS.iter().position(|limit| wait <= *limit);
        *index.and_then(|index| self.up_to.get_mut(index)).unwrap_or(&mut self.longer) += 1;
    }

    /// How long they have waited together.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.total
    }

    /// How many they are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.up_to.iter().sum::<u64>() + self.longer
    }

    /// How many of them have waited up to each of some limits, and longer than for the limit before; at the end those that
    /// have waited longer than for any.
    pub fn distribution(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let limits = LIMITS.into_iter().map(Some).zip(self.up_to);
        limits.chain([(None, self.longer)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_counted_once_up_to_the_first_limit_that_it_kept() {
        let mut waits = Waits::default();
        let milliseconds = [0, 10, 11, 7_200_000, 7_200_001];
        for wait in milliseconds {
            waits.add(Duration::from_millis(wait));
        }
        assert_eq!(waits.count(), 5);
        assert_eq!(waits.total(), Duration::from_millis(milliseconds.iter().sum()));
        let counted: Vec<_> = waits.distribution().filter(|(_, count)| *count > 0).collect();
        let limit = |seconds| Some(Duration::from_secs_f64(seconds));
        assert_eq!(counted, [(limit(0.01), 2), (limit(0.1), 1), (limit(7_200.0), 1), (None, 1)]);
    }
}
