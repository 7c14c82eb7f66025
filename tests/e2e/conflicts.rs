//! People change a resource while the operator is in the midst of a step.

use scalingo_simulator::When;

use crate::{
    scene::{Scene, WANTED},
    side_by_side::side_by_side,
};

async fn asked_for_one() -> Scene {
    let scene = Scene::set().await;
    scene.world.start_operator();
    scene
}

async fn ends_at_version(scene: &Scene, version: u32, posts: usize, deletes: usize) {
    scene.until_synced().await;
    for wanted in &WANTED {
        let own = scene.own(wanted);
        assert_eq!(own.len(), 1, "{}: {own:?}", wanted.name);
        scene.assert_is_version(wanted, &own[0], version);
        let requests = ["POST", "DELETE"].map(|method| scene.requests(method, wanted).len());
        assert_eq!(requests, [posts, deletes], "{}: {:#?}", wanted.name, scene.world.simulator.journal());
    }
    scene.assert_foreign_untouched();
}

#[test]
fn a_spec_that_changes_during_its_addition_ends_with_the_new_drain_alone() {
    side_by_side([When::Before, When::After], async |when| {
        let scene = asked_for_one().await;
        let gate = scene.hold("POST", when);
        scene.want(1);
        scene.world.until_held_by(&gate, WANTED.len()).await;
        scene.want(2);
        gate.release();
        ends_at_version(&scene, 2, 2, 1).await;
        scene.world.finish();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_changes_before_its_addition_is_not_acted_upon_any_more() {
    let scene = asked_for_one().await;
    let gate = scene.hold("GET", When::Before);
    scene.want(1);
    scene.world.until_held_by(&gate, WANTED.len()).await;
    scene.want(2);
    gate.release();
    ends_at_version(&scene, 2, 1, 0).await;
    scene.world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_changes_back_during_its_replacement_keeps_the_old_drain() {
    let scene = asked_for_one().await;
    scene.want(1);
    scene.until_synced().await;
    let begun = scene.now();
    let gate = scene.hold("POST", When::After);
    scene.want(2);
    scene.world.until_held_by(&gate, WANTED.len()).await;
    scene.want(1);
    gate.release();
    ends_at_version(&scene, 1, 2, 1).await;
    scene.assert_never_absent_since(begun);
    scene.world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_changes_during_the_deletion_of_the_old_drain_ends_with_the_newest_alone() {
    let scene = asked_for_one().await;
    scene.want(1);
    scene.until_synced().await;
    let begun = scene.now();
    let gate = scene.hold("DELETE", When::After);
    scene.want(2);
    scene.world.until_held_by(&gate, WANTED.len()).await;
    scene.want(3);
    gate.release();
    ends_at_version(&scene, 3, 3, 2).await;
    scene.assert_never_absent_since(begun);
    scene.world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_and_annotations_that_change_during_an_addition_do_not_matter() {
    let scene = asked_for_one().await;
    let gate = scene.hold("POST", When::After);
    scene.want(1);
    scene.world.until_held_by(&gate, WANTED.len()).await;
    scene.world.kubectl(&["label", "logdrains", "--all", "team=shop"]);
    scene.world.kubectl(&["annotate", "logdrains", "--all", "note=checked"]);
    gate.release();
    ends_at_version(&scene, 1, 1, 0).await;
    for object in scene.all() {
        assert_eq!(object["metadata"]["labels"]["team"], "shop");
        assert_eq!(object["metadata"]["annotations"]["note"], "checked");
    }
    scene.world.finish();
}

#[test]
fn a_resource_that_is_deleted_during_its_addition_leaves_no_drain() {
    side_by_side([When::Before, When::After], async |when| {
        let scene = asked_for_one().await;
        let gate = scene.hold("POST", when);
        scene.want(1);
        scene.world.until_held_by(&gate, WANTED.len()).await;
        scene.delete();
        gate.release();
        scene.until_gone().await;
        for wanted in &WANTED {
            assert_eq!(scene.own(wanted), [""; 0], "{}", wanted.name);
            let requests = ["POST", "DELETE"].map(|method| scene.requests(method, wanted).len());
            assert_eq!(requests, [1, 1], "{}", wanted.name);
        }
        scene.assert_foreign_untouched();
        scene.world.finish();
    });
}
