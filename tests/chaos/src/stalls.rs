//! When this process stood still. What came meanwhile is noted only afterwards, with the time of then.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Between two looks at the clock.
const TICK: Duration = Duration::from_millis(100);
/// A look that comes later than this shows that it stood still.
const LATE: SignedDuration = SignedDuration::from_millis(500);
/// So long after it goes on, what had come meanwhile is still being noted.
const BEHIND: SignedDuration = SignedDuration::from_secs(1);

/// Those that were seen.
#[derive(Default)]
pub struct Stalls(Mutex<Vec<(Timestamp, Timestamp)>>);

impl Stalls {
    /// Looks at the clock, as long as it is polled.
    pub async fn follow(&self) -> Infallible {
        let mut last = Timestamp::now();
        loop {
            tokio::time::sleep(TICK).await;
            let now = Timestamp::now();
            self.saw(last, now);
            last = now;
        }
    }

    /// Two looks, one after the other.
    fn saw(&self, before: Timestamp, now: Timestamp) {
        if now.duration_since(before) > LATE {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push((before, now));
        }
    }

    /// When something may have come that was noted at this time.
    pub fn earliest(&self, noted: Timestamp) -> Timestamp {
        let stalls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The last look may have come before the note, and the next one not yet.
        let is_within = |(from, to): &&(Timestamp, Timestamp)| {
            *from <= noted && noted <= to.saturating_add(BEHIND).unwrap_or(*to)
        };
        stalls.iter().find(is_within).map_or(noted, |(from, _)| *from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(milliseconds: i64) -> Timestamp {
        let start: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        start + SignedDuration::from_millis(milliseconds)
    }

    #[test]
    fn what_is_noted_during_or_right_after_a_stall_may_have_come_at_its_beginning() {
        let stalls = Stalls::default();
        stalls.saw(time(0), time(100));
        stalls.saw(time(100), time(500));
        stalls.saw(time(500), time(10_500));
        stalls.saw(time(10_500), time(10_600));
        for (noted, earliest) in
            [(50, 50), (300, 300), (499, 499), (10_400, 500), (10_500, 500), (11_500, 500), (11_501, 11_501)]
        {
            assert_eq!(stalls.earliest(time(noted)), time(earliest), "{noted}");
        }
    }
}
