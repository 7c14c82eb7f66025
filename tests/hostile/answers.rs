//! What comes in: any status, headers and bytes are read or refused, and say no secret.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderName, HeaderValue, StatusCode};
use logdrain_operator::{
    crd::DrainType,
    drain::{Destination, DrainUrl, Target},
    scalingo::{ApiToken, BodyFailure, Error, ErrorKind, Operation, Transport, TransportError},
};
use proptest::{option, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::calls::{Given, call_all, client};

const API_TOKEN: &str = "tk-us-s3cret/api+token";
const BEARER: &str = "s3cret.bearer.token";
const TOKEN: &str = "s3cret/drain+token\"";
const URL: &str = "syslog://:s3cret%2Furl@logs.example.com:6514";

/// How to answer a request.
#[derive(Clone, Debug)]
enum Reply {
    Whole(StatusCode, Option<(HeaderName, HeaderValue)>, Vec<u8>),
    Cut(StatusCode, BodyFailure),
    Nothing,
}

/// Answers one after the other, again and again.
struct Answers {
    replies: Vec<Reply>,
    next: Mutex<usize>,
    /// Whether exchanges are answered as they should be.
    exchanges: bool,
}

impl Transport for Answers {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        let is_exchange = request.uri().path().ends_with("/tokens/exchange");
        let reply = if self.exchanges && is_exchange {
            Reply::Whole(StatusCode::OK, None, json!({"token": BEARER}).to_string().into())
        } else {
            let mut next = self.next.lock().expect("not poisoned");
            *next += 1;
            self.replies[*next % self.replies.len()].clone()
        };
        let answer = |status: StatusCode, header: Option<(HeaderName, HeaderValue)>, body: Vec<u8>| {
            let mut response = http::Response::new(Bytes::from(body));
            *response.status_mut() = status;
            response.headers_mut().extend(header);
            response
        };
        let answer = match reply {
            Reply::Whole(status, header, body) => Ok(answer(status, header, body)),
            Reply::Cut(status, failure) => {
                let (head, _) = answer(status, None, Vec::new()).into_parts();
                Err(TransportError::Body { head: Box::new(head), failure })
            }
            Reply::Nothing => Err(TransportError::Broken(format!("after {TOKEN} and {URL}"))),
        };
        futures::future::ready(answer).boxed()
    }
}

/// Texts with what may come back of what was sent.
fn echo() -> impl Strategy<Value = String> {
    let percent = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let known = vec![
        API_TOKEN.to_owned(),
        BEARER.to_owned(),
        TOKEN.to_owned(),
        URL.to_owned(),
        percent(TOKEN),
        percent(URL),
        "not found".to_owned(),
        "\u{1b}[31m\r\n\u{202e}".to_owned(),
    ];
    let piece = prop_oneof![4 => select(known), 1 => ".{0,20}", 1 => "x{0,400}"];
    // A secret that goes on without a break is another text.
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.join(" "))
}

fn any_json() -> impl Strategy<Value = Value> {
    let keys = vec![
        "drains",
        "drain",
        "url",
        "app_id",
        "apps",
        "app",
        "addons",
        "addon_provider",
        "id",
        "name",
        "token",
        "error",
        "errors",
        "resource",
        "code",
        "meta",
        "pagination",
        "next_page",
        "status",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        echo().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let key = prop_oneof![9 => select(keys.clone()).prop_map(str::to_owned), 1 => ".{0,5}"];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let deep = |open: &str| open.repeat(100_000).into_bytes();
    prop_oneof![
        6 => any_json().prop_map(|json| json.to_string().into_bytes()),
        2 => (any_json(), any::<prop::sample::Index>()).prop_map(|(json, cut)| {
            let mut bytes = json.to_string().into_bytes();
            bytes.truncate(cut.index(bytes.len() + 1));
            bytes
        }),
        2 => proptest::collection::vec(any::<u8>(), 0..100),
        2 => echo().prop_map(|text| format!("<html>{text}</html>").into_bytes()),
        1 => select(vec![deep("["), deep("{\"drains\":"), deep("{\"errors\":["), b"\xef\xbb\xbf{}".to_vec()]),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let status = prop_oneof![
        3 => select(vec![200, 201, 204, 400, 401, 403, 404, 408, 409, 422, 429, 500, 502, 503, 504]),
        1 => 200..1000_u16,
    ];
    let status = status.prop_map(|status| StatusCode::from_u16(status).expect("a status"));
    let retry_after =
        select(vec!["0", "-1", "99999999999999999999", "soon", "Thu, 01 Jan 1970 00:00:00 GMT", "1e9", ""]);
    let header = prop_oneof![
        retry_after.prop_map(|value| (http::header::RETRY_AFTER, HeaderValue::from_static(value))),
        proptest::collection::vec(32..127_u8, 0..30).prop_map(|bytes| {
            (http::header::LOCATION, HeaderValue::from_bytes(&bytes).expect("visible"))
        }),
    ];
    let failure = select(vec![BodyFailure::TooLarge, BodyFailure::CutShort, BodyFailure::TimedOut]);
    prop_oneof![
        8 => (status.clone(), option::of(header), body()).prop_map(|(status, header, body)| Reply::Whole(status, header, body)),
        1 => (status, failure).prop_map(|(status, failure)| Reply::Cut(status, failure)),
        1 => Just(Reply::Nothing),
    ]
}

fn given() -> Given {
    Given {
        token: ApiToken::new(API_TOKEN).expect("a good token"),
        target: Target { region: "osc-fr1".into(), app_id: "shop".into(), addon: Some("ad-1".into()) },
        destination: Destination {
            token: Some(TOKEN.into()),
            host: Some("logs.example.com".into()),
            port: Some(6514),
            ..Destination::new(DrainType::Syslog)
        },
        url: DrainUrl::new(URL.to_owned()),
    }
}

fn check(operation: Operation, error: &Error) -> Result<(), TestCaseError> {
    let is_exchange = error.operation() == Operation::Exchange;
    prop_assert!(is_exchange || error.operation() == operation, "{:?}", error);
    let is_write = error.operation().is_write();
    let (kind, status) = (error.kind(), error.status().map(|status| status.as_u16()));
    let is_sane = match status {
        None => matches!(kind, ErrorKind::Transient | ErrorKind::OutcomeUnknown),
        Some(200..=299) => kind == ErrorKind::Protocol,
        Some(429) => matches!(kind, ErrorKind::RateLimited { .. }),
        // Somebody else's, a gateway's, or busy.
        _ if matches!(kind, ErrorKind::Transient | ErrorKind::OutcomeUnknown) => true,
        Some(400) => matches!(kind, ErrorKind::Refused | ErrorKind::Unsupported),
        Some(401) => kind == ErrorKind::Unauthorized,
        Some(403) => kind == ErrorKind::Forbidden,
        Some(404) => matches!(kind, ErrorKind::NotFound(_)),
        Some(408 | 409 | 423 | 425) => false,
        Some(400..=499) => kind == ErrorKind::Refused,
        Some(_) => false,
    };
    prop_assert!(is_sane, "{:?} of {:?}: {}", kind, status, error);
    prop_assert!(is_write || kind != ErrorKind::OutcomeUnknown, "{}", error);
    prop_assert!(error.retry_after().is_none_or(|wait| wait.as_secs() <= 300), "{}", error);

    for shown in [error.to_string(), error.message(), format!("{error:?}")] {
        prop_assert!(!shown.chars().any(char::is_control), "{:?}", shown);
        prop_assert!(shown.chars().count() < 1_500, "{}", shown);
        let decoded = percent_encoding::percent_decode_str(&shown).decode_utf8_lossy();
        // What a request held may come back in its answer; an exchange holds the API token alone.
        let mut sent = vec![API_TOKEN];
        match error.operation() {
            Operation::Exchange => {}
            Operation::AddDrain => sent.extend([BEARER, TOKEN]),
            Operation::DeleteDrain => sent.extend([BEARER, "s3cret/url", "s3cret%2Furl"]),
            _ => sent.push(BEARER),
        }
        // No URL of a drain ever, sent or not.
        sent.push("syslog://");
        for secret in sent {
            prop_assert!(!shown.contains(secret) && !decoded.contains(secret), "{} in {}", secret, shown);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_answer_to_any_call_is_read_or_refused_for_a_reason(
        replies in proptest::collection::vec(reply(), 1..4),
        exchanges in prop::bool::weighted(0.8),
    ) {
        let transport = Answers { replies, next: Mutex::default(), exchanges };
        for (operation, error) in call_all(&client(Arc::new(transport)), &given()) {
            if let Some(error) = error {
                check(operation, &error)?;
            }
        }
    }
}
