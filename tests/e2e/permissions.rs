//! The permissions of `deploy/`: the operator meets no 403 with them, and needs each one.

use std::{collections::BTreeSet, time::Duration};

use control_plane::AuditEntry;
use futures::{StreamExt, stream};
use scalingo_simulator::{Simulator, When};
use serde_json::{Value, json};
use tokio::task::{block_in_place, spawn_blocking};

use crate::{
    eventually::{eventually, until},
    world::{SOON, World, ready},
};

mod lease;
mod watches;

/// One verb on one resource, as a rule grants it and as a request asks for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Grant {
    group: String,
    resource: String,
    verb: String,
}

impl Grant {
    /// All that a role's rules grant. A rule that says it otherwise than by groups, resources and verbs, or for
    /// some names only, would need a test of another kind.
    fn all_of(role: &Value) -> Vec<Self> {
        let texts = |rule: &Value, field: &str| -> Vec<String> {
            serde_json::from_value(rule[field].clone()).unwrap_or_else(|_| panic!("{field} of {rule}"))
        };
        let mut grants = Vec::new();
        for rule in role["rules"].as_array().expect("rules") {
            let known = ["apiGroups", "resources", "verbs"];
            assert!(
                rule.as_object().expect("a rule").keys().all(|key| known.contains(&key.as_str())),
                "{rule}"
            );
            for group in texts(rule, "apiGroups") {
                for resource in texts(rule, "resources") {
                    for verb in texts(rule, "verbs") {
                        let (group, resource) = (group.clone(), resource.clone());
                        assert!(![&group, &resource, &verb].iter().any(|word| word.contains('*')), "{rule}");
                        grants.push(Self { group, resource, verb });
                    }
                }
            }
        }
        grants
    }

    fn asked_for(entry: &AuditEntry) -> Self {
        let resource = match entry.subresource.as_str() {
            "" => entry.resource.clone(),
            subresource => format!("{}/{subresource}", entry.resource),
        };
        Self { group: entry.api_group.clone(), resource, verb: entry.verb.clone() }
    }

    fn to_rule(&self) -> Value {
        json!({"apiGroups": [self.group], "resources": [self.resource], "verbs": [self.verb]})
    }
}

fn to_rules(grants: &[Grant]) -> Vec<Value> {
    grants.iter().map(Grant::to_rule).collect()
}

fn granted(world: &World) -> Vec<Grant> {
    let role = world.kubectl(&["get", "clusterrole", "logdrain-operator", "--output=json"]);
    Grant::all_of(&serde_json::from_str(&role).expect("JSON"))
}

/// What an account has asked of the API server of this world; what stands for no resource is left out, as every
/// account may ask for it.
fn requests(world: &World, account: &str) -> Vec<AuditEntry> {
    let entries = block_in_place(|| world.plane.audit()).expect("the audit log");
    entries.into_iter().filter(|entry| entry.user == account && !entry.resource.is_empty()).collect()
}

/// A service account in the test's namespace that may do there what these rules say, and nothing else; gives its full name.
async fn run_as(world: &mut World, rules: &[Value]) -> String {
    let namespace = world.namespace().to_owned();
    let role = format!("{namespace}-operator");
    let labels = json!({"name": role, "namespace": namespace});
    let manifest = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": labels},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": role}, "rules": rules,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": labels,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": role, "namespace": namespace}],
        },
    ]});
    world.try_kubectl(&["apply", "-f", "-"], Some(&manifest.to_string())).expect("a role is applied");
    let account = format!("system:serviceaccount:{namespace}:{role}");
    // A new role counts only once the API server's own cache has it.
    let first = |field: &str| rules[0][field][0].as_str().expect("a word");
    let (verb, group) = (first("verbs"), first("apiGroups"));
    let (resource, subresource) = first("resources").split_once('/').unwrap_or((first("resources"), ""));
    let resource = format!("{resource}.{group}");
    let as_account = format!("--as={account}");
    let subresource = format!("--subresource={subresource}");
    let asked = ["auth", "can-i", verb, &resource, &as_account, &subresource];
    let describe = || format!("{account} may not {verb} {resource}");
    until(SOON, describe, || world.try_kubectl(&asked, None).is_ok()).await;
    world.kubeconfig =
        block_in_place(|| world.plane.service_account_kubeconfig(&namespace, &role)).expect("a kubeconfig");
    account
}

fn datadog(region: &str) -> Value {
    json!({
        "app": "shop-front",
        "type": "datadog",
        "tokenSecretRef": {"name": "datadog", "key": "api-key"},
        "drainRegion": region,
    })
}

/// A life in which the operator does everything that it ever does with the Kubernetes API.
async fn live(world: &World) {
    world.secret("datadog", &[("api-key", "s3cret-permissions-key")]);
    let held = world.simulator.hold("POST", "/v1/apps/*/log_drains", When::Before);
    world.apply("life", &datadog("eu-west-2"));
    world.until_held(&held).await;
    // What the answer tells must be recorded although the resource has changed.
    world.apply("life", &datadog("eu-west-3"));
    held.gate.release();
    let listed = ["datadog://s3cret-permissions-key?region=eu-west-3"];
    world.until_simulator("the new drain alone", |simulator| simulator.drains("shop-front") == listed).await;
    world.until_reason("life", "Synced").await;
    // The same event twice.
    for _ in 0..2 {
        world.simulator.remove_drain_behind("shop-front", listed[0]).expect("it is there");
        world
            .until_simulator("the drain once more", |simulator| simulator.drains("shop-front") == listed)
            .await;
        world
            .until("life", "Synced", |object| {
                ready(object)["reason"] == "Synced" && object["status"]["drains"][0]["state"] == "Active"
            })
            .await;
    }
    world.kubectl(&["delete", "logdrain", "life", "--wait=false"]);
    world.until("life", "gone", Value::is_null).await;
    assert_eq!(world.simulator.drains("shop-front"), Vec::<String>::new());
}

/// Waits until the account has asked for all of this, which events may do a moment after all else, and makes sure that it
/// has asked for nothing else.
fn assert_uses(world: &World, account: &str, granted: &[Grant]) {
    let granted: BTreeSet<Grant> = granted.iter().cloned().collect();
    let used = || requests(world, account).iter().map(Grant::asked_for).collect::<BTreeSet<_>>();
    let complete = || Ok(used().is_superset(&granted));
    // The comparison says what is missing.
    let _ = block_in_place(|| world.plane.wait_until("all to be used", SOON, complete));
    assert_eq!(used(), granted, "used, and granted");
    let refused: Vec<_> = requests(world, account).into_iter().filter(|entry| entry.code == 403).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_for_all_namespaces_uses_the_permissions_of_deploy_and_all_of_them() {
    let world = World::alone().await;
    world.start_operator_for_all_namespaces();
    live(&world).await;
    let account = "system:serviceaccount:logdrain-system:logdrain-operator";
    assert_uses(&world, account, &granted(&world));
    let watches: BTreeSet<String> = requests(&world, account)
        .into_iter()
        .filter(|entry| ["list", "watch"].contains(&entry.verb.as_str()))
        .map(|entry| entry.namespace)
        .collect();
    assert_eq!(watches, [String::new()].into(), "it lists and watches all namespaces at once");
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_rules_of_deploy_bound_in_one_namespace_an_operator_for_it_lacks_nothing() {
    let mut world = World::new().await;
    let granted = granted(&world);
    let account = run_as(&mut world, &to_rules(&granted)).await;
    world.start_operator();
    live(&world).await;
    assert_uses(&world, &account, &granted);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_verb_of_any_one_rule_the_operator_meets_a_403_for_just_that() {
    let granted = &granted(&World::new().await);
    assert!(granted.len() >= 8, "{granted:#?}");
    stream::iter(granted)
        .map(|missing| async move {
            let may: Vec<Grant> = granted.iter().filter(|grant| *grant != missing).cloned().collect();
            let mut world = World::new().await;
            let account = run_as(&mut world, &to_rules(&may)).await;
            world.start_operator();
            let refused = || -> BTreeSet<Grant> {
                let entries = requests(&world, &account);
                entries.iter().filter(|entry| entry.code == 403).map(Grant::asked_for).collect()
            };
            // Elsewhere, for no life may wait for the reading of the log.
            let plane = world.plane.clone();
            let is_met = async || {
                let plane = plane.clone();
                let entries = spawn_blocking(move || plane.audit()).await.expect("it reads");
                let mut entries = entries.expect("the audit log").into_iter();
                entries.any(|entry| entry.user == account && entry.code == 403)
            };
            // A life that lacks something may stand still, which ends with the first 403.
            let met = async |patience| {
                let describe = || format!("the operator does not need {missing:?}");
                eventually(patience, describe, async || is_met().await.then_some(())).await;
            };
            tokio::select! {
                () = met(Duration::MAX) => {}
                // An event may still be on its way.
                () = live(&world) => met(SOON).await,
            }
            assert_eq!(refused(), [missing.clone()].into());
            world.finish();
        })
        .buffer_unordered(4)
        .collect::<()>()
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_watch_of_secrets_the_operator_says_so_and_sees_a_change_at_its_next_look() {
    let mut world = World::new().await;
    let mut may = granted(&world);
    may.retain(|grant| grant.resource != "secrets" || grant.verb == "get");
    let account = run_as(&mut world, &to_rules(&may)).await;
    // One check for the whole app would do for its drains, and be far away: each is looked at for its Secrets.
    let arguments = ["--resync", "2s", "--feed-interval", "1s", "--sweep-interval", "24h"];
    world.start_operator_with(&arguments);
    world
        .until_output("what it lacks", |output| {
            let said = "the watch of Secrets fails: until it works, a change of a Secret is only seen every --resync";
            let lacking = r#"cannot list resource "secrets" in API group """#;
            output.lines().any(|line| line.contains("WARN") && line.contains(said) && line.contains(lacking))
        })
        .await;
    live(&world).await;
    world.apply("life", &datadog("eu"));
    world.until_reason("life", "Synced").await;
    world.apply("other", &datadog("us"));
    world.until_reason("other", "Synced").await;
    world.secret("datadog", &[("api-key", "s3cret-permissions-rotated")]);
    let is_rotated = |simulator: &Simulator| {
        let mut drains = simulator.drains("shop-front");
        drains.sort();
        drains == ["eu", "us"].map(|region| format!("datadog://s3cret-permissions-rotated?region={region}"))
    };
    world.until_simulator("the new drains alone", is_rotated).await;
    world.until_reason("life", "Synced").await;
    world.until_reason("other", "Synced").await;
    let refused: BTreeSet<String> = requests(&world, &account)
        .into_iter()
        .filter(|entry| entry.code == 403)
        .map(|entry| format!("{} {}", entry.verb, entry.resource))
        .collect();
    assert_eq!(refused, ["list secrets".to_owned()].into());
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_secret_that_may_not_be_read_any_more_is_followed_once_it_may() {
    let mut world = World::new().await;
    let all = granted(&world);
    let account = run_as(&mut world, &to_rules(&all)).await;
    world.start_operator_with(&["--resync", "1h"]);
    world.secret("datadog", &[("api-key", "s3cret-permissions-key")]);
    world.apply("life", &datadog("eu"));
    world.until_reason("life", "Synced").await;
    let role = format!("{}-operator", world.namespace());
    let grant = |grants: &[Grant]| {
        let patch = json!({"rules": to_rules(grants)}).to_string();
        world.kubectl(&["patch", "clusterrole", &role, "--type=merge", "--patch", &patch]);
    };
    let may_read = || {
        let asked = ["auth", "can-i", "get", "secrets", "--as", &account];
        world.try_kubectl(&asked, None).is_ok()
    };
    let without: Vec<Grant> =
        all.iter().filter(|grant| grant.resource != "secrets" || grant.verb != "get").cloned().collect();
    grant(&without);
    until(SOON, || "it may still read Secrets".to_owned(), || !may_read()).await;
    world.secret("datadog", &[("api-key", "s3cret-permissions-rotated")]);
    let series = "logdrain_errors_total{kind=\"secret_read\"}";
    let is_counted = async || (world.metrics().await.get(series) > 0.0).then_some(());
    eventually(SOON, || "no error is counted".to_owned(), is_counted).await;
    assert_eq!(world.simulator.drains("shop-front"), ["datadog://s3cret-permissions-key?region=eu"]);
    grant(&all);
    let rotated = ["datadog://s3cret-permissions-rotated?region=eu"];
    world.until_simulator("the new drain alone", |simulator| simulator.drains("shop-front") == rotated).await;
    world.until_reason("life", "Synced").await;
    world.finish();
}
