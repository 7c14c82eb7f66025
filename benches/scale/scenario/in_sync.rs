//! Nothing happens.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::missing::Measured;
use crate::operator::Operator;
use crate::world::World;

/// A deletion is confirmed by a list 10 s later; after that nothing is to come.
pub const SETTLED: Duration = Duration::from_secs(12);

const WATCHED_FOR: Duration = Duration::from_secs(20);

/// What the operator takes while nothing happens.
#[derive(Clone, Debug)]
pub struct InSync {
    /// Processor time in a second.
    pub each_second: f64,
    /// Most memory in KiB.
    pub peak: u64,
}

impl InSync {
    /// What it would have taken in this time, in seconds.
    pub fn in_time(&self, time: Duration) -> f64 {
        self.each_second * time.as_secs_f64()
    }
}

/// Waits until nothing is to come, then watches the operator for 20 s.
pub async fn run(world: &World, operator: &Operator) -> Measured<InSync> {
    world.until_quiet(SETTLED, world.deadline()).await;
    operator.forget_peak()?;
    let (begun, before) = (Instant::now(), operator.processor()?);
    sleep(WATCHED_FOR).await;
    let spent = operator.processor()?.saturating_sub(before);
    let each_second = spent.as_secs_f64() / begun.elapsed().as_secs_f64();
    Ok(InSync { each_second, peak: operator.peak()? })
}
