//! What comes back from a backup: `docs/backup-and-restore.md`.

use scalingo_simulator::ChangeKind::Added;
use scalingo_simulator::{Duplicates, UrlForm};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::{
    duplicates::{OTHER_URL, URL, after_lists, change, changes, papertrail, with},
    emitted::assert_free_of,
    world::{SOON, World, ready},
};

/// Takes a resource out as when its cluster is lost: nobody deletes its drain. Gives what a backup has of it.
fn lose(world: &World, name: &str) -> Value {
    let backup = world.get(name);
    world.kill_operator();
    let patch = r#"{"metadata":{"finalizers":null}}"#;
    world.kubectl(&["patch", "logdrain", name, "--type=merge", "--patch", patch]);
    world.kubectl(&["delete", "logdrain", name]);
    backup
}

/// As Velero does: the object anew, with its labels, annotations and finalizers, and without a status.
fn restore(world: &World, backup: &Value) {
    let metadata = &backup["metadata"];
    let object = json!({
        "apiVersion": backup["apiVersion"], "kind": backup["kind"], "spec": backup["spec"],
        "metadata": {"name": metadata["name"], "finalizers": metadata["finalizers"]},
    });
    world
        .try_kubectl(&["create", "-f", "-"], Some(&object.to_string()))
        .unwrap_or_else(|error| panic!("{error}"));
}

/// As Velero does then where it is told to restore the status.
fn restore_status(world: &World, backup: &Value) {
    let name = backup["metadata"]["name"].as_str().expect("a name");
    let patch = json!({"status": backup["status"]}).to_string();
    world.kubectl(&["patch", "logdrain", name, "--subresource=status", "--type=merge", "--patch", &patch]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_status_a_resource_adopts_its_drain() {
    let world = World::running().await;
    world.apply("drain", &papertrail("shop-front"));
    world.until_reason("drain", "Synced").await;
    let backup = lose(&world, "drain");
    restore(&world, &backup);
    world.start_operator();
    world.until_reason("drain", "Synced").await;
    after_lists(&world, 2).await;
    assert_eq!(changes(&world.simulator), [change(Added, URL)]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_whose_url_tells_nothing_is_known_again_by_the_status_alone() {
    let world = World::new().await;
    world.simulator.set(|settings| {
        settings.url_forms.insert("*".into(), UrlForm::Unique);
        settings.duplicates = Duplicates::Accepted;
    });
    world.start_operator();
    world.apply("drain", &papertrail("shop-front"));
    world.until_reason("drain", "Synced").await;
    let drains = world.simulator.drains("shop-front");
    let backup = lose(&world, "drain");
    restore(&world, &backup);
    restore_status(&world, &backup);
    world.start_operator();
    after_lists(&world, 3).await;
    world.until_reason("drain", "Synced").await;
    assert_eq!(world.simulator.drains("shop-front"), drains);

    let backup = lose(&world, "drain");
    restore(&world, &backup);
    world.start_operator();
    world.until_reason("drain", "Synced").await;
    assert_eq!(world.simulator.drains("shop-front").len(), 2, "without the status it is added a second time");
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_goes_on_while_etcd_is_restored_keeps_what_there_is_then() {
    let world = World::alone().await;
    world.start_operator();
    world.apply("kept", &papertrail("shop-front"));
    world.until_reason("kept", "Synced").await;
    let backup = block_in_place(|| world.plane.back_up_etcd()).expect("a backup");
    world.apply("kept", &with(papertrail("shop-front"), "port", &json!(7514)));
    world.until_reason("kept", "Synced").await;
    world.apply("later", &papertrail("shop-api"));
    world.until_reason("later", "Synced").await;
    // Many changes: by the versions of then a watch would wait for as many.
    let filler = |number: u16| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("filler-{number}")}});
    let list = json!({"apiVersion": "v1", "kind": "List", "items": (0..300).map(filler).collect::<Vec<_>>()});
    world
        .try_kubectl(&["create", "-f", "-"], Some(&list.to_string()))
        .unwrap_or_else(|error| panic!("{error}"));

    let is_noticed = || Ok(world.operator_output().contains("the watch of LogDrains fails"));
    let meanwhile =
        || world.plane.wait_until("the outage to be noticed", SOON, is_noticed).expect("it is noticed");
    block_in_place(|| world.plane.restore_etcd(&backup, meanwhile)).expect("it is restored");
    assert_eq!(world.get("later"), Value::Null);
    let is_there =
        |simulator: &scalingo_simulator::Simulator| simulator.drains("shop-front").contains(&URL.to_owned());
    world.until_simulator("the drain of the form that was restored", is_there).await;

    // What people do now is seen at once. The drains that were added since the backup are found again.
    world.apply("later", &papertrail("shop-api"));
    world.until_reason("later", "Synced").await;
    world.apply("kept", &with(papertrail("shop-front"), "port", &json!(7514)));
    let kept = world.until_reason("kept", "Synced").await;
    assert_eq!(ready(&kept)["message"], format!("Scalingo lists the drain {OTHER_URL}"));
    assert_eq!(world.simulator.drains("shop-front"), [OTHER_URL]);
    assert_eq!(world.simulator.drains("shop-api"), [URL]);
    // Not `finish`: a server that has just started refuses with 403 until it has read the roles.
    let (secrets, texts) = world.emitted();
    assert_free_of(&secrets, &texts);
    world.judge_states();
}
