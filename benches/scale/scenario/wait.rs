//! Almost all `LogDrain`s wait for the budget.

use std::time::Duration;

use tokio::time::sleep;

use crate::missing::{Measured, Missing};
use crate::operator::Operator;
use crate::world::World;

/// What the operator takes in once more, such as a longer wait to write down, comes within this time.
const WATCHED_FOR: Duration = Duration::from_secs(30);

/// What it takes to wait.
#[derive(Clone, Debug)]
pub struct Wait {
    /// Most memory in KiB.
    pub peak: u64,
    /// How many `LogDrain`s are not in sync.
    pub waiting: usize,
}

/// Creates all `LogDrain`s, and waits until the operator has written the status of each.
pub async fn run(world: &World) -> Measured<()> {
    let deadline = world.deadline();
    world.create_all().await?;
    world.until(deadline, || world.population.visited() >= world.count).await.map_err(|Missing(when)| {
        Missing(format!("{} of {} have a status {when}", world.population.visited(), world.count))
    })?;
    sleep(WATCHED_FOR).await;
    Ok(())
}

/// What the operator has taken until now, people's wishes included.
pub fn judge(world: &World, operator: &Operator, waited: Measured<()>) -> Measured<Wait> {
    let peak = operator.peak()?;
    waited.map_err(|Missing(why)| Missing(format!("{why}; {} MiB by then", peak / 1_024)))?;
    Ok(Wait { peak, waiting: world.count.saturating_sub(world.population.synced()) })
}
