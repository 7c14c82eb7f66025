//! From a call to a response.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody};
use serde_json::{Value, json};

use crate::{
    call::{Call, Verb},
    connection::{Answer, Connection},
    definition::Definition,
    metadata,
    refusal::Refusal,
    store::Store,
    watch::Watch,
    write::{Done, Update},
};

pub fn answer(connection: &Connection, call: Call) -> Answer {
    if call.verb == Verb::Watch {
        return watch(connection, call);
    }
    let metadata_only = call.metadata_only;
    let done = {
        let mut state = connection.shared.state();
        handle(&mut state.store, call)
    };
    match done {
        Ok(Done { code, body }) if metadata_only && body["kind"] != "Status" => {
            respond(code, &only_metadata(&body))
        }
        Ok(Done { code, body }) => respond(code, &body),
        Err(refusal) => refused(&refusal),
    }
}

pub fn refused(refusal: &Refusal) -> Answer {
    respond(refusal.code, &refusal.status())
}

fn handle(store: &mut Store, call: Call) -> Result<Done, Refusal> {
    let Call { verb, place, of_status, query, body, metadata_only } = call;
    match verb {
        Verb::Get => {
            check_version(store, query.version)?;
            let found = store.find(place.index, &place.namespace, &place.name);
            let found = found.ok_or_else(|| Refusal::not_found(&place.definition, &place.name))?;
            Ok(Done { code: 200, body: found.seen.clone() })
        }
        Verb::List | Verb::Watch => {
            check_version(store, query.version)?;
            let mut items = store.list(place.index, &place.namespace);
            items
                .retain(|item| query.name.as_deref().is_none_or(|name| metadata::text(item, "name") == name));
            let list = list(&place.definition, &items, store.version, metadata_only);
            Ok(Done { code: 200, body: Arc::new(list) })
        }
        Verb::Create => store.create(&place, body),
        Verb::Update => store.update(&place, of_status, Update::Replace(body)),
        Verb::Patch => store.update(&place, of_status, Update::Merge(body)),
        Verb::Delete => store.delete(&place, &body),
    }
}

fn check_version(store: &Store, version: Option<u64>) -> Result<(), Refusal> {
    match version {
        Some(version) if version > store.version => Err(Refusal::too_large_version(version, store.version)),
        _ => Ok(()),
    }
}

fn list(definition: &Definition, items: &[Arc<Value>], version: u64, metadata_only: bool) -> Value {
    let (api_version, kind) = if metadata_only {
        ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadataList".to_owned())
    } else {
        (definition.api_version(), format!("{}List", definition.kind))
    };
    let item = |item: &Arc<Value>| {
        if metadata_only {
            return only_metadata(item);
        }
        let mut item = item.as_ref().clone();
        if let Value::Object(item) = &mut item
            && !definition.is_custom()
        {
            item.remove("apiVersion");
            item.remove("kind");
        }
        item
    };
    let items: Value = match items {
        // So says the real one.
        [] if metadata_only => Value::Null,
        items => items.iter().map(item).collect(),
    };
    let metadata = json!({"resourceVersion": version.to_string()});
    // Once already wrapped, a list is no list of metadata to wrap again.
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "items": items})
}

pub fn only_metadata(object: &Value) -> Value {
    if object.get("items").is_some() {
        return object.clone();
    }
    json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"]})
}

fn watch(connection: &Connection, call: Call) -> Answer {
    let watch = Watch::new(connection, call);
    let frames = futures::stream::unfold(watch, Watch::next);
    let body = BodyExt::boxed_unsync(StreamBody::new(frames));
    with_code(200, body)
}

fn respond(code: u16, body: &Value) -> Answer {
    let body = Full::new(Bytes::from(body.to_string())).map_err(|never| -> io::Error { match never {} });
    with_code(code, BodyExt::boxed_unsync(body))
}

fn with_code<B>(code: u16, body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
