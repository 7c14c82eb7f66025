use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, Limited};
use percent_encoding::percent_decode_str;

const LONGEST_BODY: usize = 1024 * 1024;

/// Where the server listens that a request came through: an extension of it.
#[derive(Clone, Copy)]
pub(crate) struct Through(pub(crate) SocketAddr);

/// A request, taken apart.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The path's segments, percent-decoded.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) server: Option<SocketAddr>,
}

/// What the `Authorization` header holds.
pub(crate) enum Credential {
    Missing,
    Bearer(String),
    Basic { user: String, password: String },
    Unreadable,
}

impl Call {
    /// Reads a request; none when its body breaks off or is longer than any that the API wants.
    pub(crate) async fn read(request: Request<Body>) -> Option<Self> {
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, LONGEST_BODY).collect().await.ok()?.to_bytes();
        let path = parts.uri.path().to_owned();
        let segments = path
            .split('/')
            .skip(1)
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let query = parts.uri.query().unwrap_or_default();
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let server = parts.extensions.get().map(|Through(address)| *address);
        let method = parts.method.to_string();
        Some(Self { method, path, segments, query, headers: parts.headers, body, server })
    }

    pub(crate) fn credential(&self) -> Credential {
        let Some(value) = self.headers.get(header::AUTHORIZATION) else { return Credential::Missing };
        let Some((scheme, value)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else {
            return Credential::Unreadable;
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            return Credential::Bearer(value.to_owned());
        }
        let decoded = BASE64_STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        match decoded.as_ref().and_then(|text| text.split_once(':')) {
            Some((user, password)) if scheme.eq_ignore_ascii_case("basic") => {
                Credential::Basic { user: user.to_owned(), password: password.to_owned() }
            }
            _ => Credential::Unreadable,
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        let value =
            self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"))
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
