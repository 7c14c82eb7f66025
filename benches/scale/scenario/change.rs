//! One person after the other changes a `LogDrain`, while all are in sync.

use std::time::{Duration, Instant};

use scalingo_simulator::ChangeKind;
use tokio::time::{sleep, timeout_at};

use super::in_sync::{InSync, SETTLED};
use crate::missing::{Measured, Missing};
use crate::operator::Operator;
use crate::resources::{app, name};
use crate::world::{World, is_feed};

/// How many people: the kernel tells processor time in steps of 10 ms.
const PEOPLE: usize = 10;
/// No other drain has such a port.
const FIRST_PORT: u16 = 20_000;
/// What ends a change goes on for a moment after its status.
const MOMENT: Duration = Duration::from_secs(1);

/// What came of the changes.
#[derive(Clone, Debug)]
pub struct Change {
    /// The most requests but for the feed that were sent after a change and before its addition.
    pub requests_before: usize,
    /// The longest time until an addition was sent.
    pub longest: Duration,
    /// Processor time for one change, in seconds, without what the operator takes anyway.
    pub processor: f64,
}

/// Changes ten `LogDrain`s of different apps, each when the one before is in sync again.
pub async fn run(world: &World, operator: &Operator, in_sync: &InSync) -> Measured<Change> {
    let deadline = world.deadline();
    let (begun, before) = (Instant::now(), operator.processor()?);
    let mut change = Change { requests_before: 0, longest: Duration::ZERO, processor: 0.0 };
    let apps = world.apps();
    let people = PEOPLE.min(apps);
    for (person, port) in (0..people).zip(FIRST_PORT..) {
        let name = name(&app(person * apps / people), 0);
        let (requests, time) = sent(world, &name, port, deadline).await?;
        change.requests_before = change.requests_before.max(requests);
        change.longest = change.longest.max(time);
        world.until(deadline, || world.population.is_synced(&name)).await?;
    }
    sleep(MOMENT).await;
    let spent = operator.processor()?.saturating_sub(before).as_secs_f64();
    let spent = (spent - in_sync.in_time(begun.elapsed())).max(0.0);
    change.processor = spent / f64::from(u32::try_from(people)?);
    world.until_quiet(SETTLED, deadline).await;
    Ok(change)
}

/// Changes one; gives the requests that went before its addition, and how long that took.
async fn sent(world: &World, name: &str, port: u16, deadline: Instant) -> Measured<(usize, Duration)> {
    let simulator = &world.simulator;
    let (sequence, asked) = (simulator.sequence(), simulator.now());
    world.move_to(name, port).await?;
    let added = || {
        let shown = format!(":{port}");
        let changes = simulator.changes_since(sequence);
        changes.into_iter().find(|change| change.kind == ChangeKind::Added && change.url.ends_with(&shown))
    };
    timeout_at(deadline.into(), simulator.until(|_| added().is_some()))
        .await
        .map_err(|_| Missing(format!("{name} is not changed after {} s", world.limit.as_secs())))?;
    let added = added().ok_or_else(|| Missing("the journal was cleared".to_owned()))?;
    let journal = simulator.journal_since(sequence);
    let earlier = journal.iter().filter(|entry| entry.sequence < added.sequence && !is_feed(entry)).count();
    // The last of these is the addition.
    Ok((earlier.saturating_sub(1), added.at.duration_since(asked).unsigned_abs()))
}
