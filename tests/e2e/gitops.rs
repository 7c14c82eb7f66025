//! What Argo CD and Flux do to a `LogDrain`, and what they see of it.

use gitops::{argo, flux};
use scalingo_simulator::{ChangeKind, When};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::{
    duplicates::{URL, after_lists, change, changes, delete, papertrail, until_older, with},
    world::{World, owned},
};

/// The field managers of the tools that apply manifests: Argo CD, Flux, Helm and kubectl.
const TOOLS: [&str; 4] = ["argocd-controller", "kustomize-controller", "helm", "kubectl"];

#[tokio::test(flavor = "multi_thread")]
async fn a_change_and_a_deletion_that_the_operator_has_not_seen_show() {
    let world = World::running().await;
    world.apply("drain", &papertrail("shop-front"));
    let synced = world.until_reason("drain", "Synced").await;
    world.stop_operator();

    world.apply("drain", &with(papertrail("shop-front"), "port", &json!(7514)));
    let behind = world.get("drain");
    assert_eq!(behind["status"], synced["status"]);
    assert_ne!(behind["status"]["observedGeneration"], behind["metadata"]["generation"]);
    world.record("behind", &behind);

    world.apply("drain", &papertrail("shop-front"));
    world.start_operator();
    world.until_reason("drain", "Synced").await;
    world.stop_operator();
    world.delete("drain");
    let deleting = world.get("drain");
    assert!(deleting["metadata"]["deletionTimestamp"].is_string(), "{deleting:#}");
    world.record("deleting", &deleting);

    world.start_operator();
    world.until("drain", "gone", Value::is_null).await;
    world.finish();
}

/// The `LogDrain` with its `managedFields`.
fn in_full(world: &World, name: &str) -> Value {
    let text = world.kubectl(&["get", "logdrain", name, "--output=json", "--show-managed-fields"]);
    serde_json::from_str(&text).expect("JSON")
}

fn without_version(mut object: Value) -> Value {
    object["metadata"]["resourceVersion"] = Value::Null;
    object
}

/// Applies a manifest on the server's side, as this tool does.
fn apply_as(world: &World, manager: &str, name: &str, spec: &Value) {
    let manifest = json!({
        "apiVersion": "logs.scalingo.com/v1",
        "kind": "LogDrain",
        "metadata": {"name": name, "labels": {"team": "shop"}, "annotations": {"team": "shop"}},
        "spec": spec,
    });
    let manager = format!("--field-manager={manager}");
    // Argo CD, Flux and Helm force too: without it they would only fail.
    let arguments = ["apply", "--server-side", "--force-conflicts", &manager, "-f", "-"];
    world.try_kubectl(&arguments, Some(&manifest.to_string())).unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn applying_the_same_manifest_again_and_again_changes_nothing() {
    let world = World::new().await;
    // A reference that names half of what it means: the API server adds the rest.
    let partial = with(papertrail("shop-front"), "apiTokenSecretRef", &json!({"name": "scalingo"}));
    let spec = |port: u16| with(partial.clone(), "port", &json!(port));
    // One resource for each, and one that all of them apply.
    let alone: Vec<(&str, Value)> = TOOLS.into_iter().zip([7001, 7002, 7003, 7004].map(spec)).collect();
    let apply_all = || {
        for (tool, own) in &alone {
            apply_as(&world, tool, tool, own);
            apply_as(&world, tool, "shared", &spec(7005));
        }
    };
    let names = [TOOLS[0], TOOLS[1], TOOLS[2], TOOLS[3], "shared"];
    let all = || names.map(|name| in_full(&world, name));

    apply_all();
    let first = all().map(without_version);
    // The API server stores the status that the definition gives a new resource with the next write, whatever that is.
    apply_all();
    let made = all();
    assert_eq!(made.clone().map(without_version), first);
    for _ in 0..2 {
        apply_all();
        assert_eq!(all(), made, "before the operator's first visit");
    }

    world.start_operator();
    for name in names {
        world.until_reason(name, "Synced").await;
    }
    let synced = all();
    for (before, after) in made.iter().zip(&synced) {
        for field in ["/spec", "/metadata/labels", "/metadata/annotations", "/metadata/generation"] {
            assert_eq!(after.pointer(field), before.pointer(field), "{field}");
        }
        for tool in TOOLS {
            assert_eq!(owned(after, tool), owned(before, tool), "what {tool} has written");
        }
        let written = owned(after, "logdrain-operator");
        assert!(written.iter().any(|path| path.starts_with("f:status f:conditions")), "{written:?}");
        assert!(written.iter().any(|path| path.starts_with("f:metadata f:finalizers")), "{written:?}");
    }
    for _ in 0..3 {
        apply_all();
    }
    assert_eq!(all(), synced, "in order, with its status and its finalizer");
    world.after_lists(3).await;
    assert_eq!(all(), synced, "and the operator has nothing to say to it");
    assert_eq!(world.writes().len(), 5, "one addition each: {:#?}", world.writes());
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_a_tool_leaves_the_finalizer_and_what_others_have_set() {
    let world = World::running().await;
    for tool in TOOLS {
        let spec = papertrail("shop-front");
        apply_as(&world, tool, tool, &spec);
        world.until_reason(tool, "Synced").await;
        // By hand, or by an action of Argo CD: a field that the manifest does not name.
        let suspend = argo::act("suspend", &in_full(&world, tool)).expect("the script runs");
        world.change(tool, &json!({"suspend": suspend["spec"]["suspend"]}));
        world.until_reason(tool, "Suspended").await;
        apply_as(&world, tool, tool, &spec);
        assert_eq!(world.get(tool)["spec"]["suspend"], true, "{tool} leaves what it does not name");
        let resume = argo::act("resume", &in_full(&world, tool)).expect("the script runs");
        world.change(tool, &json!({"suspend": resume["spec"]["suspend"]}));
        world.until_reason(tool, "Synced").await;

        let before = in_full(&world, tool);
        apply_as(&world, tool, tool, &with(spec, "port", &json!(7514)));
        let changed = in_full(&world, tool);
        assert_eq!(changed["metadata"]["finalizers"], before["metadata"]["finalizers"], "{tool}");
        assert_eq!(changed["status"]["drains"][0]["appId"], before["status"]["drains"][0]["appId"], "{tool}");
        assert_ne!(changed["metadata"]["generation"], before["metadata"]["generation"], "{tool}");
        let after = world.until_reason(tool, "Synced").await;
        assert_eq!(after["spec"]["port"], 7514);
        delete(&world, world.namespace(), &[tool]);
        assert_eq!(world.simulator.drains("shop-front"), [""; 0], "{tool}");
    }
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_of_argo_cd_asks_for_a_check_and_takes_nothing_away() {
    let world = World::running().await;
    apply_as(&world, "argocd-controller", "drain", &papertrail("shop-front"));
    let synced = world.until_reason("drain", "Synced").await;
    let acted = argo::act("check-now", &synced).expect("the script runs");
    let annotations = json!({"metadata": {"annotations": acted["metadata"]["annotations"]}}).to_string();
    world.kubectl(&["patch", "logdrain", "drain", "--type=merge", "--patch", &annotations]);
    apply_as(&world, "argocd-controller", "drain", &papertrail("shop-front"));
    let asked = world.get("drain");
    assert_eq!(asked["metadata"]["annotations"]["logs.scalingo.com/requestedAt"], argo::NOW);
    assert_eq!(asked["metadata"]["annotations"]["team"], "shop");
    assert_eq!(asked["metadata"]["generation"], synced["metadata"]["generation"]);
    let is_done = |drain: &Value| drain["status"]["lastHandledRequestedAt"] == argo::NOW;
    world.until("drain", "the check that was asked for", is_done).await;
    world.finish();
}

/// What a tool shows one after another, without repetition.
fn course(shown: impl Iterator<Item = String>) -> Vec<String> {
    let mut course: Vec<String> = shown.collect();
    course.dedup();
    course
}

#[tokio::test(flavor = "multi_thread")]
async fn argo_cd_and_flux_see_a_life_as_it_is() {
    let world = World::new().await;
    world.apply("drain", &papertrail("shop-front"));
    world.start_operator();
    world.until_reason("drain", "Synced").await;
    world.apply("drain", &with(papertrail("shop-front"), "port", &json!(7514)));
    world.until_reason("drain", "Synced").await;
    let held = world.simulator.hold("DELETE", "/v1/apps/*/log_drains", When::Before);
    world.delete("drain");
    world.until_held(&held).await;
    held.gate.release();
    world.until("drain", "gone", Value::is_null).await;
    world.stop_operator();

    let states = world.states();
    let verdicts = tokio::task::block_in_place(|| flux::judge(&states)).expect("the judge");
    let statuses = course(verdicts.into_iter().map(|verdict| verdict.status));
    assert_eq!(statuses, ["InProgress", "Current", "InProgress", "Current", "Terminating"]);
    let health = |object| argo::health(object).expect("the script runs").status;
    let healths = course(states.iter().map(health));
    assert_eq!(healths, ["Progressing", "Healthy", "Progressing", "Healthy", "Progressing"]);
    world.finish();
}

/// Waits until only `new` is there, and makes sure that its drain is the one that was there before.
async fn until_renamed(world: &World, new: &str) {
    world.until_reason(new, "Synced").await;
    after_lists(world, 2).await;
    let names = world.kubectl(&["get", "logdrains", "--output=name"]);
    assert_eq!(names.trim(), format!("logdrain.logs.scalingo.com/{new}"));
    assert_eq!(changes(&world.simulator), [change(ChangeKind::Added, URL)]);
    let writes: Vec<String> = world.writes().into_iter().map(|entry| entry.method).collect();
    assert_eq!(writes, ["POST"], "the drain is not touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_ends_where_argo_cd_prunes_the_old_one_once_the_new_one_is_healthy() {
    let world = World::running().await;
    apply_as(&world, TOOLS[0], "old", &papertrail("shop-front"));
    world.until_reason("old", "Synced").await;
    until_older(&world, world.namespace(), "old").await;
    apply_as(&world, TOOLS[0], "new", &papertrail("shop-front"));
    let is_healthy = |object: &Value| argo::health(object).expect("the script runs").status == "Healthy";
    world.until("new", "Healthy", is_healthy).await;
    delete(&world, world.namespace(), &["old"]);
    until_renamed(&world, "new").await;
    let owned = format!(
        "the older LogDrain {}/old owns it; this one takes over when that one goes",
        world.namespace()
    );
    let told = [
        &format!("Normal Duplicate: the drain is there, and {owned}"),
        &format!("Normal Synced: no longer a duplicate: Scalingo lists the drain {URL}"),
    ];
    world.until_events("new", &told.map(String::as_str)).await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_ends_where_flux_prunes_the_old_one_at_once_and_then_waits() {
    let world = World::running().await;
    apply_as(&world, TOOLS[1], "drain-0", &papertrail("shop-front"));
    world.until_reason("drain-0", "Synced").await;
    for number in 1..=6 {
        let (old, new) = (format!("drain-{}", number - 1), format!("drain-{number}"));
        // Also where the operator sees both steps at once.
        let is_away = number % 2 == 0;
        if is_away {
            world.stop_operator();
        }
        apply_as(&world, TOOLS[1], &new, &papertrail("shop-front"));
        world.delete(&old);
        if is_away {
            world.start_operator();
        }
        let is_current = |object: &Value| {
            let verdicts = block_in_place(|| flux::judge(std::slice::from_ref(object))).expect("the judge");
            verdicts[0].status == "Current"
        };
        world.until(&new, "Current", is_current).await;
        world.until_gone(&old).await;
        until_renamed(&world, &new).await;
    }
    world.finish();
}
