//! What a resource costs does not grow with their number: counted in virtual time, which no slow machine disturbs.
//! What it costs in time and memory: `cargo bench --bench scale`.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use logdrain_operator::drain::Digester;
use serde_json::json;
use tokio::time::sleep;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::operator::Feed;
use crate::world::{DRAINS, World};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const FEW: usize = 10;
const MANY: usize = 100;

thread_local! {
    /// How many reconciliations have begun on this thread: a test has its own.
    static BEGUN: Cell<u64> = const { Cell::new(0) };
    /// How often one was polled.
    static POLLS: Cell<usize> = const { Cell::new(0) };
}

/// Counts both.
struct Counter;

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.name() == "reconcile"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        BEGUN.set(BEGUN.get() + 1);
        Id::from_u64(BEGUN.get())
    }

    fn enter(&self, _: &Id) {
        POLLS.set(POLLS.get() + 1);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn exit(&self, _: &Id) {}
}

/// What has been done in some time.
#[derive(Debug, PartialEq, Eq)]
struct Work {
    reconciliations: u64,
    polls: usize,
    /// Requests to Scalingo, without reads of the change feed.
    requests: usize,
    /// Writes to Kubernetes.
    writes: usize,
}

/// What the world has seen, and the operator has done, since the last time.
fn take(world: &mut World) -> Work {
    let requests = world.take();
    assert_eq!(requests.refused(), 0);
    Work {
        reconciliations: BEGUN.take(),
        polls: POLLS.take(),
        requests: requests.counts().without_polls(),
        writes: requests.kubernetes_writes,
    }
}

/// What is done with so many apps, one after the other.
struct Course {
    resources: usize,
    rollout: Work,
    in_sync: Work,
    change: Work,
    restart: Work,
}

async fn course(apps: usize) -> Course {
    let mut world = World::new(apps, &Arc::new(Digester::default()));
    world.start(Feed::On);
    assert!(world.until_ready().await.is_some());
    // Events may still be on their way.
    sleep(MINUTE).await;
    let rollout = take(&mut world);
    sleep(HOUR).await;
    let in_sync = take(&mut world);
    let spec = json!({"type": "papertrail", "host": "logs.example.com", "port": 6515});
    world.apply(0, "papertrail", spec);
    sleep(MINUTE).await;
    let change = take(&mut world);
    world.kill().await;
    world.start(Feed::On);
    sleep(MINUTE).await;
    let restart = take(&mut world);
    Course { resources: apps * DRAINS, rollout, in_sync, change, restart }
}

#[tokio::test(start_paused = true)]
async fn a_resource_costs_the_same_among_many() {
    tracing::subscriber::set_global_default(Counter).unwrap();
    let few = course(FEW).await;
    let many = course(MANY).await;
    assert_eq!(few.in_sync, many.in_sync, "only the feed is read");
    assert_eq!(many.in_sync.reconciliations, 0);
    assert_eq!(few.change, many.change);
    assert_eq!(many.change.reconciliations, 1);
    for course in [&few, &many] {
        let resources = course.resources as u64;
        // Once, once more with the request that it has waited for, and some when a neighbour is done.
        assert!(
            (resources..=3 * resources).contains(&course.rollout.reconciliations),
            "{:?}",
            course.rollout
        );
        assert_eq!(course.restart.reconciliations, resources, "each once");
        assert_eq!(course.restart.writes, 0);
    }
    assert_eq!(few.restart.requests, many.restart.requests);
    let polls = |course: &Course, other: &Course| course.restart.polls * other.resources;
    assert!(polls(&many, &few) <= polls(&few, &many), "{:?}, {:?}", few.restart, many.restart);
}
