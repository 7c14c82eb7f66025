//! The Role for the Lease: an operator that stands for election needs each verb of it, and no other.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::{granted, requests, run_as, to_rules};
use crate::{
    leader::PATIENT,
    world::{SOON, World},
};

const LEASE: &str = "logdrain-operator";

/// What the Role of `deploy/` grants, a rule for each verb.
fn role(world: &World) -> Vec<Value> {
    let role =
        ["get", "role", "logdrain-operator-leader-election", "--namespace=logdrain-system", "--output=json"];
    let role: Value = serde_json::from_str(&world.kubectl(&role)).expect("JSON");
    let mut rules = Vec::new();
    for rule in role["rules"].as_array().expect("rules") {
        assert_eq!(
            (&rule["apiGroups"], &rule["resources"]),
            (&json!(["coordination.k8s.io"]), &json!(["leases"]))
        );
        for verb in rule["verbs"].as_array().expect("verbs") {
            let mut single = rule.clone();
            single["verbs"] = json!([verb]);
            rules.push(single);
        }
    }
    rules
}

fn verb(rule: &Value) -> &str {
    rule["verbs"][0].as_str().expect("a verb")
}

/// An operator with the rules of `deploy/`, and these for its Lease, which is in the test's namespace; gives its account.
async fn stand(world: &mut World, lease: &[Value]) -> String {
    let account = run_as(world, &[to_rules(&granted(world)), lease.to_vec()].concat()).await;
    let place = ["--lease-namespace", world.namespace()];
    world.start_operator_with(&[&place[..], &PATIENT].concat());
    account
}

/// What it has asked of Leases: the verbs, of those requests whose answer is of this kind.
fn asked(world: &World, account: &str, counts: impl Fn(u16) -> bool) -> BTreeSet<String> {
    let entries =
        requests(world, account).into_iter().filter(|entry| entry.resource == "leases" && counts(entry.code));
    entries
        .map(|entry| {
            // The audit log has no name for what is to be created.
            assert!(entry.name == LEASE || entry.name.is_empty() && entry.verb == "create", "{entry:#?}");
            assert_eq!(entry.namespace, world.namespace());
            entry.verb
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_role_of_deploy_a_leader_lacks_nothing_and_uses_each_verb() {
    let mut world = World::new().await;
    let lease = role(&world);
    let account = stand(&mut world, &lease).await;
    let verbs: BTreeSet<String> = lease.iter().map(|rule| verb(rule).to_owned()).collect();
    let all_used = || Ok(asked(&world, &account, |_| true).is_superset(&verbs));
    // The comparison says what is missing.
    let _ = block_in_place(|| world.plane.wait_until("all to be used", SOON, all_used));
    assert_eq!(asked(&world, &account, |_| true), verbs, "used, and granted");
    assert_eq!(asked(&world, &account, |code| code == 403), BTreeSet::new());
    world.until_ready().await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_verb_it_meets_a_403_for_just_that_and_says_so() {
    let lease = &role(&World::new().await);
    assert_eq!(lease.len(), 3, "{lease:#?}");
    stream::iter(lease)
        .map(|missing| async move {
            let mut world = World::new().await;
            let may: Vec<Value> = lease.iter().filter(|rule| *rule != missing).cloned().collect();
            let account = stand(&mut world, &may).await;
            let verb = verb(missing);
            let said = format!("cannot {verb} resource \"leases\" in API group \"coordination.k8s.io\"");
            let is_said =
                |output: &str| output.lines().any(|line| !line.contains("DEBUG") && line.contains(&said));
            world.until_output(&said, is_said).await;
            let refused = || asked(&world, &account, |code| code == 403);
            let is_logged = || Ok(!refused().is_empty());
            // The audit log may come a moment later.
            let _ = block_in_place(|| world.plane.wait_until("a 403", SOON, is_logged));
            assert_eq!(refused(), [verb.to_owned()].into());
            let sent = world.simulator.journal();
            assert!(verb == "update" || sent.is_empty(), "it works without a Lease: {sent:#?}");
            if verb == "update" {
                let (status, output) = world.first_operator_exit().await;
                assert_eq!(status.code(), Some(1), "{output}");
                assert!(output.contains("it could not be renewed for 30s"), "{output}");
            } else {
                world.metrics().await.assert_errors(&["lease"]);
            }
            world.finish();
        })
        .buffer_unordered(3)
        .collect::<()>()
        .await;
}
