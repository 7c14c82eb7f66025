//! People want something while almost all `LogDrain`s wait: it must not queue behind the rollout.

use std::time::{Duration, Instant};

use scalingo_simulator::{ChangeKind, Entry, Simulator, Target};
use serde_json::json;
use tokio::time::timeout;

use crate::missing::{Measured, Missing};
use crate::resources::{ALL_USE, EACH, FEW_USE, name};
use crate::world::{World, is_about_drains};

/// Requests of the rollout that may be sent before one of a person.
pub const MOST_BEFORE: usize = 2;

/// Stops counting there: a change that waits for so many requests has queued behind the rollout.
const ENOUGH: usize = 20;
/// All slots of a minute are taken when for so long nothing was asked.
const PAUSE: Duration = Duration::from_secs(3);
/// Slots come free within a minute; longer than this nobody is waited for.
const PATIENCE: Duration = Duration::from_secs(75);
const ANNOTATION: &str = logdrain_operator::crd::REQUESTED_AT;
const PORT: u16 = 30_000;

/// What a person wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Another destination for a `LogDrain` that was Ready.
    Change,
    /// Its deletion.
    Deletion,
    /// A new value in a Secret that five `LogDrain`s use.
    Rotation,
    /// A check on demand.
    Check,
}

/// The apps of the people, each with an id.
pub struct People(Vec<(Kind, String, String)>);

/// What came of it, in the order of [`Kind::ALL`].
pub type Overtaking = Vec<(Kind, Measured<usize>)>;

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Change, Self::Deletion, Self::Rotation, Self::Check];

    /// As in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Change => "a change",
            Self::Deletion => "a deletion",
            Self::Rotation => "a Secret of five replaced",
            Self::Check => "a check on demand",
        }
    }

    fn drains(self) -> usize {
        if self == Self::Rotation { EACH } else { 1 }
    }

    fn secret(self) -> &'static str {
        if self == Self::Rotation { FEW_USE } else { ALL_USE }
    }

    async fn ask(self, world: &World, app: &str) -> Measured<()> {
        let name = name(app, 0);
        match self {
            Self::Change => world.move_to(&name, PORT).await,
            Self::Deletion => world.delete(&name).await,
            Self::Rotation => world.write_secret(FEW_USE, "token", "scale-few-second").await,
            Self::Check => {
                let annotations = json!({(ANNOTATION): "scale"});
                world.patch(&name, &json!({"metadata": {"annotations": annotations}})).await
            }
        }
    }

    /// Whether all that was asked for after this place has been sent.
    fn is_sent(self, simulator: &Simulator, id: &str, sequence: u64) -> bool {
        let target = Target::from(id);
        let count = |kind| {
            let changes = simulator.changes_since(sequence);
            changes.iter().filter(|change| change.kind == kind && change.target == target).count()
        };
        match self {
            Self::Change | Self::Rotation => count(ChangeKind::Added) >= self.drains(),
            Self::Deletion => count(ChangeKind::Removed) >= 1,
            Self::Check => simulator.journal_since(sequence).iter().any(|entry| is_of(entry, id)),
        }
    }
}

impl People {
    /// `LogDrain`s of all.
    pub fn drains(&self) -> usize {
        self.0.iter().map(|(kind, _, _)| kind.drains()).sum()
    }

    /// Whether a request is one of theirs: what one of them has begun goes on while the next one asks.
    fn are_about(&self, entry: &Entry) -> bool {
        self.0.iter().any(|(_, _, id)| is_of(entry, id))
    }
}

/// Creates what the people have, before there is an operator.
pub async fn prepare(world: &World) -> Measured<People> {
    world.write_secret(FEW_USE, "token", "scale-few-first").await?;
    let mut people = Vec::new();
    for (number, kind) in Kind::ALL.into_iter().enumerate() {
        let app = format!("person-{number}");
        let id = world.simulator.add_app(&app);
        world.create_for(&app, kind.drains(), kind.secret()).await?;
        people.push((kind, app, id));
    }
    Ok(People(people))
}

/// Lets one person after the other ask while no slot is free; gives the most requests of the rollout that were sent before
/// one of theirs.
pub async fn run(world: &World, people: &People) -> Measured<Overtaking> {
    let deadline = world.deadline();
    let mut overtaking = Vec::new();
    for (kind, app, id) in &people.0 {
        let all_taken = deadline.min(Instant::now() + PATIENCE);
        world.until_quiet(PAUSE, all_taken).await;
        let sequence = world.simulator.sequence();
        let outcome = if world.population.synced() >= world.count {
            Err(Missing("nobody is overtaken: too few LogDrains wait".to_owned()))
        } else if Instant::now() < deadline {
            kind.ask(world, app).await?;
            let is_over = |simulator: &Simulator| {
                kind.is_sent(simulator, id, sequence)
                    || Before::of(simulator, people, id, sequence).longest() >= ENOUGH
            };
            // What has come by then is judged.
            let _ = timeout(PATIENCE, world.simulator.until(is_over)).await;
            let before = Before::of(&world.simulator, people, id, sequence);
            if kind.is_sent(&world.simulator, id, sequence) {
                Ok(before.own)
            } else {
                Err(Missing(format!("not sent, {} before it", before.longest())))
            }
        } else {
            Err(Missing(format!("not asked within {} s", world.limit.as_secs())))
        };
        overtaking.push((*kind, outcome));
    }
    Ok(overtaking)
}

/// Requests of the rollout in a row, without one of a person.
struct Before {
    /// The most before a request of the person.
    own: usize,
    /// Those since the last one.
    since: usize,
}

impl Before {
    /// For the person of this app, after this place.
    fn of(simulator: &Simulator, people: &People, id: &str, sequence: u64) -> Self {
        let mut before = Self { own: 0, since: 0 };
        for entry in simulator.journal_since(sequence) {
            if is_of(&entry, id) {
                before.own = before.own.max(before.since);
                before.since = 0;
            } else if is_about_drains(&entry) && !people.are_about(&entry) {
                before.since += 1;
            }
        }
        before
    }

    fn longest(&self) -> usize {
        self.own.max(self.since)
    }
}

fn is_of(entry: &Entry, id: &str) -> bool {
    is_about_drains(entry) && entry.path.contains(id)
}
