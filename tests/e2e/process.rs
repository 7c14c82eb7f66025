//! The process: whether it is ready, how it ends, and what a start does.

use control_plane::{AuditEntry, Supervised};
use jiff::Timestamp;
use scalingo_simulator::When;
use serde_json::{Value, json};

use crate::{
    eventually::eventually,
    scene::{Scene, WANTED},
    side_by_side::side_by_side,
    wire::Wire,
    world::{SOON, World},
};

fn answer(status: u16, body: &str) -> (u16, String) {
    (status, body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_lives_at_once_and_is_ready_when_its_caches_have_synced() {
    let mut scene = Scene::set().await;
    scene.want(1);
    let wire = Wire::lay(&mut scene.world).await;
    wire.hold();
    scene.world.start_operator();
    let not_ready = answer(503, "The operator is not ready: its caches have not synced yet.\n");
    assert_eq!(scene.world.admin("/livez").await, answer(200, "ok\n"));
    assert_eq!(scene.world.admin("/readyz").await, not_ready);
    wire.has_something().await;
    assert_eq!(scene.world.admin("/readyz").await, not_ready);
    assert!(scene.world.simulator.journal().is_empty(), "nothing is decided before all is known");

    wire.release();
    let is_ready = async || (scene.world.admin("/readyz").await == answer(200, "ok\n")).then_some(());
    eventually(SOON, || scene.world.operator_output(), is_ready).await;
    assert_eq!(scene.world.admin("/").await, answer(404, "Here are only /livez, /readyz and /metrics.\n"));
    scene.until_synced().await;
    scene.world.finish();
}

type Signal = fn(&Supervised);

const TERMINATE: Signal = |process| process.terminate().expect("a signal");
const INTERRUPT: Signal = |process| process.interrupt().expect("a signal");

/// Asks the operator to end, and waits until it knows.
async fn ask_to_end(world: &World, signal: Signal) {
    world.with_operator(signal);
    world.until_output("that it stops", |output| output.contains("stopping: running steps may end")).await;
}

/// Waits until it has ended, and makes sure that it ended well and left nothing unfinished. That it has not waited is what it
/// says itself: after the time that it grants a step it says so.
async fn ends_at_once(world: &World) {
    let (status, output) = world.operator_exit().await;
    assert!(status.success(), "{status}: {output}");
    assert!(output.trim_end().ends_with(" stopped"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_an_idle_operator_at_once() {
    for signal in [TERMINATE, INTERRUPT] {
        let scene = Scene::set().await;
        scene.world.start_operator();
        scene.want(1);
        scene.until_synced().await;
        ask_to_end(&scene.world, signal).await;
        ends_at_once(&scene.world).await;
        scene.world.finish();
    }
}

#[test]
fn a_signal_ends_it_in_time_whatever_hangs_and_the_next_start_goes_on() {
    let rows: [(Signal, &str, bool); 4] = [
        (TERMINATE, "GET", false),
        (INTERRUPT, "GET", false),
        (TERMINATE, "POST", false),
        (INTERRUPT, "POST", true),
    ];
    side_by_side(rows, async |(signal, method, kubernetes_hangs)| {
        let mut scene = Scene::set().await;
        let wire = Wire::lay(&mut scene.world).await;
        let gate = scene.hold(method, When::Before);
        scene.want(1);
        scene.world.start_operator();
        scene.world.until_held_by(&gate, WANTED.len()).await;
        if kubernetes_hangs {
            wire.hold();
            gate.release();
            wire.has_something().await;
        }
        ask_to_end(&scene.world, signal).await;
        let (status, output) = scene.world.operator_exit().await;
        assert!(status.success(), "{status}: {output}");
        assert!(output.contains(" stopped while a step was running"), "{method} hangs: {output}");

        wire.cut();
        wire.mend();
        scene.world.simulator.clear_rules();
        gate.release();
        scene.world.start_operator();
        scene.until_synced().await;
        for wanted in &WANTED {
            assert_eq!(scene.own(wanted).len(), 1, "{}", wanted.name);
            assert_eq!(scene.requests("POST", wanted).len(), 1, "{}", wanted.name);
        }
        scene.assert_foreign_untouched();
        scene.world.finish();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    for (first, second) in [(TERMINATE, INTERRUPT), (INTERRUPT, TERMINATE), (TERMINATE, TERMINATE)] {
        let scene = Scene::set().await;
        let gate = scene.hold("POST", When::After);
        scene.want(1);
        scene.world.start_operator();
        scene.world.until_held_by(&gate, WANTED.len()).await;
        ask_to_end(&scene.world, first).await;
        scene.world.with_operator(second);
        let (status, output) = scene.world.operator_exit().await;
        assert_eq!(status.code(), Some(130), "{output}");
        assert!(output.contains(" stopped at once; the next start goes on from the records"), "{output}");

        scene.world.simulator.clear_rules();
        gate.break_off();
        scene.world.start_operator();
        scene.until_synced().await;
        for wanted in &WANTED {
            assert_eq!(scene.own(wanted).len(), 1, "{}", wanted.name);
        }
        scene.world.finish();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_step_begins_after_a_signal() {
    let scene = Scene::set().await;
    let lists = scene.hold("GET", When::Before);
    scene.want(1);
    scene.world.start_operator();
    scene.world.until_held_by(&lists, WANTED.len()).await;
    ask_to_end(&scene.world, TERMINATE).await;
    lists.release();
    ends_at_once(&scene.world).await;
    assert!(scene.all().iter().all(|object| object["status"]["drains"].is_null()), "{:#?}", scene.all());
    for wanted in &WANTED {
        assert_eq!(scene.requests("POST", wanted).len(), 0, "{}", wanted.name);
    }

    scene.world.start_operator();
    scene.until_synced().await;
    scene.world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_runs_at_a_signal_is_ended_and_written_down_and_the_next_left_to_the_next_start() {
    let scene = Scene::set().await;
    scene.world.start_operator();
    scene.want(1);
    scene.until_synced().await;
    let posts = scene.hold("POST", When::After);
    scene.want(2);
    scene.world.until_held_by(&posts, WANTED.len()).await;
    ask_to_end(&scene.world, TERMINATE).await;
    posts.release();
    ends_at_once(&scene.world).await;
    for object in scene.all() {
        let records = object["status"]["drains"].as_array().expect("records");
        let records: Vec<_> = records.iter().map(|record| &record["state"]).collect();
        assert_eq!(records, ["Active", "Active"], "the answers are written down: {object:#}");
    }
    for wanted in &WANTED {
        assert_eq!(scene.own(wanted).len(), 2, "{}", wanted.name);
        assert_eq!(scene.requests("DELETE", wanted).len(), 0, "{}", wanted.name);
    }

    scene.world.start_operator();
    scene.until_synced().await;
    for wanted in &WANTED {
        let own = scene.own(wanted);
        assert_eq!(own.len(), 1, "{}", wanted.name);
        scene.assert_is_version(wanted, &own[0], 2);
        assert_eq!(scene.requests("POST", wanted).len(), 2, "{}", wanted.name);
    }
    scene.world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_nothing_changed_writes_nothing_anywhere() {
    let scene = Scene::set().await;
    scene.world.start_operator();
    scene.want(1);
    scene.until_synced().await;
    for ends_well in [true, false] {
        if ends_well {
            scene.world.stop_operator();
        } else {
            scene.world.kill_operator();
        }
        let objects = versions(&scene);
        let changes = scene.world.simulator.changes();
        let begun = (scene.now(), Timestamp::now());
        scene.world.start_operator();
        for _ in 0..3 {
            scene.until_listed().await;
        }
        assert_eq!(versions(&scene), objects);
        assert_eq!(scene.world.simulator.changes(), changes);
        let writes: Vec<_> =
            scene.world.writes().into_iter().filter(|entry| entry.sequence > begun.0).collect();
        assert!(writes.is_empty(), "{writes:?}");
        let audit: Vec<_> = scene
            .world
            .audit()
            .into_iter()
            .filter(AuditEntry::is_write)
            .filter(|entry| entry.time.parse::<Timestamp>().expect("a time") > begun.1)
            .collect();
        assert!(audit.is_empty(), "{audit:#?}");
    }
    scene.world.finish();
}

fn versions(scene: &Scene) -> Vec<Value> {
    let metadata =
        |object: &Value| json!([object["metadata"]["name"], object["metadata"]["resourceVersion"]]);
    scene.all().iter().map(metadata).collect()
}
