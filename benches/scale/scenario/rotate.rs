//! A Secret is replaced that all `LogDrain`s use.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::in_sync::SETTLED;
use crate::missing::{Measured, Missing};
use crate::operator::Operator;
use crate::resources::ALL_USE;
use crate::world::World;

const TOKEN: &str = "scale-second";
/// After a restart the budget is smaller for so long.
const WHOLE_BUDGET_AFTER: Duration = Duration::from_secs(65);
const POLL: Duration = Duration::from_secs(1);

/// What it took.
#[derive(Debug)]
pub struct Rotation {
    /// Processor time for all.
    pub processor: Measured<Duration>,
    /// Most memory in KiB, also where it has not come to its end.
    pub peak: Measured<u64>,
    /// Wall time, for orientation.
    pub took: Duration,
}

impl Rotation {
    /// One that has not begun.
    pub fn missing(missing: &Missing) -> Self {
        Self { processor: Err(missing.clone()), peak: Err(missing.clone()), took: Duration::ZERO }
    }
}

/// Replaces the Secret, and waits until each old drain is replaced and all are in sync.
pub async fn run(world: &World, operator: &Operator) -> Rotation {
    sleep(WHOLE_BUDGET_AFTER.saturating_sub(operator.age())).await;
    world.until_quiet(SETTLED, world.deadline()).await;
    let begun = Instant::now();
    let processor = until_replaced(world, operator).await;
    Rotation { processor, peak: operator.peak(), took: begun.elapsed() }
}

async fn until_replaced(world: &World, operator: &Operator) -> Measured<Duration> {
    let deadline = world.deadline();
    operator.forget_peak()?;
    let before = operator.processor()?;
    world.write_secret(ALL_USE, "token", TOKEN).await?;
    loop {
        let (new, all) = drains(world);
        if new == world.count && all == world.count {
            break;
        }
        if Instant::now() >= deadline {
            let after = world.limit.as_secs();
            return Err(Missing(format!("{new} of {} are replaced after {after} s", world.count)));
        }
        sleep(POLL).await;
    }
    world.until_synced(world.count, deadline).await?;
    Ok(operator.processor()?.saturating_sub(before))
}

/// How many drains have the new token, and how many there are.
fn drains(world: &World) -> (usize, usize) {
    let all = world.simulator.all_drains();
    let urls = || all.iter().flat_map(|(_, urls)| urls);
    (urls().filter(|url| url.contains(TOKEN)).count(), urls().count())
}
