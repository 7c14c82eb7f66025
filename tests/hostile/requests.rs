//! What goes out: whatever a resource or a Secret holds, requests stay below the documented paths of the configured host.

use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use logdrain_operator::scalingo::{ApiToken, BodyFailure, ErrorKind, Transport, TransportError};
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use scalingo_simulator::Simulator;
use serde_json::Value;

use crate::{
    calls::{Given, call_all, client},
    text,
};

/// The simulator without a network, and all that it was sent.
#[derive(Clone)]
struct InProcess {
    simulator: Simulator,
    sent: Arc<Mutex<Vec<http::Request<Bytes>>>>,
}

impl Transport for InProcess {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        async move {
            self.sent.lock().expect("not poisoned").push(request.clone());
            let answer = self.simulator.answer(request.map(Body::from)).await;
            let (head, body) = answer.map_err(|_| TransportError::TimedOut)?.into_parts();
            match to_bytes(body, usize::MAX).await {
                Ok(body) => Ok(http::Response::from_parts(head, body)),
                Err(_) => Err(TransportError::Body { head: Box::new(head), failure: BodyFailure::CutShort }),
            }
        }
        .boxed()
    }
}

/// The path taken apart, and put together again for people.
fn segments(request: &http::Request<Bytes>) -> Vec<String> {
    let decoded = |segment| percent_decode_str(segment).decode_utf8().expect("UTF-8").into_owned();
    request.uri().path().split('/').skip(1).map(decoded).collect()
}

fn check(request: &http::Request<Bytes>, given: &Given) -> Result<(), TestCaseError> {
    let target = &given.target;
    let (app, addon) = (target.app_id.as_str(), target.addon.as_deref().unwrap_or_default());
    let path = segments(request);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let method = request.method().as_str();
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    prop_assert_eq!(request.uri().scheme_str(), Some("https"));
    if path == ["v1", "tokens", "exchange"] {
        prop_assert_eq!((method, authority), ("POST", Some("auth.scalingo.example")));
        prop_assert_eq!(&request.body()[..], b"{}");
        return Ok(());
    }
    let region = &target.region;
    let host = format!("api.{region}.scalingo.example:8443");
    prop_assert_eq!(authority, Some(host.as_str()));
    prop_assert!(region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{}", region);
    let drains = if target.addon.is_some() {
        vec!["v1", "apps", app, "addons", addon, "log_drains"]
    } else {
        vec!["v1", "apps", app, "log_drains"]
    };
    let is_known = match method {
        "GET" => {
            path == ["v1", "apps"]
                || path == ["v1", "apps", app]
                || path == ["v1", "apps", app, "addons"]
                || path == drains
        }
        "POST" | "DELETE" => path == drains,
        _ => false,
    };
    prop_assert!(is_known, "{} {:?}", method, path);
    match (method, request.uri().query()) {
        (_, None) => {}
        ("DELETE", Some(query)) => {
            let parameters: Vec<(String, String)> =
                url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            prop_assert_eq!(parameters, [("url".to_owned(), given.url.expose().to_owned())]);
            prop_assert!(request.body().is_empty());
        }
        (_, Some(query)) => prop_assert!(false, "{} {}", method, query),
    }
    if method == "POST" {
        let body: Value = serde_json::from_slice(request.body()).expect("JSON");
        let fields = ["type", "token", "host", "port", "drain_region", "url"];
        prop_assert_eq!(body.as_object().map(serde_json::Map::len), Some(1));
        for (name, value) in body["drain"].as_object().expect("an object") {
            prop_assert!(fields.contains(&name.as_str()) && value.is_string(), "{}", name);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whatever_a_resource_and_its_secrets_hold_requests_stay_where_they_belong(
        token in text::maybe_hostile("tk-us-hostile"),
        target in text::target(),
        destination in text::destination(),
        url in text::url(),
    ) {
        let Ok(api_token) = ApiToken::new(token.clone()) else {
            prop_assert!(token.trim().is_empty() || token.chars().any(char::is_control));
            return Ok(());
        };
        let simulator = Simulator::new();
        simulator.add_token("hostile", &token);
        let app = simulator.add_app("shop");
        simulator.add_addon_with_id("shop", "postgresql", true, "ad-1").expect("the app is there");
        let transport = InProcess { simulator: simulator.clone(), sent: Arc::default() };
        let given = Given { token: api_token, target, destination, url };
        let outcomes = call_all(&client(Arc::new(transport.clone())), &given);

        let sent = transport.sent.lock().expect("not poisoned");
        for request in sent.iter() {
            check(request, &given)?;
        }
        for complaint in simulator.complaints() {
            prop_assert!(!complaint.contains("unknown path") && !complaint.contains("unknown parameter"), "{}", complaint);
            prop_assert!(!complaint.contains("credential") && !complaint.contains("Authorization"), "{}", complaint);
            prop_assert!(!complaint.contains("is not JSON") && !complaint.contains("unknown field"), "{}", complaint);
        }
        for (operation, error) in outcomes {
            let Some(error) = error else { continue };
            // A token that goes out as it is, is accepted.
            prop_assert!(error.kind() != ErrorKind::Unauthorized, "{:?}: {}", operation, error);
            if given.target.region == "osc-fr1" && given.target.app_id == "shop" && given.target.addon.is_none() {
                let refused = matches!(error.kind(), ErrorKind::Refused | ErrorKind::NotFound(_));
                prop_assert!(refused, "{:?}: {}", operation, error);
            }
        }
        let is_there = simulator.drains(&app).len() + simulator.drains(("shop", "ad-1")).len();
        prop_assert!(is_there <= 1, "one POST makes one drain");
    }
}
