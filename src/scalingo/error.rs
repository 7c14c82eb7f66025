//! What a call that failed means.

use std::time::Duration;

use http::{Method, StatusCode};

use super::answer::{Body, Refusal};
use super::operation::{Missing, Operation};
use super::transport::TransportError;

/// What an error means for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// May go well later, without anybody's hand; also where something else than the API has answered.
    Transient,
    /// Too many requests (429). Nothing was done.
    RateLimited {
        /// How long the API asks to wait, at most 5 minutes.
        retry_after: Option<Duration>,
    },
    /// The request itself is at fault; the same one will be refused again.
    Refused,
    /// The API token was refused (401), with a bearer token made anew.
    Unauthorized,
    /// The API token's user may not do this (403).
    Forbidden,
    /// The API itself says that something is not there.
    NotFound(Missing),
    /// The addon has no log drains.
    Unsupported,
    /// A change was sent and may have been made: look again before doing anything.
    OutcomeUnknown,
    /// Done, as the status says, but the answer cannot be read. May be readable later.
    Protocol,
}

/// What became of a change of drains that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeOutcome {
    /// Never sent, or refused: nothing was changed by it.
    NotMade,
    /// The application itself answered with a failure: made or not, a list tells at once.
    Answered,
    /// Made, but the answer cannot be read.
    Made,
    /// The request may still be under way.
    Unknown,
}

/// What was tried and how it failed. No part of it, nor any way to print it, holds a secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation} failed: {method} {path}: {failure}")]
pub struct Error {
    operation: Operation,
    method: Method,
    path: String,
    failure: Box<Failure>,
}

#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The request could not be made of what was given.
    #[error("{0}")]
    Unsendable(String),
    /// No answer.
    #[error("{error} (host {host})")]
    Unanswered { host: String, error: TransportError },
    /// A status other than 2xx.
    #[error("{0}")]
    Refused(Refusal),
    /// A 2xx that does not hold what it should.
    #[error("answered {}, but the body {reason}", status.as_u16())]
    Unreadable { status: StatusCode, reason: &'static str },
}

impl Error {
    pub(super) fn new(operation: Operation, method: Method, path: &str, failure: Failure) -> Self {
        Self { operation, method, path: path.to_owned(), failure: Box::new(failure) }
    }

    /// What was being done; [`Operation::Exchange`] where it failed before the call itself was sent.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Method of the request.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Path of the request: ids and names, never a query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Status of the answer, if one came.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match &*self.failure {
            Failure::Unsendable(_) | Failure::Unanswered { .. } => None,
            Failure::Refused(refusal) => Some(refusal.status),
            Failure::Unreadable { status, .. } => Some(*status),
        }
    }

    /// What went wrong, without what was being done: the API's own words where it has any, at most 300
    /// characters of them, without control characters and secrets.
    #[must_use]
    pub fn message(&self) -> String {
        match &*self.failure {
            Failure::Refused(refusal) => match &refusal.body {
                Body::Documented { message, .. } if !refusal.is_elsewhere() => message.clone(),
                _ => refusal.to_string(),
            },
            failure => failure.to_string(),
        }
    }

    /// How long the API asks to wait, at most 5 minutes.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match &*self.failure {
            Failure::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }

    /// Whether the host of the API was not reached, or something else has answered there: the region may not exist.
    #[must_use]
    pub fn misses_api(&self) -> bool {
        let is_missed = match &*self.failure {
            Failure::Unanswered { error: TransportError::NoConnection(_), .. } => true,
            Failure::Refused(refusal) => refusal.is_elsewhere(),
            _ => false,
        };
        is_missed && !self.operation.is_of_auth()
    }

    /// The one place that decides what an error means.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        let refusal = match &*self.failure {
            Failure::Unsendable(_) => return ErrorKind::Refused,
            Failure::Unanswered { error, .. } if error.is_unsent() => return ErrorKind::Transient,
            Failure::Unanswered { .. } => return self.transient_unless_write(),
            Failure::Unreadable { .. } => return ErrorKind::Protocol,
            Failure::Refused(refusal) => refusal,
        };
        if refusal.is_elsewhere() {
            return self.transient_unless_write();
        }
        match refusal.status.as_u16() {
            400 if self.says_unsupported(refusal) => ErrorKind::Unsupported,
            401 => ErrorKind::Unauthorized,
            403 => ErrorKind::Forbidden,
            404 => self.not_found(refusal),
            408 => self.transient_unless_write(),
            // It is busy: with what was asked for, with the app, or at the moment.
            409 | 423 | 425 => ErrorKind::Transient,
            429 => ErrorKind::RateLimited { retry_after: refusal.retry_after },
            400..=499 => ErrorKind::Refused,
            status if is_gateway_failure(status) => self.transient_unless_write(),
            _ => ErrorKind::Transient,
        }
    }

    /// What became of the change that [`Client::add_drain`](super::Client::add_drain) or
    /// [`Client::delete_drain`](super::Client::delete_drain) was to make.
    #[must_use]
    pub fn change_outcome(&self) -> ChangeOutcome {
        // A failed exchange comes before the call itself, or after it was refused with 401.
        if !self.operation.is_write() {
            return ChangeOutcome::NotMade;
        }
        match &*self.failure {
            Failure::Unsendable(_) => ChangeOutcome::NotMade,
            Failure::Unanswered { error, .. } if error.is_unsent() => ChangeOutcome::NotMade,
            Failure::Unanswered { .. } => ChangeOutcome::Unknown,
            Failure::Unreadable { .. } => ChangeOutcome::Made,
            // Whether the request has gone on to the API, nobody says.
            Failure::Refused(refusal) if refusal.is_elsewhere() => ChangeOutcome::Unknown,
            Failure::Refused(refusal) => match refusal.status.as_u16() {
                408 => ChangeOutcome::Unknown,
                400..=499 => ChangeOutcome::NotMade,
                status if is_gateway_failure(status) => ChangeOutcome::Unknown,
                _ => ChangeOutcome::Answered,
            },
        }
    }

    fn transient_unless_write(&self) -> ErrorKind {
        if self.operation.is_write() { ErrorKind::OutcomeUnknown } else { ErrorKind::Transient }
    }

    fn says_unsupported(&self, refusal: &Refusal) -> bool {
        let about_drains = self.operation.is_write() || self.operation == Operation::ListDrains;
        about_drains && matches!(&refusal.body, Body::Documented { unsupported: true, .. })
    }

    fn not_found(&self, refusal: &Refusal) -> ErrorKind {
        let Body::Documented { missing: Some(missing), .. } = refusal.body else {
            return ErrorKind::Transient;
        };
        match (self.operation, missing) {
            // It names nothing but the app.
            (Operation::GetApp, Missing::Unknown) => ErrorKind::NotFound(Missing::App),
            (_, missing) => ErrorKind::NotFound(missing),
        }
    }
}

/// A gateway's answer says nothing about what the application behind it still does. 520 to 527 are those
/// of Cloudflare.
fn is_gateway_failure(status: u16) -> bool {
    matches!(status, 502 | 504 | 520..=527)
}

#[cfg(test)]
mod tests;
