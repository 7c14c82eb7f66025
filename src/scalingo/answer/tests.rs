use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn refusal(status: u16, content_type: &str, body: &[u8]) -> Refusal {
    let mut response = http::Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
    let (head, ()) = response.into_parts();
    let body = Bytes::copy_from_slice(body);
    Refusal::read(Operation::ListDrains, &head, Ok(&body), &Secrets::default(), Timestamp::UNIX_EPOCH)
}

fn body_of(status: u16, body: &str) -> Body {
    refusal(status, "application/json", body.as_bytes()).body
}

fn says(message: &str) -> Body {
    Body::Documented { message: message.to_owned(), missing: Some(Missing::Unknown), unsupported: false }
}

#[test]
fn each_documented_shape_is_read() {
    assert_eq!(body_of(400, r#"{"error":"bad"}"#), says("bad"));
    assert_eq!(body_of(401, r#"{"error":"unauthorized"}"#), says("unauthorized"));
    assert_eq!(
        body_of(402, r#"{"name":"payment","error":"trial is over","url":"https://x"}"#),
        says("trial is over")
    );
    assert_eq!(body_of(403, r#"{"error":"no","code":"forbidden_role"}"#), says("no"));
    assert_eq!(
        body_of(422, r#"{"errors":{"host":["is invalid","is too long"],"port":["is missing"]}}"#),
        Body::Documented {
            message: "host: is invalid, is too long; port: is missing".to_owned(),
            missing: None,
            unsupported: false
        }
    );
    assert_eq!(body_of(422, r#"{"error":"no","errors":{"host":"is bad"}}"#), says("no: host: is bad"));
    let unsupported = body_of(400, r#"{"error":"This addon doesn't support log drains"}"#);
    assert!(matches!(unsupported, Body::Documented { unsupported: true, .. }));
}

#[test]
fn a_404_names_what_is_missing() {
    let cases = [
        (r#"{"resource":"app","error":"not found"}"#, Some(Missing::App)),
        (r#"{"resource":"Addon","error":"not found"}"#, Some(Missing::Addon)),
        (r#"{"resource":"log_drain","error":"not found"}"#, Some(Missing::Drain)),
        (r#"{"resource":"planet","error":"not found"}"#, Some(Missing::Unknown)),
        (r#"{"error":"not found"}"#, Some(Missing::Unknown)),
        (r#"{"resource":1,"error":"not found"}"#, None),
    ];
    for (body, expected) in cases {
        let Body::Documented { missing, .. } = body_of(404, body) else { panic!("{body}") };
        assert_eq!(missing, expected, "{body}");
    }
}

#[test]
fn other_bodies_are_named_for_what_they_are() {
    let cases: [(&[u8], Body); 12] = [
        (b"", Body::Other("is empty")),
        (b" \r\n", Body::Other("is empty")),
        (b"<!doctype html><p>secret", Body::Other("is HTML")),
        (b"{\"error\":\"cut", Body::Other("is not whole JSON")),
        (b"[1,", Body::Other("is not whole JSON")),
        (b"{\"error\":\"\xff\"}", Body::Other("is not text")),
        (b"[]", Body::Other("is not one of the documented errors")),
        (b"\"text\"", Body::Other("is not one of the documented errors")),
        (b"{\"error\":1}", Body::Other("is not one of the documented errors")),
        (b"{\"errors\":[]}", Body::Other("is not one of the documented errors")),
        (b"null", Body::Other("is not one of the documented errors")),
        (b"Retry later\n", Body::Text("Retry later".to_owned())),
    ];
    for (body, expected) in cases {
        assert_eq!(refusal(500, "application/json", body).body, expected);
    }
    assert_eq!(refusal(500, "text/html; charset=utf-8", b"Oops").body, Body::Other("is HTML"));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(body_of(500, &deep), Body::Other("is not whole JSON"));
}

#[test]
fn who_waits_is_told_how_long() {
    let now: Timestamp = "1994-11-06T08:49:30Z".parse().unwrap();
    let wait = |values: &[(http::HeaderName, &str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        retry_after(&headers, now).map(|wait| wait.as_secs())
    };
    assert_eq!(wait(&[]), None);
    for (value, expected) in [
        ("7", Some(7)),
        (" 7 ", Some(7)),
        ("0", Some(0)),
        ("301", Some(300)),
        ("99999999999999999999999", Some(300)),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
        ("Sat, 06 Nov 2094 08:00:00 GMT", Some(300)),
        ("Mon, 06 Nov 1994 08:49:37 GMT", Some(7)),
    ] {
        assert_eq!(wait(&[(RETRY_AFTER, value)]), expected, "{value}");
    }
    // By the server's own clock where it tells the time.
    let (until, sent) = ("Sun, 06 Nov 2011 08:49:37 GMT", "Sun, 06 Nov 2011 08:49:27 GMT");
    assert_eq!(wait(&[(RETRY_AFTER, until), (DATE, sent)]), Some(10));
}

#[test]
fn a_wrong_base_url_is_hinted_at() {
    for (status, body, hinted) in [
        (404, "<html>", true),
        (404, "", true),
        (404, "404 page not found", true),
        (404, r#"{"message":"no route"}"#, true),
        (301, "", true),
        (404, r#"{"error":"not found"}"#, false),
        (403, "<html>", true),
        (403, r#"{"error":"no"}"#, false),
        (502, "<html>", false),
    ] {
        let text = refusal(status, "text/plain", body.as_bytes()).to_string();
        assert_eq!(text.contains("--api-url"), hinted, "{text}");
    }
}

pub(in crate::scalingo) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        prop::sample::select(vec![
            "error",
            "errors",
            "resource",
            "code",
            "drains",
            "drain",
            "url",
            "apps",
            "app",
            "addons",
            "id",
            "name",
            "meta",
            "pagination",
            "next_page",
            "token",
            "addon_provider",
            "exp",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_json_is_read(status in 300_u16..600, value in any_json()) {
        let refusal = refusal(status, "application/json", value.to_string().as_bytes());
        prop_assert!(!refusal.to_string().chars().any(char::is_control));
        prop_assert!(refusal.to_string().chars().count() < 500);
    }

    #[test]
    fn any_bytes_are_read(status in 300_u16..600, body in prop::collection::vec(any::<u8>(), 0..64)) {
        let refusal = refusal(status, "text/plain", &body);
        prop_assert!(!refusal.to_string().chars().any(char::is_control));
    }

    #[test]
    fn any_retry_after_is_bounded(value in "[ -~]{0,40}") {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(&value).unwrap());
        prop_assert!(retry_after(&headers, Timestamp::UNIX_EPOCH).is_none_or(|wait| wait <= LONGEST_RETRY_AFTER));
    }
}
