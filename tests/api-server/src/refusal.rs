use std::fmt;

use serde_json::{Value, json};

use crate::definition::Definition;

/// The server's no, as its `Status` says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The status of the answer, such as 409.
    pub code: u16,
    /// One word for machines, such as `Conflict`.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
    pub(crate) details: Value,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}: {}", self.code, self.reason, self.message)
    }
}

impl std::error::Error for Refusal {}

/// What went wrong with one field: its reason, the field, and a sentence.
#[derive(Clone)]
pub(crate) struct Cause(pub &'static str, pub &'static str, pub String);

impl Refusal {
    fn new(code: u16, reason: &'static str, message: String, details: Value) -> Self {
        Self { code, reason, message, details }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message.into(), Value::Null)
    }

    pub(crate) fn not_found(definition: &Definition, name: &str) -> Self {
        let message = format!("{} {name:?} not found", resource(definition));
        Self::new(404, "NotFound", message, details(definition, name))
    }

    pub(crate) fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource".to_owned(), json!({}))
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource".to_owned();
        Self::new(405, "MethodNotAllowed", message, json!({}))
    }

    pub(crate) fn unsupported_media_type(media_type: &str) -> Self {
        let message = format!("the body of the request was in an unknown format: {media_type}");
        Self::new(415, "UnsupportedMediaType", message, json!({}))
    }

    pub(crate) fn already_exists(definition: &Definition, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", resource(definition));
        Self::new(409, "AlreadyExists", message, details(definition, name))
    }

    pub(crate) fn still_deleting(definition: &Definition, name: &str) -> Self {
        let message = format!("object is being deleted: {} {name:?} already exists", resource(definition));
        Self::new(409, "AlreadyExists", message, details(definition, name))
    }

    pub(crate) fn conflict(definition: &Definition, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", resource(definition));
        Self::new(409, "Conflict", message, details(definition, name))
    }

    pub(crate) fn modified(definition: &Definition, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(definition, name, why)
    }

    pub(crate) fn namespace_terminating(definition: &Definition, name: &str, namespace: &str) -> Self {
        let message = format!(
            "{} {name:?} is forbidden: unable to create new content in namespace {namespace} because it is being terminated",
            resource(definition)
        );
        let mut details = details(definition, name);
        details["causes"] = json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        }]);
        Self::new(403, "Forbidden", message, details)
    }

    /// `called` is what the server calls the kind here.
    pub(crate) fn invalid(definition: &Definition, called: &str, name: &str, causes: &[Cause]) -> Self {
        let sentences: Vec<_> = causes.iter().map(|Cause(_, field, why)| format!("{field}: {why}")).collect();
        let group =
            if definition.group.is_empty() { String::new() } else { format!(".{}", definition.group) };
        let message = format!("{called}{group} {name:?} is invalid: {}", sentences.join(", "));
        let causes: Vec<_> = causes
            .iter()
            .map(|Cause(reason, field, why)| json!({"reason": reason, "message": why, "field": field}))
            .collect();
        let mut details = details(definition, name);
        details["kind"] = called.into();
        details["causes"] = causes.into();
        Self::new(422, "Invalid", message, details)
    }

    pub(crate) fn expired(asked: u64, oldest: u64) -> Self {
        let message = format!("too old resource version: {asked} ({oldest})");
        Self::new(410, "Expired", message, Value::Null)
    }

    pub(crate) fn too_large_version(asked: u64, current: u64) -> Self {
        let message =
            format!("Timeout: Too large resource version: {asked}, current: {current}, retry after: 1s");
        let causes = json!([{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]);
        Self::new(504, "Timeout", message, json!({"causes": causes, "retryAfterSeconds": 1}))
    }

    /// What a server says of itself, rather than of an object.
    pub(crate) fn of_code(code: u16) -> Self {
        let (reason, message) = match code {
            400 => ("BadRequest", "the request is refused"),
            401 => ("Unauthorized", "Unauthorized"),
            403 => ("Forbidden", "forbidden"),
            404 => ("NotFound", "the server could not find the requested resource"),
            409 => ("Conflict", "the object has been modified"),
            410 => ("Expired", "The resourceVersion for the provided watch is too old."),
            429 => (
                "TooManyRequests",
                "the server has received too many requests and has asked us to try again later",
            ),
            500 => ("InternalError", "Internal error occurred: etcdserver: request timed out"),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => ("Timeout", "the server was unable to return a response in the time allotted"),
            _ => ("", "an error on the server"),
        };
        Self::new(code, reason, message.to_owned(), Value::Null)
    }

    /// Naming the kind where most name the resource.
    pub(crate) fn of_kind(mut self, definition: &Definition) -> Self {
        self.details["kind"] = definition.kind.clone().into();
        self
    }

    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }
}

fn resource(definition: &Definition) -> String {
    if definition.group.is_empty() {
        return definition.plural.clone();
    }
    format!("{}.{}", definition.plural, definition.group)
}

pub fn details(definition: &Definition, name: &str) -> Value {
    let mut details = json!({"name": name, "kind": definition.plural});
    if !definition.group.is_empty() {
        details["group"] = definition.group.clone().into();
    }
    details
}
