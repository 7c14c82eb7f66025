//! What happens to the operator, and what is counted meanwhile.

use std::sync::Arc;
use std::time::Duration;

use logdrain_operator::drain::Digester;
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

use crate::journal::{Counts, Followed, seconds};
use crate::operator::Feed;
use crate::world::World;

const HOUR: Duration = Duration::from_secs(60 * 60);
const MINUTE: Duration = Duration::from_secs(60);
/// How long the operator is left alone before a steady state is measured.
const SETTLING: Duration = HOUR;
/// How long drains that were removed may take to come back once no more are removed.
const HEALING: Duration = Duration::from_secs(6 * 60 * 60);
/// More changes than the operator pages back in the feed: what it has missed it does not know.
const FLOOD: usize = 600;
/// How far the changes of people are apart.
const BETWEEN_CHANGES: Duration = Duration::from_secs(97);

/// How much is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Of how many apps each installation is.
    pub installations: Vec<usize>,
    /// Apps of everything else.
    pub apps: usize,
    /// How long a steady state is looked at.
    pub hours: u32,
    /// How many drains are removed in that time.
    pub drifts: usize,
    /// How many changes people make.
    pub changes: usize,
}

/// Everything that was measured.
pub struct Figures {
    /// From nothing to Ready.
    pub installations: Vec<Installation>,
    /// With the feed.
    pub with_feed: WithFeed,
    /// Without it.
    pub without_feed: WithoutFeed,
}

/// From nothing to Ready.
pub struct Installation {
    /// How many apps.
    pub apps: usize,
    /// What it took.
    pub counts: Counts,
    /// How long it took; `None` when it did not come to an end.
    pub took: Option<Duration>,
    /// Answers with 429.
    pub refused: usize,
}

/// A day, a day with drift, a restart, and people's changes.
pub struct WithFeed {
    /// From nothing to Ready.
    pub installation: Installation,
    /// Of the day when nothing happened.
    pub quiet: Counts,
    /// Of that day.
    pub kubernetes_writes: usize,
    /// Of the day when drains were removed.
    pub drifts: Vec<Followed>,
    /// After the restart.
    pub restart: Restart,
    /// Of people.
    pub changes: Changes,
    /// Answers with 429 in all that time.
    pub refused: usize,
}

/// A day with drift, and people's changes.
pub struct WithoutFeed {
    /// Of the day when drains were removed.
    pub counts: Counts,
    /// Of that day.
    pub drifts: Vec<Followed>,
    /// Of people.
    pub changes: Changes,
    /// Answers with 429 in all that time.
    pub refused: usize,
}

/// After a restart with nothing changed.
pub struct Restart {
    /// Of the first minute.
    pub first_minute: Counts,
    /// Of the first hour.
    pub first_hour: Counts,
    /// Of the first hour.
    pub kubernetes_writes: usize,
}

/// What people want while everything else is due, too.
pub struct Changes {
    /// Seconds until the addition reached Scalingo.
    pub waits: Vec<Option<f64>>,
    /// Lists a minute meanwhile.
    pub lists_per_minute: f64,
}

/// Measures everything, each world in a thread of its own and in its own virtual time.
pub fn measure(scale: &Scale) -> std::io::Result<Figures> {
    let digester = Arc::new(Digester::default());
    std::thread::scope(|threads| {
        let installations = threads.spawn(|| {
            let all = scale.installations.iter().filter(|apps| **apps != scale.apps);
            all.map(|apps| in_virtual_time(async { install(*apps, &digester, Feed::On).await.1 })).collect()
        });
        let without_feed = threads.spawn(|| in_virtual_time(without_feed(scale, &digester)));
        let with_feed = in_virtual_time(with_feed(scale, &digester))?;
        let ended = |_| std::io::Error::other("a world has come to a sudden end");
        let installations: std::io::Result<Vec<Installation>> = installations.join().map_err(ended)?;
        let without_feed = without_feed.join().map_err(ended)??;
        Ok(Figures { installations: installations?, with_feed, without_feed })
    })
}

fn in_virtual_time<T>(life: impl Future<Output = T>) -> std::io::Result<T> {
    // kube's watcher waits at random after an error.
    fastrand::seed(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    Ok(runtime.block_on(life))
}

async fn install(apps: usize, digester: &Arc<Digester>, feed: Feed) -> (World, Installation) {
    let mut world = World::new(apps, digester);
    world.start(feed);
    let took = world.until_ready().await;
    let counts = world.take().counts();
    let refused = world.refused;
    (world, Installation { apps, counts, took, refused })
}

async fn with_feed(scale: &Scale, digester: &Arc<Digester>) -> WithFeed {
    let (mut world, installation) = install(scale.apps, digester, Feed::On).await;
    tell("installed");
    sleep(SETTLING).await;
    let _ = world.take();
    sleep(HOUR * scale.hours).await;
    let quiet = world.take();
    tell("a quiet day has passed");
    let drifts = drift(&mut world, scale).await;
    tell("a day with drift has passed");
    let restart = restart(&mut world).await;
    let changes = change(&mut world, scale.changes).await;
    tell("people have made changes");
    WithFeed {
        installation,
        quiet: quiet.counts(),
        kubernetes_writes: quiet.kubernetes_writes,
        drifts: drifts.1,
        restart,
        changes,
        refused: world.refused,
    }
}

async fn without_feed(scale: &Scale, digester: &Arc<Digester>) -> WithoutFeed {
    let (mut world, _) = install(scale.apps, digester, Feed::Off).await;
    tell("installed, without the feed");
    sleep(SETTLING).await;
    let _ = world.take();
    let (counts, drifts) = drift(&mut world, scale).await;
    tell("a day with drift has passed, without the feed");
    let changes = change(&mut world, scale.changes).await;
    tell("people have made changes, without the feed");
    WithoutFeed { counts, drifts, changes, refused: world.refused }
}

/// Removes drains at random moments, then waits until all are there again.
async fn drift(world: &mut World, scale: &Scale) -> (Counts, Vec<Followed>) {
    let mut random = fastrand::Rng::with_seed(7);
    let begun = Instant::now();
    let all = (HOUR * scale.hours).as_secs();
    let mut moments: Vec<u64> = (0..scale.drifts).map(|_| random.u64(..all * 1000)).collect();
    moments.sort_unstable();
    let wanted = world.drains();
    for moment in moments {
        sleep_until(begun + Duration::from_millis(moment)).await;
        let app = world.app_id(random.usize(..world.apps));
        let drains = world.simulator.drains(&app);
        if let Some(url) = random.choice(&drains) {
            let _ = world.simulator.remove_drain_behind(&app, url);
        }
    }
    sleep_until(begun + HOUR * scale.hours).await;
    let end = world.simulator.now();
    let latest = Instant::now() + HEALING;
    while world.drains() < wanted && Instant::now() < latest {
        sleep(MINUTE).await;
    }
    let requests = world.take();
    (requests.counts_until(end), requests.drifts())
}

async fn restart(world: &mut World) -> Restart {
    world.kill().await;
    let _ = world.take();
    let begun = world.simulator.now();
    world.start(Feed::On);
    sleep(HOUR).await;
    let requests = world.take();
    let minute = begun.checked_add(MINUTE).unwrap_or(begun);
    Restart {
        first_minute: requests.counts_until(minute),
        first_hour: requests.counts(),
        kubernetes_writes: requests.kubernetes_writes,
    }
}

/// Lets everything be due, then lets people change one thing after the other.
async fn change(world: &mut World, changes: usize) -> Changes {
    let host = |number: usize| format!("person-{number}.example.com");
    world.flood_feed(FLOOD);
    sleep(MINUTE).await;
    let _ = world.take();
    let begun = Instant::now();
    let mut asked = Vec::new();
    for number in 0..changes {
        // Even ones are new, odd ones replace what is there.
        let name = if number.is_multiple_of(2) { "new" } else { "papertrail" };
        asked.push(world.simulator.now());
        let spec = json!({"type": "papertrail", "host": host(number), "port": 6514});
        world.apply((number * 37) % world.apps, name, spec);
        sleep(BETWEEN_CHANGES).await;
    }
    let minutes = begun.elapsed().as_secs_f64() / 60.0;
    let requests = world.take();
    let wait = |(number, asked)| {
        let added = requests.added(&format!("//{}:", host(number)))?;
        Some(seconds(asked, added))
    };
    let lists = u32::try_from(requests.counts().lists).unwrap_or(u32::MAX);
    Changes {
        waits: asked.into_iter().enumerate().map(wait).collect(),
        lists_per_minute: f64::from(lists) / minutes,
    }
}

/// Says how far it has come: on standard error, so that the table stands alone.
fn tell(what: &str) {
    eprintln!("… {what}");
}
