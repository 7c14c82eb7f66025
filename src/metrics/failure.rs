//! Kinds of failures that are counted.

use crate::named::named;

named! {
    /// What has failed, of a reconciliation of a resource and of what goes on beside it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum FailureKind {
        /// The Secret with the API token, or its key, is not there.
        ApiTokenNotFound = "api_token_not_found",
        /// The same, of a resource that is being deleted.
        ApiTokenGone = "api_token_gone",
        /// A Secret that the spec names, or its key, is not there.
        SecretNotFound = "secret_not_found",
        /// A Secret holds what cannot be used.
        SecretUnusable = "secret_unusable",
        /// Scalingo does not list this region.
        RegionNotFound = "region_not_found",
        /// No app has this name or id.
        AppNotFound = "app_not_found",
        /// An app is not found any more.
        AppVanished = "app_vanished",
        /// A drain is to be deleted, and its app or addon is not found.
        TargetNotFound = "target_not_found",
        /// The app has no such addon.
        AddonNotFound = "addon_not_found",
        /// The addon is not a database.
        AddonUnsupported = "addon_unsupported",
        /// What a deletion might take along could not be restored.
        Irreplaceable = "irreplaceable",
        /// A deletion was answered as done, and the drain is still listed.
        NotDeleted = "not_deleted",
        /// The answer to an addition or a deletion was lost.
        AnswerLost = "answer_lost",
        /// The Kubernetes API did not do what it was asked.
        Kubernetes = "kubernetes",
        /// The Kubernetes API did not answer in time.
        KubernetesTimeout = "kubernetes_timeout",
        /// The operator may not take its finalizer off a resource.
        NotReleased = "not_released",
        /// A reconciliation took too long.
        Timeout = "timeout",
        /// Scalingo could not do it now.
        ScalingoTransient = "scalingo_transient",
        /// Scalingo asks to send fewer requests.
        ScalingoRateLimited = "scalingo_rate_limited",
        /// Scalingo refuses what it was asked.
        ScalingoRefused = "scalingo_refused",
        /// Scalingo refuses the API token.
        ScalingoUnauthorized = "scalingo_unauthorized",
        /// Scalingo refuses the token's user the right to it.
        ScalingoForbidden = "scalingo_forbidden",
        /// Scalingo has no such thing.
        ScalingoNotFound = "scalingo_not_found",
        /// Scalingo has no drains there.
        ScalingoUnsupported = "scalingo_unsupported",
        /// What became of a request to Scalingo is not known.
        ScalingoOutcomeUnknown = "scalingo_outcome_unknown",
        /// Scalingo's answer is not understood.
        ScalingoProtocol = "scalingo_protocol",
        /// A change feed could not be read.
        ChangeFeed = "change_feed",
        /// A watch of `LogDrain` resources has failed.
        LogDrainWatch = "logdrain_watch",
        /// A watch of Secrets has failed.
        SecretWatch = "secret_watch",
        /// A Secret that has changed could not be read.
        SecretRead = "secret_read",
        /// The Lease could not be taken, renewed or left to others.
        Lease = "lease",
        /// A status could not be written.
        StatusWrite = "status_write",
        /// An event could not be published.
        Event = "event",
    }
}
