//! `kill -9` at every step of an addition, a replacement and a deletion: afterwards each wanted drain is there
//! once, none is left over, and none of others' was touched.

use scalingo_simulator::{Gate, When};

use crate::{
    scene::{LATER, Scene, WANTED, Wanted, each_has},
    side_by_side::side_by_side,
    wire::Wire,
};

/// Where the operator is when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// It waits for its bearer token.
    Exchange,
    /// It waits for the names of the apps.
    Apps,
    /// It waits for the list of drains.
    List,
    /// It has decided to add, and its intent is on its way to the API server, where it never arrives.
    Intent,
    /// It waits for the answer to its POST.
    Post(When),
    /// It has the answer to its POST, and its record is on its way to the API server, where it never arrives.
    PostAnswered,
    /// It waits for the answer to its DELETE.
    Delete(When),
    /// It has the answer to its DELETE, which it has not yet said to the API server.
    DeleteAnswered,
}

/// What becomes of the requests that were under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// They are never answered; those that had not yet taken effect never do.
    Lost,
    /// They take effect once the next operator has looked.
    Late,
}

use Fate::{Late, Lost};
use Point::{Apps, Delete, DeleteAnswered, Exchange, Intent, List, Post, PostAnswered};
use When::{After, Before};

/// One row: a crash, and how many requests to add and to delete each drain takes, with those that the crash cut off.
type Row = (Point, Fate, usize, usize);

/// What people ask for in turn; `None` is to delete.
struct History {
    /// Which is reached before anything goes wrong, if any.
    reached: Option<u32>,
    /// In whose midst the operator ends.
    wanted: Option<u32>,
    /// By the time of the next start.
    finally: Option<u32>,
}

const ADD: History = History { reached: None, wanted: Some(1), finally: Some(1) };
const REPLACE: History = History { reached: Some(1), wanted: Some(2), finally: Some(2) };
const DELETE: History = History { reached: Some(1), wanted: None, finally: None };
const ADD_THEN_DELETE: History = History { reached: None, wanted: Some(1), finally: None };
const ADD_THEN_CHANGE: History = History { reached: None, wanted: Some(1), finally: Some(2) };
const REPLACE_THEN_REVERT: History = History { reached: Some(1), wanted: Some(2), finally: Some(1) };
const REPLACE_THEN_CHANGE: History = History { reached: Some(1), wanted: Some(2), finally: Some(3) };
const REPLACE_THEN_DELETE: History = History { reached: Some(1), wanted: Some(2), finally: None };

#[test]
fn a_crash_at_any_step_of_an_addition_leaves_one_drain() {
    let rows: [Row; 7] = [
        (Exchange, Lost, 1, 0),
        (Apps, Lost, 1, 0),
        (List, Lost, 1, 0),
        (Intent, Lost, 1, 0),
        (Post(Before), Late, 1, 0),
        (Post(After), Lost, 1, 0),
        (PostAnswered, Lost, 1, 0),
    ];
    side_by_side(rows, |row| crash(&ADD, row));
}

#[test]
fn a_crash_at_any_step_of_a_replacement_leaves_one_drain_and_no_gap() {
    let rows: [Row; 11] = [
        (Exchange, Lost, 1, 1),
        (Apps, Lost, 1, 1),
        (List, Lost, 1, 1),
        (Intent, Lost, 1, 1),
        (Post(Before), Late, 1, 1),
        (Post(After), Lost, 1, 1),
        (PostAnswered, Lost, 1, 1),
        (Delete(Before), Lost, 1, 2),
        (Delete(Before), Late, 1, 1),
        (Delete(After), Lost, 1, 1),
        (DeleteAnswered, Lost, 1, 1),
    ];
    side_by_side(rows, |row| crash(&REPLACE, row));
}

#[test]
fn a_crash_at_any_step_of_a_deletion_leaves_no_drain() {
    let rows: [Row; 6] = [
        (Exchange, Lost, 0, 1),
        (List, Lost, 0, 1),
        (Delete(Before), Lost, 0, 2),
        (Delete(Before), Late, 0, 1),
        (Delete(After), Lost, 0, 1),
        (DeleteAnswered, Lost, 0, 1),
    ];
    side_by_side(rows, |row| crash(&DELETE, row));
}

#[test]
fn what_is_deleted_after_a_crash_in_its_addition_leaves_no_drain() {
    let rows: [Row; 4] = [
        (Intent, Lost, 0, 0),
        (Post(Before), Late, 1, 1),
        (Post(After), Lost, 1, 1),
        (PostAnswered, Lost, 1, 1),
    ];
    side_by_side(rows, |row| crash(&ADD_THEN_DELETE, row));
}

#[test]
fn what_is_changed_after_a_crash_in_its_addition_leaves_one_drain() {
    let rows: [Row; 3] = [(Intent, Lost, 1, 0), (Post(Before), Late, 2, 1), (Post(After), Lost, 2, 1)];
    side_by_side(rows, |row| crash(&ADD_THEN_CHANGE, row));
}

#[test]
fn what_is_reverted_after_a_crash_in_its_replacement_keeps_its_drain() {
    let rows: [Row; 6] = [
        (Intent, Lost, 0, 0),
        (Post(Before), Late, 1, 1),
        (Post(After), Lost, 1, 1),
        (Delete(Before), Lost, 1, 2),
        (Delete(Before), Late, 2, 2),
        (Delete(After), Lost, 2, 2),
    ];
    side_by_side(rows, |row| crash(&REPLACE_THEN_REVERT, row));
}

#[test]
fn what_is_changed_again_after_a_crash_in_its_replacement_leaves_one_drain() {
    let rows: [Row; 5] = [
        (Intent, Lost, 1, 1),
        (Post(Before), Late, 2, 2),
        (Post(After), Lost, 2, 2),
        (Delete(Before), Lost, 2, 3),
        (Delete(After), Lost, 2, 2),
    ];
    side_by_side(rows, |row| crash(&REPLACE_THEN_CHANGE, row));
}

#[test]
fn what_is_deleted_after_a_crash_in_its_replacement_leaves_no_drain() {
    let rows: [Row; 5] = [
        (Intent, Lost, 0, 1),
        (Post(Before), Late, 1, 2),
        (Post(After), Lost, 1, 2),
        (Delete(Before), Lost, 1, 3),
        (Delete(After), Lost, 1, 2),
    ];
    side_by_side(rows, |row| crash(&REPLACE_THEN_DELETE, row));
}

/// The rows that have to wait until the request can no longer come, side by side.
#[test]
fn a_request_that_a_crash_cut_off_and_that_never_arrives_is_waited_for() {
    let rows: [(&History, usize, usize); 7] = [
        (&ADD, 2, 0),
        (&ADD_THEN_DELETE, 1, 0),
        (&ADD_THEN_CHANGE, 2, 0),
        (&REPLACE, 2, 1),
        (&REPLACE_THEN_REVERT, 1, 0),
        (&REPLACE_THEN_CHANGE, 2, 1),
        (&REPLACE_THEN_DELETE, 1, 1),
    ];
    side_by_side(rows, |(history, posts, deletes)| crash(history, (Post(Before), Lost, posts, deletes)));
}

async fn crash(history: &History, row: Row) {
    let (point, fate, posts, deletes) = row;
    let mut scene = Scene::set().await;
    if let Some(version) = history.reached {
        scene.want(version);
        scene.world.start_operator();
        scene.until_synced().await;
        scene.world.stop_operator();
    }
    let begun = scene.now();

    let wire = Wire::lay(&mut scene.world).await;
    let gate = crash_at(&scene, &wire, point, history.wanted).await;
    let before = scene.changes_count();
    scene.world.simulator.clear_rules();
    wire.cut();
    if history.finally != history.wanted {
        ask_for(&scene, history.finally);
    }
    wire.mend();
    if fate == Lost {
        gate.break_off();
    }
    scene.world.start_operator();
    if fate == Late {
        scene.until_listed().await;
        assert_eq!(scene.changes_count().0, before.0, "nothing is added while the request may be under way");
        gate.release();
    }

    if let Some(version) = history.finally {
        scene.world.until_simulator_within(LATER, "one drain each", each_has(1)).await;
        scene.until_synced().await;
        for wanted in &WANTED {
            let own = scene.own(wanted);
            assert_eq!(own.len(), 1, "{point:?} {fate:?} {}: {own:?}", wanted.name);
            scene.assert_is_version(wanted, &own[0], version);
        }
    } else {
        scene.world.until_simulator_within(LATER, "no drain", each_has(0)).await;
        scene.until_gone().await;
        for wanted in &WANTED {
            assert_eq!(scene.own(wanted), [""; 0], "{point:?} {fate:?} {}", wanted.name);
        }
    }
    if history.reached.is_some() && history.finally.is_some() {
        scene.assert_never_absent_since(begun);
    }
    for wanted in &WANTED {
        let count = |method| {
            let requests = scene.requests(method, wanted);
            requests.iter().filter(|entry| entry.sequence > begun).count()
        };
        assert_eq!(
            (count("POST"), count("DELETE")),
            (posts, deletes),
            "{point:?} {fate:?} {}: {:#?}",
            wanted.name,
            scene.world.simulator.journal()
        );
        if point == Post(Before) && fate == Lost && posts > 1 {
            assert_waited(&scene, wanted, begun);
        }
    }
    scene.assert_foreign_untouched();
    scene.world.finish();
}

/// The request that may have been under way was waited for, looking for its drain meanwhile.
fn assert_waited(scene: &Scene, wanted: &Wanted, begun: u64) {
    let posts = scene.requests("POST", wanted);
    let posts: Vec<_> = posts.iter().filter(|entry| entry.sequence > begun).collect();
    let pause = posts[1].at.duration_since(posts[0].at);
    assert!(pause.as_secs() >= 90, "{}: only {pause}", wanted.name);
    let lists = scene.requests("GET", wanted);
    let between =
        lists.iter().filter(|entry| (posts[0].sequence..posts[1].sequence).contains(&entry.sequence)).count();
    assert!(between > 3, "{}: listed {between} times", wanted.name);
}

fn ask_for(scene: &Scene, version: Option<u32>) {
    match version {
        Some(version) => scene.want(version),
        None => scene.delete(),
    }
}

/// Starts an operator, asks for something, and ends it at this point.
async fn crash_at(scene: &Scene, wire: &Wire, point: Point, wanted: Option<u32>) -> Gate {
    let world = &scene.world;
    let all = WANTED.len();
    let (gate, count) = match point {
        Exchange => (scene.hold_at("POST", &["/v1/tokens/exchange"], Before), 1),
        Apps => (scene.hold_at("GET", &["/v1/apps"], Before), 1),
        List | Intent => (scene.hold("GET", Before), all),
        Post(when) => (scene.hold("POST", when), all),
        PostAnswered => (scene.hold("POST", After), all),
        Delete(when) => (scene.hold("DELETE", when), all),
        DeleteAnswered => (scene.hold("DELETE", After), all),
    };
    ask_for(scene, wanted);
    world.start_operator();
    world.until_held_by(&gate, count).await;
    let records_before = records(scene);
    let printed = match point {
        Intent => "planned",
        PostAnswered => "operation=\"add_drain\"",
        DeleteAnswered => "operation=\"delete_drain\"",
        Exchange | Apps | List | Post(_) | Delete(_) => {
            world.kill_operator();
            return gate;
        }
    };
    let so_far = world.operator_output().matches(printed).count();
    wire.hold();
    gate.release();
    world.until_output(printed, |output| output.matches(printed).count() >= so_far + all).await;
    wire.has_something().await;
    world.kill_operator();
    assert_eq!(records(scene), records_before, "what was on its way has not arrived");
    gate
}

fn records(scene: &Scene) -> Vec<serde_json::Value> {
    scene.all().iter().map(|object| object["status"]["drains"].clone()).collect()
}
