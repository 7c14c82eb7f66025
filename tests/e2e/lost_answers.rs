//! Answers that are lost, or say nothing, while the operator lives on: each wanted drain is there once, and those
//! that are to go are gone.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use scalingo_simulator::{Action, Answer, AnswerBody, Entry, Rule, When};

use crate::{
    scene::{LATER, Scene, WANTED, Wanted, each_has},
    side_by_side::side_by_side,
    world::{condition, ready},
};

use When::{After, Before};

/// Nothing but what has happened leads to a look.
const HOUR: [&str; 2] = ["--resync", "1h"];

/// The first POST to each target meets this.
struct Row {
    what: &'static str,
    then: Action,
}

fn row(what: &'static str, then: Action) -> Row {
    Row { what, then }
}

fn html(status: u16) -> Answer {
    Answer::new(status, AnswerBody::Html)
}

#[test]
fn a_drain_that_was_added_with_the_answer_lost_is_found_and_not_added_again() {
    let late = |answer| Action::Late { milliseconds: 50_000, answer };
    let rows = [
        row("connection lost after the change", Action::Reset { when: After }),
        row("502 after the change", Action::respond_after(html(502))),
        row("504 after the change", Action::respond_after(Answer::new(504, AnswerBody::Empty))),
        row("408 after the change", Action::respond_after(Answer::new(408, AnswerBody::Empty))),
        row("504, and the change 50 s later", late(Some(html(504)))),
        row("no answer in time, and the change 50 s later", late(None)),
    ];
    side_by_side(rows, async |row| {
        let scene = meet("POST", &row.then, &[]).await;
        scene.until_all("waiting", |object| says_that_it_waits(object) || is_synced(object)).await;
        synced_after_posts(&scene, &row, 1).await;
        scene.world.metrics().await.assert_errors(&["answer_lost"]);
        scene.world.finish();
    });
}

#[test]
fn a_drain_that_was_added_with_an_answer_that_says_nothing_is_found_at_once() {
    let error = |status| Action::respond_after(Answer::error(status, "something went wrong"));
    let unreadable = |body| Action::respond_after(Answer::new(201, body));
    let rows = [
        row("500 after the change", error(500)),
        row("503 after the change", error(503)),
        row("500 of HTML after the change", Action::respond_after(html(500))),
        row("201 of HTML", unreadable(AnswerBody::Html)),
        row("201 that is cut", Action::Cut),
        row("201 that is not UTF-8", unreadable(AnswerBody::NotUtf8)),
        row("201 of the wrong type", unreadable(AnswerBody::WrongType)),
        row("201 of nothing", unreadable(AnswerBody::Empty)),
    ];
    side_by_side(rows, async |row| {
        let scene = meet("POST", &row.then, &HOUR).await;
        synced_after_posts(&scene, &row, 1).await;
        assert_looked_at_once(&scene, &row);
        scene.world.finish();
    });
}

#[test]
fn a_drain_that_the_application_failed_to_add_is_looked_for_and_added_soon() {
    let error = |status| Action::respond(Answer::error(status, "something went wrong"));
    let rows = [
        row("500", error(500)),
        row("503", error(503)),
        row("500 of HTML", Action::respond(html(500))),
        row("503 of nothing", Action::respond(Answer::new(503, AnswerBody::Empty))),
    ];
    side_by_side(rows, async |row| {
        let scene = meet("POST", &row.then, &HOUR).await;
        synced_after_posts(&scene, &row, 2).await;
        assert_looked_at_once(&scene, &row);
        scene.world.finish();
    });
}

#[test]
fn a_drain_whose_request_was_lost_is_added_again_once_it_can_no_longer_come() {
    let rows = [
        row("connection lost before the change", Action::Reset { when: Before }),
        row("502", Action::respond(html(502))),
        row("504", Action::respond(Answer::new(504, AnswerBody::Empty))),
        row("408", Action::respond(Answer::new(408, AnswerBody::Empty))),
        row("403 of a firewall", Action::respond(html(403))),
        row("201 without a change", Action::respond(html(201))),
    ];
    side_by_side(rows, async |row| {
        let scene = meet("POST", &row.then, &[]).await;
        let waiting = scene.until_all("waiting", says_that_it_waits).await;
        assert_eq!(waiting.len(), WANTED.len());
        for object in &waiting {
            assert_eq!(condition(object, "Reconciling")["status"], "True", "{object:#}");
            assert!(condition(object, "Stalled").is_null(), "{object:#}");
            assert_eq!(object["status"]["drains"][0]["state"], "Adding", "{object:#}");
        }
        synced_after_posts(&scene, &row, 2).await;
        for wanted in &WANTED {
            let posts = scene.requests("POST", wanted);
            // From the intent, which stands in whole seconds, and may come long before its request.
            let object = waiting.iter().find(|object| object["metadata"]["name"] == wanted.name);
            let since = &object.expect("it waits")["status"]["drains"][0]["since"];
            let since: Timestamp = since.as_str().expect("a time").parse().expect("a time");
            let waited = posts[1].at.duration_since(since).as_secs();
            assert!(waited >= 99, "{}, {}: {waited} s", row.what, wanted.name);
            let between = lists_between(&scene, wanted, &posts[0], &posts[1]);
            assert!(between > 1, "{}, {}: listed {between} times", row.what, wanted.name);
        }
        scene.world.finish();
    });
}

/// How the first DELETE of each drain fails, and how many it takes.
fn failing_deletions() -> Vec<(Row, RangeInclusive<usize>)> {
    let error = || Answer::error(500, "something went wrong");
    vec![
        (row("connection lost after the change", Action::Reset { when: After }), 1..=1),
        (row("connection lost before the change", Action::Reset { when: Before }), 2..=2),
        (row("500 after the change", Action::respond_after(error())), 1..=1),
        (row("500", Action::respond(error())), 2..=2),
        (row("504 after the change", Action::respond_after(html(504))), 1..=1),
        (row("504", Action::respond(html(504))), 2..=2),
        (
            row("no answer, and the change 3 s later", Action::Late { milliseconds: 3000, answer: None }),
            1..=1,
        ),
        // One, should the operator look only after that.
        (
            row("504, and the change later", Action::Late { milliseconds: 9000, answer: Some(html(504)) }),
            1..=2,
        ),
    ]
}

#[test]
fn a_deletion_whose_answer_was_lost_ends_with_nothing_left() {
    side_by_side(failing_deletions(), async |(row, deletes)| {
        let scene = synced().await;
        let begun = scene.now();
        meet_in(&scene, "DELETE", &row.then);
        scene.delete();
        scene.until_gone().await;
        for wanted in &WANTED {
            assert_eq!(scene.own(wanted), [""; 0], "{}", row.what);
        }
        assert_writes(&scene, begun, &row, 0, &deletes);
        scene.assert_foreign_untouched();
        scene.world.finish();
    });
}

#[test]
fn a_replacement_whose_deletion_was_not_answered_ends_with_the_new_drain_alone() {
    side_by_side(failing_deletions(), async |(row, deletes)| {
        let scene = synced().await;
        let begun = scene.now();
        meet_in(&scene, "DELETE", &row.then);
        scene.want(2);
        scene.until_synced().await;
        for wanted in &WANTED {
            let own = scene.own(wanted);
            assert_eq!(own.len(), 1, "{}: {own:?}", row.what);
            scene.assert_is_version(wanted, &own[0], 2);
        }
        assert_writes(&scene, begun, &row, 1, &deletes);
        scene.assert_never_absent_since(begun);
        scene.assert_foreign_untouched();
        scene.world.finish();
    });
}

/// A scene in which the six are there.
async fn synced() -> Scene {
    let scene = Scene::set().await;
    scene.world.start_operator();
    scene.want(1);
    scene.until_synced().await;
    scene
}

/// A scene in which the first request of this method to each target has met this, with an operator with these arguments.
async fn meet(method: &str, then: &Action, arguments: &[&str]) -> Scene {
    let scene = Scene::set().await;
    meet_in(&scene, method, then);
    scene.world.start_operator_with(arguments);
    scene.want(1);
    let each_has_met = |simulator: &scalingo_simulator::Simulator| {
        let met = simulator.journal().into_iter().filter(|entry| entry.fault.is_some());
        met.count() == WANTED.len()
    };
    scene.world.until_simulator("the fault", each_has_met).await;
    scene
}

fn meet_in(scene: &Scene, method: &str, then: &Action) {
    for wanted in &WANTED {
        let path = match wanted.addon {
            None => format!("/v1/apps/{}/log_drains", wanted.name),
            Some(addon) => format!("/v1/apps/{}/addons/{addon}/log_drains", wanted.name),
        };
        scene.world.simulator.add_rule(Rule::new(method, &path, then.clone()).once());
    }
}

async fn synced_after_posts(scene: &Scene, row: &Row, posts: usize) {
    scene.world.until_simulator_within(LATER, "one drain each", each_has(1)).await;
    scene.until_synced().await;
    for wanted in &WANTED {
        assert_eq!(scene.own(wanted).len(), 1, "{}, {}", row.what, wanted.name);
    }
    assert_writes(scene, 0, row, posts, &(0..=0));
    scene.assert_foreign_untouched();
}

fn assert_writes(scene: &Scene, since: u64, row: &Row, posts: usize, deletes: &RangeInclusive<usize>) {
    for wanted in &WANTED {
        let count =
            |method| scene.requests(method, wanted).iter().filter(|entry| entry.sequence > since).count();
        let counted = (count("POST"), count("DELETE"));
        assert!(
            counted.0 == posts && deletes.contains(&counted.1),
            "{}, {}: {counted:?} and not {posts}, {deletes:?}: {:#?}",
            row.what,
            wanted.name,
            scene.world.simulator.journal()
        );
    }
}

/// A list follows the first POST, where none was due for an hour, and no status ever said that the answer is waited for.
fn assert_looked_at_once(scene: &Scene, row: &Row) {
    for wanted in &WANTED {
        let post = &scene.requests("POST", wanted)[0];
        let lists = scene.requests("GET", wanted);
        let looked = lists.iter().any(|entry| entry.sequence > post.sequence);
        assert!(looked, "{}, {}: {lists:#?}", row.what, wanted.name);
    }
    scene.world.stop_operator();
    let states = scene.world.states();
    assert!(states.iter().any(is_synced));
    for object in &states {
        let said = ready(object)["message"].as_str().unwrap_or_default();
        assert!(!said.contains("looking until"), "{}: {object:#}", row.what);
    }
}

fn lists_between(scene: &Scene, wanted: &Wanted, from: &Entry, to: &Entry) -> usize {
    let lists = scene.requests("GET", wanted);
    lists.iter().filter(|entry| (from.sequence..to.sequence).contains(&entry.sequence)).count()
}

fn says_that_it_waits(object: &serde_json::Value) -> bool {
    let ready = ready(object);
    ready["reason"] == "Progressing"
        && ready["message"].as_str().is_some_and(|message| {
            message.starts_with("the answer to a request was lost; looking until 20")
                && message.ends_with("Z for what it may have done")
        })
}

fn is_synced(object: &serde_json::Value) -> bool {
    ready(object)["reason"] == "Synced"
}
