//! What `kubectl get logdrains` shows.

use serde_json::json;

use crate::world::World;

/// The table with the age, which nobody knows beforehand, as `AGE`.
fn table(world: &World, arguments: &[&str]) -> String {
    let printed = world.kubectl(&[&["get", "logdrains"], arguments].concat());
    let lines = printed.lines().enumerate().map(|(number, line)| {
        let (rest, age) = line.rsplit_once("  ").expect("columns");
        let is_age = age.ends_with('s') && age.starts_with(|first: char| first.is_ascii_digit());
        assert!(number == 0 && age.trim() == "AGE" || is_age, "{line}");
        format!("{rest}  AGE")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_get_shows_how_each_resource_stands() {
    let world = World::running().await;
    let addon = "ad-9be0fc04-bee6-4981-a403-a9dd4981bd1f";
    world.simulator.add_addon_with_id("shop-front", "postgresql", true, addon).expect("the app");
    world.secret("datadog", &[("api-key", "s3cret-datadog")]);
    let datadog = json!({"name": "datadog", "key": "api-key"});
    world.apply(
        "a-datadog",
        &json!({"app": "shop-front", "type": "datadog", "tokenSecretRef": datadog, "drainRegion": "eu"}),
    );
    world.apply(
        "b-syslog",
        &json!({
            "app": "shop-front", "addon": addon, "type": "syslog", "tokenSecretRef": datadog,
            "host": "logs.example.com", "port": 6514,
        }),
    );
    world.apply(
        "c-waiting",
        &json!({
            "app": "shop-api", "type": "ovh-graylog", "tokenSecretRef": {"name": "later", "key": "token"},
            "host": "logs.example.com",
        }),
    );
    world.apply("d-suspended", &json!({"app": "gone", "type": "elk", "url": "https://elk", "suspend": true}));
    for (name, reason) in [
        ("a-datadog", "Synced"),
        ("b-syslog", "Synced"),
        ("c-waiting", "SecretNotFound"),
        ("d-suspended", "Suspended"),
    ] {
        world.until_reason(name, reason).await;
    }
    let narrow = "\
NAME          APP          TYPE          READY     REASON           AGE
a-datadog     shop-front   datadog       True      Synced           AGE
b-syslog      shop-front   syslog        True      Synced           AGE
c-waiting     shop-api     ovh-graylog   False     SecretNotFound   AGE
d-suspended   gone         elk           Unknown   Suspended        AGE";
    assert_eq!(table(&world, &[]), narrow);
    let wide = "\
NAME          APP          TYPE          READY     REASON           ADDON                                     URL                                   MESSAGE                                                                                             AGE
a-datadog     shop-front   datadog       True      Synced                                                     datadog://***?region=eu               Scalingo lists the drain datadog://***?region=eu                                                    AGE
b-syslog      shop-front   syslog        True      Synced           ad-9be0fc04-bee6-4981-a403-a9dd4981bd1f   syslog://:***@logs.example.com:6514   Scalingo lists the drain syslog://:***@logs.example.com:6514                                        AGE
c-waiting     shop-api     ovh-graylog   False     SecretNotFound                                                                                   spec.tokenSecretRef: Secret later is not there; this goes on by itself once you have put it there   AGE
d-suspended   gone         elk           Unknown   Suspended                                                                                        spec.suspend is true: nothing is checked or changed at Scalingo                                     AGE";
    assert_eq!(table(&world, &["--output=wide"]), wide);
    world.finish();
}
