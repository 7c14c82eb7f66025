//! All `LogDrain`s from nothing to Ready.

use std::time::{Duration, Instant};

use crate::missing::{Measured, Missing};
use crate::operator::Operator;
use crate::world::{World, is_feed};

/// What it took.
#[derive(Debug)]
pub struct RollOut {
    /// Processor time for all.
    pub processor: Measured<Duration>,
    /// Most memory in KiB, also where it has not come to its end.
    pub peak: Measured<u64>,
    /// Wall time, for orientation.
    pub took: Duration,
    /// Requests to Scalingo but for the feed, for orientation.
    pub requests: usize,
}

impl RollOut {
    /// One that has not begun.
    pub fn missing(missing: &Missing) -> Self {
        Self {
            processor: Err(missing.clone()),
            peak: Err(missing.clone()),
            took: Duration::ZERO,
            requests: 0,
        }
    }
}

/// Creates all `LogDrain`s under a running operator, and waits until all are in sync.
pub async fn run(world: &World, operator: &Operator) -> RollOut {
    let begun = Instant::now();
    let processor = until_synced(world, operator).await;
    let journal = world.simulator.journal();
    RollOut {
        processor,
        peak: operator.peak(),
        took: begun.elapsed(),
        requests: journal.iter().filter(|entry| !is_feed(entry)).count(),
    }
}

async fn until_synced(world: &World, operator: &Operator) -> Measured<Duration> {
    let deadline = world.deadline();
    let before = operator.processor()?;
    world.create_all().await?;
    world.until_synced(world.count, deadline).await?;
    Ok(operator.processor()?.saturating_sub(before))
}
