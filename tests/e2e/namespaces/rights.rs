//! Rights in one namespace only, which go with it, and may go first.

use serde_json::json;
use tokio::task::block_in_place;

use super::{SPECS, commands};
use crate::{
    eventually::{eventually, until},
    world::{SOON, World},
};

const ROLE: &str = include_str!("../../../deploy/components/namespaced/role.yaml");

impl World {
    /// The account of `deploy/components/namespaced`, in a namespace of its own: it stays when the other goes.
    fn create_account(&mut self) -> String {
        let home = block_in_place(|| self.plane.namespace()).expect("a namespace");
        self.kubectl(&["create", "serviceaccount", "logdrain-operator", "--namespace", &home]);
        self.kubeconfig =
            block_in_place(|| self.plane.service_account_kubeconfig(&home, "logdrain-operator"))
                .expect("a kubeconfig");
        home
    }

    /// Its Role and `RoleBinding`, in the test's namespace.
    async fn give_rights(&self, home: &str) {
        let here = format!("namespace: {}", self.namespace());
        let (role, subjects) = ROLE.split_once("subjects:").expect("subjects");
        let role = role.replace("namespace: logdrain-system", &here);
        let subjects = subjects.replace("logdrain-system", home);
        self.try_kubectl(&["apply", "-f", "-"], Some(&format!("{role}subjects:{subjects}"))).expect("a role");
        self.until_may(home, true).await;
    }

    async fn until_may(&self, home: &str, may: bool) {
        let account = format!("--as=system:serviceaccount:{home}:logdrain-operator");
        let asked = ["auth", "can-i", "patch", "logdrains.logs.scalingo.com", &account];
        let describe = || format!("{account} may patch LogDrains: {}", !may);
        until(SOON, describe, || self.try_kubectl(&asked, None).is_ok() == may).await;
    }

    /// Waits until the metric says that a person has to release so many.
    async fn until_unreleased(&self, count: usize) {
        let is_so = async || {
            (self.metrics().await.get("logdrain_unreleased").to_string() == count.to_string()).then_some(())
        };
        eventually(SOON, || self.operator_output(), is_so).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_rights_go_first_the_drains_go_and_the_log_names_the_command_that_releases_the_rest() {
    let mut world = World::with_namespace_controller().await;
    let home = world.create_account();
    world.give_rights(&home).await;
    world.start_operator();
    world.fill_namespace().await;
    assert_eq!(world.metrics().await.get("logdrain_unreleased").to_string(), "0");
    world.kubectl(&["delete", "rolebinding", "logdrain-operator"]);
    world.until_may(&home, false).await;
    world.delete_namespace();
    world.until_no_drain().await;
    world.until_unreleased(SPECS.len()).await;
    let said = || {
        let output = world.operator_output();
        let errors: Vec<&str> = output.lines().filter(|line| line.contains("ERROR")).collect();
        commands(&errors.join("\n"), "release it with")
    };
    until(SOON, || world.operator_output(), || said().len() == SPECS.len()).await;
    assert!(SPECS.iter().all(|name| world.is_there("logdrain", name)));
    for command in said() {
        world.type_in(&command);
    }
    world.until_namespace_ends().await;
    world.until_unreleased(0).await;
    world.create_namespace_anew();
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_rights_come_back_what_is_left_goes_by_itself() {
    let mut world = World::with_namespace_controller().await;
    let home = world.create_account();
    world.give_rights(&home).await;
    world.start_operator();
    world.fill_namespace().await;
    world.kubectl(&["delete", "rolebinding", "logdrain-operator"]);
    world.until_may(&home, false).await;
    world.kubectl(&["delete", "logdrain", "--all", "--wait=false"]);
    world.until_no_drain().await;
    world.until_unreleased(SPECS.len()).await;
    world.give_rights(&home).await;
    for name in SPECS {
        world.until_gone(name).await;
    }
    world.until_unreleased(0).await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_cluster_role_for_log_drains_the_namespace_ends_by_itself_each_time() {
    const COMPONENT: &str = include_str!("../../../deploy/components/namespace-deletion/rbac.yaml");
    let mut world = World::with_namespace_controller().await;
    let home = world.create_account();
    // Of this test alone, though roles are everybody's.
    let named = COMPONENT.replace("logdrain-operator-logdrains", &format!("{home}-logdrains"));
    let component = named.replace("namespace: logdrain-system", &format!("namespace: {home}"));
    world.try_kubectl(&["apply", "-f", "-"], Some(&component)).expect("a role");
    world.start_operator();
    for goes_first in [true, false, false] {
        world.give_rights(&home).await;
        world.fill_namespace().await;
        if goes_first {
            world.kubectl(&["delete", "rolebinding", "logdrain-operator"]);
            let account = format!("--as=system:serviceaccount:{home}:logdrain-operator");
            let asked = ["auth", "can-i", "get", "secrets", account.as_str()];
            until(SOON, || "it may read Secrets".to_owned(), || world.try_kubectl(&asked, None).is_err())
                .await;
        }
        world.delete_namespace();
        world.until_namespace_ends().await;
        assert_eq!(world.drain_count(), 0);
        world.create_namespace_anew();
    }
    world.stop_operator();
    let patch = json!({"subjects": []}).to_string();
    let binding = format!("{home}-logdrains");
    world.kubectl(&["patch", "clusterrolebinding", &binding, "--type=merge", "--patch", &patch]);
    world.finish();
}
