use logdrain_operator::crd::{DrainType, Field, LogDrainSpec, Presence};
use serde_json::json;
use strum::IntoEnumIterator as _;

use super::{cases, checker::Checker};

#[test]
fn every_type_with_every_subset_of_fields_gets_exactly_its_messages() {
    let checker = Checker::new();
    let cases = cases::types_and_fields();
    assert_eq!(cases.iter().filter(|case| case.messages.is_empty()).count(), 4 + 1 + 1 + 1 + 1 + 2 + 2 + 48);
    for case in cases {
        assert_eq!(checker.broken_rules(&case.spec), case.messages, "{}", case.spec);
    }
}

#[test]
fn names_of_types_are_those_that_the_manifest_and_the_schema_use() {
    for drain_type in DrainType::iter() {
        let known = Some(drain_type).filter(|drain_type| *drain_type != DrainType::Custom);
        assert_eq!(DrainType::known(drain_type.as_ref()), known);
        assert_eq!(json!(drain_type), json!(drain_type.as_ref()));
        assert_eq!(drain_type.to_string(), drain_type.as_ref());
    }
    let names: Vec<String> = DrainType::iter().map(|drain_type| drain_type.to_string()).collect();
    assert_eq!(Checker::new().schema["properties"]["type"]["enum"], json!(names));
}

#[test]
fn names_of_fields_are_those_of_the_schema() {
    let schema = Checker::new().schema;
    for field in Field::iter() {
        assert!(schema["properties"][field.as_ref()].is_object(), "{field}");
        assert_eq!(field.to_string(), field.as_ref());
    }
}

#[test]
fn the_table_can_be_asked_by_type() {
    let fields = |drain_type: DrainType, presence| drain_type.fields(presence).collect::<Vec<_>>();
    assert_eq!(fields(DrainType::Syslog, Presence::Required), [Field::Host, Field::Port]);
    assert_eq!(fields(DrainType::Syslog, Presence::Optional), [Field::TokenSecretRef]);
    assert_eq!(fields(DrainType::Elk, Presence::OneOf), [Field::Url, Field::UrlSecretRef]);
    assert_eq!(DrainType::Datadog.presence(Field::Port), Presence::Forbidden);
}

#[test]
fn a_good_spec_survives_the_types_of_the_code() {
    for case in cases::types_and_fields().into_iter().filter(|case| case.messages.is_empty()) {
        let spec: LogDrainSpec = serde_json::from_value(case.spec.clone()).expect("a good spec");
        let again = serde_json::to_value(spec).expect("serialises");
        for (name, value) in case.spec.as_object().expect("an object") {
            assert_eq!(&again[name], value, "{name} of {}", case.spec);
        }
    }
}
