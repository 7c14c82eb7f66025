//! `kubectl delete namespace`, for real: the drains go from Scalingo, and the namespace ends.

use std::path::Path;

use regex::Regex;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::{
    eventually::until,
    lifecycle::verdict,
    world::{API_TOKEN, SOON, World},
};

mod rights;

const SPECS: [&str; 2] = ["datadog", "papertrail"];

fn spec(name: &str) -> Value {
    match name {
        "datadog" => json!({
            "app": "shop-front", "type": "datadog", "drainRegion": "eu-west-2",
            "tokenSecretRef": {"name": "datadog", "key": "api-key"},
        }),
        _ => json!({"app": "shop-api", "type": "papertrail", "host": "logs.example.com", "port": 6514}),
    }
}

impl World {
    /// A world where namespaces can be deleted.
    async fn with_namespace_controller() -> Self {
        let world = Self::new().await;
        block_in_place(|| world.plane.controller_manager()).unwrap_or_else(|error| panic!("{error}"));
        world
    }

    /// The Secrets and `LogDrain`s of the test's namespace, until all are in order.
    async fn fill_namespace(&self) {
        self.secret("scalingo", &[("api_token", API_TOKEN)]);
        self.secret("datadog", &[("api-key", "s3cret-namespaces-key")]);
        for name in SPECS {
            self.apply(name, &spec(name));
        }
        for name in SPECS {
            self.until_reason(name, "Synced").await;
        }
        assert_eq!(self.drain_count(), SPECS.len());
    }

    fn drain_count(&self) -> usize {
        ["shop-front", "shop-api"].map(|app| self.simulator.drains(app).len()).iter().sum()
    }

    async fn until_no_drain(&self) {
        let describe = || format!("{} drains are left\n{}", self.drain_count(), self.operator_output());
        until(SOON, describe, || self.drain_count() == 0).await;
    }

    fn delete_namespace(&self) {
        self.events_are_refused.set(true);
        self.kubectl(&["delete", "namespace", self.namespace(), "--wait=false"]);
    }

    fn is_there(&self, kind: &str, name: &str) -> bool {
        !self.kubectl(&["get", kind, name, "--ignore-not-found", "--output=name"]).is_empty()
    }

    async fn until_namespace_ends(&self) {
        let is_gone = || !self.is_there("namespace", self.namespace());
        let describe = || {
            let left =
                self.kubectl(&["get", "namespace", self.namespace(), "--output=yaml", "--ignore-not-found"]);
            format!("the namespace does not end: {left}\n{}", self.operator_output())
        };
        until(SOON, describe, is_gone).await;
    }

    /// A new namespace of the old name.
    fn create_namespace_anew(&self) {
        self.kubectl(&["create", "namespace", self.namespace()]);
    }

    /// Types a command of kubectl as a message shows it.
    fn type_in(&self, command: &str) {
        let path = self.plane.kubectl_path();
        let directory = path.parent().unwrap_or(Path::new("/"));
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", command]).env("KUBECONFIG", self.plane.kubeconfig_admin());
        let output = shell.env("PATH", directory).output().expect("a shell");
        assert!(output.status.success(), "{command}: {output:?}");
    }
}

/// The commands that this text has in backquotes after these words.
fn commands(text: &str, words: &str) -> Vec<String> {
    let pattern = Regex::new(&format!("{words} `([^`]*)`")).expect("a pattern");
    let mut commands: Vec<String> = pattern.captures_iter(text).map(|found| found[1].to_owned()).collect();
    commands.sort();
    commands.dedup();
    commands
}

#[tokio::test(flavor = "multi_thread")]
async fn with_rights_everywhere_a_namespace_ends_and_its_drains_go_each_time() {
    let world = World::with_namespace_controller().await;
    world.start_operator();
    for _ in 0..3 {
        world.fill_namespace().await;
        world.delete_namespace();
        world.until_namespace_ends().await;
        assert_eq!(world.drain_count(), 0);
        world.create_namespace_anew();
    }
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_starts_in_between_goes_on_with_the_token_while_its_secret_stands() {
    let world = World::with_namespace_controller().await;
    for ends_well in [true, false] {
        world.start_operator();
        world.fill_namespace().await;
        let hold = r#"{"metadata": {"finalizers": ["example.com/held"]}}"#;
        world.kubectl(&["patch", "secret", "scalingo", "--type=merge", "--patch", hold]);
        if ends_well {
            world.stop_operator();
        } else {
            world.kill_operator();
        }
        world.delete_namespace();
        let is_going = || !world.get("datadog")["metadata"]["deletionTimestamp"].is_null();
        until(SOON, || "the LogDrain does not go".to_owned(), is_going).await;
        world.start_operator();
        world.until_no_drain().await;
        let release = r#"{"metadata": {"finalizers": null}}"#;
        world.kubectl(&["patch", "secret", "scalingo", "--type=merge", "--patch", release]);
        world.until_namespace_ends().await;
        world.create_namespace_anew();
        world.stop_operator();
    }
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_starts_once_the_token_is_gone_says_what_can_still_be_done() {
    let world = World::with_namespace_controller().await;
    world.start_operator();
    world.fill_namespace().await;
    world.kill_operator();
    world.delete_namespace();
    until(SOON, || "the Secret stays".to_owned(), || !world.is_there("secret", "scalingo")).await;
    world.start_operator();
    for name in SPECS {
        let says_so = |object: &Value| {
            verdict(object)[2].contains("In a namespace that is being deleted nothing can be put")
        };
        let object = world.until(name, "without a token", says_so).await;
        let [_, reason, message] = verdict(&object);
        assert_eq!(reason, "ApiTokenNotFound");
        let secret = ["create", "secret", "generic", "scalingo", "--from-literal=api_token=x"];
        let error = world.try_kubectl(&secret, None).expect_err("nothing can be created");
        assert!(error.contains("because it is being terminated"), "{error}");
        assert!(message.contains("set spec.deletionPolicy to Retain there"), "{message}");
        world.change(name, &json!({"deletionPolicy": "Retain"}));
    }
    world.until_namespace_ends().await;
    // Nobody knows the token any more.
    assert_eq!(world.drain_count(), SPECS.len());
    world.create_namespace_anew();
    world.finish();
}
