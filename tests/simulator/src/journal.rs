use std::fmt;
use std::net::SocketAddr;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::state::{Target, redact};

/// A request that the simulator saw. It holds no secret, unless the test asked for bodies.
#[derive(Clone, Serialize)]
pub struct Entry {
    /// Its place among all requests and [`Change`]s.
    pub sequence: u64,
    /// When it came.
    pub at: Timestamp,
    /// HTTP method.
    pub method: String,
    /// Path as it was sent, without the query.
    pub path: String,
    /// Names of the query's parameters, without their values.
    pub parameters: Vec<String>,
    /// Label of the API token that it was made with.
    pub token: Option<String>,
    /// Status of the answer; none while it is under way, or when the connection was broken instead.
    pub status: Option<u16>,
    /// The fault that was applied.
    pub fault: Option<&'static str>,
    /// Where the [`crate::Server`] listens that it came through; none when it was answered in-process.
    #[serde(skip)]
    pub server: Option<SocketAddr>,
    /// The JSON body, kept only after [`crate::Simulator::keep_bodies`].
    #[serde(skip)]
    pub body: Option<Value>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, method, path, status, fault, token, .. } = self;
        write!(formatter, "#{sequence} {method} {path}")?;
        match status {
            Some(status) => write!(formatter, " -> {status}")?,
            None => formatter.write_str(" -> nothing")?,
        }
        write!(formatter, " ({})", token.as_deref().unwrap_or("no token"))?;
        fault.map_or(Ok(()), |fault| write!(formatter, " [{fault}]"))
    }
}

/// A drain came or went. `Debug` and JSON redact the URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Its place among all changes and requests.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// Whether it came or went.
    pub kind: ChangeKind,
    /// The app, by id, or its addon.
    pub target: Target,
    /// The drain's URL: a secret.
    pub url: String,
    /// Label of the API token that did it; none when it was done behind the client's back.
    pub by: Option<String>,
}

/// Whether a drain came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A drain was added.
    Added,
    /// A drain was removed.
    Removed,
}

impl fmt::Debug for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, kind, target, url, by, .. } = self;
        let by = by.as_deref().unwrap_or("behind");
        write!(formatter, "#{sequence} {kind:?} {target} {} by {by}", redact(url))
    }
}

impl Change {
    pub(crate) fn to_json(&self, reveal: bool) -> Value {
        let url = if reveal { self.url.clone() } else { redact(&self.url) };
        serde_json::json!({
            "sequence": self.sequence, "at": self.at.to_string(), "kind": self.kind,
            "app_id": self.target.app, "addon": self.target.addon, "url": url, "by": self.by,
        })
    }
}
