//! An API server that is away for a while.

use scalingo_simulator::When;

use crate::{
    scene::{Scene, WANTED},
    wire::Wire,
};

const NOT_WRITTEN: &str = "the status could not be written";

async fn synced() -> (Scene, Wire) {
    let mut scene = Scene::set().await;
    let wire = Wire::lay(&mut scene.world).await;
    scene.world.start_operator();
    scene.want(1);
    scene.until_synced().await;
    (scene, wire)
}

async fn until_noticed(scene: &Scene) {
    let all = WANTED.len();
    scene.world.until_output(NOT_WRITTEN, |output| output.matches(NOT_WRITTEN).count() >= all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_while_the_api_server_is_away_and_all_that_was_asked_for_is_done_afterwards() {
    let (scene, wire) = synced().await;
    let before = scene.world.simulator.changes();
    let begun = scene.now();
    wire.cut();
    scene.want(2);
    until_noticed(&scene).await;
    let kinds = ["status_write", "kubernetes", "logdrain_watch", "secret_watch"];
    scene.world.metrics().await.assert_errors(&kinds);
    assert_eq!(scene.world.simulator.changes(), before);
    wire.mend();
    scene.until_synced().await;
    for wanted in &WANTED {
        let own = scene.own(wanted);
        assert_eq!(own.len(), 1, "{}", wanted.name);
        scene.assert_is_version(wanted, &own[0], 2);
        assert_eq!(scene.requests("POST", wanted).len(), 2, "{}", wanted.name);
    }
    scene.assert_never_absent_since(begun);
    scene.assert_foreign_untouched();
    scene.world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addition_that_could_not_be_written_down_is_found_and_not_repeated() {
    let (scene, wire) = synced().await;
    let posts = scene.hold("POST", When::After);
    scene.want(2);
    scene.world.until_held_by(&posts, WANTED.len()).await;
    wire.cut();
    posts.release();
    until_noticed(&scene).await;
    wire.mend();
    scene.until_synced().await;
    for wanted in &WANTED {
        let own = scene.own(wanted);
        assert_eq!(own.len(), 1, "{}", wanted.name);
        scene.assert_is_version(wanted, &own[0], 2);
        assert_eq!(scene.requests("POST", wanted).len(), 2, "{}", wanted.name);
        assert_eq!(scene.requests("DELETE", wanted).len(), 1, "{}", wanted.name);
    }
    scene.assert_foreign_untouched();
    scene.world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_could_not_be_written_down_is_seen_and_not_repeated() {
    let (scene, wire) = synced().await;
    let deletes = scene.hold("DELETE", When::After);
    scene.delete();
    scene.world.until_held_by(&deletes, WANTED.len()).await;
    wire.cut();
    deletes.release();
    until_noticed(&scene).await;
    wire.mend();
    scene.until_gone().await;
    for wanted in &WANTED {
        assert_eq!(scene.own(wanted), [""; 0], "{}", wanted.name);
        assert_eq!(scene.requests("DELETE", wanted).len(), 1, "{}", wanted.name);
    }
    scene.assert_foreign_untouched();
    scene.world.finish();
}
