use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::reply::Reply;

/// The drain types that the API documents.
pub const DRAIN_TYPES: [&str; 7] =
    ["appsignal", "betterstack", "datadog", "ovh-graylog", "papertrail", "syslog", "elk"];

const FIELDS: [&str; 5] = ["token", "host", "port", "drain_region", "url"];

/// What a request to add a drain asks for, once it was judged.
#[derive(Clone)]
pub(crate) struct Destination {
    pub(crate) drain_type: String,
    /// Only what is set, by the API's field names.
    pub(crate) values: BTreeMap<&'static str, String>,
}

/// A request that is not as documented: the answer, and what is wrong with it.
pub(crate) struct Refusal {
    pub(crate) reply: Reply,
    pub(crate) complaints: Vec<String>,
}

impl Refusal {
    pub(crate) fn new(reply: Reply, complaint: impl Into<String>) -> Self {
        Self { reply, complaints: vec![complaint.into()] }
    }
}

/// The fields that a type requires, and those that it allows besides.
fn table(drain_type: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    Some(match drain_type {
        "appsignal" => (&["token"], &["host", "port"]),
        "betterstack" | "ovh-graylog" => (&["token", "host"], &[]),
        "datadog" => (&["token", "drain_region"], &[]),
        "papertrail" => (&["host", "port"], &[]),
        "syslog" => (&["host", "port"], &["token"]),
        "elk" => (&["url"], &[]),
        _ => return None,
    })
}

impl Destination {
    /// Judges the body of a POST. The second value holds complaints about a body that is accepted all the same.
    /// Of the types in `others` no more is known than that the API takes them.
    pub(crate) fn judge(body: &Value, others: &BTreeSet<String>) -> Result<(Self, Vec<String>), Refusal> {
        let drain = drain_object(body)?;
        let mut errors = Errors::default();
        let mut complaints = Vec::new();
        let mut values = BTreeMap::new();
        let mut drain_type = None;
        for (name, value) in drain {
            let Some(field) = FIELDS.iter().find(|field| *field == name) else {
                match value.as_str() {
                    _ if name != "type" => errors.add(name, "is not a known parameter"),
                    Some(text) => drain_type = Some(text),
                    None => errors.add("type", "must be a string"),
                }
                continue;
            };
            match value.as_str() {
                None => errors.add(field, "must be a string"),
                Some("") => complaints.push(format!("drain.{field} is empty: send only what is set")),
                Some(text) => {
                    values.insert(*field, text.to_owned());
                }
            }
        }
        match drain_type.filter(|name| !name.is_empty()).map(|name| (name, table(name))) {
            None if errors.has("type") => {}
            None => errors.add("type", "can't be blank"),
            Some((name, None)) if others.contains(name) => {}
            Some((_, None)) => errors.add("type", "is not a known type"),
            Some((name, Some((required, optional)))) => {
                for field in FIELDS {
                    let given = values.contains_key(field);
                    if required.contains(&field) && !given && !errors.has(field) {
                        errors.add(field, "can't be blank");
                    } else if given && !required.contains(&field) && !optional.contains(&field) {
                        errors.add(field, &format!("is not allowed for {name}"));
                    }
                }
            }
        }
        if values.get("port").is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
            errors.add("port", "is not a port");
        }
        if values.get("url").is_some_and(|url| url::Url::parse(url).map_or(true, |url| !url.has_host())) {
            errors.add("url", "is not a URL");
        }
        errors.refuse(&complaints)?;
        let drain_type = drain_type.unwrap_or_default().to_owned();
        Ok((Self { drain_type, values }, complaints))
    }

    pub(crate) fn value(&self, field: &str) -> Option<&str> {
        self.values.get(field).map(String::as_str)
    }
}

fn drain_object(body: &Value) -> Result<&Map<String, Value>, Refusal> {
    let refuse = |text: &str| Err(Refusal::new(Reply::error(400, text), text));
    let Some(object) = body.as_object() else { return refuse("the body is not an object") };
    if object.keys().any(|key| key != "drain") {
        return refuse("the body has an unknown field besides drain");
    }
    match object.get("drain").and_then(Value::as_object) {
        Some(drain) => Ok(drain),
        None => refuse("drain is not an object"),
    }
}

/// `{"errors":{field:[text]}}` in the making.
#[derive(Default)]
struct Errors(BTreeMap<String, Vec<String>>);

impl Errors {
    fn add(&mut self, field: &str, text: &str) {
        self.0.entry(field.to_owned()).or_default().push(text.to_owned());
    }

    fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    fn refuse(&self, complaints: &[String]) -> Result<(), Refusal> {
        if self.0.is_empty() {
            return Ok(());
        }
        let texts = self
            .0
            .iter()
            .flat_map(|(field, texts)| texts.iter().map(move |text| format!("drain.{field} {text}")));
        Err(Refusal {
            reply: Reply::json(422, &json!({ "errors": self.0 })),
            complaints: complaints.iter().cloned().chain(texts).collect(),
        })
    }
}
