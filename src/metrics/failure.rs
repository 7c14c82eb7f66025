//! Kinds of failures that are counted.

use strum::{IntoStaticStr, VariantNames};

/// What has failed, of a reconciliation of a resource and of what goes on beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum FailureKind {
    /// The Secret with the API token, or its key, is not there.
    ApiTokenNotFound,
    /// The same, of a resource that is being deleted.
    ApiTokenGone,
    /// A Secret that the spec names, or its key, is not there.
    SecretNotFound,
    /// A Secret holds what cannot be used.
    SecretUnusable,
    /// Scalingo does not list this region.
    RegionNotFound,
    /// No app has this name or id.
    AppNotFound,
    /// An app is not found any more.
    AppVanished,
    /// A drain is to be deleted, and its app or addon is not found.
    TargetNotFound,
    /// The app has no such addon.
    AddonNotFound,
    /// The addon is not a database.
    AddonUnsupported,
    /// A drain was to be deleted whose URL is listed more than once.
    SeveralCopies,
    /// A deletion was answered as done, and the drain is still listed.
    NotDeleted,
    /// The answer to an addition or a deletion was lost.
    AnswerLost,
    /// The Kubernetes API did not do what it was asked.
    Kubernetes,
    /// The Kubernetes API did not answer in time.
    KubernetesTimeout,
    /// The operator may not take its finalizer off a resource.
    NotReleased,
    /// A reconciliation took too long.
    Timeout,
    /// Scalingo could not do it now.
    ScalingoTransient,
    /// Scalingo asks to send fewer requests.
    ScalingoRateLimited,
    /// Scalingo refuses what it was asked.
    ScalingoRefused,
    /// Scalingo refuses the API token.
    ScalingoUnauthorized,
    /// Scalingo refuses the token's user the right to it.
    ScalingoForbidden,
    /// Scalingo has no such thing.
    ScalingoNotFound,
    /// Scalingo has no drains there.
    ScalingoUnsupported,
    /// What became of a request to Scalingo is not known.
    ScalingoOutcomeUnknown,
    /// Scalingo's answer is not understood.
    ScalingoProtocol,
    /// A change feed could not be read.
    ChangeFeed,
    /// A watch of `LogDrain` resources has failed.
    #[strum(serialize = "logdrain_watch")]
    LogDrainWatch,
    /// A watch of Secrets has failed.
    SecretWatch,
    /// A Secret that has changed could not be read.
    SecretRead,
    /// The Lease could not be taken, renewed or left to others.
    Lease,
    /// A status could not be written.
    StatusWrite,
    /// An event could not be published.
    Event,
}
