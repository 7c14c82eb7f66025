//! Watches for ever.

use std::{fmt::Debug, time::Duration};

use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use kube::{
    Api, Resource,
    runtime::{WatchStreamExt, watcher},
};
use serde::de::DeserializeOwned;
use tokio::time::sleep;

/// How long after a failure all is listed anew.
const PAUSE: Duration = Duration::from_secs(5);

/// All events of these objects.
///
/// Where the API server could not be reached, all is listed anew. Its etcd may have been restored from a backup, so that its
/// versions have gone back. A watch that went on from the version it had come to would be told nothing until they are as high
/// again, and what had changed by then never.
#[must_use]
pub fn watching<K>(api: Api<K>) -> BoxStream<'static, watcher::Result<watcher::Event<K>>>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let begin = move || watcher(api.clone(), watcher::Config::default()).default_backoff().boxed();
    stream::unfold((begin(), begin), |(mut current, begin)| async move {
        let event = current.next().await?;
        if event.as_ref().is_err_and(is_unreachable) {
            let next = begin();
            current = sleep(PAUSE).map(|()| next).flatten_stream().boxed();
        }
        Some((event, (current, begin)))
    })
    .boxed()
}

/// Whether no API server has answered the request to go on with a watch, but at the most something in front of it.
fn is_unreachable(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code >= 500,
        watcher::Error::WatchStartFailed(_) => true,
        _ => false,
    }
}
