//! What a request asks for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, header, request::Parts};
use serde_json::Value;

use crate::{definition::Definition, refusal::Refusal, write::Place};

/// What a request asks for, as Kubernetes names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
}

/// A request, understood.
pub struct Call {
    pub verb: Verb,
    pub place: Place,
    pub of_status: bool,
    pub metadata_only: bool,
    pub query: Query,
    pub body: Value,
}

/// What the query says.
#[derive(Clone, Default)]
pub struct Query {
    /// `None` where none was given.
    pub version: Option<u64>,
    pub bookmarks: bool,
    pub initial_events: bool,
    pub timeout: Option<Duration>,
    /// From a `metadata.name=` selector.
    pub name: Option<String>,
}

impl Call {
    pub fn parse(definitions: &[Arc<Definition>], parts: &Parts, body: &[u8]) -> Result<Self, Refusal> {
        let (place, subresource) = place(definitions, parts.uri.path())?;
        let of_status = match subresource {
            None => false,
            Some("status") if place.definition.status => true,
            Some(_) => return Err(Refusal::no_such_path()),
        };
        let query = parts.uri.query().unwrap_or_default().as_bytes();
        let query: BTreeMap<_, _> = url::form_urlencoded::parse(query).into_owned().collect();
        let watching = query.get("watch").is_some_and(|watch| matches!(watch.as_str(), "true" | "1"));
        let verb = match (&parts.method, place.name.is_empty()) {
            (&Method::GET, _) if watching => Verb::Watch,
            (&Method::GET, false) => Verb::Get,
            (&Method::GET, true) => Verb::List,
            (&Method::POST, true) if !of_status => Verb::Create,
            (&Method::PUT, false) => Verb::Update,
            (&Method::PATCH, false) => Verb::Patch,
            (&Method::DELETE, false) if !of_status => Verb::Delete,
            _ => return Err(Refusal::method_not_allowed()),
        };
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = text(header::CONTENT_TYPE);
        if verb == Verb::Patch && media_type != "application/merge-patch+json" {
            return Err(Refusal::unsupported_media_type(media_type));
        }
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(body).map_err(|error| Refusal::bad_request(error.to_string()))?
        };
        Ok(Self {
            verb,
            query: Query::parse(&query)?,
            place,
            of_status,
            metadata_only: text(header::ACCEPT).contains("as=PartialObjectMetadata"),
            body,
        })
    }
}

impl Query {
    fn parse(query: &BTreeMap<String, String>) -> Result<Self, Refusal> {
        let get = |name: &str| query.get(name).map(String::as_str).filter(|value| !value.is_empty());
        for name in ["labelSelector", "dryRun", "continue"] {
            if let Some(value) = get(name) {
                return Err(Refusal::bad_request(format!("{name}={value} is not offered")));
            }
        }
        if get("resourceVersionMatch") == Some("Exact") {
            return Err(Refusal::bad_request("resourceVersionMatch=Exact is not offered"));
        }
        let name = match get("fieldSelector").map(|selector| (selector, selector.split_once('='))) {
            None => None,
            Some((_, Some(("metadata.name", name)))) => Some(name.trim_start_matches('=').to_owned()),
            Some((selector, _)) => {
                return Err(Refusal::bad_request(format!("field label not supported: {selector}")));
            }
        };
        let number = |name: &str| match get(name).map(str::parse::<u64>) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(error)) => Err(Refusal::bad_request(format!("{name}: {error}"))),
        };
        Ok(Self {
            version: number("resourceVersion")?,
            bookmarks: get("allowWatchBookmarks") == Some("true"),
            initial_events: get("sendInitialEvents") == Some("true"),
            timeout: number("timeoutSeconds")?.filter(|seconds| *seconds > 0).map(Duration::from_secs),
            name,
        })
    }
}

/// Where a path leads, and the subresource that it names.
fn place<'path>(
    definitions: &[Arc<Definition>],
    path: &'path str,
) -> Result<(Place, Option<&'path str>), Refusal> {
    let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let (group, version, rest) = match segments.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Err(Refusal::no_such_path()),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, plural, rest @ ..] if !matches!(*plural, "status" | "finalize") => {
            (*namespace, [&[*plural], rest].concat())
        }
        _ => ("", rest.to_vec()),
    };
    let (plural, name, subresource) = match rest.as_slice() {
        [plural] => (*plural, "", None),
        [plural, name] => (*plural, *name, None),
        [plural, name, subresource] => (*plural, *name, Some(*subresource)),
        _ => return Err(Refusal::no_such_path()),
    };
    let found = definitions.iter().enumerate().find(|(_, definition)| {
        definition.group == group && definition.version == version && definition.plural == plural
    });
    let Some((index, definition)) = found else { return Err(Refusal::no_such_path()) };
    if definition.namespaced && namespace.is_empty() && !name.is_empty() {
        return Err(Refusal::no_such_path());
    }
    let place = Place {
        index,
        definition: definition.clone(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    Ok((place, subresource))
}
