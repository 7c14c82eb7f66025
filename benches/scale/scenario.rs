//! What is done to the operator, and what comes out.

mod change;
mod in_sync;
mod overtake;
mod restart;
mod roll_out;
mod rotate;
mod wait;

use clap::ValueEnum;

use crate::missing::{Measured, Missing};
use crate::operator::{Operator, WITHIN_THE_LIMIT, WITHOUT_A_LIMIT};
use crate::world::{Plan, World};

pub use change::Change;
pub use in_sync::InSync;
pub use overtake::{Kind, MOST_BEFORE, Overtaking};
pub use restart::Restart;
pub use roll_out::RollOut;
pub use rotate::Rotation;
pub use wait::Wait;

/// A part that can be run alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// All `LogDrain`s from nothing to Ready.
    RollOut,
    /// Nothing happens.
    InSync,
    /// One person after the other changes a `LogDrain`, while all are in sync.
    Change,
    /// The operator is restarted, while all are in sync.
    Restart,
    /// A Secret is replaced that all use.
    Rotate,
    /// Almost all `LogDrain`s wait for the budget.
    Wait,
    /// People want something while almost all wait.
    Overtake,
}

/// What came out with one count; none where it was not asked for.
#[derive(Debug, Default)]
pub struct Figures {
    /// `LogDrain`s.
    pub count: usize,
    /// From nothing to Ready.
    pub roll_out: Option<RollOut>,
    /// In sync.
    pub in_sync: Option<Measured<InSync>>,
    /// One person's change in sync.
    pub change: Option<Measured<Change>>,
    /// After a restart.
    pub restart: Option<Measured<Restart>>,
    /// A Secret that all use, replaced.
    pub rotation: Option<Rotation>,
    /// While almost all wait.
    pub wait: Option<Measured<Wait>>,
    /// What people want meanwhile.
    pub overtaking: Option<Measured<Overtaking>>,
}

/// Runs the scenarios that are asked for with one count.
pub async fn measure(plan: &Plan, only: &[Scenario]) -> Figures {
    let asked = |scenarios: &[Scenario]| only.iter().any(|scenario| scenarios.contains(scenario));
    let mut figures = Figures { count: plan.count, ..Figures::default() };
    if asked(&[Scenario::RollOut, Scenario::InSync, Scenario::Change, Scenario::Restart, Scenario::Rotate])
        && let Err(missing) = without_a_limit(plan, only, &mut figures).await
    {
        figures.is_missing(only, &missing);
    }
    if asked(&[Scenario::Wait, Scenario::Overtake])
        && let Err(missing) = within_the_limit(plan, only, &mut figures).await
    {
        let is_asked = |scenario| only.contains(&scenario);
        figures.wait = is_asked(Scenario::Wait).then(|| Err(missing.clone()));
        figures.overtaking = is_asked(Scenario::Overtake).then_some(Err(missing));
    }
    figures
}

impl Figures {
    /// What was not come to is missing.
    fn is_missing(&mut self, only: &[Scenario], missing: &Missing) {
        let is_asked = |scenario| only.contains(&scenario);
        if is_asked(Scenario::RollOut) {
            self.roll_out.get_or_insert_with(|| RollOut::missing(missing));
        }
        if is_asked(Scenario::InSync) {
            self.in_sync.get_or_insert_with(|| Err(missing.clone()));
        }
        if is_asked(Scenario::Change) {
            self.change.get_or_insert_with(|| Err(missing.clone()));
        }
        if is_asked(Scenario::Restart) {
            self.restart.get_or_insert_with(|| Err(missing.clone()));
        }
        if is_asked(Scenario::Rotate) {
            self.rotation.get_or_insert_with(|| Rotation::missing(missing));
        }
    }
}

/// All that begins with a rollout that comes to its end.
async fn without_a_limit(plan: &Plan, only: &[Scenario], figures: &mut Figures) -> Measured<()> {
    let is_asked = |scenario| only.contains(&scenario);
    let world = World::start(plan, false).await?;
    let mut operator = Operator::start(&world, WITHOUT_A_LIMIT).await?;
    tell(plan, "from nothing to Ready");
    let roll_out = roll_out::run(&world, &operator).await;
    let ended = roll_out.processor.as_ref().map(drop).map_err(Clone::clone);
    figures.roll_out = is_asked(Scenario::RollOut).then_some(roll_out);
    ended?;

    // What a change takes and when a restart is over are told from what the operator does anyway.
    tell(plan, "in sync");
    let in_sync = in_sync::run(&world, &operator).await?;
    figures.in_sync = is_asked(Scenario::InSync).then(|| Ok(in_sync.clone()));
    if is_asked(Scenario::Change) {
        tell(plan, "one person's change, in sync");
        figures.change = Some(change::run(&world, &operator, &in_sync).await);
    }
    if is_asked(Scenario::Restart) {
        tell(plan, "restart");
        operator.stop()?;
        let (restarted, restart) = restart::run(&world, &in_sync).await?;
        operator = restarted;
        figures.restart = Some(Ok(restart));
    }
    if is_asked(Scenario::Rotate) {
        tell(plan, "a Secret that all use is replaced");
        figures.rotation = Some(rotate::run(&world, &operator).await);
    }
    Ok(())
}

/// A rollout that is far from its end.
async fn within_the_limit(plan: &Plan, only: &[Scenario], figures: &mut Figures) -> Measured<()> {
    let is_asked = |scenario| only.contains(&scenario);
    let world = World::start(plan, true).await?;
    let people = overtake::prepare(&world).await?;
    let operator = Operator::start(&world, WITHIN_THE_LIMIT).await?;
    world.until_synced(people.drains(), world.deadline()).await?;
    tell(plan, "almost all wait for the budget");
    let waiting = wait::run(&world).await;
    if is_asked(Scenario::Overtake) {
        tell(plan, "people overtake those that wait");
        figures.overtaking = Some(overtake::run(&world, &people).await);
    }
    if is_asked(Scenario::Wait) {
        figures.wait = Some(wait::judge(&world, &operator, waiting));
    }
    Ok(())
}

/// Says how far it has come: on standard error, so that the table stands alone.
fn tell(plan: &Plan, what: &str) {
    eprintln!("… {} LogDrains: {what}", plan.count);
}
