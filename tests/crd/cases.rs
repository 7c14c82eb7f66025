//! Specs that are good and bad, for the rules evaluated here and for the API server alike.

use serde_json::{Value, json};

/// The documentation's table, written down a second time so that the first can be wrong.
/// `!` required, `?` optional, `-` refused, `1` exactly one of these.
const TABLE: [(&str, &str); 8] = [
    ("appsignal", "-!??---"),
    ("betterstack", "-!!----"),
    ("datadog", "-!--!--"),
    ("ovh-graylog", "-!!----"),
    ("papertrail", "--!!---"),
    ("syslog", "-?!!---"),
    ("elk", "-----11"),
    ("custom", "!??????"),
];

const FIELDS: [&str; 7] =
    ["customType", "tokenSecretRef", "host", "port", "drainRegion", "url", "urlSecretRef"];

/// A spec, and every message that it must be answered with: none when it is good.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) spec: Value,
    pub(crate) messages: Vec<String>,
}

/// Every type with every subset of the fields that depend on the type.
pub(crate) fn types_and_fields() -> Vec<Case> {
    TABLE
        .iter()
        .flat_map(|(drain_type, row)| {
            (0..1_u32 << FIELDS.len()).map(move |subset| {
                let there = |column: usize| subset >> column & 1 == 1;
                let mut spec = json!({"app": "shop-front", "type": drain_type});
                let mut messages = Vec::new();
                for (column, (field, mark)) in FIELDS.iter().zip(row.chars()).enumerate() {
                    if there(column) {
                        spec[*field] = value_of(field);
                    }
                    match (mark, there(column)) {
                        ('!', false) => {
                            messages.push(format!("spec.{field} is required when type is {drain_type}"));
                        }
                        ('-', true) => {
                            messages
                                .push(format!("spec.{field} is not used by type {drain_type}: remove it"));
                        }
                        _ => {}
                    }
                }
                match (*drain_type, there(5), there(6)) {
                    ("elk", false, false) => messages
                        .push("spec.url or spec.urlSecretRef is required when type is elk".to_owned()),
                    ("elk" | "custom", true, true) => messages.push(format!(
                        "spec.url and spec.urlSecretRef exclude each other when type is {drain_type}: keep one"
                    )),
                    _ => {}
                }
                messages.sort();
                Case { spec, messages }
            })
        })
        .collect()
}

fn value_of(field: &str) -> Value {
    match field {
        "customType" => json!("opensearch"),
        "host" => json!("logs.example.com"),
        "port" => json!(6514),
        "drainRegion" => json!("eu-west-2"),
        "url" => json!("https://logstash.example.com"),
        _ => json!({"name": "destination", "key": "token"}),
    }
}

/// A good spec of a type, with every field that the type takes.
pub(crate) fn full_spec(drain_type: &str) -> Value {
    types_and_fields()
        .into_iter()
        .filter(|case| case.messages.is_empty() && case.spec["type"] == drain_type)
        .map(|case| case.spec)
        .max_by_key(|spec| (spec.as_object().map_or(0, serde_json::Map::len), spec["url"].is_string()))
        .expect("each type has a good spec")
}

/// Values of one field that are good, and values that are bad.
pub(crate) struct Values {
    /// Where the value goes in the spec, as a JSON pointer.
    pub(crate) pointer: &'static str,
    /// A type that takes the field.
    pub(crate) drain_type: &'static str,
    pub(crate) good: Vec<Value>,
    pub(crate) bad: Vec<Value>,
    /// What every answer to a bad value must hold.
    pub(crate) answer: &'static str,
}

impl Values {
    /// A good spec but for `value`.
    pub(crate) fn spec_with(&self, value: &Value) -> Value {
        let mut spec = full_spec(self.drain_type);
        if self.pointer.starts_with("/apiTokenSecretRef") {
            spec["apiTokenSecretRef"] = json!({});
        }
        let (parent, name) = self.pointer.rsplit_once('/').expect("a pointer begins with a slash");
        spec.pointer_mut(parent).expect("the parent is there")[name] = value.clone();
        spec
    }
}

/// Values of every field that has bounds of its own.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn values() -> Vec<Values> {
    let long = |character: &str, length| Value::from(character.repeat(length));
    vec![
        Values {
            pointer: "/app",
            drain_type: "syslog",
            good: vec!["shop-front".into(), "a".into(), "5af97be7ff688d0001228ffb".into(), long("a", 63)],
            bad: [
                "",
                "-a",
                "Shop",
                "shop_front",
                "shop.front",
                "..",
                "a/b",
                "a?b",
                "a#b",
                "a%2fb",
                "a\\b",
                "a b",
                "a\n",
                "\u{0}",
                "é",
            ]
            .into_iter()
            .map(Value::from)
            .chain([long("a", 64)])
            .collect(),
            answer: "spec.app",
        },
        Values {
            pointer: "/addon",
            drain_type: "syslog",
            good: vec!["ad-9be0fc04-bee6-4981-a403-a9dd4981bd1f".into(), "ad-1".into()],
            bad: ["", "ad-", "postgresql", "ad-1/..", "ad-1?a", "ad-1#a", "ad-..", "ad-1 ", "ad-1\n"]
                .into_iter()
                .map(Value::from)
                .chain([long("ad-1", 16)])
                .collect(),
            answer: "spec.addon",
        },
        Values {
            pointer: "/region",
            drain_type: "syslog",
            good: vec!["osc-fr1".into(), "osc-secnum-fr1".into(), long("a", 32)],
            bad: ["", "-a", "osc.fr1", "osc/fr1", "evil.example.com/", "osc@evil", "osc:1", "OSC", "osc fr1"]
                .into_iter()
                .map(Value::from)
                .chain([long("a", 33)])
                .collect(),
            answer: "spec.region",
        },
        Values {
            pointer: "/host",
            drain_type: "syslog",
            good: [
                "tag1.logs.ovh.com",
                "Logs.Example.COM",
                "localhost",
                "xn--bcher-kva.example",
                "1.example.com",
                "192.0.2.7",
                "2001:db8::7",
                "::1",
            ]
            .into_iter()
            .map(Value::from)
            .collect(),
            bad: [
                "",
                "https://logs.example.com",
                "logs.example.com:6514",
                "logs.example.com/path",
                "192.0.2.7:6514",
                "[2001:db8::7]",
                "192.0.2.999",
                "fe80::1%eth0",
                "logs..example.com",
                ".example.com",
                "example.com.",
                "-a.example.com",
                "a_b.example.com",
                "user@logs.example.com",
                "logs example.com",
                "logs.example.com\n",
                "logs.example.com?a",
                "logs.example.com#a",
                "bücher.example",
            ]
            .into_iter()
            .map(Value::from)
            .chain([long("a", 64), long("a.", 127)])
            .collect(),
            answer: "spec.host",
        },
        Values {
            pointer: "/port",
            drain_type: "syslog",
            good: vec![1.into(), 6514.into(), 65535.into()],
            bad: vec![
                0.into(),
                (-1).into(),
                65536.into(),
                5_000_000_000_i64.into(),
                "6514".into(),
                1.5.into(),
            ],
            answer: "spec.port",
        },
        Values {
            pointer: "/drainRegion",
            drain_type: "datadog",
            good: vec!["eu".into(), "eu-west-2".into(), "US5".into(), long("a", 63)],
            bad: ["", " ", "eu west", "eu\n", "eu\u{7f}", "é"]
                .into_iter()
                .map(Value::from)
                .chain([long("a", 64)])
                .collect(),
            answer: "spec.drainRegion",
        },
        Values {
            pointer: "/url",
            drain_type: "elk",
            good: [
                "https://logstash.example.com",
                "http://192.0.2.7:8080/a?b=c%40d#e",
                "tcp+tls://[2001:db8::7]:1",
            ]
            .into_iter()
            .map(Value::from)
            .chain([format!("https://example.com/{}", "a".repeat(2028)).into()])
            .collect(),
            bad: [
                "",
                "logstash.example.com",
                "//logstash.example.com",
                "https://",
                "https:///path",
                "https:opaque",
                "https://example.com/a b",
                "https://example.com/\n",
                "https://exämple.com",
                "https://[::1",
                "https://user:password@example.com",
                "https://example.com/?mail=a@b.example",
            ]
            .into_iter()
            .map(Value::from)
            .chain([format!("https://example.com/{}", "a".repeat(2029)).into()])
            .collect(),
            answer: "spec.url",
        },
        Values {
            pointer: "/customType",
            drain_type: "custom",
            good: vec!["logtail".into(), "a".into(), "New_Relic.v2-eu".into(), long("a", 63)],
            bad: ["", "-a", "a-", "a b", "a/b", "a\"b", "a\n", "é", "../a"]
                .into_iter()
                .map(Value::from)
                .chain([long("a", 64), Value::Null, 1.into()])
                .collect(),
            answer: "spec.customType",
        },
        secret_names("/tokenSecretRef/name", "datadog", "spec.tokenSecretRef.name"),
        secret_keys("/tokenSecretRef/key", "datadog", "spec.tokenSecretRef.key"),
        secret_names("/apiTokenSecretRef/name", "syslog", "spec.apiTokenSecretRef.name"),
        secret_keys("/apiTokenSecretRef/key", "syslog", "spec.apiTokenSecretRef.key"),
        Values {
            pointer: "/type",
            drain_type: "syslog",
            good: vec!["syslog".into()],
            bad: vec!["logentries".into(), "opensearch".into(), "Syslog".into(), "".into(), Value::Null],
            answer: "spec.type",
        },
        Values {
            pointer: "/deletionPolicy",
            drain_type: "syslog",
            good: vec!["Delete".into(), "Retain".into()],
            bad: vec!["retain".into(), "Orphan".into(), "".into()],
            answer: "spec.deletionPolicy",
        },
        Values {
            pointer: "/suspend",
            drain_type: "syslog",
            good: vec![true.into(), false.into()],
            bad: vec!["true".into(), 1.into()],
            answer: "spec.suspend",
        },
    ]
}

fn secret_names(pointer: &'static str, drain_type: &'static str, answer: &'static str) -> Values {
    Values {
        pointer,
        drain_type,
        good: vec!["datadog".into(), "a.b-c.1".into(), "a".repeat(253).into()],
        bad: ["", "Datadog", "-a", "a-", "a..b", "a/b", "a_b", "a b"]
            .into_iter()
            .map(Value::from)
            .chain(["a".repeat(254).into()])
            .collect(),
        answer,
    }
}

fn secret_keys(pointer: &'static str, drain_type: &'static str, answer: &'static str) -> Values {
    Values {
        pointer,
        drain_type,
        good: vec!["api-key".into(), "API_KEY".into(), ".env".into(), "a".repeat(253).into()],
        bad: ["", "a/b", "a b", "a\n", "é"]
            .into_iter()
            .map(Value::from)
            .chain(["a".repeat(254).into()])
            .collect(),
        answer,
    }
}
