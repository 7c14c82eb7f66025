//! One thing in two spellings is one drain, however Scalingo writes it.

use logdrain_operator::crd::DrainType;
use logdrain_operator::drain::{Destination, Digester, DrainUrl, Target};
use scalingo_simulator::{Action, Hosts, Rule, When};
use serde_json::{Value, json};

use crate::{
    duplicates::until_older,
    world::{World, ready},
};

const TOKENS: [&str; 3] = ["s3cret-%41", "s3cret-ab/+=", "s3cret@:?#&%2F"];

fn syslog(host: &str) -> Value {
    json!({
        "app": "shop-front", "type": "syslog", "host": host, "port": 6514,
        "tokenSecretRef": {"name": "tokens", "key": "value"},
    })
}

fn datadog() -> Value {
    json!({
        "app": "shop-api", "type": "datadog", "drainRegion": "eu",
        "tokenSecretRef": {"name": "tokens", "key": "value"},
    })
}

fn posts(world: &World) -> usize {
    world.writes().iter().filter(|entry| entry.method == "POST").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_whose_token_is_listed_as_it_was_given_is_added_once_whatever_is_lost() {
    for token in TOKENS {
        let world = World::running().await;
        world.simulator.set(|settings| settings.raw_tokens = true);
        world.secret("tokens", &[("value", token)]);
        let lost = Action::Reset { when: When::After };
        world.simulator.add_rule(Rule::new("POST", "/v1/apps/*/log_drains", lost).times(2));
        for (name, spec) in [("datadog", datadog()), ("syslog", syslog("logs.example.com"))] {
            world.apply(name, &spec);
        }
        for name in ["datadog", "syslog"] {
            world.until_reason(name, "Synced").await;
            // As a restored backup brings it back.
            let none = json!({"status": {"drains": []}}).to_string();
            world.kubectl(&[
                "patch",
                "logdrain",
                name,
                "--subresource=status",
                "--type=merge",
                "--patch",
                &none,
            ]);
            let has_record = |object: &Value| {
                ready(object)["reason"] == "Synced" && object["status"]["drains"][0]["state"] == "Active"
            };
            world.until(name, "recorded again", has_record).await;
        }
        assert_eq!(posts(&world), 2, "{token}");
        assert_eq!(world.simulator.drains("shop-api"), [format!("datadog://{token}?region=eu")]);
        assert_eq!(
            world.simulator.drains("shop-front"),
            [format!("syslog://:{token}@logs.example.com:6514")]
        );
        world.kubectl(&["delete", "logdrain", "--all"]);
        assert_eq!(world.simulator.drains("shop-api").len() + world.simulator.drains("shop-front").len(), 0);
        world.finish();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_spellings_of_a_host_are_one_drain_and_another_spelling_changes_nothing() {
    for (hosts, one, other) in [
        (Hosts::Canonical, "2001:DB8:0:0:0:0:0:7", "2001:db8::7"),
        (Hosts::AsGiven, "2001:DB8:0:0:0:0:0:7", "2001:db8::7"),
        (Hosts::AsGiven, "LOGS.Example.com", "logs.example.com"),
    ] {
        let world = World::running().await;
        world.simulator.set(|settings| settings.hosts = hosts);
        world.secret("tokens", &[("value", "s3cret-spelling")]);
        world.apply("one", &syslog(one));
        world.until_reason("one", "Synced").await;
        let drains = world.simulator.drains("shop-front");
        until_older(&world, world.namespace(), "one").await;
        world.apply("other", &syslog(other));
        world.until_reason("other", "Duplicate").await;
        let spelled_anew =
            world.get("one")["metadata"]["generation"].as_i64().map(|generation| generation + 1);
        world.apply("one", &syslog(other));
        let has_seen = |object: &Value| {
            ready(object)["reason"] == "Synced"
                && object["status"]["observedGeneration"].as_i64() == spelled_anew
        };
        world.until("one", "Synced once more", has_seen).await;
        assert_eq!(world.writes().len(), 1, "{one}");
        assert_eq!(world.simulator.drains("shop-front"), drains);
        world.kubectl(&["delete", "logdrain", "one"]);
        world.until_reason("other", "Synced").await;
        assert_eq!(world.simulator.drains("shop-front"), drains);
        world.kubectl(&["delete", "logdrain", "other"]);
        assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
        world.finish();
    }
}

/// An earlier version made its digests of another form of what is spelled oddly.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_has_recorded_is_kept_and_goes_with_its_resource() {
    let (address, name, elk) =
        ("2001:DB8:0:0:0:0:0:7", "LOGS.Example.com", "https://elk.example.com/%7Eshop");
    let destinations = |host: &str| Destination {
        host: Some(host.into()),
        port: Some(6514),
        ..Destination::new(DrainType::Papertrail)
    };
    let of_elk = Destination { url: Some(DrainUrl::new(elk.into())), ..Destination::new(DrainType::Elk) };
    let cases = [
        ("address", format!("tcp+tls://[{address}]:6514"), destinations(address)),
        ("name", format!("tcp+tls://{name}:6514"), destinations(name)),
        ("elk", elk.to_owned(), of_elk),
    ];
    let world = World::running().await;
    world.simulator.set(|settings| settings.hosts = Hosts::AsGiven);
    for host in [("address", address), ("name", name)] {
        world
            .apply(host.0, &json!({"app": "shop-front", "type": "papertrail", "host": host.1, "port": 6514}));
    }
    world.apply("elk", &json!({"app": "shop-front", "type": "elk", "url": elk}));
    for (name, ..) in &cases {
        world.until_reason(name, "Synced").await;
    }
    world.stop_operator();

    let digester = Digester::default();
    let app_id = world.simulator.app_id("shop-front").expect("the app");
    let target = Target { region: "osc-fr1".into(), app_id, addon: None };
    let mut records = Vec::new();
    for (name, listed, destination) in &cases {
        let record = world.get(name)["status"]["drains"][0].clone();
        let mut former = record.clone();
        if let Some(digest) = digester.former_destination(&target, destination) {
            former["destinationDigest"] = digest.to_string().into();
        }
        if let Some(digest) = digester.former_url(&target, &DrainUrl::new(listed.clone())) {
            former["urlDigest"] = digest.to_string().into();
        }
        assert_ne!(former, record);
        records.push(record);
        let patch = json!({"status": {"drains": [former]}}).to_string();
        world.kubectl(&[
            "patch",
            "logdrain",
            name,
            "--subresource=status",
            "--type=merge",
            "--patch",
            &patch,
        ]);
    }
    let (mut drains, writes) = (world.simulator.drains("shop-front"), world.writes().len());
    world.start_operator_with(&["--resync", "3s"]);
    for ((name, ..), record) in cases.iter().zip(&records) {
        let is_renewed = |object: &Value| {
            ready(object)["reason"] == "Synced" && object["status"]["drains"] == json!([record])
        };
        world.until(name, "recorded with the digests of now", is_renewed).await;
    }
    drains.sort();
    let mut urls = cases.map(|(_, url, _)| url);
    urls.sort();
    assert_eq!(drains, urls);
    assert_eq!(world.writes().len(), writes, "nothing was added or deleted");
    world.kubectl(&["delete", "logdrain", "--all"]);
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}
