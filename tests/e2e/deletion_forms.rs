//! The two ways to name the URL in a DELETE.

use scalingo_simulator::UnheededDelete;
use serde_json::json;

use crate::{
    lifecycle::verdict,
    types::{DATADOG, datadog, with_datadog, write_secrets},
    world::World,
};

/// Each DELETE: the names of its parameters, and what was answered.
fn deletes(world: &World) -> Vec<(Vec<String>, u16)> {
    let requests = world.simulator.requests("DELETE", "**");
    requests.into_iter().map(|entry| (entry.parameters, entry.status.unwrap_or_default())).collect()
}

fn by_body(status: u16) -> (Vec<String>, u16) {
    (vec![], status)
}

fn by_query(status: u16) -> (Vec<String>, u16) {
    (vec!["url".to_owned()], status)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_is_used_where_it_is_heeded() {
    let world = with_datadog().await;
    world.simulator.set(|settings| settings.delete_by_query = false);
    world.simulator.keep_bodies(true);
    world.delete_until_gone(&["logdrain", "datadog"]);
    assert_eq!(deletes(&world), [by_body(204)]);
    let bodies: Vec<_> =
        world.simulator.requests("DELETE", "**").into_iter().filter_map(|entry| entry.body).collect();
    assert_eq!(bodies, [json!({"url": DATADOG})]);
    world.finish();
}

/// Where the body is not heeded, the query is used, and from then on at once.
async fn the_query_is_used_where_a_body_is(unheeded: UnheededDelete, status: u16) {
    let world = World::running().await;
    world.simulator.set(|settings| {
        settings.delete_by_body = false;
        settings.unheeded_delete = unheeded;
    });
    write_secrets(&world);
    world.apply("first", &datadog());
    let mut spec = datadog();
    spec["drainRegion"] = json!("us+east&1");
    world.apply("second", &spec);
    world.until_reason("first", "Synced").await;
    world.until_reason("second", "Synced").await;
    world.delete_until_gone(&["logdrain", "first"]);
    assert_eq!(deletes(&world), [by_body(status), by_query(204)]);
    assert_eq!(world.simulator.drains("shop-front"), ["datadog://s3cret-datadog?region=us%2Beast%261"]);
    // A replacement as well as a deletion.
    world.change("second", &json!({"drainRegion": "eu"}));
    world.until_reason("second", "Synced").await;
    assert_eq!(world.simulator.drains("shop-front"), ["datadog://s3cret-datadog?region=eu"]);
    world.delete_until_gone(&["logdrain", "second"]);
    assert_eq!(deletes(&world), [by_body(status), by_query(204), by_query(204), by_query(204)]);
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_query_is_used_where_a_body_is_refused_with_400() {
    the_query_is_used_where_a_body_is(UnheededDelete::Refused400, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_query_is_used_where_a_body_is_refused_with_422() {
    the_query_is_used_where_a_body_is(UnheededDelete::Refused422, 422).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_query_is_used_where_a_body_is_answered_as_done_and_ignored() {
    the_query_is_used_where_a_body_is(UnheededDelete::Ignored, 204).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_has_no_effect_in_either_form_keeps_the_resource_and_says_so() {
    let world = with_datadog().await;
    world.simulator.set(|settings| {
        settings.delete_by_body = false;
        settings.delete_by_query = false;
        settings.unheeded_delete = UnheededDelete::Ignored;
    });
    world.delete("datadog");
    let object = world.until_reason("datadog", "Unavailable").await;
    let message = "Scalingo answered that the drain was deleted and still lists it; this is tried again by \
                   itself, and is mended at once where you delete it there by hand";
    assert_eq!(verdict(&object), ["False", "Unavailable", message]);
    assert_eq!(deletes(&world)[..2], [by_body(204), by_query(204)]);
    assert_eq!(world.simulator.drains("shop-front"), [DATADOG]);
    world.metrics().await.assert_errors(&["not_deleted"]);
    world.simulator.set(|settings| settings.delete_by_query = true);
    world.until_gone("datadog").await;
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}
