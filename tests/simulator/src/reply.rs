use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// The connection broke before any byte of an answer. Not an answer: the change may have been made or not.
///
/// [`crate::Simulator::answer`] returns it; over TCP the connection is closed. [`crate::Simulator::router`], which can only
/// return a response, sets it as an extension of one whose body fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection was broken before an answer")]
pub struct Broken;

/// An answer in the making.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// Only half of the body is sent, then the connection breaks.
    pub(crate) cut: bool,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![(header::CONTENT_TYPE.to_string(), content_type.to_owned())];
        Self { status, headers, body: body.into(), cut: false }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), cut: false }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string())
    }

    pub(crate) fn error(status: u16, text: &str) -> Self {
        Self::json(status, &json!({ "error": text }))
    }

    pub(crate) fn not_found(resource: &str) -> Self {
        Self::json(404, &json!({ "resource": resource, "error": "not found" }))
    }

    pub(crate) fn into_response(self) -> Response {
        let length = self.body.len();
        let body = if self.cut { cut(self.body.slice(..length / 2)) } else { Body::from(self.body) };
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if self.cut {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// The bytes, and then an error. The pause between them lets a server send the bytes before it sees the error.
fn cut(bytes: Bytes) -> Body {
    Body::from_stream(stream::unfold(Some(bytes), |rest| async move {
        match rest {
            Some(bytes) if !bytes.is_empty() => Some((Ok(bytes), Some(Bytes::new()))),
            Some(_) => {
                tokio::task::yield_now().await;
                Some((Err(Broken), None))
            }
            None => None,
        }
    }))
}

/// What a router, which cannot fail, returns for a broken connection.
pub(crate) fn broken_response() -> Response {
    let mut response = Response::new(Body::from_stream(stream::once(async { Err::<Bytes, _>(Broken) })));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.extensions_mut().insert(Broken);
    response
}
