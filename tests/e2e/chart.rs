//! The operator with the permissions that the chart gives it, for one namespace.

use std::collections::BTreeSet;

use packaging::{Helm, chart};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::world::World;

/// Installs the chart for the test's namespace and gives the kubeconfig of its service account to the world.
fn install(world: &mut World, home: &str) {
    let helm = Helm::new(Some(&world.plane.kubeconfig_admin())).unwrap_or_else(|error| panic!("{error}"));
    let values = helm
        .values(&json!({"crds": {"enabled": false}, "watchNamespaces": [world.namespace()]}))
        .expect("a file of values");
    let chart = chart();
    let arguments = [
        "install".as_ref(),
        "chart".as_ref(),
        chart.as_os_str(),
        "--namespace".as_ref(),
        home.as_ref(),
        "--values".as_ref(),
        values.path().as_os_str(),
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
    block_in_place(|| install(&mut world, &home));
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
