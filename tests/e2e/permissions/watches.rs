//! The watches of `LogDrain`s: an operator that hears nothing says so, and goes on by itself once it is put right.

use serde_json::json;

use super::{granted, run_as, to_rules};
use crate::{
    eventually::eventually,
    few_requests::{papertrail, url},
    world::{SOON, World},
};

const WORKS: &str = r#"logdrain_watches{kind="logdrain",working="true"}"#;
const FAILS: &str = r#"logdrain_watches{kind="logdrain",working="false"}"#;

impl World {
    async fn until_watches(&self, working: f64, failing: f64) {
        let are_so = async || {
            let scrape = self.metrics().await;
            // Compared as they are printed: they are whole numbers.
            let counted = [WORKS, FAILS].map(|series| scrape.get(series).to_string());
            (counted == [working, failing].map(|count| count.to_string())).then_some(())
        };
        let describe = || format!("not {working} watches work: {}", self.operator_output());
        eventually(SOON, describe, are_so).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_role_is_lacking_in_one_namespace_the_others_go_on_and_that_one_follows_when_it_is_there() {
    let mut world = World::with_namespaces(2).await;
    let rules = to_rules(&granted(&world));
    run_as(&mut world, &rules).await;
    world.start_operator();
    let [here, there] = [0, 1].map(|number| world.namespaces[number].clone());
    for (namespace, port) in [(&here, 1), (&there, 2)] {
        world.apply_in(namespace, "drain", &papertrail("shop-front", port));
    }
    world.until_watches(1.0, 1.0).await;
    let loss = "the watch of LogDrains fails: until it works, the operator knows no LogDrain of this namespace, and works on in the others";
    let says_it = |line: &&str| {
        line.contains("WARN")
            && line.contains(&format!("{loss}; bind the operator's ClusterRole to its service account there"))
            && line.contains(&format!(r#"namespace="{there}""#))
    };
    world.until_output("what it lacks", |output| output.lines().filter(says_it).count() == 1).await;
    let errors = r#"logdrain_errors_total{kind="logdrain_watch"}"#;
    assert!(world.metrics().await.get(errors) > 0.0);
    world.until_ready().await;
    world.until_reason_in(&here, "drain", "Synced").await;
    assert_eq!(world.simulator.drains("shop-front"), [url(1)]);

    let role = format!("{here}-operator");
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": role, "namespace": there},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": role, "namespace": here}],
    });
    world
        .try_kubectl(&["--namespace", &there, "apply", "-f", "-"], Some(&binding.to_string()))
        .expect("a binding");
    for namespace in [&here, &there] {
        world.until_reason_in(namespace, "drain", "Synced").await;
    }
    let mut drains = world.simulator.drains("shop-front");
    drains.sort();
    assert_eq!(drains, [url(1), url(2)]);
    world.until_watches(2.0, 0.0).await;
    let output = world.operator_output();
    assert_eq!(output.matches("LogDrains are watched again").count(), 1, "{output}");
    assert_eq!(output.lines().filter(says_it).count(), 1, "{output}");
    assert_eq!(output.matches("WARN kube_runtime").count(), 0, "{output}");
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_definition_it_says_what_to_install_and_goes_on_once_it_is_there() {
    let world = World::alone().await;
    let definition = concat!(env!("CARGO_MANIFEST_DIR"), "/crds/logs.scalingo.com_logdrains.yaml");
    world.delete_until_gone(&["--filename", definition]);
    world.start_operator_for_all_namespaces();
    let remedy = "install the CustomResourceDefinition logdrains.logs.scalingo.com";
    let says_it = |line: &&str| line.contains("WARN") && line.contains(remedy);
    world.until_output("what it lacks", |output| output.lines().filter(says_it).count() == 1).await;
    world.until_watches(0.0, 1.0).await;

    world.kubectl(&["apply", "--filename", definition]);
    world.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "--filename", definition]);
    world.until_watches(1.0, 0.0).await;
    world.apply("drain", &papertrail("shop-front", 1));
    world.until_reason("drain", "Synced").await;
    world.finish();
}
