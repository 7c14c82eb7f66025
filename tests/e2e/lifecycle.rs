//! What the tests of one resource's life do to it, and wait for.

use scalingo_simulator::{Entry, Gate, Held, Simulator};
use serde_json::{Value, json};

use crate::{
    eventually::until,
    world::{SOON, World, ready},
};

impl World {
    /// Changes fields of a `LogDrain`'s spec; null takes one away.
    pub fn change(&self, name: &str, fields: &Value) {
        let patch = json!({"spec": fields}).to_string();
        self.kubectl(&["patch", "logdrain", name, "--type=merge", "--patch", &patch]);
    }

    /// Deletes a `LogDrain` and does not wait for it to be gone.
    pub fn delete(&self, name: &str) {
        self.kubectl(&["delete", "logdrain", name, "--wait=false"]);
    }

    /// Waits until a `LogDrain` is gone.
    pub async fn until_gone(&self, name: &str) {
        self.until(name, "gone", Value::is_null).await;
    }

    /// The events about a `LogDrain`, each as `type reason: note`, sorted.
    pub fn events(&self, name: &str) -> Vec<String> {
        let selector = format!("regarding.kind=LogDrain,regarding.name={name}");
        let text =
            self.kubectl(&["get", "events.v1.events.k8s.io", "-o=json", "--field-selector", &selector]);
        let list: Value = serde_json::from_str(&text).expect("JSON");
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut events: Vec<String> = list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|event| {
                format!("{} {}: {}", word(&event["type"]), word(&event["reason"]), word(&event["note"]))
            })
            .collect();
        events.sort();
        events
    }

    /// Waits until the events about a `LogDrain` are these, in any order: they are sent beside the work.
    pub async fn until_events(&self, name: &str, expected: &[&str]) {
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        let describe = || format!("the events of {name} are {:#?} and not {expected:#?}", self.events(name));
        until(SOON, describe, || self.events(name) == expected).await;
    }

    /// Waits until drains have been listed this many times more, and gives all requests since the call.
    pub async fn after_lists(&self, count: usize) -> Vec<Entry> {
        let begin = self.simulator.journal().last().map_or(0, |entry| entry.sequence);
        let since = |simulator: &Simulator| -> Vec<Entry> {
            simulator.journal().into_iter().filter(|entry| entry.sequence > begin).collect()
        };
        let is_list = |entry: &&Entry| entry.method == "GET" && entry.path.ends_with("/log_drains");
        self.until_simulator("more lists", |simulator| {
            since(simulator).iter().filter(is_list).filter(|entry| entry.status.is_some()).count() >= count
        })
        .await;
        since(&self.simulator)
    }

    /// Waits until a request waits at this gate.
    pub async fn until_held(&self, held: &Held) {
        self.until_held_by(&held.gate, 1).await;
    }

    /// Waits until so many requests have come to this gate.
    pub async fn until_held_by(&self, gate: &Gate, count: usize) {
        let reached = tokio::time::timeout(SOON, gate.reached_by(count)).await;
        assert!(
            reached.is_ok(),
            "{} requests are held and not {count}: {:#?}\n{}",
            gate.arrived(),
            self.simulator.journal(),
            self.operator_output()
        );
    }
}

/// Status, reason and message of the `Ready` condition.
pub fn verdict(object: &Value) -> [&str; 3] {
    ["status", "reason", "message"].map(|field| ready(object)[field].as_str().unwrap_or_default())
}
