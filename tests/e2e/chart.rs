//! The operator with the permissions that the chart gives it, and what is left when they are gone.

use std::collections::BTreeSet;

use packaging::{Helm, chart};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::{
    duplicates::papertrail,
    world::{World, ready},
};

fn helm(world: &World) -> Helm {
    Helm::new(Some(&world.plane.kubeconfig_admin())).unwrap_or_else(|error| panic!("{error}"))
}

/// Installs the chart and gives the kubeconfig of its service account to the world.
fn install(world: &mut World, home: &str, values: &Value) {
    let helm = helm(world);
    let values = helm.values(values).expect("a file of values");
    let chart = chart();
    let arguments = [
        "install".as_ref(),
        "chart".as_ref(),
        chart.as_os_str(),
        "--namespace".as_ref(),
        home.as_ref(),
        "--values".as_ref(),
        values.path().as_os_str(),
        // The definition is there already.
        "--take-ownership".as_ref(),
    ];
    helm.run(arguments).unwrap_or_else(|error| panic!("{error}"));
    world.kubeconfig = world
        .plane
        .service_account_kubeconfig(home, "chart-logdrain-operator")
        .expect("the chart's service account");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_chart_permits_for_one_namespace_is_enough_there() {
    // The operator lives in the second.
    let mut world = World::with_namespaces(2).await;
    let home = world.namespaces.pop().expect("two namespaces");
    let values = json!({"crds": {"enabled": false}, "watchNamespaces": [world.namespace()]});
    block_in_place(|| install(&mut world, &home, &values));
    world.start_operator();
    world.secret("datadog", &[("api-key", "s3cret-chart-key")]);
    world.apply(
        "drain",
        &json!({
            "app": "shop-front", "type": "datadog", "drainRegion": "eu-west-2",
            "tokenSecretRef": {"name": "datadog", "key": "api-key"},
        }),
    );
    world.until_reason("drain", "Synced").await;
    world.kubectl(&["delete", "logdrain", "drain", "--wait=false"]);
    world.until("drain", "gone", Value::is_null).await;
    assert_eq!(world.simulator.drains("shop-front"), Vec::<String>::new());

    let account = format!("system:serviceaccount:{home}:chart-logdrain-operator");
    let asked = block_in_place(|| world.plane.audit()).expect("the audit log");
    let asked: Vec<_> = asked.into_iter().filter(|entry| entry.user == account).collect();
    let refused: Vec<_> = asked.iter().filter(|entry| entry.code == 403).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let watched: BTreeSet<&str> =
        asked.iter().filter(|entry| entry.verb == "watch").map(|entry| entry.namespace.as_str()).collect();
    assert_eq!(watched, [world.namespace()].into());
    world.finish();
}

/// What must stay of a `LogDrain`, whatever else is said of it.
fn kept(object: &Value) -> [&Value; 4] {
    ["/spec", "/metadata/uid", "/metadata/finalizers", "/status/drains"]
        .map(|path| object.pointer(path).unwrap_or_else(|| panic!("no {path} in {object:#}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_goes_leaves_the_logdrains_and_their_drains() {
    let mut world = World::alone().await;
    let home = block_in_place(|| world.plane.namespace()).expect("a namespace");
    block_in_place(|| install(&mut world, &home, &json!({})));
    world.start_operator_for_all_namespaces();
    world.apply("drain", &papertrail("shop-front"));
    let synced = world.until_reason("drain", "Synced").await;
    let drains = world.simulator.drains("shop-front");
    assert_eq!(drains.len(), 1, "{drains:?}");

    let release = ["uninstall", "chart", "--namespace", &home];
    let said = block_in_place(|| helm(&world).run(release)).unwrap_or_else(|error| panic!("{error}"));
    assert!(said.contains("logdrains.logs.scalingo.com"), "it says what it keeps: {said}");
    // As the cluster ends its pod.
    world.stop_operator();
    assert_eq!(world.simulator.drains("shop-front"), drains);
    assert_eq!(world.writes().len(), 1, "{:#?}", world.writes());
    let left = world.get("drain");
    assert_eq!(kept(&left), kept(&synced));
    assert_eq!(left["metadata"]["deletionTimestamp"], Value::Null);

    // Who comes back takes up what is there.
    block_in_place(|| install(&mut world, &home, &json!({})));
    world.start_operator_for_all_namespaces();
    world.after_lists(2).await;
    let again = world.until_reason("drain", "Synced").await;
    assert_eq!((kept(&again), &ready(&again)["status"]), (kept(&synced), &json!("True")));
    assert_eq!(world.writes().len(), 1, "{:#?}", world.writes());
    world.finish();
}
