use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use secrecy::SecretString;

use super::*;
use crate::drain::pasted::{self, Use};

fn destination(drain_type: DrainType) -> Destination {
    Destination {
        host: Some("logs.example.com".into()),
        port: Some(6514),
        drain_region: Some("eu-west-2".into()),
        ..Destination::new(drain_type)
    }
}

#[test]
fn what_is_public_stays_and_all_else_is_hidden() {
    for (url, shown) in [
        ("datadog://s3cret?region=eu-west-2", "datadog://***?region=eu-west-2"),
        ("ovh://:s3cret@logs.example.com:6514", "ovh://:***@logs.example.com:6514"),
        ("syslog://:s3/c:ret@logs.example.com:6514", "syslog://:***@logs.example.com:6514"),
        ("syslog://:s3@c?ret@logs.example.com:6514", "syslog://:***@logs.example.com:6514"),
        ("syslog://:logs.example.com:123@logs.example.com:6514", "syslog://:***@logs.example.com:6514"),
        ("datadog://a&token=s3&region=s3?region=eu-west-2", "datadog://***&***=***&***=***?region=eu-west-2"),
        ("x://logs.example.com:1/logs.example.com:123", "***://logs.example.com:***/logs.example.com:***"),
        ("tcp+tls://logs.example.com:6514", "tcp+tls://logs.example.com:6514"),
        ("https://s3cret.example.com/s3cret?s3cret=s3cret", "https://***/***?***=***"),
        ("s3cret://s3cret", "***://***"),
        ("s3cret", "***"),
    ] {
        let url = DrainUrl::new(url.into());
        assert_eq!(url.redacted(&destination(DrainType::Syslog), false), shown);
    }
}

#[test]
fn an_ipv6_host_is_shown_with_its_port() {
    let host = Some("2001:DB8:0::514".to_owned());
    let destination = Destination { host, ..Destination::new(DrainType::OvhGraylog) };
    for (url, shown) in [
        ("ovh://:s3cret@[2001:db8::514]:6514", "ovh://:***@[2001:db8::514]:6514"),
        ("ovh://:s3cret@[2001:DB8::514]:123456", "ovh://:***@[2001:DB8::514]:***"),
        ("ovh://:s3cret@[2001:db8::515]:6514", "ovh://:***@***]***"),
        ("ovh://[s3cret:s3cret", "ovh://***:***"),
    ] {
        assert_eq!(DrainUrl::new(url.into()).redacted(&destination, false), shown);
    }
}

fn elk() -> Destination {
    let url = "https://user:s3cret@elk.example.com:9200/s3cret?s3cret";
    Destination { url: Some(DrainUrl::new(url.into())), ..Destination::new(DrainType::Elk) }
}

#[test]
fn of_a_secret_url_only_scheme_host_and_port_are_shown() {
    for (url, shown) in [
        ("https://user:s3cret@elk.example.com:9200/s3cret?s3cret", "https://***@elk.example.com:9200/***"),
        ("https://ELK.example.com/", "https://elk.example.com"),
        ("not a url s3cret", "***"),
        ("data:s3cret", "***"),
        ("https://elk.example.com:9200/s3cret@host", "https://***"),
        ("https://elk.example.com\\s3cret", "https://***"),
        ("https:elk.example.com/s3cret", "***"),
    ] {
        assert_eq!(DrainUrl::new(url.into()).redacted(&elk(), false), shown);
    }
}

#[test]
fn of_a_custom_type_nothing_is_shown_but_what_the_spec_says_in_the_open() {
    let custom = Destination { host: Some("s.example".into()), ..Destination::custom("opensearch") };
    let whole = Destination { url: elk().url, ..Destination::custom("opensearch") };
    for (url, destination, shown) in [
        ("opensearch://:s3cret@s.example:9200/s3cret", &custom, "***://:***@s.example:***/***"),
        (
            "https://user:s3cret@elk.example.com:9200/s3cret?s3cret",
            &whole,
            "https://***@elk.example.com:9200/***",
        ),
        ("opensearch://s3cret", &whole, "***://***"),
    ] {
        assert_eq!(DrainUrl::new(url.into()).redacted(destination, false), shown);
    }
}

#[test]
fn of_another_drain_not_even_the_host_is_shown_for_it_may_be_the_secret() {
    for (url, shown) in [
        ("appsignal://s3cret", "appsignal://***"),
        ("datadog://s3cret?region=eu", "datadog://***"),
        ("syslog://:s3cret@logs.example.com:6514", "syslog://***"),
        ("https://s3cret.example.com/in", "https://***"),
        ("s3cret://elsewhere", "***://***"),
    ] {
        assert_eq!(DrainUrl::new(url.into()).redacted(&elk(), true), shown);
    }
    let unknown = Destination::new(DrainType::Elk);
    assert_eq!(DrainUrl::new("https://elk.example.com".into()).redacted(&unknown, false), "https://***");
}

#[test]
fn a_url_from_the_spec_is_shown_whole() {
    let url = DrainUrl::new("https://elk.example.com/in?x=1".into());
    let destination = Destination { url: Some(url.clone()), ..Destination::new(DrainType::Elk) };
    assert_eq!(url.redacted(&destination, true), "https://elk.example.com/in?x=1");
}

/// No three characters of the password in a row, unless they would stand there whatever it is.
fn assert_hides(shown: &str, password: &str, harmless: &str) -> Result<(), TestCaseError> {
    let characters: Vec<char> = password.chars().collect();
    for run in characters.windows(3).map(|run| run.iter().collect::<String>()) {
        // The star may be of what hides a word, and two characters are no three.
        let hides = run.contains('*');
        prop_assert!(!shown.contains(&run) || hides || harmless.contains(&run), "{:?} in {:?}", run, shown);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_run_of_three_characters_of_a_password_is_shown(
        password in prop_oneof!["[!-~]{3,20}", "[0-9]{1,5}[/?#\\\\@:][!-~]{3,8}", "[a-z.]{3,9}[@:/?#\\\\]{1,2}[0-9a-z]{3,9}"],
        is_encoded in any::<bool>(), user in prop_oneof!["", "user"], scheme in prop_oneof!["https", "x"],
    ) {
        let encoded = utf8_percent_encode(&password, NON_ALPHANUMERIC).to_string();
        let written = if is_encoded { &encoded } else { &password };
        let text = format!("{scheme}://{user}:{written}@elk.example.com:9200/in?x=1");
        let url = DrainUrl::new(text.clone());
        let fault = pasted::clean(text.as_bytes(), Use::Url).err();
        prop_assert!(fault.is_none() || !is_encoded, "an encoded password is used: {:?}", fault);
        let own = Destination { url: Some(url.clone()), ..Destination::new(DrainType::Elk) };
        let harmless = format!("{scheme}://***@elk.example.com:9200/*** ***://*** https://*** DrainUrl(***)");
        let shown = url.redacted(&own, false);
        prop_assert!(fault.is_some() || shown.ends_with("://***@elk.example.com:9200/***"), "{}", shown);
        let words = fault.map(|fault| fault.to_string()).unwrap_or_default();
        for shown in [shown, format!("{url:?}")] {
            assert_hides(&shown, &password, &harmless)?;
        }
        prop_assert!(words.is_empty() || [pasted::Fault::TwoReadings, pasted::Fault::NotUrl].contains(&fault.unwrap()));
    }

    #[test]
    fn no_run_of_three_characters_of_a_token_is_shown(
        token in prop_oneof!["[!-~]{3,20}", "[a-z0-9]{1,4}[&@?/:][a-z_]{3,6}=[a-z0-9]{1,5}", "[a-z]{0,3}@logs.example.com:[0-9]{3,5}"],
        is_encoded in any::<bool>(), form in 0_usize..4,
    ) {
        let encoded = utf8_percent_encode(&token, NON_ALPHANUMERIC).to_string();
        let written = if is_encoded { &encoded } else { &token };
        let public = [
            "datadog://TOKEN?region=eu-west-2",
            "syslog://:TOKEN@logs.example.com:6514",
            "https://logs.example.com/TOKEN?TOKEN=TOKEN",
            "TOKEN://TOKEN.logs.example.com/TOKEN",
        ][form];
        let url = DrainUrl::new(public.replace("TOKEN", written));
        let mut destination = destination(DrainType::Syslog);
        destination.token = Some(SecretString::from(token.as_str()));
        let harmless = format!("{} :***@logs.example.com:6514 region=eu-west-2", public.replace("TOKEN", "***"));
        assert_hides(&url.redacted(&destination, false), &token, &harmless)?;
    }
}
