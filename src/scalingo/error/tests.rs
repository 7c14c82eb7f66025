use bytes::Bytes;
use jiff::Timestamp;

use super::*;
use crate::scalingo::secrets::Secrets;

fn answered(operation: Operation, status: u16, body: &str) -> Error {
    let mut response = http::Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    let (head, ()) = response.into_parts();
    let body = Bytes::copy_from_slice(body.as_bytes());
    let refusal = Refusal::read(operation, &head, Ok(&body), &Secrets::default(), Timestamp::UNIX_EPOCH);
    Error::new(operation, Method::POST, "/v1/apps/5af/log_drains", Failure::Refused(refusal))
}

fn failed(operation: Operation, failure: Failure) -> Error {
    Error::new(operation, Method::POST, "/v1/apps/5af/log_drains", failure)
}

fn unanswered(operation: Operation, error: TransportError) -> Error {
    failed(operation, Failure::Unanswered { host: "api.example.com".to_owned(), error })
}

const JSON: &str = r#"{"error":"no"}"#;
const HTML: &str = "<html>";

#[test]
fn a_status_decides_for_a_read() {
    let cases = [
        (301, "", ErrorKind::Transient),
        (400, JSON, ErrorKind::Refused),
        (401, JSON, ErrorKind::Unauthorized),
        (402, JSON, ErrorKind::Refused),
        (403, JSON, ErrorKind::Forbidden),
        (405, JSON, ErrorKind::Refused),
        (408, HTML, ErrorKind::Transient),
        (409, JSON, ErrorKind::Transient),
        (410, JSON, ErrorKind::Refused),
        (418, JSON, ErrorKind::Refused),
        (422, JSON, ErrorKind::Refused),
        (423, JSON, ErrorKind::Transient),
        (425, JSON, ErrorKind::Transient),
        (451, JSON, ErrorKind::Refused),
        (429, "Retry later", ErrorKind::RateLimited { retry_after: None }),
        (500, JSON, ErrorKind::Transient),
        (502, HTML, ErrorKind::Transient),
        (503, HTML, ErrorKind::Transient),
        (504, HTML, ErrorKind::Transient),
        (599, "", ErrorKind::Transient),
    ];
    for (status, body, expected) in cases {
        let error = answered(Operation::ListDrains, status, body);
        assert_eq!(error.kind(), expected, "{error}");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!(error.change_outcome(), ChangeOutcome::NotMade);
    }
}

/// What proxies, firewalls and other services answer.
const OF_OTHERS: [&str; 10] = [
    HTML,
    "",
    "Forbidden",
    "Retry later",
    r#"{"error":"no"#,
    r#"["no"]"#,
    r#"{"message":"Forbidden"}"#,
    r#"{"error":{"code":403,"message":"Forbidden"}}"#,
    r#"{"timestamp":"2026-11-30","status":403,"error":"Forbidden","path":"/v1/apps"}"#,
    r#"{"error":"invalid_token","error_description":"no"}"#,
];

#[test]
fn an_answer_of_somebody_else_is_none() {
    let refusals = (300..500).filter(|status| !matches!(status, 408 | 425 | 429));
    for (status, body) in refusals.flat_map(|status| OF_OTHERS.map(|body| (status, body))) {
        let read = answered(Operation::ListDrains, status, body);
        assert_eq!(read.kind(), ErrorKind::Transient, "{read}");
        for write in [Operation::AddDrain, Operation::DeleteDrain] {
            let error = answered(write, status, body);
            assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
            assert_eq!(error.change_outcome(), ChangeOutcome::Unknown, "{error}");
        }
        let exchange = answered(Operation::Exchange, status, body);
        assert_eq!(
            (exchange.kind(), exchange.change_outcome()),
            (ErrorKind::Transient, ChangeOutcome::NotMade)
        );
        for (error, option) in [(read, "--api-url"), (exchange, "--auth-url")] {
            let hint = format!(
                " (something else than the Scalingo API answered: check the proxy, the firewall and {option})"
            );
            assert!(error.message().ends_with(&hint), "{error}");
        }
    }
    for (status, body) in [(407, JSON), (302, JSON)] {
        assert_eq!(answered(Operation::ListDrains, status, body).kind(), ErrorKind::Transient);
    }
    let too_many = answered(Operation::ListDrains, 429, "Retry later");
    assert_eq!(too_many.message(), "answered 429: Retry later");
}

#[test]
fn a_404_counts_only_in_the_own_words_of_the_api() {
    use ErrorKind::{NotFound, OutcomeUnknown, Transient};
    let (app, plain) = (r#"{"resource":"app","error":"not found"}"#, r#"{"error":"not found"}"#);
    let cases = [
        (Operation::ListDrains, app, NotFound(Missing::App)),
        (Operation::ListDrains, plain, NotFound(Missing::Unknown)),
        (Operation::DeleteDrain, plain, NotFound(Missing::Unknown)),
        (Operation::DeleteDrain, r#"{"resource":"drain","error":"x"}"#, NotFound(Missing::Drain)),
        (Operation::AddDrain, r#"{"resource":"addon","error":"x"}"#, NotFound(Missing::Addon)),
        (Operation::GetApp, plain, NotFound(Missing::App)),
        (Operation::ListApps, plain, Transient),
        (Operation::Exchange, app, Transient),
        (Operation::DeleteDrain, r#"{"errors":{"url":["no"]}}"#, OutcomeUnknown),
    ];
    for (operation, body, expected) in cases {
        let error = answered(operation, 404, body);
        assert_eq!(error.kind(), expected, "{error}");
        let hint = if operation == Operation::Exchange { "--auth-url" } else { "--api-url" };
        let is_hinted = matches!(expected, Transient | OutcomeUnknown);
        assert_eq!(error.message().contains(hint), is_hinted, "{error}");
    }
}

#[test]
fn an_addon_without_drains_is_unsupported() {
    let body = r#"{"error":"This addon doesn't support log drains"}"#;
    for operation in [Operation::ListDrains, Operation::AddDrain, Operation::DeleteDrain] {
        assert_eq!(answered(operation, 400, body).kind(), ErrorKind::Unsupported);
    }
    assert_eq!(answered(Operation::GetApp, 400, body).kind(), ErrorKind::Refused);
    assert_eq!(answered(Operation::ListDrains, 422, body).kind(), ErrorKind::Refused);
}

#[test]
fn a_write_that_may_have_been_made_has_an_unknown_outcome() {
    use ChangeOutcome::{Answered, Made, NotMade, Unknown};
    let add = Operation::AddDrain;
    let broken = || TransportError::Broken("connection reset".to_owned());
    let not_sent = || TransportError::NotSent("no request was free in time".to_owned());
    let no_connection = || TransportError::NoConnection("connection refused".to_owned());
    let unreadable = Failure::Unreadable { status: StatusCode::CREATED, reason: "is empty" };
    let cases = [
        (unanswered(add, not_sent()), ErrorKind::Transient, NotMade),
        (unanswered(add, no_connection()), ErrorKind::Transient, NotMade),
        (failed(add, Failure::Unsendable("no".to_owned())), ErrorKind::Refused, NotMade),
        (unanswered(add, TransportError::TimedOut), ErrorKind::OutcomeUnknown, Unknown),
        (unanswered(add, broken()), ErrorKind::OutcomeUnknown, Unknown),
        (answered(add, 408, HTML), ErrorKind::OutcomeUnknown, Unknown),
        (answered(add, 502, HTML), ErrorKind::OutcomeUnknown, Unknown),
        (answered(add, 504, HTML), ErrorKind::OutcomeUnknown, Unknown),
        (answered(add, 524, HTML), ErrorKind::OutcomeUnknown, Unknown),
        (answered(add, 500, JSON), ErrorKind::Transient, Answered),
        (answered(add, 503, HTML), ErrorKind::Transient, Answered),
        (failed(add, unreadable), ErrorKind::Protocol, Made),
        (answered(add, 401, JSON), ErrorKind::Unauthorized, NotMade),
        (answered(add, 403, JSON), ErrorKind::Forbidden, NotMade),
        (answered(add, 409, JSON), ErrorKind::Transient, NotMade),
        (answered(add, 423, JSON), ErrorKind::Transient, NotMade),
        (answered(add, 425, HTML), ErrorKind::Transient, NotMade),
        (answered(add, 422, JSON), ErrorKind::Refused, NotMade),
        (answered(add, 429, ""), ErrorKind::RateLimited { retry_after: None }, NotMade),
        (unanswered(Operation::Exchange, TransportError::TimedOut), ErrorKind::Transient, NotMade),
        (answered(Operation::Exchange, 502, HTML), ErrorKind::Transient, NotMade),
    ];
    for (error, kind, outcome) in cases {
        assert_eq!((error.kind(), error.change_outcome()), (kind, outcome), "{error}");
    }
    let delete = Operation::DeleteDrain;
    assert_eq!(unanswered(delete, TransportError::TimedOut).kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(answered(delete, 502, HTML).kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(answered(delete, 500, HTML).kind(), ErrorKind::Transient);
    assert_eq!(unanswered(Operation::ListDrains, broken()).kind(), ErrorKind::Transient);
}

#[test]
fn the_api_is_missed_where_no_connection_stands_or_something_else_answers() {
    let no_connection = || TransportError::NoConnection("connection refused".to_owned());
    let not_sent = TransportError::NotSent("no request was free in time".to_owned());
    let cases = [
        (unanswered(Operation::ListApps, no_connection()), true),
        (answered(Operation::ListApps, 404, HTML), true),
        (unanswered(Operation::Exchange, no_connection()), false),
        (unanswered(Operation::ListApps, not_sent), false),
        (unanswered(Operation::ListApps, TransportError::TimedOut), false),
        (answered(Operation::ListApps, 503, HTML), false),
        (answered(Operation::ListDrains, 404, JSON), false),
    ];
    for (error, expected) in cases {
        assert_eq!(error.misses_api(), expected, "{error}");
    }
    assert_eq!(
        unanswered(Operation::ListApps, no_connection()).message(),
        "the request was not sent: connection refused (host api.example.com)"
    );
}

#[test]
fn an_error_says_what_was_tried() {
    let error = answered(Operation::AddDrain, 422, r#"{"errors":{"host":["is invalid"]},"code":7}"#);
    assert_eq!(
        error.to_string(),
        "add_drain failed: POST /v1/apps/5af/log_drains: answered 422: host: is invalid"
    );
    assert_eq!(error.message(), "host: is invalid");
    assert_eq!(answered(Operation::ListApps, 503, HTML).message(), "answered 503, and the body is HTML");
}
