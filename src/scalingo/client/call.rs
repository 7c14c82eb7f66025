//! One request, and what is read of its answer.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::scalingo::error::{Error, Failure};
use crate::scalingo::operation::Operation;
use crate::scalingo::secrets::Secrets;
use crate::scalingo::token::ApiToken;
use crate::scalingo::transport::{BodyFailure, TransportError};

pub(super) const AGENT: &str = concat!("logdrain-operator/", env!("CARGO_PKG_VERSION"));

/// A request before it has its bearer token.
pub(super) struct Call {
    pub(super) operation: Operation,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<Bytes>,
    pub(super) secrets: Secrets,
}

/// An answer of 2xx.
pub(super) struct Success {
    pub(super) status: StatusCode,
    pub(super) body: Result<Bytes, BodyFailure>,
}

impl Call {
    pub(super) fn again(&self) -> Self {
        Self {
            operation: self.operation,
            method: self.method.clone(),
            url: self.url.clone(),
            body: self.body.clone(),
            secrets: self.secrets.clone(),
        }
    }

    pub(super) fn set_body(&mut self, body: &impl Serialize) -> Result<(), Error> {
        let unsendable = |_| self.error(Failure::Unsendable("The body cannot be written.".to_owned()));
        self.body = Some(serde_json::to_vec(body).map_err(unsendable)?.into());
        Ok(())
    }

    pub(super) fn request(
        &self,
        token: &ApiToken,
        authorization: &str,
    ) -> Result<http::Request<Bytes>, Error> {
        let unsendable = |reason: &str| self.error(Failure::Unsendable(reason.to_owned()));
        let mut authorization = HeaderValue::from_str(authorization)
            .map_err(|_| unsendable("The API token cannot stand in a header."))?;
        authorization.set_sensitive(true);
        let mut request = http::Request::builder()
            .method(self.method.clone())
            .uri(self.url.as_str())
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, authorization)
            .extension(self.operation)
            .extension(token.key());
        if self.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request
            .body(self.body.clone().unwrap_or_default())
            .map_err(|_| unsendable("The request is too long for a URL."))
    }

    /// No answer came. The URL's host goes with it: people have to know who did not answer.
    pub(super) fn unanswered(&self, error: TransportError) -> Error {
        self.error(Failure::Unanswered { host: self.url.authority().to_owned(), error })
    }

    pub(super) fn error(&self, failure: Failure) -> Error {
        Error::new(self.operation, self.method.clone(), self.url.path(), failure)
    }
}

impl Success {
    pub(super) fn read<A: DeserializeOwned>(&self) -> Result<A, Failure> {
        let unreadable = |reason| Failure::Unreadable { status: self.status, reason };
        let body = self.body.as_ref().map_err(|failure| unreadable(failure.into()))?;
        // The parser's own words would quote the body.
        serde_json::from_slice(body).map_err(|_| {
            let is_html = body.trim_ascii_start().starts_with(b"<");
            unreadable(if is_html {
                "is HTML, which a proxy or a firewall sends"
            } else {
                "is not what is documented"
            })
        })
    }
}
