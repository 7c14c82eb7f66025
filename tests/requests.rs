//! The benchmark `requests` with a few apps, so that what it says of many stays true.

#[path = "../benches/requests/figures.rs"]
mod figures;
#[path = "../benches/requests/journal.rs"]
mod journal;
#[path = "../benches/requests/operator.rs"]
mod operator;
#[path = "requests/scale.rs"]
mod scale;
#[path = "../benches/requests/table.rs"]
mod table;
#[path = "../benches/requests/world.rs"]
mod world;

use std::sync::Arc;
use std::time::Duration;

use figures::{Scale, measure};
use logdrain_operator::drain::Digester;
use operator::Feed;
use table::Table;
use tokio::time::sleep;
use world::World;

#[test]
fn no_goal_is_missed() {
    let scale = Scale { installations: vec![1, 40], apps: 12, hours: 2, drifts: 20, changes: 4 };
    let table = Table::new(&measure(&scale).unwrap(), scale.hours);
    assert!(table.missed().is_empty(), "{table}");
}

/// Two processes end in the middle of all that they have to do, one a moment after the other.
#[tokio::test(start_paused = true)]
async fn restarts_in_the_middle_of_much_work_send_no_more_than_scalingo_allows() {
    let digester = Arc::new(Digester::default());
    let mut world = World::new(40, &digester);
    for run in [3, 10] {
        world.start(Feed::On);
        sleep(Duration::from_secs(run)).await;
        world.kill().await;
    }
    let before = world.take();
    let many = before.journal.len();
    assert!(many > 30, "{many} requests");
    world.start(Feed::On);
    assert!(world.until_ready().await.is_some());
    let after = world.take();
    assert_eq!((before.refused(), after.refused()), (0, 0));
}
