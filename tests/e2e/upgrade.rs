//! An operator finds what an earlier version has written: it rewrites no status, and touches no drain.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    eventually::until,
    few_requests::papertrail,
    world::{SOON, World},
};

/// A name, an id, what `LogDrain`s want there, and the statuses that operators have written before records had a `secretVersion`.
#[derive(Deserialize)]
struct Before {
    app: String,
    id: String,
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    name: String,
    spec: Value,
    status: Value,
    /// What Scalingo lists for it, unless an earlier one wants the same.
    drain: Option<String>,
}

fn before() -> Before {
    serde_json::from_str(include_str!("upgrade/before_secret_version.json")).expect("the fixture")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_has_written_is_left_as_it_is() {
    let Before { app, id, objects } = before();
    let world = World::new().await;
    world.simulator.add_app_with_id(&app, &id);
    world.simulator.add_app("blog");
    world.secret("datadog", &[("api-key", "s3cret-before-upgrade")]);
    for Object { name, spec, status, drain } in &objects {
        if let Some(drain) = drain {
            world.simulator.add_drain_behind(&app, drain).expect("the app");
        } else {
            crate::duplicates::until_older(&world, world.namespace(), &objects[0].name).await;
        }
        world.apply(name, spec);
        let held = json!({"metadata": {"finalizers": ["logs.scalingo.com/drains"]}}).to_string();
        world.kubectl(&["patch", "logdrain", name, "--type=merge", "--patch", &held]);
        let namespace = world.namespace();
        let status = status.to_string().replace("NAMESPACE", namespace);
        let status = format!("{{\"status\": {status}}}");
        let subresource = ["--subresource=status", "--type=merge", "--patch", &status];
        world.kubectl(&[&["patch", "logdrain", name][..], &subresource].concat());
    }
    let objects = || -> Vec<Value> {
        let objects = world.all().into_iter().filter(|object| object["metadata"]["name"] != "new");
        objects.map(|object| json!([object["metadata"]["resourceVersion"], object["status"]])).collect()
    };
    let (written, drains) = (objects(), world.simulator.drains(&app));
    world.start_operator_with(&["--resync", "1h"]);
    let read = || {
        let entries = world.audit().into_iter();
        entries.filter(|entry| entry.resource == "secrets" && entry.name == "datadog").count()
    };
    until(SOON, || format!("{} reads", read()), || read() > 0).await;
    world.apply("new", &papertrail("blog", 1));
    world.until_reason("new", "Synced").await;
    assert_eq!(objects(), written);
    assert_eq!(world.simulator.drains(&app), drains);
    let lists = crate::few_requests::lists(&world.simulator);
    assert!(lists.iter().all(|list| !list.path.contains(&id)), "{lists:#?}");
    world.finish();
}
