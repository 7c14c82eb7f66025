//! A transport for tests: it notes each request and answers as told.

use std::collections::VecDeque;
use std::fmt::{Debug, Display};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::StatusCode;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::{ApiToken, Client, Endpoints, Transport, TransportError};

pub(super) type Answer = Result<http::Response<Bytes>, TransportError>;
type Behaviour = Box<dyn Fn(&http::Request<Bytes>) -> BoxFuture<'static, Answer> + Send + Sync>;

pub(super) const TOKEN: &str = "tk-us-0Aa+/=&secret";
pub(super) const BEARER: &str = "not-a-jwt-but-secret";

/// Answers exchanges with [`BEARER`] and everything else from a list.
pub(super) struct Scripted {
    seen: Mutex<Vec<http::Request<Bytes>>>,
    behaviour: Behaviour,
}

impl Scripted {
    pub(super) fn new(
        behaviour: impl Fn(&http::Request<Bytes>) -> BoxFuture<'static, Answer> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { seen: Mutex::default(), behaviour: Box::new(behaviour) })
    }

    pub(super) fn answering(answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        let answers: Mutex<VecDeque<Answer>> = Mutex::new(answers.into_iter().collect());
        Self::new(move |request| {
            if is_exchange(request) {
                return ready(Ok(exchanged(BEARER)));
            }
            ready(answers.lock().unwrap().pop_front().expect("a request more than expected"))
        })
    }

    pub(super) fn client(self: &Arc<Self>) -> Client {
        self.client_at(Arc::new(|| Timestamp::UNIX_EPOCH))
    }

    pub(super) fn client_at(self: &Arc<Self>, clock: crate::clock::Clock) -> Client {
        let endpoints =
            Endpoints::parse("https://api.{region}.example.com", "https://auth.example.com", false).unwrap();
        Client::new(Arc::clone(self) as Arc<dyn Transport>, endpoints, clock, 1_000)
    }

    /// All requests but exchanges.
    pub(super) fn calls(&self) -> Vec<http::Request<Bytes>> {
        self.all().into_iter().filter(|request| !is_exchange(request)).collect()
    }

    pub(super) fn exchanges(&self) -> usize {
        self.all().iter().filter(|request| is_exchange(request)).count()
    }

    pub(super) fn all(&self) -> Vec<http::Request<Bytes>> {
        self.seen.lock().unwrap().clone()
    }
}

impl Transport for Scripted {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Answer> {
        self.seen.lock().unwrap().push(request.clone());
        (self.behaviour)(&request)
    }
}

pub(super) fn ready(answer: Answer) -> BoxFuture<'static, Answer> {
    std::future::ready(answer).boxed()
}

pub(super) fn is_exchange(request: &http::Request<Bytes>) -> bool {
    request.uri().path() == "/v1/tokens/exchange"
}

pub(super) fn exchanged(bearer: &str) -> http::Response<Bytes> {
    answer(200, json!({ "token": bearer }).to_string())
}

pub(super) fn answer(status: u16, body: impl Into<Bytes>) -> http::Response<Bytes> {
    let mut response = http::Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// A JWT that nobody signed.
pub(super) fn jwt(claims: &serde_json::Value) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", encode(r#"{"alg":"none"}"#), encode(&claims.to_string()), encode("signature"))
}

pub(super) fn token() -> ApiToken {
    ApiToken::new(TOKEN).unwrap()
}

/// Searches everything that can be printed of an error, down its chain of sources.
pub(super) fn assert_no_secret(error: &(dyn std::error::Error + 'static), secrets: &[&str]) {
    let mut next = Some(error);
    while let Some(error) = next {
        assert_hidden(error, secrets);
        next = error.source();
    }
}

pub(super) fn assert_hidden(value: impl Debug + Display, secrets: &[&str]) {
    assert_text_hides(&format!("{value} {value:?} {value:#?}"), secrets);
}

pub(super) fn assert_text_hides(text: &str, secrets: &[&str]) {
    for secret in secrets {
        let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
        let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let writings = [(*secret).to_owned(), percent.to_lowercase(), percent, form, STANDARD.encode(secret)];
        for writing in writings {
            assert!(!text.contains(&writing), "{writing} stands in {text}");
        }
    }
}
