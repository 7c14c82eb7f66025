//! The benchmark `requests` with a few apps, so that what it says of many stays true.

#[path = "../benches/requests/figures.rs"]
mod figures;
#[path = "../benches/requests/journal.rs"]
mod journal;
#[path = "../benches/requests/operator.rs"]
mod operator;
#[path = "../benches/requests/table.rs"]
mod table;
#[path = "../benches/requests/world.rs"]
mod world;

use figures::{Scale, measure};
use table::Table;

#[test]
fn no_goal_is_missed() {
    let scale = Scale { installations: vec![1, 40], apps: 12, hours: 2, drifts: 20, changes: 4 };
    let table = Table::new(&measure(&scale).unwrap(), scale.hours);
    assert!(table.missed().is_empty(), "{table}");
}
