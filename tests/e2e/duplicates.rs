//! Several `LogDrain`s that want the same drain: one owns it, the others wait, and the drain itself is neither
//! missing nor there twice at any moment.

use scalingo_simulator::ChangeKind::{Added, Removed};
use scalingo_simulator::{ChangeKind, Simulator};
use serde_json::{Value, json};

use crate::world::{API_TOKEN, World, condition, ready};

pub const URL: &str = "tcp+tls://logs.example.com:6514";
pub const OTHER_URL: &str = "tcp+tls://logs.example.com:7514";

pub fn papertrail(app: &str) -> Value {
    json!({"app": app, "type": "papertrail", "host": "logs.example.com", "port": 6514})
}

pub fn with(mut spec: Value, field: &str, value: &Value) -> Value {
    spec[field] = value.clone();
    spec
}

/// What came and went, in order.
pub fn changes(simulator: &Simulator) -> Vec<(ChangeKind, String)> {
    simulator.changes().into_iter().map(|change| (change.kind, change.url)).collect()
}

pub fn change(kind: ChangeKind, url: &str) -> (ChangeKind, String) {
    (kind, url.to_owned())
}

/// Waits until a resource that is created now is younger than this one: creation is told in seconds.
pub async fn until_older(world: &World, namespace: &str, name: &str) {
    let created: jiff::Timestamp = world.get_in(namespace, name)["metadata"]["creationTimestamp"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("a time");
    while jiff::Timestamp::now().as_second() <= created.as_second() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Waits until a resource is Ready as a duplicate of `owner`, given as namespace/name.
pub async fn until_duplicate_of(world: &World, namespace: &str, name: &str, owner: &str) -> Value {
    let message = format!(
        "the drain is there, and the older LogDrain {owner} owns it; this one takes over when that one goes"
    );
    let object = world
        .until_in(namespace, name, &message, |object| ready(object)["message"] == message.as_str())
        .await;
    assert_eq!(ready(&object)["status"], "True");
    assert_eq!(ready(&object)["reason"], "Duplicate");
    assert_eq!(object["status"]["duplicateOf"], owner);
    assert_eq!(ready(&object)["observedGeneration"], object["metadata"]["generation"]);
    for type_ in ["Reconciling", "Stalled"] {
        assert_eq!(condition(&object, type_), &Value::Null);
    }
    object
}

pub fn delete(world: &World, namespace: &str, names: &[&str]) {
    world.delete_until_gone_in(namespace, &[&["logdrain"], names].concat());
}

/// Waits for so many more looks at the app's drains.
pub async fn after_lists(world: &World, count: usize) {
    let lists = |simulator: &Simulator| simulator.requests("GET", "/v1/apps/*/log_drains").len();
    let before = lists(&world.simulator);
    world.until_simulator("more lists", |simulator| lists(simulator) >= before + count).await;
}

/// The older is made, then the younger, the older goes, then the younger: one addition and one deletion.
async fn is_handed_over(world: &World, older: (&str, Value), younger: (&str, Value)) {
    let (first, second) = (older.0, younger.0);
    world.apply_in(first, "older", &older.1);
    world.until_reason_in(first, "older", "Synced").await;
    until_older(world, first, "older").await;
    world.apply_in(second, "younger", &younger.1);
    until_duplicate_of(world, second, "younger", &format!("{first}/older")).await;
    let owner = world.until_reason_in(first, "older", "Synced").await;
    after_lists(world, 4).await;
    assert_eq!(world.get_in(first, "older"), owner, "the owner is not touched");
    assert_eq!(changes(&world.simulator), [change(Added, URL)]);

    delete(world, first, &["older"]);
    let heir = world.until_reason_in(second, "younger", "Synced").await;
    assert_eq!(ready(&heir)["status"], "True");
    assert_eq!(heir["status"]["duplicateOf"], Value::Null);
    assert_eq!(ready(&heir)["message"], format!("Scalingo lists the drain {URL}"));
    after_lists(world, 2).await;
    assert_eq!(
        changes(&world.simulator),
        [change(Added, URL)],
        "the drain is not touched by the change of owner"
    );

    delete(world, second, &["younger"]);
    assert_eq!(changes(&world.simulator), [change(Added, URL), change(Removed, URL)]);
    let writes: Vec<String> = world.writes().into_iter().map(|entry| entry.method).collect();
    assert_eq!(writes, ["POST", "DELETE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_handed_over_in_one_namespace() {
    let world = World::running().await;
    let namespace = world.namespace();
    is_handed_over(&world, (namespace, papertrail("shop-front")), (namespace, papertrail("shop-front")))
        .await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_handed_over_between_namespaces_and_from_a_name_to_an_id() {
    let world = World::with_namespaces(2).await;
    world.start_operator();
    let id = world.simulator.app_id("shop-front").expect("an app");
    let [first, second] = [&world.namespaces[0], &world.namespaces[1]];
    is_handed_over(&world, (first, papertrail("shop-front")), (second, papertrail(&id))).await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_handed_over_from_the_region_named_to_the_same_by_default() {
    let world = World::running().await;
    let id = world.simulator.app_id("shop-front").expect("an app");
    let namespace = world.namespace();
    let named = with(papertrail(&id), "region", &json!("osc-fr1"));
    is_handed_over(&world, (namespace, named), (namespace, papertrail("shop-front"))).await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn papertrail_and_syslog_without_a_token_are_one_destination() {
    let world = World::running().await;
    let syslog = with(papertrail("shop-front"), "type", &json!("syslog"));
    let syslog = with(syslog, "host", &json!("LOGS.example.com"));
    let namespace = world.namespace();
    is_handed_over(&world, (namespace, papertrail("shop-front")), (namespace, syslog)).await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_made_in_the_same_second_the_smaller_uid_owns_the_drain() {
    let world = World::new().await;
    let namespace = world.namespace();
    let (mut owner, mut other) = (String::new(), String::new());
    // Applied together they are made in one second, unless it ends between them.
    for attempt in 0..10 {
        let names = [format!("left-{attempt}"), format!("right-{attempt}")];
        let items: Vec<Value> = names
            .iter()
            .map(|name| {
                json!({
                    "apiVersion": "logs.scalingo.com/v1", "kind": "LogDrain",
                    "metadata": {"name": name, "namespace": namespace}, "spec": papertrail("shop-front"),
                })
            })
            .collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
        world.try_kubectl(&["apply", "-f", "-"], Some(&list)).expect("both are accepted");
        let made = names.each_ref().map(|name| world.get(name)["metadata"].clone());
        if made[0]["creationTimestamp"] == made[1]["creationTimestamp"] {
            let smaller = usize::from(made[0]["uid"].as_str() > made[1]["uid"].as_str());
            [owner, other] = [names[smaller].clone(), names[1 - smaller].clone()];
            break;
        }
        delete(&world, namespace, &[&names[0], &names[1]]);
    }
    assert!(!owner.is_empty(), "no two were made in the same second");
    world.start_operator();
    world.until_reason(&owner, "Synced").await;
    until_duplicate_of(&world, namespace, &other, &format!("{namespace}/{owner}")).await;
    after_lists(&world, 4).await;
    assert_eq!(ready(&world.get(&owner))["reason"], "Synced");
    assert_eq!(changes(&world.simulator), [change(Added, URL)]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_takes_the_drain_over_from_a_younger_that_came_first() {
    let world = World::running().await;
    let namespace = world.namespace();
    let reference = json!({"name": "late", "key": "api_token"});
    world.apply("older", &with(papertrail("shop-front"), "apiTokenSecretRef", &reference));
    world.until_reason("older", "ApiTokenNotFound").await;
    until_older(&world, namespace, "older").await;
    world.apply("younger", &papertrail("shop-front"));
    world.until_reason("younger", "Synced").await;
    world.secret("late", &[("api_token", API_TOKEN)]);
    let older = world.until_reason("older", "Synced").await;
    assert_eq!(ready(&older)["message"], format!("Scalingo lists the drain {URL}"));
    until_duplicate_of(&world, namespace, "younger", &format!("{namespace}/older")).await;
    assert_eq!(changes(&world.simulator), [change(Added, URL)]);

    delete(&world, namespace, &["younger"]);
    after_lists(&world, 2).await;
    assert_eq!(ready(&world.get("older"))["reason"], "Synced");
    assert_eq!(changes(&world.simulator), [change(Added, URL)], "a duplicate goes without the drain");
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_whose_names_begin_alike_each_waits_for_the_eldest_that_is_left() {
    let world = World::running().await;
    let namespace = world.namespace();
    for name in ["drain-eu-1", "drain-eu", "drain"] {
        world.apply(name, &papertrail("shop-front"));
        until_older(&world, namespace, name).await;
    }
    for (owner, others) in
        [("drain-eu-1", &["drain-eu", "drain"][..]), ("drain-eu", &["drain"]), ("drain", &[])]
    {
        world.until_reason(owner, "Synced").await;
        for other in others {
            until_duplicate_of(&world, namespace, other, &format!("{namespace}/{owner}")).await;
        }
        assert_eq!(changes(&world.simulator), [change(Added, URL)]);
        delete(&world, namespace, &[owner]);
    }
    assert_eq!(changes(&world.simulator), [change(Added, URL), change(Removed, URL)]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn both_deleted_at_once_take_the_drain_along_once() {
    let world = World::running().await;
    let namespace = world.namespace();
    world.simulator.add_drain_behind("shop-front", OTHER_URL).expect("a drain of somebody else's");
    world.apply("a", &papertrail("shop-front"));
    until_older(&world, namespace, "a").await;
    world.apply("b", &papertrail("shop-front"));
    world.until_reason("b", "Duplicate").await;
    delete(&world, namespace, &["a", "b"]);
    let expected = [change(Added, OTHER_URL), change(Added, URL), change(Removed, URL)];
    assert_eq!(changes(&world.simulator), expected);
    assert_eq!(world.simulator.drains("shop-front"), [OTHER_URL]);
    assert_eq!(world.writes().iter().filter(|entry| entry.method == "DELETE").count(), 1);
    world.finish();
}
