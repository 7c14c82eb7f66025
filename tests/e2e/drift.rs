//! Drains that go behind the operator's back, and resources that are suspended.

use scalingo_simulator::{Duplicates, Lag, ListLag};
use serde_json::{Value, json};

use crate::{
    change::history,
    lifecycle::verdict,
    types::{DATADOG, datadog, with_datadog, write_secrets},
    world::{World, condition},
};

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_healed_and_told() {
    let world = with_datadog().await;
    world.simulator.remove_drain_behind("shop-front", DATADOG).expect("the drain");
    world.until_simulator("the drain again", |simulator| simulator.drains("shop-front") == [DATADOG]).await;
    world
        .until_events(
            "datadog",
            &[
                "Normal Added: added the drain datadog://***?region=eu-west-2",
                "Warning DriftHealed: the drain datadog://***?region=eu-west-2 was no longer listed at Scalingo and \
                 has been added again; to be rid of it, delete this LogDrain",
            ],
        )
        .await;
    let object = world.until_reason("datadog", "Synced").await;
    assert_eq!(object["status"]["drains"].as_array().map(Vec::len), Some(1));
    let line = format!("shop-front {DATADOG}");
    assert_eq!(history(&world), [format!("+ {line}"), format!("- {line}"), format!("+ {line}")]);
    world.finish();
}

/// One in each way: by a check, and by the deletion of the resource.
#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_lists_do_not_show_yet_is_not_added_again_nor_left_behind() {
    let world = World::running().await;
    world.simulator.set(|settings| {
        settings.duplicates = Duplicates::Accepted;
        settings.list_lag = Some(ListLag { seconds: 8, kind: Lag::Steady });
    });
    write_secrets(&world);
    world.apply("datadog", &datadog());
    world.until_reason("datadog", "Synced").await;
    world.request("datadog", "now");
    let handled = |object: &Value| object["status"]["lastHandledRequestedAt"] == "now";
    let object = world.until("datadog", "handled", handled).await;
    assert_eq!(verdict(&object)[1], "Synced");
    let line = format!("shop-front {DATADOG}");
    assert_eq!(history(&world), [format!("+ {line}")]);

    let mut spec = datadog();
    spec["drainRegion"] = json!("us");
    world.apply("second", &spec);
    world.until_reason("second", "Synced").await;
    world.stop_operator();
    world.kubectl(&["delete", "logdrain", "second", "--wait=false"]);
    world.start_operator();
    world.until_gone("second").await;
    assert_eq!(world.simulator.drains("shop-front"), [DATADOG]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_nothing_is_healed_or_changed_and_resumed_it_goes_on() {
    let world = with_datadog().await;
    // A second one, whose lists tell that time goes by.
    let mut spec = datadog();
    spec["drainRegion"] = json!("clock");
    world.apply("clock", &spec);
    world.until_reason("clock", "Synced").await;
    world.change("datadog", &json!({"suspend": true}));
    let object = world.until_reason("datadog", "Suspended").await;
    let message = "spec.suspend is true: nothing is checked or changed at Scalingo";
    assert_eq!(verdict(&object), ["Unknown", "Suspended", message]);
    for type_ in ["Reconciling", "Stalled"] {
        assert_eq!(condition(&object, type_), &Value::Null);
    }
    assert_eq!(object["status"]["drains"].as_array().map(Vec::len), Some(1));

    world.simulator.clear_journal();
    world.change("datadog", &json!({"drainRegion": "us"}));
    world.until_reason("datadog", "Suspended").await;
    world.simulator.remove_drain_behind("shop-front", DATADOG).expect("the drain");
    world.after_lists(5).await;
    assert!(world.writes().is_empty(), "{:#?}", world.writes());
    // Nor does a restart end it.
    let version = world.get("datadog")["metadata"]["resourceVersion"].clone();
    world.stop_operator();
    world.start_operator();
    world.after_lists(4).await;
    assert!(world.writes().is_empty(), "{:#?}", world.writes());
    assert_eq!(world.get("datadog")["metadata"]["resourceVersion"], version);

    world.change("datadog", &json!({"suspend": false}));
    let object = world.until_reason("datadog", "Synced").await;
    assert_eq!(verdict(&object)[2], "Scalingo lists the drain datadog://***?region=us");
    assert_eq!(object["status"]["drains"].as_array().map(Vec::len), Some(1));
    let url = |region: &str| format!("shop-front datadog://s3cret-datadog?region={region}");
    assert_eq!(history(&world), [format!("- {}", url("eu-west-2")), format!("+ {}", url("us"))]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_with_a_changed_spec_replaces_without_a_gap() {
    let world = with_datadog().await;
    world.change("datadog", &json!({"suspend": true, "drainRegion": "us"}));
    world.until_reason("datadog", "Suspended").await;
    world.change("datadog", &json!({"suspend": false}));
    world.until_reason("datadog", "Synced").await;
    let url = |region: &str| format!("shop-front datadog://s3cret-datadog?region={region}");
    assert_eq!(
        history(&world),
        [format!("+ {}", url("eu-west-2")), format!("+ {}", url("us")), format!("- {}", url("eu-west-2"))]
    );
    world.finish();
}
