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
    failed(operation, Failure::Unanswered(error))
}

const JSON: &str = r#"{"error":"no"}"#;
const HTML: &str = "<html>";

#[test]
fn a_status_decides_for_a_read() {
    let cases = [
        (301, "", ErrorKind::Transient),
        (400, JSON, ErrorKind::Refused),
        (400, HTML, ErrorKind::Refused),
        (401, JSON, ErrorKind::Unauthorized),
        (402, JSON, ErrorKind::Refused),
        (403, JSON, ErrorKind::Forbidden),
        (405, JSON, ErrorKind::Refused),
        (408, HTML, ErrorKind::Transient),
        (409, JSON, ErrorKind::Refused),
        (418, JSON, ErrorKind::Refused),
        (422, JSON, ErrorKind::Refused),
        (425, JSON, ErrorKind::Transient),
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

#[test]
fn a_404_counts_only_in_the_own_words_of_the_api() {
    use ErrorKind::{NotFound, Transient};
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
        (Operation::DeleteDrain, HTML, Transient),
        (Operation::DeleteDrain, "", Transient),
        (Operation::DeleteDrain, "not found", Transient),
        (Operation::DeleteDrain, r#"{"message":"no route"}"#, Transient),
        (Operation::DeleteDrain, r#"{"error":"not fo"#, Transient),
    ];
    for (operation, body, expected) in cases {
        let error = answered(operation, 404, body);
        assert_eq!(error.kind(), expected, "{error}");
        let hint = if operation == Operation::Exchange { "--auth-url" } else { "--api-url" };
        assert_eq!(error.message().contains(hint), expected == Transient, "{error}");
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
    let not_sent = || TransportError::NotSent("connection refused".to_owned());
    let unreadable = Failure::Unreadable { status: StatusCode::CREATED, reason: "is empty" };
    let cases = [
        (unanswered(add, not_sent()), ErrorKind::Transient, NotMade),
        (failed(add, Failure::Unsendable("no".to_owned())), ErrorKind::Refused, NotMade),
        (unanswered(add, TransportError::TimedOut), ErrorKind::OutcomeUnknown, Unknown),
        (unanswered(add, broken()), ErrorKind::OutcomeUnknown, Unknown),
        (answered(add, 408, HTML), ErrorKind::OutcomeUnknown, Unknown),
        (answered(add, 502, HTML), ErrorKind::OutcomeUnknown, Unknown),
        (answered(add, 504, HTML), ErrorKind::OutcomeUnknown, Unknown),
        (answered(add, 524, HTML), ErrorKind::OutcomeUnknown, Unknown),
        (answered(add, 500, JSON), ErrorKind::Transient, Answered),
        (answered(add, 503, HTML), ErrorKind::Transient, Answered),
        (answered(add, 301, ""), ErrorKind::Transient, Answered),
        (failed(add, unreadable), ErrorKind::Protocol, Made),
        (answered(add, 401, JSON), ErrorKind::Unauthorized, NotMade),
        (answered(add, 404, HTML), ErrorKind::Transient, NotMade),
        (answered(add, 409, JSON), ErrorKind::Refused, NotMade),
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
fn an_error_says_what_was_tried() {
    let error = answered(Operation::AddDrain, 422, r#"{"errors":{"host":["is invalid"]},"code":7}"#);
    assert_eq!(
        error.to_string(),
        "add_drain failed: POST /v1/apps/5af/log_drains: answered 422: host: is invalid"
    );
    assert_eq!(error.message(), "host: is invalid");
    assert_eq!(answered(Operation::ListApps, 503, HTML).message(), "answered 503, and the body is HTML");
}
