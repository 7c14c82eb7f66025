//! Two clusters with the same `LogDrain`: `docs/move-to-another-cluster.md`.

use scalingo_simulator::ChangeKind::{Added, Removed};
use serde_json::{Value, json};

use crate::{
    duplicates::{URL, after_lists, change, changes, delete, papertrail, with},
    world::World,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_moves_to_another_cluster_and_is_not_touched() {
    let old = World::running().await;
    old.apply("drain", &papertrail("shop-front"));
    old.until_reason("drain", "Synced").await;
    old.change("drain", &json!({"deletionPolicy": "Retain", "suspend": true}));
    old.until_reason("drain", "Suspended").await;

    let new = old.in_another_cluster().await;
    new.start_operator();
    new.apply("drain", &with(papertrail("shop-front"), "deletionPolicy", &json!("Retain")));
    new.until_reason("drain", "Synced").await;
    let adopted =
        format!("Normal Adopted: the drain {URL} was there already and is looked after from now on");
    new.until_events("drain", &[&adopted]).await;

    delete(&old, old.namespace(), &["drain"]);
    old.stop_operator();
    after_lists(&new, 3).await;
    assert_eq!(changes(&new.simulator), [change(Added, URL)], "nobody has touched it");
    new.until_reason("drain", "Synced").await;

    // It is the new cluster's own.
    new.change("drain", &json!({"deletionPolicy": "Delete"}));
    delete(&new, new.namespace(), &["drain"]);
    assert_eq!(changes(&new.simulator), [change(Added, URL), change(Removed, URL)]);
    old.finish();
    new.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_both_clusters_keep_a_drain_nothing_comes_or_goes_until_one_lets_it_go() {
    let old = World::running().await;
    let new = old.in_another_cluster().await;
    new.start_operator();
    old.apply("drain", &papertrail("shop-front"));
    old.until_reason("drain", "Synced").await;
    new.apply("drain", &papertrail("shop-front"));
    new.until_reason("drain", "Synced").await;
    after_lists(&old, 6).await;
    assert_eq!(changes(&old.simulator), [change(Added, URL)], "both keep one drain");

    // Without Retain the old one takes the drain along, and the new one adds it again: a gap, and no loss.
    delete(&old, old.namespace(), &["drain"]);
    new.until_simulator("the drain again", |simulator| simulator.drains("shop-front") == [URL]).await;
    new.until("drain", "in order", |object: &Value| crate::world::ready(object)["reason"] == "Synced").await;
    after_lists(&new, 3).await;
    assert_eq!(changes(&new.simulator), [change(Added, URL), change(Removed, URL), change(Added, URL)]);
    old.finish();
    new.finish();
}
