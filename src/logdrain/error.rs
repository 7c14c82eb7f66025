//! Why a reconciliation could not come to its end, and what that says to people.

use jiff::Timestamp;

use super::vanished::Patience;
use crate::{
    crd::{Reason, Remedy, SecretKeyRef},
    metrics::{FailureKind, ReconcileResult},
    scalingo::{self, ErrorKind, Missing, Operation},
};

/// Why a reconciliation could not come to its end. No part of it holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing has begun, and it goes on once there is a request for it.
    #[error("it waits for the request budget")]
    Waits,
    /// The Secret with the API token, or its key, is not there.
    #[error("spec.apiTokenSecretRef: Secret {} {what}", secret.name)]
    ApiTokenNotFound {
        /// Where it should be.
        secret: SecretKeyRef,
        /// What is missing.
        what: String,
    },
    /// The API token's Secret, or its key, is not there, and the resource is being deleted.
    #[error(
        "the drains cannot be deleted without an API token: Secret {} {what}; this goes on by itself once you have put it there. In a \
         namespace that is being deleted nothing can be put: set spec.deletionPolicy to Retain there, which releases this resource \
         and leaves its drains at Scalingo",
        secret.name
    )]
    ApiTokenGone {
        /// Where it should be.
        secret: SecretKeyRef,
        /// What is missing.
        what: String,
    },
    /// A Secret that the spec names, or its key, is not there.
    #[error("spec.{field}: Secret {} {what}", secret.name)]
    SecretNotFound {
        /// Field of the spec.
        field: &'static str,
        /// Where it should be.
        secret: SecretKeyRef,
        /// What is missing.
        what: String,
    },
    /// A Secret holds what cannot be used.
    #[error("spec.{field}: key {} of Secret {} {what}", secret.key, secret.name)]
    SecretUnusable {
        /// Field of the spec.
        field: &'static str,
        /// Where it is.
        secret: SecretKeyRef,
        /// What is wrong with it.
        what: String,
    },
    /// Scalingo does not list this region.
    #[error(
        "{}: there is no region {region} for this API token; set it to one of: {}",
        if *is_default { "the operator's --region" } else { "spec.region" },
        regions.join(", ")
    )]
    RegionNotFound {
        /// As the spec has it, or the operator's default.
        region: String,
        /// Those that there are.
        regions: Vec<String>,
        /// Whether the spec names none.
        is_default: bool,
    },
    /// The URL in a Secret can be read in two ways: what was shown as its host may be part of the password.
    #[error("spec.urlSecretRef: key {} of Secret {} {what}", secret.key, secret.name)]
    UrlOfTwoReadings {
        /// Where it is.
        secret: SecretKeyRef,
        /// What is wrong with it.
        what: String,
    },
    /// No app has this name or id.
    #[error(
        "spec.app: region {region} has no app {app} that the API token may see; check the name, the region \
         and whose token it is"
    )]
    AppNotFound {
        /// As the spec has it.
        app: String,
        /// Where it was looked for.
        region: String,
    },
    /// The app's id was known, and its drains answer that there is no such app.
    #[error("app {app} was there a moment ago and is not found any more: looking for it again")]
    AppVanished {
        /// As the spec has it.
        app: String,
    },
    /// A drain is to be deleted, and its app or addon is not found: it was deleted, or this token may not see it.
    #[error(
        "{target} is not found: it was deleted, or the user of the API token has lost access to it; at {} its drains are taken \
         for gone; before that, give the user access again, or {}",
        at_second(patience.until),
        if *deleting {
            "set spec.deletionPolicy to Retain, which releases this resource at once and leaves its drains at Scalingo"
        } else {
            "delete the drains by hand"
        }
    )]
    TargetNotFound {
        /// The app or addon.
        target: String,
        /// Until when it is waited for.
        patience: Patience,
        /// Whether the resource is being deleted.
        deleting: bool,
    },
    /// The app has no such addon.
    #[error("spec.addon: app {app} has no addon {addon}; its id is shown by `scalingo --app {app} addons`")]
    AddonNotFound {
        /// As the spec has it.
        app: String,
        /// As the spec has it.
        addon: String,
    },
    /// The addon is not a database.
    #[error("spec.addon: addon {addon} does not support log drains: only databases do")]
    AddonUnsupported {
        /// As the spec has it.
        addon: String,
    },
    /// A drain is to be deleted whose URL is listed more than once.
    #[error(
        "Scalingo lists {copies} drains with the URL {url}, one of which this resource no longer needs, and one deletion may \
         remove them all; delete there those that nobody wants: this goes on by itself then, and the others stay"
    )]
    SeveralCopies {
        /// The redacted URL.
        url: String,
        /// How many there are.
        copies: usize,
    },
    /// A deletion was answered as done, in both ways to ask for it, and the drain is still listed.
    #[error(
        "Scalingo answered that the drain was deleted and still lists it; this is tried again by itself, and is mended at once \
         where you delete it there by hand"
    )]
    NotDeleted,
    /// Scalingo did not do what it was asked.
    #[error("{0}")]
    Scalingo(#[from] scalingo::Error),
    /// The answer to an addition or a deletion was lost.
    #[error("{error}; looking until {} for what it may have done", at_second(*until))]
    AnswerLost {
        /// How.
        error: scalingo::Error,
        /// Until when the request may still take effect.
        until: Timestamp,
    },
    /// The Kubernetes API did not do what it was asked.
    #[error("Kubernetes API: {0}")]
    Kubernetes(#[from] Box<kube::Error>),
    /// The Kubernetes API did not answer in time.
    #[error("Kubernetes API: no answer within {0} s; this is tried again by itself")]
    KubernetesTimeout(u64),
    /// The operator may not take its finalizer off, and has nothing else to do for the resource.
    #[error(
        "nothing is left to do for this resource, and the Kubernetes API does not let the operator release it ({error}); release it \
         with `{command}`, or let the operator patch logdrains there again"
    )]
    NotReleased {
        /// What the API server says.
        error: String,
        /// What releases it.
        command: String,
    },
    /// The resource has changed meanwhile; its new form is on its way.
    #[error("the resource has changed meanwhile")]
    Changed,
    /// The reconciliation took too long.
    #[error("not done within {0} s; this is tried again by itself")]
    Timeout(u64),
    /// The operator is about to end.
    #[error("the operator is stopping")]
    Stopping,
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        if matches!(&error, kube::Error::Api(status) if status.is_conflict()) {
            return Self::Changed;
        }
        Self::Kubernetes(Box::new(error))
    }
}

impl Error {
    /// What the `Ready` condition says of it.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::ApiTokenNotFound { .. } | Self::ApiTokenGone { .. } => Reason::ApiTokenNotFound,
            Self::SecretNotFound { .. } => Reason::SecretNotFound,
            Self::SecretUnusable { .. } | Self::UrlOfTwoReadings { .. } => Reason::Rejected,
            Self::RegionNotFound { .. } => Reason::RegionNotFound,
            Self::AppNotFound { .. } => Reason::AppNotFound,
            Self::AddonNotFound { .. } => Reason::AddonNotFound,
            Self::AddonUnsupported { .. } => Reason::AddonUnsupported,
            Self::SeveralCopies { .. } => Reason::Ambiguous,
            Self::AnswerLost { .. }
            | Self::AppVanished { .. }
            | Self::TargetNotFound { .. }
            | Self::NotDeleted
            | Self::Kubernetes(_)
            | Self::KubernetesTimeout(_)
            | Self::NotReleased { .. }
            | Self::Timeout(_) => Reason::Unavailable,
            Self::Changed | Self::Stopping | Self::Waits => Reason::Progressing,
            Self::Scalingo(error) => match error.kind() {
                ErrorKind::RateLimited { .. } => Reason::RateLimited,
                ErrorKind::Refused => Reason::Rejected,
                ErrorKind::Unauthorized => Reason::Unauthorized,
                ErrorKind::Forbidden => Reason::NotPermitted,
                ErrorKind::NotFound(Missing::Addon) => Reason::AddonNotFound,
                ErrorKind::NotFound(_) => Reason::AppNotFound,
                ErrorKind::Unsupported => Reason::AddonUnsupported,
                ErrorKind::Transient | ErrorKind::OutcomeUnknown | ErrorKind::Protocol => Reason::Unavailable,
            },
        }
    }

    /// As what it is counted; not at all where it [is passing](Self::is_passing).
    #[must_use]
    pub fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::ApiTokenNotFound { .. } => FailureKind::ApiTokenNotFound,
            Self::ApiTokenGone { .. } => FailureKind::ApiTokenGone,
            Self::SecretNotFound { .. } => FailureKind::SecretNotFound,
            Self::SecretUnusable { .. } | Self::UrlOfTwoReadings { .. } => FailureKind::SecretUnusable,
            Self::RegionNotFound { .. } => FailureKind::RegionNotFound,
            Self::AppNotFound { .. } => FailureKind::AppNotFound,
            Self::AppVanished { .. } => FailureKind::AppVanished,
            Self::TargetNotFound { .. } => FailureKind::TargetNotFound,
            Self::AddonNotFound { .. } => FailureKind::AddonNotFound,
            Self::AddonUnsupported { .. } => FailureKind::AddonUnsupported,
            Self::SeveralCopies { .. } => FailureKind::SeveralCopies,
            Self::NotDeleted => FailureKind::NotDeleted,
            Self::AnswerLost { .. } => FailureKind::AnswerLost,
            Self::Kubernetes(_) => FailureKind::Kubernetes,
            Self::KubernetesTimeout(_) => FailureKind::KubernetesTimeout,
            Self::NotReleased { .. } => FailureKind::NotReleased,
            Self::Timeout(_) => FailureKind::Timeout,
            Self::Changed | Self::Stopping | Self::Waits => return None,
            Self::Scalingo(error) => match error.kind() {
                ErrorKind::Transient => FailureKind::ScalingoTransient,
                ErrorKind::RateLimited { .. } => FailureKind::ScalingoRateLimited,
                ErrorKind::Refused => FailureKind::ScalingoRefused,
                ErrorKind::Unauthorized => FailureKind::ScalingoUnauthorized,
                ErrorKind::Forbidden => FailureKind::ScalingoForbidden,
                ErrorKind::NotFound(_) => FailureKind::ScalingoNotFound,
                ErrorKind::Unsupported => FailureKind::ScalingoUnsupported,
                ErrorKind::OutcomeUnknown => FailureKind::ScalingoOutcomeUnknown,
                ErrorKind::Protocol => FailureKind::ScalingoProtocol,
            },
        })
    }

    /// What a reconciliation that ended with it has come to.
    #[must_use]
    pub fn result(&self) -> ReconcileResult {
        match self.reason().remedy() {
            _ if self.is_passing() => ReconcileResult::Passing,
            Remedy::Person => ReconcileResult::Stalled,
            Remedy::None | Remedy::Time => ReconcileResult::Transient,
        }
    }

    /// Whether the operator lacks a right: as where a namespace is being deleted, and the operator's role in it has gone first.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        let Self::Kubernetes(error) = self else { return false };
        matches!(&**error, kube::Error::Api(status) if [401, 403].contains(&status.code))
    }

    /// Whether it concerns this attempt only and is nothing to tell the user.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Changed | Self::Stopping | Self::Waits)
    }

    /// Whether it may go well for another app or addon with the same token: neither the budget, nor the token, nor the Kubernetes
    /// API is what fails.
    #[must_use]
    pub fn is_of_one_target(&self) -> bool {
        match self {
            Self::Scalingo(error) => {
                !matches!(error.kind(), ErrorKind::RateLimited { .. } | ErrorKind::Unauthorized)
            }
            Self::AnswerLost { .. }
            | Self::NotDeleted
            | Self::TargetNotFound { .. }
            | Self::SeveralCopies { .. } => true,
            _ => false,
        }
    }

    /// The sentence for the condition: what happened, and what to do about it, or that time mends it.
    #[must_use]
    pub fn message(&self) -> String {
        let said = self.said();
        match self.advice() {
            Some(advice) => format!("{said}; {advice}"),
            None => said,
        }
    }

    /// The same of a resource that is being deleted, with the way out where a person has to mend something: in a namespace that is
    /// being deleted, the Secret to mend may be gone for good.
    #[must_use]
    pub fn message_for_deletion(&self) -> String {
        let message = self.message();
        if self.reason().remedy() != Remedy::Person {
            return message;
        }
        format!(
            "{message}; or set spec.deletionPolicy to Retain, which releases this resource and leaves its drains at Scalingo"
        )
    }

    fn said(&self) -> String {
        let Self::Scalingo(error) = self else { return self.to_string() };
        match error.kind() {
            ErrorKind::Unauthorized => format!("Scalingo refuses the API token: {}", error.message()),
            ErrorKind::Forbidden => format!(
                "the user of the API token that spec.apiTokenSecretRef names may not manage the drains of this app: {}",
                error.message()
            ),
            ErrorKind::Refused if error.operation() == Operation::AddDrain => {
                format!("Scalingo refuses the drain: {}", error.message())
            }
            ErrorKind::RateLimited { .. } => "Scalingo asks to send fewer requests".to_owned(),
            _ => self.to_string(),
        }
    }

    /// What to do, where what was said does not hold it.
    fn advice(&self) -> Option<&'static str> {
        let by_itself = "this is tried again by itself";
        Some(match self {
            Self::ApiTokenNotFound { .. } | Self::SecretNotFound { .. } => {
                "this goes on by itself once you have put it there"
            }
            Self::AddonUnsupported { .. } => "name a database, or delete this LogDrain",
            Self::Kubernetes(_) => by_itself,
            Self::Scalingo(error) => match error.kind() {
                ErrorKind::Unauthorized => "look at the Secret that spec.apiTokenSecretRef names",
                ErrorKind::Forbidden => "a collaborator with the limited role cannot",
                ErrorKind::Refused if error.operation() == Operation::DeleteDrain => {
                    "delete the drain at Scalingo by hand"
                }
                ErrorKind::Refused => "mend what it names in the spec, in its Secret or at Scalingo",
                ErrorKind::NotFound(_) => "check spec.app, spec.addon and spec.region",
                ErrorKind::Unsupported => "name a database, or delete this LogDrain",
                ErrorKind::Transient | ErrorKind::OutcomeUnknown | ErrorKind::Protocol => by_itself,
                // It is said when.
                ErrorKind::RateLimited { .. } => return None,
            },
            Self::ApiTokenGone { .. }
            | Self::SecretUnusable { .. }
            | Self::RegionNotFound { .. }
            | Self::UrlOfTwoReadings { .. }
            | Self::AppNotFound { .. }
            | Self::AppVanished { .. }
            | Self::TargetNotFound { .. }
            | Self::AddonNotFound { .. }
            | Self::SeveralCopies { .. }
            | Self::NotDeleted
            | Self::AnswerLost { .. }
            | Self::KubernetesTimeout(_)
            | Self::NotReleased { .. }
            | Self::Changed
            | Self::Waits
            | Self::Timeout(_)
            | Self::Stopping => return None,
        })
    }
}

/// A time for people.
pub(crate) fn at_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
