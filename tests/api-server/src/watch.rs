//! One watch: what it tells, and when it ends.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::sync::{Arc, atomic::Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::{
    answer::only_metadata,
    call::{Call, Query},
    connection::Connection,
    metadata,
    refusal::Refusal,
    server::State,
    store::{Change, ChangeKind, prefix},
    write::Place,
};

/// What a watch lasts that asks for no end; a real one takes 30 to 60 minutes.
const LONGEST: Duration = Duration::from_secs(45 * 60);

pub struct Watch {
    connection: Connection,
    place: Place,
    metadata_only: bool,
    query: Query,
    /// What is told first, as lines.
    first: VecDeque<String>,
    version: u64,
    deadline: Instant,
    bookmark: Instant,
    begun: Endings,
    over: bool,
}

struct Endings {
    ended: u64,
    broken: u64,
}

enum Step {
    Tell(String),
    Break,
    End,
    Wait,
}

impl Endings {
    fn of(state: &State) -> Self {
        Self { ended: state.ended, broken: state.broken }
    }
}

impl Watch {
    pub fn new(connection: &Connection, call: Call) -> Self {
        let Call { mut place, metadata_only, mut query, .. } = call;
        if !place.name.is_empty() {
            query.name = Some(std::mem::take(&mut place.name));
        }
        let state = connection.shared.state();
        let now = Instant::now();
        let mut watch = Self {
            connection: connection.clone(),
            metadata_only,
            first: VecDeque::new(),
            version: query.version.unwrap_or(0),
            deadline: now + query.timeout.unwrap_or(LONGEST),
            bookmark: now + connection.shared.bookmark_interval,
            begun: Endings::of(&state),
            over: false,
            place,
            query,
        };
        if watch.version == 0 || watch.query.initial_events {
            for object in state.store.list(watch.place.index, &watch.place.namespace) {
                if watch.is_named(&object) {
                    watch.first.push_back(watch.line("ADDED", &object));
                }
            }
            watch.version = state.store.version;
            if watch.query.initial_events {
                watch.first.push_back(watch.bookmark_line(watch.version, true));
            }
        }
        drop(state);
        watch
    }

    /// The next line; the stream ends with the watch.
    pub async fn next(mut self) -> Option<(Result<Frame<Bytes>, io::Error>, Self)> {
        let shared = self.connection.shared.clone();
        loop {
            // Hears of what comes after the step too.
            let tick = shared.ticks.notified();
            match self.step() {
                Step::Tell(line) => return Some((Ok(Frame::data(Bytes::from(line))), self)),
                Step::Break => {
                    self.over = true;
                    let error = io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer");
                    return Some((Err(error), self));
                }
                Step::End => return None,
                Step::Wait => {}
            }
            let paused = self.connection.line.paused.load(Ordering::Relaxed);
            let (deadline, bookmark) = (self.deadline, self.bookmark);
            let time = async move {
                if paused {
                    pending::<()>().await;
                } else {
                    sleep_until(deadline.min(bookmark)).await;
                }
            };
            tokio::select! {
                biased;
                () = tick => {}
                () = time => {}
            }
        }
    }

    fn step(&mut self) -> Step {
        let shared = self.connection.shared.clone();
        let state = shared.state();
        if self.over || self.connection.line.ended.load(Ordering::Relaxed) {
            return Step::End;
        }
        if state.broken != self.begun.broken {
            return Step::Break;
        }
        if self.connection.line.paused.load(Ordering::Relaxed) {
            return Step::Wait;
        }
        if state.ended != self.begun.ended {
            return Step::End;
        }
        if let Some(line) = self.first.pop_front() {
            return Step::Tell(line);
        }
        if self.version < state.store.oldest {
            self.over = true;
            let status = Refusal::expired(self.version, state.store.oldest).status();
            return Step::Tell(format!("{}\n", json!({"type": "ERROR", "object": status})));
        }
        if let Some(change) = state.store.changes_after(self.version).find(|change| self.concerns(change)) {
            self.version = change.version;
            let kind = match change.kind {
                ChangeKind::Added => "ADDED",
                ChangeKind::Modified => "MODIFIED",
                ChangeKind::Deleted => "DELETED",
            };
            return Step::Tell(self.line(kind, &change.object));
        }
        self.version = self.version.max(state.store.version);
        let now = Instant::now();
        if now >= self.deadline {
            return Step::End;
        }
        if now >= self.bookmark {
            self.bookmark = now + shared.bookmark_interval;
            if self.query.bookmarks {
                return Step::Tell(self.bookmark_line(self.version, false));
            }
        }
        Step::Wait
    }

    fn concerns(&self, change: &Change) -> bool {
        let (index, path) = &change.key;
        *index == self.place.index
            && path.starts_with(&prefix(&self.place.namespace))
            && self.is_named(&change.object)
    }

    fn is_named(&self, object: &Value) -> bool {
        self.query.name.as_deref().is_none_or(|name| metadata::text(object, "name") == name)
    }

    fn line(&self, kind: &str, object: &Arc<Value>) -> String {
        if self.metadata_only {
            return format!("{}\n", json!({"type": kind, "object": only_metadata(object)}));
        }
        format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
    }

    fn bookmark_line(&self, version: u64, initial_events_end: bool) -> String {
        let definition = &self.place.definition;
        let (api_version, kind) = if self.metadata_only {
            ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadata")
        } else {
            (definition.api_version(), definition.kind.as_str())
        };
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if initial_events_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata});
        format!("{}\n", json!({"type": "BOOKMARK", "object": object}))
    }
}
