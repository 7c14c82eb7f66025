//! Two operators at once, as there are for a moment when one takes over from another. Until one of them is elected,
//! `resourceVersion` alone keeps them from adding a drain twice.

use scalingo_simulator::{ChangeKind, When};

use crate::{
    eventually::until,
    scene::{LATER, Scene, WANTED, each_has},
    wire::Wire,
};

#[tokio::test(flavor = "multi_thread")]
async fn two_operators_add_each_drain_once_and_agree() {
    let scene = Scene::set().await;
    scene.world.start_operator();
    scene.world.start_operator();
    scene.want(1);
    scene.until_synced().await;
    let begun = scene.now();
    for version in 2..=4 {
        scene.want(version);
        scene.until_synced().await;
        for wanted in &WANTED {
            let own = scene.own(wanted);
            assert_eq!(own.len(), 1, "{}: {own:?}", wanted.name);
            scene.assert_is_version(wanted, &own[0], version);
            assert_eq!(scene.requests("POST", wanted).len(), version as usize, "{}", wanted.name);
        }
    }
    scene.assert_never_absent_since(begun);

    let versions = || -> Vec<_> {
        scene.all().iter().map(|object| object["metadata"]["resourceVersion"].clone()).collect()
    };
    let before = versions();
    for _ in 0..4 {
        scene.until_listed().await;
    }
    assert_eq!(versions(), before, "they do not contradict each other");

    scene.delete();
    scene.until_gone().await;
    for wanted in &WANTED {
        assert_eq!(scene.own(wanted), [""; 0], "{}", wanted.name);
        let removed = scene.changes_since(0, wanted);
        let removed = removed.iter().filter(|change| change.kind == ChangeKind::Removed);
        assert_eq!(removed.count(), 4, "{}", wanted.name);
    }
    scene.assert_foreign_untouched();
    scene.world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_was_halted_after_its_intent_does_not_act_on_it_when_another_has() {
    let mut scene = Scene::set().await;
    let kubeconfig = scene.world.kubeconfig.clone();
    let wire = Wire::lay(&mut scene.world).await;
    let lists = scene.hold("GET", When::Before);
    scene.want(1);
    scene.world.start_operator();
    scene.world.until_held_by(&lists, WANTED.len()).await;
    wire.hold();
    lists.release();
    let all_planned = |output: &str| output.matches("planned").count() >= WANTED.len();
    scene.world.until_output("its plans", all_planned).await;
    wire.has_something().await;
    scene.world.with_operator(|operator| operator.pause().expect("a signal"));
    wire.release();
    let is_intended = |object: &serde_json::Value| object["status"]["drains"][0]["state"] == "Adding";
    // What of the intents was still in the halted process never was written: the other begins anew there.
    let describe = || format!("{:#?}", scene.all());
    until(LATER, describe, || scene.all().iter().any(is_intended)).await;

    scene.world.kubeconfig = kubeconfig;
    scene.world.start_operator();
    scene.world.until_simulator_within(LATER, "one drain each", each_has(1)).await;
    scene.until_synced().await;
    scene.world.with_first_operator(|operator| operator.resume().expect("a signal"));
    let lists = || scene.world.first_operator_output().matches("operation=\"list_drains\"").count();
    let answered = lists();
    // Until the first one has looked again at each.
    let describe = || scene.world.first_operator_output();
    until(LATER, describe, || lists() >= answered + 2 * WANTED.len()).await;
    scene.until_synced().await;
    for wanted in &WANTED {
        assert_eq!(scene.own(wanted).len(), 1, "{}", wanted.name);
        assert_eq!(scene.requests("POST", wanted).len(), 1, "{}", wanted.name);
    }
    scene.assert_foreign_untouched();
    scene.world.finish();
}
