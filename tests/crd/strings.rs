use std::net::IpAddr;

use proptest::prelude::*;
use serde_json::Value;

use super::{
    cases::{self, Values},
    checker::Checker,
};

#[test]
fn good_values_are_accepted_and_bad_ones_are_not() {
    let checker = Checker::new();
    for values in cases::values() {
        for value in &values.good {
            assert!(checker.accepts(&values.spec_with(value)), "{} = {value} should be good", values.pointer);
        }
        for value in &values.bad {
            assert!(!checker.accepts(&values.spec_with(value)), "{} = {value} should be bad", values.pointer);
        }
    }
}

fn values_of(pointer: &str) -> Values {
    cases::values().into_iter().find(|values| values.pointer == pointer).expect("the field has values")
}

/// Text that is good or nearly so: a good value with anything put into its middle.
fn nearly_good(pointer: &str) -> impl Strategy<Value = String> + use<> {
    let good: Vec<String> =
        values_of(pointer).good.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let anything = prop_oneof![
        Just(String::new()),
        any::<char>().prop_map(String::from),
        proptest::sample::select(vec![
            "/", "..", "/../", "?", "#", "%2f", "@", ":1", "\\", "\r\n", "\u{202e}"
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    (proptest::sample::select(good), any::<proptest::sample::Index>(), anything).prop_map(
        |(good, place, inserted)| {
            let place = place.index(good.len() + 1);
            format!("{}{inserted}{}", &good[..place], &good[place..])
        },
    )
}

/// Calls `judge` with texts that the definition accepts for a field, of those generated.
fn for_accepted(pointer: &'static str, judge: impl Fn(&str) -> Result<(), TestCaseError>) {
    let checker = Checker::new();
    let values = values_of(pointer);
    let accepted = std::cell::Cell::new(0);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&nearly_good(pointer), |text| {
            if checker.accepts(&values.spec_with(&text.clone().into())) {
                accepted.set(accepted.get() + 1);
                judge(&text)?;
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{pointer}: {failure}"));
    assert!(accepted.get() > 50, "only {} texts were accepted", accepted.get());
}

#[test]
fn what_goes_into_a_path_is_one_segment_as_it_is() {
    for pointer in ["/app", "/addon", "/region"] {
        for_accepted(pointer, |text| {
            let mut url = url::Url::parse("https://api.example.com/v1/apps").expect("a URL");
            url.path_segments_mut().expect("a base").push(text).push("log_drains");
            prop_assert_eq!(url.as_str(), format!("https://api.example.com/v1/apps/{text}/log_drains"));
            prop_assert!(!text.contains(['/', '?', '#', '%', '\\', '.', '@', ':']), "{:?}", text);
            Ok(())
        });
    }
}

#[test]
fn a_region_is_one_label_of_a_host() {
    for_accepted("/region", |text| {
        let url = url::Url::parse(&format!("https://api.{text}.scalingo.com/v1")).expect("a URL");
        prop_assert_eq!(url.host_str().map(str::to_owned), Some(format!("api.{text}.scalingo.com")));
        prop_assert_eq!((url.path(), url.port(), url.username()), ("/v1", None, ""));
        Ok(())
    });
}

#[test]
fn a_host_is_an_address_or_a_name_and_nothing_else() {
    for_accepted("/host", |text| {
        if text.parse::<IpAddr>().is_err() {
            let url = url::Url::parse(&format!("tcp://{text}/path")).expect("a URL");
            prop_assert_eq!(url.host_str(), Some(text));
            prop_assert_eq!((url.path(), url.port(), url.username()), ("/path", None, ""));
        }
        Ok(())
    });
}

#[test]
fn a_url_is_visible_and_has_no_user() {
    for_accepted("/url", |text| {
        prop_assert!(text.chars().all(|character| character.is_ascii_graphic()), "{:?}", text);
        prop_assert!(!text.contains('@'), "{:?}", text);
        prop_assert!(text.contains("://"), "{:?}", text);
        Ok(())
    });
}

#[test]
fn a_drain_region_is_visible() {
    for_accepted("/drainRegion", |text| {
        prop_assert!(text.chars().all(|character| character.is_ascii_graphic()), "{:?}", text);
        Ok(())
    });
}
