//! Drains of others on the same app.

use scalingo_simulator::{Change, ChangeKind, Duplicates, Simulator, UrlForm};
use serde_json::{Value, json};

use crate::{
    change::history,
    eventually::until,
    lifecycle::verdict,
    types::{DATADOG, datadog, write_secrets},
    world::{SOON, World},
};

/// What the operator added and removed, in order.
fn own_changes(simulator: &Simulator) -> Vec<(ChangeKind, String)> {
    let own = |change: &Change| change.by.as_deref() == Some("operator");
    simulator.changes().into_iter().filter(own).map(|change| (change.kind, change.url)).collect()
}

fn foreign(world: &World, urls: &[&str]) {
    for url in urls {
        world.simulator.add_drain_behind("shop-front", url).expect("the app");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drains_of_others_are_never_touched() {
    use ChangeKind::{Added, Removed};
    let world = World::new().await;
    write_secrets(&world);
    let others = [
        "syslog://:s3cret-theirs@logs.example.com:6514",
        "syslog://:s3cret-datadog@logs.example.com:6515",
        "syslog://:s3cret-datadog@other.example.com:6514",
        "tcp+tls://logs.example.com:6514",
        "tcp+tls://twice.example.com:1",
        "tcp+tls://twice.example.com:1",
        "ovh://:s3cret-datadog@logs.example.com:6514",
        "datadog://s3cret-datadog?region=us",
        "https://intake.example/v1/logs.example.com",
        "new+form://logs.example.com:6514/s3cret-theirs",
        "not a URL",
    ];
    world.is_secret("s3cret-theirs");
    foreign(&world, &others);
    world.start_operator();
    let ours = |host: &str| format!("syslog://:s3cret-datadog@{host}:6514");
    let with_ours = |host: &str| [&others.map(str::to_owned)[..], &[ours(host)]].concat();
    world.apply(
        "ours",
        &json!({
            "app": "shop-front", "type": "syslog", "host": "logs.example.com", "port": 6514,
            "tokenSecretRef": {"name": "tokens", "key": "datadog"},
        }),
    );
    world.until_reason("ours", "Synced").await;
    assert_eq!(world.simulator.drains("shop-front"), with_ours("logs.example.com"));

    world.change("ours", &json!({"host": "two.example.com"}));
    world.until_reason("ours", "Synced").await;
    assert_eq!(world.simulator.drains("shop-front"), with_ours("two.example.com"));

    world.simulator.remove_drain_behind("shop-front", &ours("two.example.com")).expect("the drain");
    world
        .until_simulator("the drain again", |simulator| {
            simulator.drains("shop-front") == with_ours("two.example.com")
        })
        .await;
    world.until_reason("ours", "Synced").await;

    world.delete_until_gone(&["logdrain", "ours"]);
    assert_eq!(world.simulator.drains("shop-front"), others);
    assert_eq!(
        own_changes(&world.simulator),
        [
            (Added, ours("logs.example.com")),
            (Added, ours("two.example.com")),
            (Removed, ours("logs.example.com")),
            (Added, ours("two.example.com")),
            (Removed, ours("two.example.com")),
        ]
    );
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identical_drain_is_adopted_where_its_url_shows_it() {
    let world = World::new().await;
    write_secrets(&world);
    let token = |key: &str| json!({"name": "tokens", "key": key});
    let cases = [
        ("documented", datadog(), DATADOG, "datadog://***?region=eu-west-2"),
        (
            "tokenless",
            json!({"type": "papertrail", "host": "logs7.papertrailapp.com", "port": 12345}),
            "tcp+tls://logs7.papertrailapp.com:12345",
            "tcp+tls://logs7.papertrailapp.com:12345",
        ),
        (
            "unknown-form",
            json!({"type": "betterstack", "host": "in.example.com", "tokenSecretRef": token("betterstack")}),
            "https://in.example.com/v2/s3cret-betterstack?batch=1",
            "https://in.example.com/***/***?***=***",
        ),
        (
            "whole-url",
            json!({"type": "elk", "urlSecretRef": token("elk")}),
            "https://shop:s3cret-elk@elk.example.com:443/s3cret-path",
            "https://***@elk.example.com/***",
        ),
    ];
    foreign(&world, &cases.each_ref().map(|case| case.2));
    foreign(&world, &["datadog://s3cret-theirs?region=eu-west-2"]);
    world.is_secret("s3cret-theirs");
    world.start_operator();
    for (name, fields, _, shown) in &cases {
        let mut spec = fields.clone();
        spec["app"] = json!("shop-front");
        world.apply(name, &spec);
        let object = world.until_reason(name, "Synced").await;
        assert_eq!(verdict(&object)[2], format!("Scalingo lists the drain {shown}"));
        let adopted =
            format!("Normal Adopted: the drain {shown} was there already and is looked after from now on");
        world.until_events(name, &[&adopted]).await;
    }
    assert!(world.writes().is_empty(), "{:#?}", world.writes());
    world.delete_until_gone(&["logdrains", "--all"]);
    assert_eq!(world.simulator.drains("shop-front"), ["datadog://s3cret-theirs?region=eu-west-2"]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_look_like_it_none_is_adopted() {
    let world = World::new().await;
    write_secrets(&world);
    let others = ["https://a.example/s3cret-datadog/eu-west-2", "https://b.example/eu-west-2/s3cret-datadog"];
    foreign(&world, &others);
    world.start_operator();
    world.apply("datadog", &datadog());
    world.until_reason("datadog", "Synced").await;
    assert_eq!(world.simulator.drains("shop-front"), [others[0], others[1], DATADOG]);
    world.until_events("datadog", &["Normal Added: added the drain datadog://***?region=eu-west-2"]).await;
    world.delete_until_gone(&["logdrain", "datadog"]);
    assert_eq!(world.simulator.drains("shop-front"), others);
    world.finish();
}

/// Of two equal drains that somebody had added the operator has adopted one.
async fn with_one_of_two(delete_removes_all: bool) -> World {
    let world = World::new().await;
    world.simulator.set(|settings| {
        settings.delete_removes_all = delete_removes_all;
        settings.duplicates = Duplicates::Accepted;
    });
    write_secrets(&world);
    foreign(&world, &[DATADOG, DATADOG]);
    world.start_operator();
    world.apply("datadog", &datadog());
    world.until_reason("datadog", "Synced").await;
    world
}

/// What a resource says that is to delete one of two drains with this URL.
fn left_to_a_person(url: &str) -> String {
    format!(
        "Scalingo lists 2 drains with the URL {url}, one of which this resource no longer needs, and one deletion may remove \
         them all; delete there those that nobody wants: this goes on by itself then, and the others stay"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_with_the_same_url_none_is_deleted_before_a_person_has_deleted_one() {
    for all in [false, true] {
        let world = with_one_of_two(all).await;
        world.kubectl(&["delete", "logdrain", "datadog", "--wait=false"]);
        let object = world.until_reason("datadog", "Ambiguous").await;
        let message = left_to_a_person("datadog://***?region=eu-west-2")
            + "; or set spec.deletionPolicy to Retain, which releases this resource and leaves its drains at Scalingo";
        assert_eq!(verdict(&object), ["False", "Ambiguous", &message]);
        world.after_lists(3).await;
        assert_eq!(world.simulator.drains("shop-front"), [DATADOG, DATADOG]);
        world.simulator.remove_drain_behind("shop-front", DATADOG).expect("the drain");
        world.until("datadog", "gone", Value::is_null).await;
        assert_eq!(world.simulator.drains("shop-front"), [DATADOG], "{:?}", history(&world));
        assert!(world.writes().is_empty(), "{:#?}", world.writes());
        world.finish();
    }
}

/// The URL of every Datadog drain, where nothing of its destination can be read.
const OPAQUE: &str = "https://intake.example/v1/5f0c";

/// A drain of somebody else that is the very one that is wanted, which nobody can see.
async fn with_a_hidden_twin(duplicates: Duplicates, delete_removes_all: bool) -> World {
    let world = World::new().await;
    world.simulator.set(|settings| {
        settings.url_forms.insert("datadog".into(), UrlForm::Template(OPAQUE.into()));
        settings.duplicates = duplicates;
        settings.delete_removes_all = delete_removes_all;
    });
    write_secrets(&world);
    foreign(&world, &[OPAQUE]);
    world.start_operator();
    world.apply("datadog", &datadog());
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_twin_that_the_api_tells_of_is_said_to_be_in_the_way() {
    let world = with_a_hidden_twin(Duplicates::Refused, false).await;
    let object = world.until_reason("datadog", "Rejected").await;
    let message = "Scalingo refuses the drain: url: has already been taken; mend what it names in the spec, in its Secret or at Scalingo";
    assert_eq!(verdict(&object), ["False", "Rejected", message]);
    assert_eq!(object["status"]["drains"], Value::Null);
    world.delete_until_gone(&["logdrain", "datadog"]);
    assert_eq!(world.simulator.drains("shop-front"), [OPAQUE]);
    assert_eq!(own_changes(&world.simulator), []);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_hidden_twin_one_is_added_and_exactly_the_twin_stays() {
    for all in [false, true] {
        let world = with_a_hidden_twin(Duplicates::Accepted, all).await;
        world.until_reason("datadog", "Synced").await;
        world.after_lists(3).await;
        assert_eq!(world.simulator.drains("shop-front"), [OPAQUE, OPAQUE]);
        world.kubectl(&["delete", "logdrain", "datadog", "--wait=false"]);
        world.until_reason("datadog", "Ambiguous").await;
        world.simulator.remove_drain_behind("shop-front", OPAQUE).expect("the drain");
        world.until("datadog", "gone", Value::is_null).await;
        assert_eq!(world.simulator.drains("shop-front"), [OPAQUE]);
        let kinds: Vec<ChangeKind> =
            own_changes(&world.simulator).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [ChangeKind::Added]);
        world.finish();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_twin_that_the_api_takes_for_the_same_drain_is_as_good_as_adopted() {
    let world = with_a_hidden_twin(Duplicates::Merged, false).await;
    world.until_reason("datadog", "Synced").await;
    let requests = world.after_lists(3).await;
    assert!(requests.iter().all(|entry| entry.method == "GET"), "{requests:#?}");
    assert_eq!(world.simulator.drains("shop-front"), [OPAQUE]);
    assert_eq!(world.writes().len(), 1, "{:#?}", world.writes());
    world.delete_until_gone(&["logdrain", "datadog"]);
    assert_eq!(world.simulator.drains("shop-front"), [""; 0]);
    world.finish();
}

const ELK: &str = "https://elk.example.com/";

/// The resource wants another drain now.
async fn with_one_of_two_that_cannot_be_deleted() -> (World, Value) {
    let world = with_a_hidden_twin(Duplicates::Accepted, true).await;
    world.until_reason("datadog", "Synced").await;
    world.change("datadog", &json!({"type": "elk", "url": ELK, "tokenSecretRef": null, "drainRegion": null}));
    let object = world.until_reason("datadog", "Ambiguous").await;
    (world, object)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_twin_is_not_put_at_risk_by_a_replacement_and_stays_when_a_person_removes_the_other() {
    let (world, object) = with_one_of_two_that_cannot_be_deleted().await;
    let message = left_to_a_person(object["status"]["drains"][0]["url"].as_str().expect("a URL"));
    assert_eq!(verdict(&object), ["False", "Ambiguous", &message]);
    assert_eq!(world.simulator.drains("shop-front"), [OPAQUE, OPAQUE, ELK]);
    world.metrics().await.assert_errors(&["several_copies"]);
    world.simulator.remove_drain_behind("shop-front", OPAQUE).expect("the drain");
    world.until_reason("datadog", "Synced").await;
    assert_eq!(world.simulator.drains("shop-front"), [OPAQUE, ELK]);
    assert_eq!(world.simulator.requests("DELETE", "**").len(), 0);
    world.delete_until_gone(&["logdrain", "datadog"]);
    assert_eq!(world.simulator.drains("shop-front"), [OPAQUE]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_that_cannot_be_deleted_is_left_where_it_is_by_retain() {
    let (world, _) = with_one_of_two_that_cannot_be_deleted().await;
    world.change("datadog", &json!({"deletionPolicy": "Retain"}));
    world.delete_until_gone(&["logdrain", "datadog"]);
    assert_eq!(world.simulator.drains("shop-front"), [OPAQUE, OPAQUE, ELK]);
    let is_told = || {
        let events = world.events("datadog");
        let told: Vec<&String> = events.iter().filter(|event| event.contains(" Retained: ")).collect();
        told.len() == 2 && told.iter().all(|event| event.starts_with("Normal Retained: left the drain "))
    };
    until(SOON, || format!("{:#?}", world.events("datadog")), is_told).await;
    world.finish();
}
