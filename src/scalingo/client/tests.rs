use proptest::prelude::*;
use serde_json::json;

use super::call::AGENT;
use super::*;
use crate::crd::DrainType;
use crate::scalingo::answer::tests::any_json;
use crate::scalingo::scripted::{
    Answer, BEARER, Scripted, TOKEN, answer, assert_no_secret, assert_text_hides, ready, token,
};
use crate::scalingo::{BodyFailure, ChangeOutcome, ErrorKind};

const DRAIN_TOKEN: &str = "drain+token/=&5af97be7";
const DRAIN_URL: &str = "ovh://:drain-url-secret-5af9@tag1.logs.ovh.com:6514";

fn target() -> Target {
    Target { region: "osc-fr1".to_owned(), app_id: "5af9".to_owned(), addon: None }
}

fn addon_target() -> Target {
    Target { addon: Some("ad-9be0".to_owned()), ..target() }
}

fn destination(drain_type: DrainType) -> Destination {
    Destination::new(drain_type)
}

fn with_token() -> Destination {
    Destination { token: Some(DRAIN_TOKEN.into()), ..destination(DrainType::Appsignal) }
}

fn created() -> http::Response<Bytes> {
    answer(201, json!({"drain": {"app_id": 7, "url": DRAIN_URL, "new": {}}}).to_string())
}

async fn added(target: &Target, destination: &Destination) -> http::Request<Bytes> {
    let transport = Scripted::answering([Ok(created())]);
    let url = transport.client().add_drain(&token(), target, destination).await.unwrap();
    assert_eq!(url.expose(), DRAIN_URL);
    transport.calls().remove(0)
}

#[tokio::test]
async fn each_type_is_sent_with_what_is_set_and_as_strings() {
    let secret = |text: &str| Some(SecretString::from(text));
    let text = |text: &str| Some(text.to_owned());
    let cases = [
        (
            Destination { token: secret("t"), ..destination(DrainType::Appsignal) },
            r#"{"drain":{"type":"appsignal","token":"t"}}"#,
        ),
        (
            Destination { token: secret("t"), host: text("h"), ..destination(DrainType::Betterstack) },
            r#"{"drain":{"type":"betterstack","token":"t","host":"h"}}"#,
        ),
        (
            Destination {
                token: secret("t"),
                drain_region: text("eu-west-2"),
                ..destination(DrainType::Datadog)
            },
            r#"{"drain":{"type":"datadog","token":"t","drain_region":"eu-west-2"}}"#,
        ),
        (
            Destination { token: secret("t"), host: text("h"), ..destination(DrainType::OvhGraylog) },
            r#"{"drain":{"type":"ovh-graylog","token":"t","host":"h"}}"#,
        ),
        (
            Destination { host: text("h"), port: Some(12), ..destination(DrainType::Papertrail) },
            r#"{"drain":{"type":"papertrail","host":"h","port":"12"}}"#,
        ),
        (
            Destination {
                token: secret("a\"b"),
                host: text("h"),
                port: Some(65535),
                ..destination(DrainType::Syslog)
            },
            r#"{"drain":{"type":"syslog","token":"a\"b","host":"h","port":"65535"}}"#,
        ),
        (
            Destination {
                url: Some(DrainUrl::new("https://u:p@e/".to_owned())),
                ..destination(DrainType::Elk)
            },
            r#"{"drain":{"type":"elk","url":"https://u:p@e/"}}"#,
        ),
        (Destination::custom("opensearch"), r#"{"drain":{"type":"opensearch"}}"#),
        (
            Destination {
                token: secret("t"),
                host: text("h"),
                port: Some(1),
                drain_region: text("eu"),
                url: Some(DrainUrl::new("https://s/".to_owned())),
                ..Destination::custom("logtail")
            },
            r#"{"drain":{"type":"logtail","token":"t","host":"h","port":"1","drain_region":"eu","url":"https://s/"}}"#,
        ),
        (
            Destination { token: secret("t"), ..Destination::custom("datadog") },
            r#"{"drain":{"type":"datadog","token":"t"}}"#,
        ),
    ];
    for (destination, body) in cases {
        let request = added(&target(), &destination).await;
        assert_eq!(std::str::from_utf8(request.body()).unwrap(), body);
    }
}

#[tokio::test]
async fn requests_go_where_and_as_documented() {
    let request = added(&target(), &with_token()).await;
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "https://api.osc-fr1.example.com/v1/apps/5af9/log_drains");
    assert_eq!(request.headers()["authorization"], format!("Bearer {BEARER}"));
    assert!(request.headers()["authorization"].is_sensitive());
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(request.headers()["accept"], "application/json");
    assert_eq!(request.headers()["user-agent"], AGENT);
    assert_eq!(request.extensions().get::<Operation>(), Some(&Operation::AddDrain));
    assert_eq!(request.extensions().get(), Some(&token().key()));

    let request = added(&addon_target(), &with_token()).await;
    assert_eq!(request.uri().path(), "/v1/apps/5af9/addons/ad-9be0/log_drains");
}

#[tokio::test]
async fn the_exchange_is_sent_as_documented() {
    let transport = Scripted::answering([Ok(answer(200, r#"{"apps":[]}"#))]);
    transport.client().apps(&token(), "osc-fr1").await.unwrap();
    let request = transport.all().remove(0);
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "https://auth.example.com/v1/tokens/exchange");
    let basic = format!("Basic {}", STANDARD.encode(format!(":{TOKEN}")));
    assert_eq!(request.headers()["authorization"], basic);
    assert!(request.headers()["authorization"].is_sensitive());
    assert_eq!(request.body(), "{}");
    assert_eq!(request.extensions().get::<Operation>(), Some(&Operation::Exchange));
}

#[tokio::test]
async fn a_delete_names_the_url_in_either_way() {
    let transport = Scripted::answering([Ok(answer(204, "")), Ok(answer(200, "<html>"))]);
    let (client, url) = (transport.client(), DrainUrl::new("datadog://t&k?region=e u".to_owned()));
    assert!(client.delete_drain(&token(), &target(), &url, DeleteForm::Body).await.unwrap());
    let is_documented =
        client.delete_drain(&token(), &addon_target(), &url, DeleteForm::Query).await.unwrap();
    assert!(!is_documented);
    let [body, query] = <[_; 2]>::try_from(transport.calls()).unwrap();
    assert_eq!((body.method(), body.uri().query()), (&Method::DELETE, None));
    assert_eq!(body.body(), r#"{"url":"datadog://t&k?region=e u"}"#);
    assert_eq!(query.uri().path(), "/v1/apps/5af9/addons/ad-9be0/log_drains");
    assert_eq!(query.uri().query(), Some("url=datadog%3A%2F%2Ft%26k%3Fregion%3De+u"));
    assert!(query.body().is_empty() && !query.headers().contains_key("content-type"));
}

#[tokio::test]
async fn lists_are_read_without_what_is_not_needed() {
    let drains =
        json!({"drains": [{"url": "a", "app_id": null}, {"url": "b", "x": 1}, {"url": "a"}], "meta": 1});
    let transport = Scripted::answering([
        Ok(answer(200, drains.to_string())),
        Ok(answer(200, r#"{"app":{"id":"5af9","name":"shop","region":[]}}"#)),
    ]);
    let client = transport.client();
    let listed = client.drains(&token(), &target()).await.unwrap();
    assert_eq!(listed.iter().map(DrainUrl::expose).collect::<Vec<_>>(), ["a", "b", "a"]);
    let app = client.app(&token(), "osc-fr1", "shop").await.unwrap();
    assert_eq!((app.id.as_str(), app.name.as_str()), ("5af9", "shop"));
    let paths: Vec<_> = transport.calls().iter().map(|call| call.uri().path().to_owned()).collect();
    assert_eq!(paths, ["/v1/apps/5af9/log_drains", "/v1/apps/shop"]);
}

fn page(ids: &[&str], next: &serde_json::Value) -> http::Response<Bytes> {
    let apps: Vec<_> = ids.iter().map(|id| json!({"id": id, "name": format!("app-{id}")})).collect();
    answer(200, json!({"apps": apps, "meta": {"pagination": {"next_page": next}}}).to_string())
}

#[tokio::test]
async fn all_pages_of_the_apps_are_read() {
    let transport = Scripted::answering([
        Ok(page(&["1", "2"], &json!(2))),
        Ok(page(&["2", "3"], &json!(3))),
        Ok(page(&["4"], &json!(null))),
    ]);
    let apps = transport.client().apps(&token(), "osc-fr1").await.unwrap();
    assert_eq!(apps.iter().map(|app| app.id.as_str()).collect::<Vec<_>>(), ["1", "2", "3", "4"]);
    let queries: Vec<_> =
        transport.calls().iter().map(|call| call.uri().query().map(str::to_owned)).collect();
    assert_eq!(queries, [None, Some("page=2".to_owned()), Some("page=3".to_owned())]);
}

#[tokio::test]
async fn pages_that_do_not_end_are_an_error() {
    let transport = Scripted::answering([Ok(page(&["1"], &json!(1)))]);
    assert_eq!(transport.client().apps(&token(), "osc-fr1").await.unwrap().len(), 1);
    let endless = Scripted::answering((2..2 + MOST_PAGES).map(|next| Ok(page(&["1"], &json!(next)))));
    let error = endless.client().apps(&token(), "osc-fr1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let wrong = Scripted::answering([Ok(page(&["1"], &json!("2")))]);
    assert_eq!(wrong.client().apps(&token(), "osc-fr1").await.unwrap_err().kind(), ErrorKind::Protocol);
}

fn body_failure(status: u16, failure: BodyFailure) -> Answer {
    let (head, _) = answer(status, "").into_parts();
    Err(TransportError::Body { head: Box::new(head), failure })
}

#[tokio::test]
async fn an_add_whose_answer_is_unreadable_was_made() {
    let bodies: [&'static [u8]; 10] = [
        b"",
        b"<html>",
        b"{\"drain\":{\"url\":\"ov",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{\"drain\":{}}",
        b"{\"drain\":{\"url\":1}}",
        b"{\"drain\":{\"url\":\"\"}}",
        b"{\"drains\":[]}",
    ];
    let failures = [BodyFailure::TooLarge, BodyFailure::CutShort, BodyFailure::TimedOut];
    let answers = bodies.map(|body| Ok(answer(201, body)));
    for sent in answers.into_iter().chain(failures.map(|failure| body_failure(201, failure))) {
        let transport = Scripted::answering([sent]);
        let error = transport.client().add_drain(&token(), &target(), &with_token()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.change_outcome()),
            (ErrorKind::Protocol, ChangeOutcome::Made),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_success_counts_though_the_body_does_not_come_and_a_refusal_does_not() {
    for failure in [BodyFailure::TooLarge, BodyFailure::CutShort, BodyFailure::TimedOut] {
        let transport = Scripted::answering([
            body_failure(422, failure),
            body_failure(404, failure),
            body_failure(204, failure),
            body_failure(200, failure),
        ]);
        let (client, url) = (transport.client(), DrainUrl::new(DRAIN_URL.to_owned()));
        let error = client.add_drain(&token(), &target(), &with_token()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.change_outcome()),
            (ErrorKind::OutcomeUnknown, ChangeOutcome::Unknown),
            "nobody knows whose answer it is"
        );
        let error = client.delete_drain(&token(), &target(), &url, DeleteForm::Body).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
        client.delete_drain(&token(), &target(), &url, DeleteForm::Body).await.unwrap();
        let error = client.drains(&token(), &target()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.message().contains(&failure.to_string()), "{error}");
    }
}

#[tokio::test]
async fn lists_of_the_wrong_type_are_not_taken_for_empty_ones() {
    for body in ["", "null", "[]", "{}", r#"{"drains":null}"#, r#"{"drains":{}}"#, r#"{"drains":[1]}"#] {
        let transport = Scripted::answering([Ok(answer(200, body))]);
        let error = transport.client().drains(&token(), &target()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}");
    }
}

#[tokio::test]
async fn an_add_whose_exchange_fails_was_never_sent() {
    let transport = Scripted::new(|_| ready(Err(TransportError::TimedOut)));
    let error = transport.client().add_drain(&token(), &target(), &with_token()).await.unwrap_err();
    assert_eq!((error.operation(), error.change_outcome()), (Operation::Exchange, ChangeOutcome::NotMade));
    assert_eq!(transport.calls().len(), 0);
}

#[tokio::test]
async fn a_name_that_cannot_stand_in_a_path_is_never_sent() {
    let transport = Scripted::answering([]);
    let client = transport.client();
    let error = client.app(&token(), "osc-fr1", "../users").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let hostile = Target { region: "evil.com/".to_owned(), ..target() };
    let error = client.add_drain(&token(), &hostile, &with_token()).await.unwrap_err();
    assert_eq!((error.kind(), error.change_outcome()), (ErrorKind::Refused, ChangeOutcome::NotMade));
    assert_eq!(transport.all().len(), 0);
}

/// Each secret that a request carries, sent back in every way that an answer has.
#[tokio::test]
async fn no_error_repeats_a_secret() {
    let basic = STANDARD.encode(format!(":{TOKEN}"));
    let secrets = [TOKEN, BEARER, DRAIN_TOKEN, DRAIN_URL, "drain-url-secret-5af9"];
    let echoes = secrets.iter().flat_map(|secret| writings(secret)).chain([basic.clone()]);
    let destination = Destination { url: Some(DrainUrl::new(DRAIN_URL.to_owned())), ..with_token() };
    for echo in echoes {
        let bodies = [
            json!({"error": echo, "code": echo}).to_string(),
            json!({"errors": {&echo: [&echo]}}).to_string(),
            json!({"drain": {"url": [&echo]}, "drains": &echo}).to_string(),
            format!("bad request: {echo}"),
            format!("<p>{echo}"),
        ];
        let statuses = [201, 400, 401, 404, 422, 500];
        for (status, body) in
            statuses.into_iter().flat_map(|status| bodies.iter().map(move |body| (status, body)))
        {
            let reply = || Ok(answer(status, body.clone()));
            let transport = Scripted::answering([reply(), reply()]);
            let added = transport.client().add_drain(&token(), &target(), &destination).await;
            if let Err(error) = added {
                assert_no_secret(&error, &secrets);
                assert_text_hides(&format!("{error:?}{}", error.message()), &secrets);
                assert!(!format!("{error} {error:?}").contains(&basic));
            }
        }
        let reason = format!("while sending {echo}");
        let transport = Scripted::answering([Err(TransportError::Broken(reason))]);
        let error = transport.client().add_drain(&token(), &target(), &destination).await.unwrap_err();
        assert_no_secret(&error, &secrets);
    }
}

#[tokio::test]
async fn a_delete_and_an_exchange_do_not_repeat_theirs() {
    let url = DrainUrl::new(DRAIN_URL.to_owned());
    for secret in [TOKEN, BEARER, DRAIN_URL, "drain-url-secret-5af9"] {
        for echo in writings(secret) {
            for form in [DeleteForm::Body, DeleteForm::Query] {
                let reply = answer(422, json!({"error": format!("cannot delete {echo}")}).to_string());
                let transport = Scripted::answering([Ok(reply)]);
                let error =
                    transport.client().delete_drain(&token(), &target(), &url, form).await.unwrap_err();
                assert_no_secret(&error, &[secret]);
                assert_eq!(
                    (error.message().as_str(), error.path()),
                    ("cannot delete ***", "/v1/apps/5af9/log_drains")
                );
            }
        }
    }
    for echo in writings(TOKEN).into_iter().chain([STANDARD.encode(format!(":{TOKEN}"))]) {
        let transport = Scripted::new(move |_| ready(Ok(answer(400, format!("who is {echo}")))));
        let error = transport.client().apps(&token(), "osc-fr1").await.unwrap_err();
        let message = error.message();
        assert!(message.starts_with("answered 400: who is *** ("), "{message}");
    }
}

fn writings(secret: &str) -> Vec<String> {
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let percent = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
    vec![secret.to_owned(), form, percent.to_string(), STANDARD.encode(secret)]
}

#[test]
fn debug_of_what_holds_secrets_shows_none() {
    let transport = Scripted::answering([]);
    let text = format!("{:?} {:?} {:?}", transport.client(), with_token(), token());
    assert_text_hides(&text, &[TOKEN, BEARER, DRAIN_TOKEN]);
    let (mut head, _) = answer(302, "").into_parts();
    head.headers.insert("location", http::HeaderValue::from_static("https://x/?url=location-secret"));
    let error = TransportError::Body { head: Box::new(head), failure: BodyFailure::CutShort };
    assert_no_secret(&error, &["location-secret"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_json_is_read_or_refused(status in prop::sample::select(vec![200_u16, 201, 204, 400, 404, 422, 500]), value in any_json()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let body = value.to_string();
            let whole = Scripted::new(move |request| {
                let is_exchange = crate::scalingo::scripted::is_exchange(request);
                ready(Ok(if is_exchange { crate::scalingo::scripted::exchanged(BEARER) } else { answer(status, body.clone()) }))
            });
            let (client, token) = (whole.client(), token());
            let url = DrainUrl::new(DRAIN_URL.to_owned());
            let _ = client.apps(&token, "osc-fr1").await;
            let _ = client.app(&token, "osc-fr1", "a").await;
            let _ = client.drains(&token, &target()).await;
            let added = client.add_drain(&token, &target(), &with_token()).await;
            if status == 201 && let Err(error) = added {
                assert_eq!(error.change_outcome(), ChangeOutcome::Made);
            }
            let deleted = client.delete_drain(&token, &target(), &url, DeleteForm::Body).await;
            assert_eq!(deleted.is_ok(), status < 300);
            let body = value.to_string();
            let exchange = Scripted::new(move |_| ready(Ok(answer(status, body.clone()))));
            let _ = exchange.client().apps(&token, "osc-fr1").await;
        });
    }
}
