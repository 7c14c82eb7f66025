//! Follows what the API server holds, form by form.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use kube::api::{Api, DynamicObject, GroupVersionKind, ListParams, WatchEvent, WatchParams};
use kube::core::ApiResource;
use kube::{Client, ResourceExt};
use serde_json::Value;

/// The status of an answer when the server does not know any more what came after a version.
const GONE: u16 = 410;
/// Before it is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// One form of an object, and whether it was the last one.
pub struct Form {
    pub object: Value,
    pub gone: bool,
}

/// Follows all objects of a kind, from what is there now, as long as it is polled.
pub async fn follow(
    client: Client,
    (group, kind): (&'static str, &'static str),
    gaps: Arc<std::sync::atomic::AtomicU64>,
    see: impl Fn(Form),
) -> Infallible {
    let api: Api<DynamicObject> =
        Api::all_with(client, &ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind)));
    let mut version = list(&api, &see).await;
    loop {
        match watch(&api, &mut version, &see).await {
            Ok(()) => {}
            Err(kube::Error::Api(status)) if status.code == GONE => {
                // The version is too old: forms between may have been missed.
                gaps.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                version = list(&api, &see).await;
            }
            // The server may close a connection at any time; what comes after the newest form is shown again.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn list(api: &Api<DynamicObject>, see: &impl Fn(Form)) -> String {
    let list = loop {
        match api.list(&ListParams::default()).await {
            Ok(list) => break list,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    };
    for object in list.items {
        see(Form { object: serde_json::to_value(object).unwrap_or_default(), gone: false });
    }
    list.metadata.resource_version.unwrap_or_default()
}

/// Watches from a version until the server ends it, and leaves the version from which to go on.
async fn watch(
    api: &Api<DynamicObject>,
    version: &mut String,
    see: &impl Fn(Form),
) -> Result<(), kube::Error> {
    let parameters = WatchParams::default().timeout(240);
    let mut stream = std::pin::pin!(api.watch(&parameters, version).await?);
    while let Some(event) = stream.try_next().await? {
        let (object, gone) = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, false),
            WatchEvent::Deleted(object) => (object, true),
            WatchEvent::Bookmark(bookmark) => {
                *version = bookmark.metadata.resource_version;
                continue;
            }
            WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
        };
        if let Some(newer) = object.resource_version() {
            *version = newer;
        }
        see(Form { object: serde_json::to_value(object).unwrap_or_default(), gone });
    }
    Ok(())
}
