use proptest::prelude::*;

use super::*;

const AUTH: &str = "https://auth.scalingo.com";

fn parse(api: &str) -> Result<Endpoints, EndpointError> {
    Endpoints::parse(api, AUTH, false)
}

fn parsed(api: &str) -> Endpoints {
    parse(api).unwrap()
}

#[test]
fn the_region_goes_into_the_host() {
    let url = parsed("https://api.{region}.scalingo.com").api("osc-fr1", &["apps", "shop"]).unwrap();
    assert_eq!(url.as_str(), "https://api.osc-fr1.scalingo.com/v1/apps/shop");
    let url = parsed("http://127.0.0.1:8123/v1/").api("osc-fr1", &["apps"]).unwrap();
    assert_eq!(url.as_str(), "http://127.0.0.1:8123/v1/apps");
    let url = parsed("https://API.Example.com").auth(&["tokens", "exchange"]).unwrap();
    assert_eq!(url.as_str(), "https://auth.scalingo.com/v1/tokens/exchange");
}

#[test]
fn unfit_urls_are_refused_with_a_sentence() {
    let name = "API URL (--api-url)";
    let cases = [
        ("", EndpointError::NotAUrl(name)),
        ("api.scalingo.com", EndpointError::NotAUrl(name)),
        ("https://api.scalingo .com", EndpointError::NotAUrl(name)),
        ("https://api.scalingo.com\n", EndpointError::NotAUrl(name)),
        ("ftp://api.scalingo.com", EndpointError::Scheme(name)),
        ("unix:/run/api", EndpointError::Scheme(name)),
        ("http://api.scalingo.com", EndpointError::Unencrypted(name)),
        ("http://localhost.example.com", EndpointError::Unencrypted(name)),
        ("http://0.0.0.0", EndpointError::Unencrypted(name)),
        ("https://user@api.scalingo.com", EndpointError::UserInfo(name)),
        ("https://:password@api.scalingo.com", EndpointError::UserInfo(name)),
        ("https://api.scalingo.com?a=b", EndpointError::Excess(name)),
        ("https://api.scalingo.com#a", EndpointError::Excess(name)),
        ("https://api.scalingo.com/v2", EndpointError::Excess(name)),
        ("https://api.scalingo.com/{region}", EndpointError::Excess(name)),
        ("https://{region}", EndpointError::Region(name)),
        ("https://api.{region}", EndpointError::Region(name)),
        ("https://{region}.{region}.com", EndpointError::Region(name)),
    ];
    for (api, expected) in cases {
        let error = parse(api).expect_err(api);
        assert_eq!(error, expected, "{api}");
        assert!(error.to_string().ends_with('.'), "{error}");
        assert!(!error.to_string().contains("password@"));
    }
    let error = Endpoints::parse("https://api.scalingo.com", "https://auth.{region}.com", false);
    assert_eq!(error, Err(EndpointError::Region("auth URL (--auth-url)")));
    let error = Endpoints::parse("https://api.scalingo.com", "http://auth.scalingo.com", false);
    assert_eq!(error, Err(EndpointError::Unencrypted("auth URL (--auth-url)")));
}

#[test]
fn unencrypted_is_for_this_machine_or_by_permission() {
    for api in ["http://127.0.0.1:80", "http://[::1]:80", "http://localhost", "http://{region}.localhost"] {
        assert!(parse(api).is_ok(), "{api}");
    }
    assert!(Endpoints::parse("http://api.internal", "http://auth.internal", true).is_ok());
}

#[test]
fn regions_and_segments_that_lead_elsewhere_are_refused() {
    let endpoints = parsed("https://api.{region}.scalingo.com");
    let long = "a".repeat(64);
    for region in ["", "evil.com/", "a.b", "a/b", "A", "é", "a@b", "a:1", "a\n", "%2e", "xn--a", &long] {
        assert!(endpoints.api(region, &["apps"]).is_err(), "{region}");
    }
    let long = "a".repeat(257);
    for segment in ["", ".", "..", "a/b", "a\\b", "a?b", "a#b", "%2e%2e", "a\tb", "a\0", &long] {
        assert!(endpoints.api("osc-fr1", &["apps", segment]).is_err(), "{segment}");
    }
    assert!(endpoints.api("osc-fr1", &["apps", "..."]).is_ok());
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        4 => "[a-z0-9-]{1,8}",
        4 => prop::sample::select(vec![
            ".", "..", "/", "\\", "//", "?", "#", "%", "%2e", "%2F", "@", ":", "\t", "\n", "\r", ";", "&", " ",
            "http://", "xn--", "\u{ff0f}", "\u{2024}", "v1", "\0",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_request_goes_below_v1_of_the_configured_host_or_nowhere(
        region in hostile(), app in hostile(), addon in hostile(),
    ) {
        let endpoints = parsed("https://api.{region}.scalingo.com:8443");
        let segments = ["apps", &app, "addons", &addon, "log_drains"];
        for region in [region.as_str(), "osc-fr1"] {
            let Ok(url) = endpoints.api(region, &segments) else { continue };
            let uri: http::Uri = url.as_str().parse().unwrap();
            prop_assert_eq!(uri.scheme_str(), Some("https"));
            let authority = format!("api.{region}.scalingo.com:8443");
            prop_assert_eq!(uri.authority().unwrap().as_str(), &authority);
            prop_assert_eq!(uri.query(), None);
            let path: Vec<String> = uri.path().split('/')
                .map(|segment| percent_decode_str(segment).decode_utf8().unwrap().into_owned())
                .collect();
            prop_assert_eq!(path, ["", "v1", "apps", &app, "addons", &addon, "log_drains"]);
        }
    }

    #[test]
    fn any_text_as_an_endpoint_is_parsed_or_refused(text in hostile()) {
        for text in [text.clone(), format!("https://{text}"), format!("http://api.{text}.com")] {
            if let Ok(endpoints) = parse(&text) {
                let url = endpoints.api("osc-fr1", &["apps"]).unwrap();
                prop_assert_eq!(url.path(), "/v1/apps");
                prop_assert!(url.scheme() == "https" || is_loopback(url.host_str().unwrap()));
            }
        }
    }
}
