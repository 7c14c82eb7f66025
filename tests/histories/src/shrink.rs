//! From a history that breaks a promise to a short one that does.

use crate::history::History;
use crate::step::Step;

/// Takes away steps, first many at a time, as long as `fails` holds, and shortens waits; asks at most `tries` times.
#[must_use]
pub fn shrink(history: &History, mut tries: usize, fails: impl Fn(&History) -> bool) -> History {
    let mut best = history.clone();
    let mut attempt = |best: &mut History, steps: Vec<Step>| {
        if tries == 0 {
            return false;
        }
        tries -= 1;
        let candidate = History { seed: best.seed, steps };
        let smaller = fails(&candidate);
        if smaller {
            *best = candidate;
        }
        smaller
    };
    let mut chunk = best.steps.len().div_ceil(2).max(1);
    loop {
        let mut start = 0;
        let mut removed = false;
        while start < best.steps.len() {
            let end = (start + chunk).min(best.steps.len());
            let mut steps = best.steps.clone();
            steps.drain(start..end);
            if attempt(&mut best, steps) {
                removed = true;
            } else {
                start = end;
            }
        }
        if chunk == 1 && !removed {
            break;
        }
        chunk = chunk.div_ceil(2).max(1);
    }
    for index in 0..best.steps.len() {
        if let Step::Wait { milliseconds } = best.steps[index] {
            for rounder in [1_000, 10_000, 100_000] {
                if milliseconds > rounder {
                    let mut steps = best.steps.clone();
                    steps[index] = Step::Wait { milliseconds: milliseconds / rounder * rounder };
                    attempt(&mut best, steps);
                }
            }
        }
    }
    best
}
