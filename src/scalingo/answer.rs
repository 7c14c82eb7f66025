//! Tells the API's own answers from those of others.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde_json::{Map, Value};

use super::operation::{Missing, Operation};
use super::secrets::Secrets;
use super::transport::BodyFailure;

/// What the errors of others hold beside `error`, and the API's never: those of Spring, of Nest and Fastify, and of OAuth.
const OF_OTHERS: [&str; 4] = ["error_description", "message", "status", "statusCode"];
/// What the API asks to wait is believed up to here.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// An answer other than 2xx, as far as it may be shown.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) operation: Operation,
    pub(super) status: StatusCode,
    pub(super) body: Body,
    pub(super) retry_after: Option<Duration>,
}

/// A body, as far as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// One of the documented error objects.
    Documented { message: String, missing: Option<Missing>, unsupported: bool },
    /// Plain text, such as `Retry later`.
    Text(String),
    /// Anything else; the end of a sentence that begins with "the body".
    Other(&'static str),
}

const UNDOCUMENTED: Body = Body::Other("is not one of the documented errors");

impl Refusal {
    pub(super) fn read(
        operation: Operation,
        head: &Parts,
        body: Result<&Bytes, BodyFailure>,
        secrets: &Secrets,
        now: Timestamp,
    ) -> Self {
        let body = match body {
            Ok(body) => read_body(&head.headers, body, secrets),
            Err(failure) => Body::Other(failure.into()),
        };
        Self { operation, status: head.status, body, retry_after: retry_after(&head.headers, now) }
    }

    /// Whether something else than the API has answered, such as a proxy or a firewall: a redirect, or a refusal that is not
    /// one of the documented errors. Nothing follows from such an answer.
    pub(super) fn is_elsewhere(&self) -> bool {
        match (self.status.as_u16(), &self.body) {
            // A path that names nothing is always there.
            (404, Body::Documented { missing: Some(_), .. }) => {
                self.operation.is_of_auth() || self.operation == Operation::ListApps
            }
            (300..=399 | 404 | 407, _) => true,
            // The API says the last one as plain text. All three mean the same from everybody.
            (408 | 425 | 429, _) => false,
            (400..=499, body) => !matches!(body, Body::Documented { .. }),
            _ => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "answered {}", self.status.as_u16())?;
        match &self.body {
            Body::Documented { message, .. } | Body::Text(message) => write!(formatter, ": {message}")?,
            Body::Other(reason) => write!(formatter, ", and the body {reason}")?,
        }
        if self.is_elsewhere() {
            let option = if self.operation.is_of_auth() { "--auth-url" } else { "--api-url" };
            write!(
                formatter,
                " (something else than the Scalingo API answered: check the proxy, the firewall and {option})"
            )?;
        }
        Ok(())
    }
}

fn read_body(headers: &HeaderMap, body: &Bytes, secrets: &Secrets) -> Body {
    let Ok(text) = std::str::from_utf8(body) else { return Body::Other("is not text") };
    let text = text.trim();
    if text.is_empty() {
        return Body::Other("is empty");
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if text.starts_with('<') || content_type.contains("html") {
        return Body::Other("is HTML");
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => documented(&fields, secrets),
        Ok(_) => UNDOCUMENTED,
        Err(_) if text.starts_with(['{', '[']) => Body::Other("is not whole JSON"),
        Err(_) => Body::Text(secrets.scrub(text)),
    }
}

/// 400, 401, 403, 409, 422, 500 `{"error", "code"?}` · 402 `{"name", "error", "url"}` ·
/// 404 `{"resource"?, "error"}` · 422 `{"errors": {field: [text, …]}}`
fn documented(fields: &Map<String, Value>, secrets: &Secrets) -> Body {
    if OF_OTHERS.iter().any(|field| fields.contains_key(*field)) {
        return UNDOCUMENTED;
    }
    let error = fields.get("error").and_then(Value::as_str);
    let by_field = fields.get("errors").and_then(Value::as_object).map(field_errors);
    let message = match (error, by_field) {
        (Some(error), Some(by_field)) if !by_field.is_empty() => format!("{error}: {by_field}"),
        (Some(error), _) => error.to_owned(),
        (None, Some(by_field)) if !by_field.is_empty() => by_field,
        (None, _) => return UNDOCUMENTED,
    };
    let missing = match fields.get("resource") {
        _ if error.is_none() => None,
        None | Some(Value::Null) => Some(Missing::Unknown),
        Some(Value::String(resource)) => Some(named(resource)),
        Some(_) => None,
    };
    let unsupported = message.to_lowercase().contains("support log drains");
    Body::Documented { message: secrets.scrub(&message), missing, unsupported }
}

fn named(resource: &str) -> Missing {
    match resource.to_ascii_lowercase().as_str() {
        "app" | "application" => Missing::App,
        "addon" => Missing::Addon,
        "drain" | "log_drain" | "log drain" | "log-drain" | "logdrain" => Missing::Drain,
        _ => Missing::Unknown,
    }
}

fn field_errors(fields: &Map<String, Value>) -> String {
    let line = |(field, texts): (&String, &Value)| {
        let texts: Vec<&str> = match texts {
            Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
            Value::String(text) => vec![text],
            _ => Vec::new(),
        };
        format!("{field}: {}", texts.join(", "))
    };
    fields.iter().map(line).collect::<Vec<_>>().join("; ")
}

/// Seconds or a date, which is compared with the answer's own date where it has one.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are more than is believed.
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER));
    }
    let until = date(text)?;
    let sent = headers.get(DATE).and_then(|value| value.to_str().ok()).and_then(date).unwrap_or(now);
    let wait = Duration::try_from(until.duration_since(sent)).unwrap_or_default();
    Some(wait.min(LONGEST_RETRY_AFTER))
}

fn date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok()
}

#[cfg(test)]
pub(super) mod tests;
