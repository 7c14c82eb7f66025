//! What a person would want to know of a resource: each is an event of it, and a line of the log.

use crate::{
    crd::{Reason, Remedy, SecretKeyRef},
    drain::pasted::Mistake,
};

/// What people have been told of a condition `Ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told<'a> {
    /// Its reason.
    pub reason: &'a str,
    /// Its message.
    pub message: &'a str,
    /// Of which form of the resource it was.
    pub generation: Option<i64>,
}

impl Told<'_> {
    /// Whether a failure for the same reason is told all the same: people have changed the resource and wait for what comes of it,
    /// or there is something else to mend.
    fn is_outdated(&self, reason: Reason, message: &str, generation: Option<i64>) -> bool {
        let is_failure = reason.remedy() != Remedy::None;
        is_failure && self.generation != generation || differs(reason, self.message, message)
    }
}

/// Whether two messages name different things to mend, or another owner. What time mends alone has messages that come and go by themselves. Of what
/// Scalingo says, words with a digit count for nothing: an id or a time in them may be another in each answer.
fn differs(reason: Reason, before: &str, now: &str) -> bool {
    let without_numbers = |message: &str| {
        let words =
            message.split_whitespace().filter(|word| !word.contains(|letter: char| letter.is_ascii_digit()));
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    match reason {
        Reason::Duplicate | Reason::SecretNotFound | Reason::ApiTokenNotFound => before != now,
        _ if reason.remedy() == Remedy::Person => without_numbers(before) != without_numbers(now),
        _ => false,
    }
}

/// Something that a person would want to know of a resource.
#[derive(Clone, Debug, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Event {
    /// A drain was added.
    Added {
        /// Its redacted URL.
        url: String,
        /// Redacted URL of the drain whose place it takes.
        instead_of: Option<String>,
    },
    /// A drain was added with a token that may not be the one that is meant.
    SuspiciousToken {
        /// Where the token is.
        secret: SecretKeyRef,
        /// What it may be instead.
        mistake: Mistake,
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
    /// A drain was to be deleted, and what it was attached to is not found.
    TargetNotFound {
        /// The app or addon.
        target: String,
        /// Redacted URL of the drain.
        url: String,
    },
    /// A drain was to be deleted, and what it was attached to has been deleted.
    #[strum(serialize = "Deleted")]
    GoneWithTarget {
        /// The app or addon.
        target: String,
        /// Redacted URL of the drain.
        url: String,
    },
    /// A drain stays at Scalingo and is no longer looked after.
    Retained {
        /// Its redacted URL.
        url: String,
    },
    /// A drain whose addition or deletion was never answered is no longer looked after.
    #[strum(serialize = "Retained")]
    MayBeLeft {
        /// Its redacted URL.
        url: String,
    },
    /// The app goes by another name now.
    #[strum(serialize = "AppRenamed")]
    Renamed {
        /// What `spec.app` says.
        from: String,
        /// What the app is called.
        to: String,
    },
    /// `spec.suspend` is no longer true.
    Resumed,
    /// `Ready` is true again after a failure.
    ReadyAgain {
        /// What the condition says.
        message: String,
    },
    /// It was a duplicate, and owns its drain now.
    TakenOver {
        /// What the condition says.
        message: String,
    },
    /// `Ready` is no longer true, or for another reason.
    NotReady {
        /// Why.
        reason: Reason,
        /// In words.
        message: String,
    },
}

impl Event {
    /// What is told of a condition `Ready` of this form of the resource, where people have been `told` another. Nothing while work is
    /// under way, nor where it ends well after no failure: what was done is told of by itself.
    #[must_use]
    pub fn of_condition(
        told: Option<Told<'_>>,
        reason: Reason,
        message: &str,
        generation: Option<i64>,
    ) -> Option<Self> {
        let was = |earlier: Reason| told.is_some_and(|told| told.reason == earlier.as_ref());
        let is_outdated = told.is_some_and(|told| told.is_outdated(reason, message, generation));
        let message = || message.to_owned();
        match reason {
            Reason::Progressing => None,
            _ if was(reason) && !is_outdated => None,
            Reason::Synced if told.is_none() || was(Reason::Progressing) || was(Reason::Suspended) => None,
            Reason::Synced if was(Reason::Duplicate) => Some(Self::TakenOver { message: message() }),
            Reason::Synced => Some(Self::ReadyAgain { message: message() }),
            _ => Some(Self::NotReady { reason, message: message() }),
        }
    }

    /// Reason of the event.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ReadyAgain { .. } | Self::TakenOver { .. } => Reason::Synced.into(),
            Self::NotReady { reason, .. } => reason.into(),
            _ => self.into(),
        }
    }

    /// Action of the event.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::Added { .. } | Self::SuspiciousToken { .. } | Self::DriftHealed { .. } => "Add",
            Self::Adopted { .. } => "Adopt",
            Self::Replaced { .. }
            | Self::Deleted { .. }
            | Self::TargetNotFound { .. }
            | Self::GoneWithTarget { .. } => "Delete",
            Self::Retained { .. } | Self::MayBeLeft { .. } => "Retain",
            Self::Renamed { .. }
            | Self::Resumed
            | Self::ReadyAgain { .. }
            | Self::TakenOver { .. }
            | Self::NotReady { .. } => "Check",
        }
    }

    /// Whether it is of type Warning rather than Normal.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        match self {
            Self::NotReady { reason, .. } => reason.remedy() != Remedy::None,
            Self::SuspiciousToken { .. }
            | Self::DriftHealed { .. }
            | Self::TargetNotFound { .. }
            | Self::MayBeLeft { .. }
            | Self::Renamed { .. } => true,
            _ => false,
        }
    }

    /// In words.
    #[must_use]
    pub fn note(&self) -> String {
        match self {
            Self::Added { url, instead_of: None } => format!("added the drain {url}"),
            Self::Added { url, instead_of: Some(old) } if old == url => {
                format!("added the drain {url}, of which a secret has changed; the old one goes next")
            }
            Self::Added { url, instead_of: Some(old) } => {
                format!("added the drain {url}, to take the place of {old}, which goes next")
            }
            Self::SuspiciousToken { secret, mistake } => format!(
                "spec.tokenSecretRef: key {} of Secret {} {mistake}; the drain was added with it as it is; if logs do not arrive, {}",
                secret.key,
                secret.name,
                mistake.advice()
            ),
            Self::Adopted { url } => {
                format!("the drain {url} was there already and is looked after from now on")
            }
            Self::DriftHealed { url } => {
                format!(
                    "the drain {url} was no longer listed at Scalingo and has been added again; to be rid of it, delete this LogDrain"
                )
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
            Self::TargetNotFound { target, url } => format!(
                "{target} is not found with this API token, so the drain {url} is taken for gone; if it is there and the \
                 token may not see it, delete the drain by hand"
            ),
            Self::GoneWithTarget { target, url } => {
                format!("the drain {url} has gone with {target}, which was deleted at Scalingo")
            }
            Self::Retained { url } => {
                format!("left the drain {url} at Scalingo, as spec.deletionPolicy says")
            }
            Self::MayBeLeft { url } => format!(
                "the answer to a request for the drain {url} was lost; if it is at Scalingo, it stays there, as \
                 spec.deletionPolicy says"
            ),
            Self::Renamed { from, to } => {
                format!("the app {from} is now called {to}: change spec.app to {to}")
            }
            Self::Resumed => "spec.suspend is no longer true: the drain is looked after again".to_owned(),
            Self::ReadyAgain { message } => format!("ready again: {message}"),
            Self::TakenOver { message } => format!("no longer a duplicate: {message}"),
            Self::NotReady { message, .. } => message.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
