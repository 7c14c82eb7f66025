//! Publishes events of a resource, without anybody waiting for them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kube::{
    Client, Resource,
    runtime::events::{Event as Published, EventType, Recorder, Reporter},
};
use tokio::{sync::Semaphore, time::Instant};

use super::event::Event;
use crate::{
    crd::LogDrain,
    metrics::{FailureKind, Metrics, Write},
};

/// How long an event may take; it is dropped then.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long after the last time an event that repeats is counted up rather than told anew; the recorder's own.
const SERIES: Duration = Duration::from_secs(6 * 60);
/// How many events are remembered, so that a repetition is counted: each takes some kilobytes.
const MOST_EVENTS: usize = 128;
/// How many are published at a time.
const AT_ONCE: usize = 8;
/// Longest note that the API server takes, in bytes.
const LONGEST_NOTE: usize = 1024;

/// An event that repeats: the uid of its object, and its note.
type Known = (String, String);

/// Publishes events, best effort: a reconciliation neither waits for one nor fails with it.
pub struct Events {
    client: Client,
    metrics: Metrics,
    /// One for each object and note: a recorder counts events of one reason as one, and shows the note of the first.
    recorders: Mutex<HashMap<Known, (Recorder, Instant)>>,
    turns: Arc<Semaphore>,
}

impl Events {
    /// Publishes through this client.
    #[must_use]
    pub fn new(client: Client, metrics: Metrics) -> Self {
        Self { client, metrics, recorders: Mutex::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    fn recorder(&self, event: Known) -> Recorder {
        let now = Instant::now();
        let mut recorders = self.recorders.lock().unwrap_or_else(PoisonError::into_inner);
        recorders.retain(|_, (_, used)| now.duration_since(*used) < SERIES);
        if recorders.len() >= MOST_EVENTS && !recorders.contains_key(&event) {
            let oldest = recorders.iter().min_by_key(|(_, (_, used))| *used).map(|(event, _)| event.clone());
            oldest.and_then(|event| recorders.remove(&event));
        }
        let new = || (Recorder::new(self.client.clone(), Reporter::from("logdrain-operator")), now);
        let (recorder, used) = recorders.entry(event).or_insert_with(new);
        *used = now;
        recorder.clone()
    }

    /// Publishes and logs.
    pub fn publish(&self, object: &LogDrain, event: &Event) {
        let note = event.note();
        let (action, reason) = (event.action(), event.reason());
        if event.is_warning() {
            tracing::warn!(action, reason, "{note}");
        } else {
            tracing::info!(action, reason, "{note}");
        }
        let published = Published {
            type_: if event.is_warning() { EventType::Warning } else { EventType::Normal },
            reason: reason.to_owned(),
            note: Some(cut(note)),
            action: action.to_owned(),
            secondary: None,
        };
        let uid = object.metadata.uid.clone().unwrap_or_default();
        let recorder = self.recorder((uid, published.note.clone().unwrap_or_default()));
        let reference = object.object_ref(&());
        let (metrics, turns) = (self.metrics.clone(), Arc::clone(&self.turns));
        tokio::spawn(async move {
            let publish = async {
                let _turn = turns.acquire().await;
                metrics.kubernetes_write(Write::Event);
                recorder.publish(&published, &reference).await
            };
            match tokio::time::timeout(TIMEOUT, publish).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => tracing::debug!(%error, reason = published.reason, "event not published"),
                Err(_) => tracing::debug!(reason = published.reason, "event not published in time"),
            }
            metrics.error(FailureKind::Event);
        });
    }
}

/// A note that the API server takes.
fn cut(mut note: String) -> String {
    while note.len() > LONGEST_NOTE {
        note.pop();
    }
    note
}

#[cfg(test)]
mod tests;
