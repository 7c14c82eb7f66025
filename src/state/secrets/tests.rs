use futures::FutureExt;
use k8s_openapi::{ByteString, api::core::v1::ConfigMap};
use serde_json::json;

use super::*;

fn resource(uid: &str) -> ConfigMap {
    let mut object = ConfigMap::default();
    object.metadata.namespace = Some("shop".into());
    object.metadata.uid = Some(uid.into());
    object
}

fn reference(key: &str) -> SecretKeyRef {
    serde_json::from_value(json!({"name": "logs", "key": key})).unwrap()
}

fn logs() -> SecretName {
    SecretName { namespace: "shop".into(), name: "logs".into() }
}

fn secret(version: u64, data: &[(&str, &str)]) -> Secret {
    let mut secret = Secret::default();
    secret.metadata.resource_version = Some(version.to_string());
    let data = data.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())));
    secret.data = Some(data.collect());
    secret
}

/// What a reconciliation does.
fn read(secrets: &Secrets, uid: &str, key: &str, found: Option<&Secret>) {
    secrets.read(&resource(uid), &reference(key)).found(found);
}

fn to_check(secrets: &Secrets) -> Vec<SecretName> {
    secrets.to_check().now_or_never().unwrap_or_default().into_iter().collect()
}

fn called(secrets: &Secrets, found: Option<&Secret>) -> Vec<String> {
    secrets.compare(&logs(), found).into_keys().collect()
}

const NONE: [SecretName; 0] = [];
const NOBODY: [&str; 0] = [];

#[test]
fn a_secret_that_nobody_has_read_is_of_no_interest() {
    let secrets = Secrets::default();
    read(&secrets, "a", "token", Some(&secret(5, &[("token", "x")])));
    for (namespace, name) in [("shop", "other"), ("elsewhere", "logs")] {
        let name = SecretName { namespace: namespace.into(), name: name.into() };
        secrets.heard(&name, Version::At(9));
        assert!(secrets.compare(&name, None).is_empty());
    }
    assert_eq!(to_check(&secrets), NONE);
}

#[test]
fn a_secret_is_checked_when_its_version_is_another_than_what_was_read_or_it_comes_or_goes() {
    let secrets = Secrets::default();
    read(&secrets, "a", "token", Some(&secret(5, &[("token", "x")])));
    for (version, expected) in [
        (Version::At(4), vec![logs()]),
        (Version::At(5), vec![]),
        (Version::At(6), vec![logs()]),
        (Version::At(10), vec![logs()]),
        (Version::Gone, vec![logs()]),
    ] {
        secrets.heard(&logs(), version);
        assert_eq!(to_check(&secrets), expected, "{version:?}");
    }
    read(&secrets, "a", "token", None);
    secrets.heard(&logs(), Version::Gone);
    assert_eq!(to_check(&secrets), NONE);
    secrets.heard(&logs(), Version::At(3));
    assert_eq!(to_check(&secrets), [logs()]);
}

#[test]
fn only_those_are_called_whose_value_has_changed_and_only_once_until_they_read_it() {
    let secrets = Secrets::default();
    let before = secret(5, &[("token", "x\n"), ("other", "y")]);
    for (uid, key) in [("a", "token"), ("b", "token"), ("c", "other"), ("d", "missing")] {
        read(&secrets, uid, key, Some(&before));
    }
    let same = secret(6, &[("token", "\u{feff}x "), ("other", "y\u{a0}"), ("unused", "z")]);
    assert_eq!(called(&secrets, Some(&same)), NOBODY);
    secrets.heard(&logs(), Version::At(6));
    assert_eq!(to_check(&secrets), NONE, "version 6 has been compared");

    let after = secret(7, &[("token", "X"), ("other", "y")]);
    assert_eq!(called(&secrets, Some(&after)), ["a", "b"]);
    assert_eq!(called(&secrets, Some(&secret(8, &[("token", "XX"), ("other", "y")]))), NOBODY);
    read(&secrets, "a", "token", Some(&secret(8, &[("token", "XX")])));
    assert_eq!(called(&secrets, Some(&secret(9, &[("token", "X"), ("other", "y")]))), ["a"]);

    assert_eq!(called(&secrets, Some(&secret(10, &[("other", "y"), ("missing", "")]))), ["d"]);
    assert_eq!(called(&secrets, None), ["c"]);
}

#[test]
fn what_two_fields_of_one_resource_read_is_one_call() {
    let secrets = Secrets::default();
    let before = secret(1, &[("token", "x"), ("url", "y")]);
    read(&secrets, "a", "token", Some(&before));
    read(&secrets, "a", "url", Some(&before));
    assert_eq!(called(&secrets, Some(&secret(2, &[("token", "X"), ("url", "Y")]))), ["a"]);
}

#[test]
fn a_restored_value_is_a_change_though_its_version_is_lower() {
    let secrets = Secrets::default();
    read(&secrets, "a", "token", Some(&secret(9, &[("token", "new")])));
    assert_eq!(called(&secrets, Some(&secret(8, &[("token", "old")]))), ["a"]);
}

#[test]
fn a_change_that_is_heard_of_during_a_read_is_checked_unless_the_read_has_seen_it() {
    for (heard, found, expected) in [
        (Version::At(6), Some(5), vec![logs()]),
        (Version::At(6), Some(6), vec![]),
        (Version::Gone, Some(5), vec![logs()]),
        (Version::Gone, None, vec![]),
        (Version::At(6), None, vec![logs()]),
    ] {
        let secrets = Secrets::default();
        let reading = secrets.read(&resource("a"), &reference("token"));
        secrets.heard(&logs(), heard);
        assert_eq!(to_check(&secrets), NONE, "the read may see it");
        let found = found.map(|version| secret(version, &[("token", "x")]));
        reading.found(found.as_ref());
        assert_eq!(to_check(&secrets), expected, "{heard:?} {found:?}");
    }
}

#[test]
fn a_check_that_ends_during_a_read_leaves_it_to_be_checked_once_more() {
    let secrets = Secrets::default();
    let reading = secrets.read(&resource("a"), &reference("token"));
    assert_eq!(called(&secrets, Some(&secret(6, &[("token", "new")]))), NOBODY);
    reading.found(Some(&secret(5, &[("token", "old")])));
    assert_eq!(to_check(&secrets), [logs()]);
    assert_eq!(called(&secrets, Some(&secret(6, &[("token", "new")]))), ["a"]);
}

#[test]
fn after_a_read_that_failed_any_event_calls() {
    let secrets = Secrets::default();
    drop(secrets.read(&resource("a"), &reference("token")));
    assert_eq!(to_check(&secrets), NONE);
    secrets.heard(&logs(), Version::At(1));
    assert_eq!(to_check(&secrets), [logs()]);
    assert_eq!(called(&secrets, Some(&secret(1, &[("token", "x")]))), ["a"]);
}

#[test]
fn a_secret_that_a_new_list_has_no_more_is_checked() {
    let secrets = Secrets::default();
    read(&secrets, "a", "token", Some(&secret(5, &[("token", "x")])));
    let list = |namespace, shown: &[SecretName]| {
        secrets.lists(namespace);
        for secret in shown {
            secrets.heard(secret, Version::At(5));
        }
        secrets.listed(namespace);
    };
    list(Some("shop"), &[logs()]);
    list(Some("elsewhere"), &[]);
    assert_eq!(to_check(&secrets), NONE);
    list(Some("shop"), &[]);
    assert_eq!(to_check(&secrets), [logs()]);
    list(None, &[]);
    assert_eq!(to_check(&secrets), [logs()]);
}

#[test]
fn a_secret_that_comes_into_use_while_a_list_runs_is_there() {
    let secrets = Secrets::default();
    secrets.lists(None);
    secrets.heard(&logs(), Version::At(5));
    secrets.tidy();
    read(&secrets, "a", "token", Some(&secret(5, &[("token", "x")])));
    secrets.listed(None);
    assert_eq!(to_check(&secrets), NONE);
    assert!(secrets.rely_on(&resource("b"), &reference("token"), Version::At(5), None));
}

#[test]
fn a_resource_that_is_forgotten_leaves_nothing_behind() {
    let secrets = Secrets::default();
    let before = secret(1, &[("token", "x")]);
    read(&secrets, "a", "token", Some(&before));
    read(&secrets, "b", "token", Some(&before));
    secrets.heard(&logs(), Version::At(2));
    secrets.forget("a");
    assert_eq!(called(&secrets, None), ["b"]);
    secrets.forget("b");
    let index = secrets.index();
    assert!(index.uses.is_empty() && index.by_resource.is_empty() && index.to_check.is_empty());
}

#[test]
fn a_read_that_ends_after_its_resource_was_forgotten_leaves_nothing_behind() {
    let secrets = Secrets::default();
    let reading = secrets.read(&resource("a"), &reference("token"));
    secrets.forget("a");
    reading.found(None);
    assert!(secrets.index().uses.is_empty());
}

#[tokio::test]
async fn whoever_waits_for_a_secret_to_check_is_woken() {
    let secrets = Secrets::default();
    read(&secrets, "a", "token", None);
    let (checked, ()) = tokio::join!(secrets.to_check(), async {
        tokio::task::yield_now().await;
        secrets.heard(&logs(), Version::At(1));
    });
    assert_eq!(checked, [logs()].into());
}

#[test]
fn what_is_recorded_is_relied_on_while_the_secret_stands_in_that_version() {
    let secrets = Secrets::default();
    let rely = |uid, version| secrets.rely_on(&resource(uid), &reference("token"), version, None);
    assert!(!rely("a", Version::At(5)), "nothing was told of it yet");
    secrets.heard(&logs(), Version::At(5));
    assert!(rely("a", Version::At(5)) && !rely("a", Version::At(4)));
    assert_eq!(secrets.compare(&logs(), Some(&secret(5, &[("token", "x")]))), BTreeMap::new());
    secrets.heard(&logs(), Version::At(6));
    assert_eq!(to_check(&secrets), [logs()]);
    let possible = BTreeMap::from([("a".to_owned(), Change::Possible)]);
    assert_eq!(secrets.compare(&logs(), Some(&secret(6, &[("token", "x")]))), possible);
    assert_eq!(secrets.compare(&logs(), None), BTreeMap::new(), "once, until it has read it");

    // A key of the same Secret that was read tells for sure.
    assert!(rely("b", Version::At(6)));
    secrets.read(&resource("b"), &reference("other")).found(Some(&secret(6, &[("other", "y")])));
    let certain = BTreeMap::from([("b".to_owned(), Change::Certain)]);
    assert_eq!(secrets.compare(&logs(), Some(&secret(7, &[("other", "Y")]))), certain);
}

#[test]
fn what_another_has_read_is_known_as_if_it_had_been_read() {
    let secrets = Secrets::default();
    let value = |text: &str| KeyedDigest::of(Purpose::SecretValue, &[text.as_bytes()]);
    secrets.heard(&logs(), Version::At(5));
    assert!(secrets.rely_on(&resource("a"), &reference("token"), Version::At(5), Some(value("x"))));
    assert_eq!(called(&secrets, Some(&secret(6, &[("token", "x\n")]))), NOBODY);
    assert_eq!(called(&secrets, Some(&secret(7, &[("token", "y")]))), ["a"]);
}

#[test]
fn a_version_is_unknown_while_the_secrets_are_listed_anew_and_once_nobody_uses_it() {
    let secrets = Secrets::default();
    let rely = || secrets.rely_on(&resource("a"), &reference("token"), Version::At(5), None);
    secrets.heard(&logs(), Version::At(5));
    secrets.lists(Some("elsewhere"));
    secrets.listed(Some("elsewhere"));
    assert!(rely());
    secrets.tidy();
    assert!(rely());
    secrets.lists(None);
    assert!(!rely());
    secrets.heard(&logs(), Version::At(5));
    secrets.listed(None);
    secrets.forget("a");
    secrets.tidy();
    assert!(!rely());
}

#[test]
fn the_first_list_is_waited_for_until_each_watch_has_answered() {
    let secrets = Secrets::default();
    assert!(secrets.until_listed().now_or_never().is_none());
    secrets.begin(2);
    secrets.answered();
    assert!(secrets.until_listed().now_or_never().is_none());
    secrets.answered();
    assert!(secrets.until_listed().now_or_never().is_some());
    secrets.answered();
    assert!(secrets.until_listed().now_or_never().is_some());
}
