//! Each type, for an app and for an addon: from `kubectl apply` to the POST and back.

use serde_json::{Value, json};

use crate::{duplicates::until_older, world::World};

/// One resource of a type, and what is to come of it.
pub struct Case {
    pub name: &'static str,
    /// The spec without the target.
    pub fields: Value,
    /// What the POST says of the drain.
    pub drain: Value,
    /// What Scalingo then lists.
    pub url: &'static str,
    /// What people are shown of that.
    pub shown: &'static str,
}

const HARD: &str = "s3cret:/?#[]@%41&=+~x";

/// Every type, with every choice of fields that the API table leaves.
pub fn cases() -> Vec<Case> {
    [cases_of_known_types(), cases_of_custom_types()].into_iter().flatten().collect()
}

fn token(key: &str) -> Value {
    json!({"name": "tokens", "key": key})
}

fn cases_of_known_types() -> Vec<Case> {
    vec![
        Case {
            name: "appsignal",
            fields: json!({"type": "appsignal", "tokenSecretRef": token("appsignal")}),
            drain: json!({"type": "appsignal", "token": "s3cret-appsignal"}),
            url: "appsignal://s3cret-appsignal",
            shown: "appsignal://***",
        },
        Case {
            name: "appsignal-host",
            fields: json!({
                "type": "appsignal", "tokenSecretRef": token("appsignal"),
                "host": "appsignal.example.com", "port": 8443,
            }),
            drain: json!({
                "type": "appsignal", "token": "s3cret-appsignal", "host": "appsignal.example.com", "port": "8443",
            }),
            url: "appsignal://:s3cret-appsignal@appsignal.example.com:8443",
            shown: "appsignal://:***@appsignal.example.com:8443",
        },
        Case {
            name: "betterstack",
            fields: json!({
                "type": "betterstack", "tokenSecretRef": token("betterstack"), "host": "in.betterstack.example.com",
            }),
            drain: json!({
                "type": "betterstack", "token": "s3cret-betterstack", "host": "in.betterstack.example.com",
            }),
            url: "betterstack://:s3cret-betterstack@in.betterstack.example.com:6514",
            shown: "betterstack://:***@in.betterstack.example.com:6514",
        },
        Case {
            name: "datadog",
            fields: json!({"type": "datadog", "tokenSecretRef": token("datadog"), "drainRegion": "eu-west-2"}),
            drain: json!({"type": "datadog", "token": "s3cret-datadog", "drain_region": "eu-west-2"}),
            url: "datadog://s3cret-datadog?region=eu-west-2",
            shown: "datadog://***?region=eu-west-2",
        },
        Case {
            name: "ovh-graylog",
            fields: json!({"type": "ovh-graylog", "tokenSecretRef": token("ovh"), "host": "tag1.logs.ovh.com"}),
            drain: json!({
                "type": "ovh-graylog", "token": "5af97be7-34e5-47b6-a016-8d0001228ffb", "host": "tag1.logs.ovh.com",
            }),
            url: "ovh://:5af97be7-34e5-47b6-a016-8d0001228ffb@tag1.logs.ovh.com:6514",
            shown: "ovh://:***@tag1.logs.ovh.com:6514",
        },
        Case {
            name: "papertrail",
            fields: json!({"type": "papertrail", "host": "logs7.papertrailapp.com", "port": 12345}),
            drain: json!({"type": "papertrail", "host": "logs7.papertrailapp.com", "port": "12345"}),
            url: "tcp+tls://logs7.papertrailapp.com:12345",
            shown: "tcp+tls://logs7.papertrailapp.com:12345",
        },
        Case {
            name: "syslog",
            fields: json!({"type": "syslog", "host": "2001:db8::514", "port": 6514}),
            drain: json!({"type": "syslog", "host": "2001:db8::514", "port": "6514"}),
            url: "tcp+tls://[2001:db8::514]:6514",
            shown: "tcp+tls://[2001:db8::514]:6514",
        },
        Case {
            name: "syslog-token",
            fields: json!({
                "type": "syslog", "tokenSecretRef": token("syslog"), "host": "custom.logs.com", "port": 1234,
            }),
            drain: json!({"type": "syslog", "token": HARD, "host": "custom.logs.com", "port": "1234"}),
            url: "syslog://:s3cret%3A%2F%3F%23%5B%5D%40%2541%26%3D%2B~x@custom.logs.com:1234",
            shown: "syslog://:***@custom.logs.com:1234",
        },
        Case {
            name: "elk",
            fields: json!({"type": "elk", "url": "https://elk.example.com:9200/in?index=shop"}),
            drain: json!({"type": "elk", "url": "https://elk.example.com:9200/in?index=shop"}),
            url: "https://elk.example.com:9200/in?index=shop",
            shown: "https://elk.example.com:9200/in?index=shop",
        },
        Case {
            name: "elk-secret",
            fields: json!({"type": "elk", "urlSecretRef": token("elk")}),
            drain: json!({"type": "elk", "url": "https://shop:s3cret-elk@elk.example.com/s3cret-path"}),
            url: "https://shop:s3cret-elk@elk.example.com/s3cret-path",
            shown: "https://***@elk.example.com/***",
        },
    ]
}

fn cases_of_custom_types() -> Vec<Case> {
    vec![
        Case {
            name: "custom-token",
            fields: json!({"type": "custom", "customType": "logtail", "tokenSecretRef": token("logtail")}),
            drain: json!({"type": "logtail", "token": "s3cret-logtail"}),
            url: "logtail://s3cret-logtail",
            shown: "***://***",
        },
        Case {
            name: "custom-url",
            fields: json!({"type": "custom", "customType": "opensearch", "urlSecretRef": token("opensearch")}),
            drain: json!({"type": "opensearch", "url": "https://shop:s3cret-search@search.example.com/s3cret-index"}),
            url: "https://shop:s3cret-search@search.example.com/s3cret-index",
            shown: "https://***@search.example.com/***",
        },
        Case {
            name: "custom-known",
            fields: json!({
                "type": "custom", "customType": "ovh-graylog", "tokenSecretRef": token("ovh-custom"),
                "host": "tag2.logs.ovh.com",
            }),
            drain: json!({"type": "ovh-graylog", "token": "s3cret-ovh", "host": "tag2.logs.ovh.com"}),
            url: "ovh://:s3cret-ovh@tag2.logs.ovh.com:6514",
            shown: "ovh://:***@tag2.logs.ovh.com:6514",
        },
    ]
}

/// Writes the Secrets that the cases name.
pub fn write_secrets(world: &World) {
    world.secret(
        "tokens",
        &[
            ("appsignal", "s3cret-appsignal"),
            // As `echo … | kubectl create secret` leaves it.
            ("betterstack", "s3cret-betterstack\n"),
            ("datadog", "s3cret-datadog"),
            ("ovh", "5af97be7-34e5-47b6-a016-8d0001228ffb"),
            ("syslog", HARD),
            ("elk", "https://shop:s3cret-elk@elk.example.com/s3cret-path"),
            ("logtail", "s3cret-logtail"),
            ("opensearch", "https://shop:s3cret-search@search.example.com/s3cret-index"),
            ("ovh-custom", "s3cret-ovh"),
        ],
    );
    for part in ["s3cret-elk", "s3cret-path", "s3cret-search", "s3cret-index"] {
        world.is_secret(part);
    }
}

/// The URL of the drain that [`datadog`] describes.
pub const DATADOG: &str = "datadog://s3cret-datadog?region=eu-west-2";

/// The spec of one plain drain, once [`write_secrets`] was called.
pub fn datadog() -> Value {
    json!({
        "app": "shop-front", "type": "datadog", "drainRegion": "eu-west-2",
        "tokenSecretRef": {"name": "tokens", "key": "datadog"},
    })
}

/// A world with an operator and one plain drain, as the resource `datadog`, that is in sync.
pub async fn with_datadog() -> World {
    let world = World::running().await;
    write_secrets(&world);
    world.apply("datadog", &datadog());
    world.until_reason("datadog", "Synced").await;
    assert_eq!(world.simulator.drains("shop-front"), [DATADOG]);
    world
}

/// An addon of `shop-front` that has log drains.
pub fn database(world: &World) -> String {
    world.simulator.add_addon("shop-front", "postgresql", true).expect("the app")
}

/// Applies every case to `shop-front`, and to its addon as `db-…`.
pub fn apply_all(world: &World, addon: &str) {
    for case in cases() {
        let mut spec = case.fields.clone();
        spec["app"] = json!("shop-front");
        world.apply(case.name, &spec);
        spec["addon"] = json!(addon);
        world.apply(&format!("db-{}", case.name), &spec);
    }
    world.kubectl(&["wait", "--for=condition=Ready", "logdrain", "--all", "--timeout=120s"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_is_added_to_an_app_and_an_addon_with_just_the_fields_of_the_api() {
    let world = World::running().await;
    world.simulator.keep_bodies(true);
    let addon = database(&world);
    let id = world.simulator.app_id("shop-front").expect("the app");
    write_secrets(&world);
    apply_all(&world, &addon);

    let mut sent: Vec<(String, String, Value)> = world
        .writes()
        .into_iter()
        .map(|entry| (entry.method, entry.path, entry.body.expect("a body")))
        .collect();
    let targets = [format!("/v1/apps/{id}/log_drains"), format!("/v1/apps/{id}/addons/{addon}/log_drains")];
    let mut expected: Vec<(String, String, Value)> = targets
        .iter()
        .flat_map(|path| {
            cases().into_iter().map(move |case| ("POST".into(), path.clone(), json!({"drain": case.drain})))
        })
        .collect();
    for requests in [&mut sent, &mut expected] {
        requests.sort_by_key(|(method, path, body)| format!("{method} {path} {body}"));
    }
    assert_eq!(sent, expected);

    let mut urls: Vec<&str> = cases().into_iter().map(|case| case.url).collect();
    urls.sort_unstable();
    let listed = |mut drains: Vec<String>| {
        drains.sort();
        drains
    };
    assert_eq!(listed(world.simulator.drains("shop-front")), urls);
    assert_eq!(listed(world.simulator.drains((&id, &addon))), urls);
    assert_eq!(world.simulator.drains("shop-api"), [""; 0]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_every_type_records_its_drain_and_the_events_tell_of_it() {
    let world = World::running().await;
    let addon = database(&world);
    write_secrets(&world);
    apply_all(&world, &addon);

    let mut digests = Vec::new();
    for case in cases() {
        for (name, addon) in [(case.name.to_owned(), None), (format!("db-{}", case.name), Some(&addon))] {
            let object = world.get(&name);
            let mut status = object["status"].clone();
            for field in ["urlDigest", "destinationDigest"] {
                digests.push(take_digest(&mut status["drains"][0], field));
            }
            let secret = ["tokenSecretRef", "urlSecretRef"].iter().any(|field| !case.fields[field].is_null());
            let version =
                status["drains"][0].as_object_mut().and_then(|record| record.remove("secretVersion"));
            assert_eq!(version.is_some(), secret, "{}", case.name);
            let moved = status["conditions"][0]["lastTransitionTime"].take();
            assert!(moved.as_str().is_some_and(|time| time.ends_with('Z')), "{moved}");
            let mut record = json!({
                "region": "osc-fr1",
                "app": "shop-front",
                "appId": world.simulator.app_id("shop-front"),
                // A custom type of a known name is that type.
                "type": if case.name == "custom-known" { &case.drain["type"] } else { &case.fields["type"] },
                "url": case.shown,
                "urlDigest": null,
                "destinationDigest": null,
                "state": "Active",
            });
            if let Some(addon) = addon {
                record["addon"] = json!(addon);
            }
            let expected = json!({
                "observedGeneration": 1,
                "conditions": [{
                    "type": "Ready",
                    "status": "True",
                    "reason": "Synced",
                    "message": format!("Scalingo lists the drain {}", case.shown),
                    "observedGeneration": 1,
                    "lastTransitionTime": null,
                }],
                "drains": [record],
            });
            assert_eq!(status, expected, "{name}");
            assert_eq!(object["metadata"]["finalizers"], json!(["logs.scalingo.com/drains"]));
            world.until_events(&name, &[&format!("Normal Added: added the drain {}", case.shown)]).await;
        }
    }
    let count = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), count, "no two digests are the same, of no target and no type");
    world.finish();
}

/// Takes a digest out of a record, and sees that it is one.
fn take_digest(record: &mut Value, field: &str) -> String {
    let digest = record[field].take();
    let digest = digest.as_str().unwrap_or_else(|| panic!("{field} is missing in {record}"));
    let hexadecimal = digest.strip_prefix("v1:").unwrap_or_default();
    assert_eq!(hexadecimal.len(), 32, "{field} is {digest}");
    assert!(hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit()), "{field} is {digest}");
    digest.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_type_and_the_known_type_of_its_name_are_one_drain_and_an_old_type_is_adopted() {
    let world = World::running().await;
    write_secrets(&world);
    world.simulator.add_drain_behind("shop-api", "logtail://s3cret-logtail").expect("the app");
    let logtail = json!({
        "app": "shop-api", "type": "custom", "customType": "logtail",
        "tokenSecretRef": {"name": "tokens", "key": "logtail"},
    });
    world.apply("logtail", &logtail);
    world
        .until_events(
            "logtail",
            &["Normal Adopted: the drain ***://*** was there already and is looked after from now on"],
        )
        .await;

    world.apply("datadog", &datadog());
    world.until_reason("datadog", "Synced").await;
    until_older(&world, world.namespace(), "datadog").await;
    let mut custom = datadog();
    custom["type"] = json!("custom");
    custom["customType"] = json!("datadog");
    world.apply("custom", &custom);
    world.until_reason("custom", "Duplicate").await;
    // The same again, the other way round.
    world.kubectl(&["delete", "logdrain", "datadog"]);
    world.until_reason("custom", "Synced").await;
    world.apply("custom", &datadog());
    let is_seen =
        |object: &Value| object["status"]["observedGeneration"] == 2 && object["spec"]["type"] == "datadog";
    world.until("custom", "of a known type", is_seen).await;
    assert_eq!(world.simulator.drains("shop-front"), [DATADOG]);
    assert_eq!(world.writes().len(), 1, "the drain was added once");

    // What only Scalingo knows, only it can refuse.
    let unknown = json!({"app": "shop-api", "type": "custom", "customType": "no-such-type"});
    world.apply("unknown", &unknown);
    world.until_reason("unknown", "Rejected").await;
    world.finish_with_complaints(&["drain.type is not a known type"]);
}
