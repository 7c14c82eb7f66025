//! What two servers answered, without what may differ.

use std::collections::BTreeMap;

use serde_json::Value;

/// The answers of one server, in their order.
#[derive(Default)]
pub struct Transcript {
    answers: Vec<(u16, Value)>,
    versions: Names,
    uids: Names,
}

/// Names in the order of their appearance.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn name(&mut self, prefix: &str, value: &str) -> Value {
        let next = format!("{prefix} {}", self.0.len() + 1);
        self.0.entry(value.to_owned()).or_insert(next).clone().into()
    }
}

impl Transcript {
    pub fn note(&mut self, code: u16, mut answer: Value) {
        self.normalise(&mut answer);
        self.answers.push((code, answer));
    }

    /// As code 0.
    pub fn note_events(&mut self, events: Vec<Value>) {
        for event in events {
            self.note(0, event);
        }
    }

    pub fn codes(&self) -> impl Iterator<Item = u16> + '_ {
        self.answers.iter().map(|(code, _)| *code)
    }

    /// The highest version seen.
    pub fn newest(&self) -> u64 {
        self.versions.0.keys().filter_map(|version| version.parse().ok()).max().unwrap_or(0)
    }

    /// The names of the versions, in the versions' own order.
    fn order(&self) -> Vec<&String> {
        let mut versions: Vec<(u64, _)> =
            self.versions.0.iter().map(|(version, name)| (version.parse().unwrap(), name)).collect();
        versions.sort_unstable();
        versions.into_iter().map(|(_, name)| name).collect()
    }

    fn normalise(&mut self, value: &mut Value) {
        match value {
            Value::Object(object) => {
                object.remove("managedFields");
                object.remove("message");
                for (name, value) in object.iter_mut() {
                    match (name.as_str(), value.as_str().map(str::to_owned)) {
                        ("resourceVersion", Some(text)) => *value = self.versions.name("version", &text),
                        ("uid", Some(text)) => *value = self.uids.name("uid", &text),
                        ("creationTimestamp" | "deletionTimestamp", Some(text)) => {
                            assert!(text.len() == 20 && text.ends_with('Z'), "{text}");
                            *value = "time".into();
                        }
                        _ => self.normalise(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.normalise(item)),
            _ => {}
        }
    }
}

/// Where the two differ first, and how.
pub fn difference(real: &Transcript, memory: &Transcript) -> Option<(usize, String)> {
    let lists = 3;
    for (step, (one, other)) in real.answers.iter().zip(&memory.answers).enumerate() {
        if one != other {
            let text = |(code, value): &(u16, Value)| format!("{code} {value:#}");
            let what = format!("--- real\n{}\n--- in memory\n{}", text(one), text(other));
            return Some((step.saturating_sub(lists), what));
        }
    }
    if real.answers.len() != memory.answers.len() {
        return Some((real.answers.len(), "one of them has more watch events".to_owned()));
    }
    if real.order() != memory.order() {
        return Some((
            real.answers.len(),
            format!("order of versions:\n{:?}\n{:?}", real.order(), memory.order()),
        ));
    }
    None
}
