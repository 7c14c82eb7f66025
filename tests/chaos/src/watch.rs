//! Follows what the API server holds, form by form.

use std::sync::Arc;

use futures::TryStreamExt;
use kube::api::{Api, DynamicObject, GroupVersionKind, ListParams, WatchEvent, WatchParams};
use kube::core::ApiResource;
use kube::{Client, ResourceExt};
use serde_json::Value;

use crate::Error;

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
) -> Result<(), Error> {
    let api: Api<DynamicObject> =
        Api::all_with(client, &ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind)));
    let mut version = list(&api, &see).await?;
    loop {
        if let Ok(Some(newer)) = watch(&api, &version, &see).await {
            version = newer;
            continue;
        }
        // The version is too old, or the server was away: forms between may have been missed.
        gaps.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        version = list(&api, &see).await?;
    }
}

async fn list(api: &Api<DynamicObject>, see: &impl Fn(Form)) -> Result<String, Error> {
    let list = api.list(&ListParams::default()).await.map_err(Error::kubernetes("list for a watch"))?;
    let version = list.metadata.resource_version.unwrap_or_default();
    for object in list.items {
        see(Form { object: serde_json::to_value(object).unwrap_or_default(), gone: false });
    }
    Ok(version)
}

/// Watches until the server ends it; gives the version from which to go on, or nothing when it is too old.
async fn watch(
    api: &Api<DynamicObject>,
    version: &str,
    see: &impl Fn(Form),
) -> Result<Option<String>, kube::Error> {
    let mut version = version.to_owned();
    let parameters = WatchParams::default().timeout(240);
    let mut stream = std::pin::pin!(api.watch(&parameters, &version).await?);
    while let Some(event) = stream.try_next().await? {
        let (object, gone) = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, false),
            WatchEvent::Deleted(object) => (object, true),
            WatchEvent::Bookmark(bookmark) => {
                version = bookmark.metadata.resource_version;
                continue;
            }
            WatchEvent::Error(_) => return Ok(None),
        };
        version = object.resource_version().unwrap_or(version);
        see(Form { object: serde_json::to_value(object).unwrap_or_default(), gone });
    }
    Ok(Some(version))
}
