use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use kube::{
    Client, Resource,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use tokio::time::Instant;

use super::error::EVENT;
use crate::{
    crd::{LogDrain, Reason},
    metrics::{Metrics, Write},
};

/// How long an event may take; it is dropped then.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long after the last time an event that repeats is counted up rather than told anew; the recorder's own.
const SERIES: Duration = Duration::from_secs(6 * 60);
/// Longest note that the API server takes, in bytes.
const LONGEST_NOTE: usize = 1024;

/// Something that a person would want to know of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A drain was added.
    Added {
        /// Its redacted URL.
        url: String,
    },
    /// A drain that was there already was recorded.
    Adopted {
        /// Its redacted URL.
        url: String,
    },
    /// A drain that had been deleted behind the operator's back was added again.
    DriftHealed {
        /// Its redacted URL.
        url: String,
    },
    /// A new drain has taken the place of an old one, which was deleted.
    Replaced {
        /// Redacted URL of the old one.
        old: String,
        /// Redacted URL of the new one.
        new: String,
    },
    /// A drain was deleted.
    Deleted {
        /// Its redacted URL.
        url: String,
    },
    /// A drain stays at Scalingo and is no longer looked after.
    Retained {
        /// Its redacted URL.
        url: String,
    },
    /// A drain of somebody else's was deleted along and could not be added again.
    NotRestored {
        /// Its redacted URL.
        url: String,
    },
    /// The app goes by another name now.
    Renamed {
        /// What `spec.app` says.
        from: String,
        /// What the app is called.
        to: String,
    },
    /// `spec.suspend` is no longer true.
    Resumed,
    /// `Ready` is no longer true, or for another reason.
    NotReady {
        /// Why.
        reason: Reason,
        /// In words.
        message: String,
    },
}

impl Happening {
    /// Reason of the event.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Added { .. } => "Added",
            Self::Adopted { .. } => "Adopted",
            Self::DriftHealed { .. } => "DriftHealed",
            Self::Replaced { .. } => "Replaced",
            Self::Deleted { .. } => "Deleted",
            Self::Retained { .. } => "Retained",
            Self::NotRestored { .. } => "NotRestored",
            Self::Renamed { .. } => "AppRenamed",
            Self::Resumed => "Resumed",
            Self::NotReady { reason, .. } => reason.as_str(),
        }
    }

    /// Action of the event.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::Added { .. } | Self::DriftHealed { .. } => "Add",
            Self::Adopted { .. } => "Adopt",
            Self::Replaced { .. } | Self::Deleted { .. } => "Delete",
            Self::Retained { .. } => "Retain",
            Self::NotRestored { .. } => "Restore",
            Self::Renamed { .. } | Self::Resumed | Self::NotReady { .. } => "Check",
        }
    }

    /// Whether it is of type Warning rather than Normal.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        match self {
            Self::NotReady { reason, .. } => !matches!(reason, Reason::Progressing | Reason::Suspended),
            Self::DriftHealed { .. } | Self::NotRestored { .. } | Self::Renamed { .. } => true,
            _ => false,
        }
    }

    /// In words.
    #[must_use]
    pub fn note(&self) -> String {
        match self {
            Self::Added { url } => format!("added the drain {url}"),
            Self::Adopted { url } => {
                format!("the drain {url} was there already and is looked after from now on")
            }
            Self::DriftHealed { url } => {
                format!("the drain {url} was no longer listed at Scalingo and has been added again")
            }
            Self::Replaced { old, new } if old == new => {
                format!(
                    "replaced the drain {old}, of which a secret has changed; the new one was in place first"
                )
            }
            Self::Replaced { old, new } => {
                format!("replaced the drain {old} by {new}; the new one was in place first")
            }
            Self::Deleted { url } => format!("deleted the drain {url}"),
            Self::Retained { url } => {
                format!("left the drain {url} at Scalingo, as spec.deletionPolicy says")
            }
            Self::NotRestored { url } => format!(
                "Scalingo listed the drain {url} more than once and one deletion removed all of them; add the one \
                 that was not this resource's again by hand"
            ),
            Self::Renamed { from, to } => {
                format!("the app {from} is now called {to}: change spec.app to {to}")
            }
            Self::Resumed => "spec.suspend is no longer true: the drain is looked after again".to_owned(),
            Self::NotReady { message, .. } => message.clone(),
        }
    }
}

/// Publishes events, best effort: a reconciliation neither waits for one nor fails with it.
pub struct Events {
    client: Client,
    metrics: Metrics,
    /// One for each note: a recorder counts events of one reason as one, and shows the note of the first.
    recorders: Mutex<HashMap<String, (Recorder, Instant)>>,
}

impl Events {
    /// Publishes through this client.
    #[must_use]
    pub fn new(client: Client, metrics: Metrics) -> Self {
        Self { client, metrics, recorders: Mutex::default() }
    }

    fn recorder(&self, note: &str) -> Recorder {
        let now = Instant::now();
        let mut recorders = self.recorders.lock().unwrap_or_else(PoisonError::into_inner);
        recorders.retain(|_, (_, used)| now.duration_since(*used) < SERIES);
        let new = || (Recorder::new(self.client.clone(), Reporter::from("logdrain-operator")), now);
        let (recorder, used) = recorders.entry(note.to_owned()).or_insert_with(new);
        *used = now;
        recorder.clone()
    }

    /// Publishes and logs.
    pub fn publish(&self, object: &LogDrain, happening: &Happening) {
        let note = happening.note();
        let reason = happening.reason();
        if happening.is_warning() {
            tracing::warn!(app = object.spec.app, reason, "{note}");
        } else {
            tracing::info!(app = object.spec.app, reason, "{note}");
        }
        let event = Event {
            type_: if happening.is_warning() { EventType::Warning } else { EventType::Normal },
            reason: reason.to_owned(),
            note: Some(cut(note)),
            action: happening.action().to_owned(),
            secondary: None,
        };
        let recorder = self.recorder(event.note.as_deref().unwrap_or_default());
        let reference = object.object_ref(&());
        let metrics = self.metrics.clone();
        tokio::spawn(async move {
            metrics.kubernetes_write(Write::Event);
            match tokio::time::timeout(TIMEOUT, recorder.publish(&event, &reference)).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => tracing::debug!(%error, reason = event.reason, "event not published"),
                Err(_) => tracing::debug!(reason = event.reason, "event not published in time"),
            }
            metrics.error(EVENT);
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

/// Whether the conditions say this already.
#[must_use]
pub fn says(object: &LogDrain, note: &str) -> bool {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().any(|condition| condition.message.contains(note))
}
