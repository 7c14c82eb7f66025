//! Carries requests: what a transport is.

use std::fmt;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::response::Parts;
use strum::{Display, IntoStaticStr};

use super::secrets::Secrets;

/// Carries one request to the API and its answer back.
///
/// # Guarantees
/// Whoever implements it sends a request once, follows no redirect, bounds the time and the size of an
/// answer, and says [`TransportError::NotSent`] or [`TransportError::NoConnection`] only when no byte of the request can have
/// reached the API.
/// Time spent waiting before sending counts toward no time-out.
///
/// Each request carries its [`Operation`](super::Operation) and the [`TokenKey`](super::TokenKey) of its API
/// token as extensions, for a layer that counts or orders requests.
pub trait Transport: Send + Sync + 'static {
    /// Sends the request. Dropping the future gives the request up, sent or not.
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>>;
}

/// Why there is no whole answer. Texts are sentences' ends without secrets, queries or bodies.
#[derive(Clone, thiserror::Error)]
pub enum TransportError {
    /// Nothing has reached the API: the request was never started.
    #[error("the request was not sent: {0}")]
    NotSent(String),
    /// Nothing has reached the API: its host is not known to DNS, or no connection came to stand.
    #[error("the request was not sent: {0}")]
    NoConnection(String),
    /// The request may have been sent; no answer came in time.
    #[error("no answer came in time")]
    TimedOut,
    /// The request may have been sent; the connection ended before an answer.
    #[error("the connection broke before an answer came: {0}")]
    Broken(String),
    /// Status and headers came, the body did not come whole.
    #[error("the answer ({}) has a body that {failure}", head.status.as_u16())]
    Body {
        /// Status and headers.
        head: Box<Parts>,
        /// What became of the body.
        failure: BodyFailure,
    },
}

impl TransportError {
    /// Whether nothing has reached the API.
    pub(super) fn is_unsent(&self) -> bool {
        matches!(self, Self::NotSent(_) | Self::NoConnection(_))
    }

    /// The same, should the transport's own words repeat something.
    pub(super) fn scrubbed(self, secrets: &Secrets) -> Self {
        match self {
            Self::NotSent(reason) => Self::NotSent(secrets.scrub(&reason)),
            Self::NoConnection(reason) => Self::NoConnection(secrets.scrub(&reason)),
            Self::Broken(reason) => Self::Broken(secrets.scrub(&reason)),
            other => other,
        }
    }
}

/// What kept a body from being read to its end; its text ends a sentence that begins with "the body".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, IntoStaticStr)]
pub enum BodyFailure {
    /// Longer than the limit.
    #[strum(to_string = "is too large")]
    TooLarge,
    /// The connection ended in the middle.
    #[strum(to_string = "was cut short")]
    CutShort,
    /// The rest did not come in time.
    #[strum(to_string = "did not come in time")]
    TimedOut,
}

// Response headers can repeat what was sent.
impl fmt::Debug for TransportError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TransportError({self})")
    }
}
