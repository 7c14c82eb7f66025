use proptest::prelude::*;

use super::*;
use crate::scalingo::scripted::assert_text_hides;

fn secrets(raw: &[&str]) -> Secrets {
    let mut secrets = Secrets::default();
    for secret in raw {
        secrets.add(secret);
    }
    secrets
}

#[test]
fn each_writing_of_a_secret_is_hidden() {
    let secret = "p+w/=&\"é<tk";
    let secrets = secrets(&[secret]);
    for writing in writings(secret) {
        let shown = secrets.scrub(&format!("host {writing} is bad"));
        assert_eq!(shown, "host *** is bad", "{writing}");
    }
    let twice =
        utf8_percent_encode(&utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(), NON_ALPHANUMERIC)
            .to_string();
    for unlisted in [twice, secret.to_uppercase()] {
        assert_eq!(secrets.scrub(&format!("host {unlisted} is bad")), "***");
    }
}

#[test]
fn what_is_not_secret_stays() {
    assert_eq!(secrets(&["tk-us-secret", ""]).scrub(" host is\tinvalid "), "host is invalid");
}

#[test]
fn control_and_invisible_characters_go() {
    let shown = secrets(&["tk-us-secret"]).scrub("a\u{1b}[31m\u{0}b\u{202e}c\r\nd\u{feff}tk-us-secret\n");
    assert_eq!(shown, "a [31m b c d ***");
}

#[test]
fn parts_of_a_url_are_secrets() {
    let cases = [
        ("ovh://:tok-1@tag1.logs.ovh.com:6514", "tok-1"),
        ("datadog://tokentoken?region=eu-west-2", "tokentoken"),
        ("https://user:p%40ss@elk.example.com/", "p@ss"),
        ("https://user:p%40ss@elk.example.com/", "p%40ss"),
        ("https://elk.example.com/?api_key=abcdefgh", "abcdefgh"),
        ("syslog://:x@custom.logs.com:1234", "syslog://:x@custom.logs.com:1234"),
        ("not a url at all", "not a url at all"),
    ];
    for (url, part) in cases {
        let mut secrets = Secrets::default();
        secrets.add_url(url);
        assert_eq!(secrets.scrub(&format!("[{part}]")), "[***]", "{url}");
    }
    let mut secrets = Secrets::default();
    secrets.add_url("tcp+tls://logs.papertrailapp.com:1234");
    assert_eq!(secrets.scrub("logs.papertrailapp.com is unknown"), "logs.papertrailapp.com is unknown");
}

#[test]
fn no_url_is_shown_whoever_it_belongs_to() {
    for (text, shown) in [
        ("500 for syslog://:tok@logs.example.com:1 here", "500 for *** here"),
        ("url=tcp+tls://logs.example.com:1, sorry", "url=*** sorry"),
        ("(\"https:\\/\\/user:pw@elk.example.com\\/\")", "(\"***"),
        ("DATADOG%3A%2F%2Ftok%3Fregion x", "*** x"),
        ("datadog%253a%252f%252ftok", "***"),
        ("a: / / b 1:2 //c", "a: / / b 1:2 //c"),
    ] {
        assert_eq!(Secrets::default().scrub(text), shown);
    }
}

#[test]
fn a_long_text_is_cut_after_secrets_are_hidden() {
    let secrets = secrets(&["0123456789abcdef"]);
    let shown = secrets.scrub(&"é".repeat(LONGEST_TEXT * 4));
    assert_eq!(shown.chars().count(), LONGEST_MESSAGE + 1);
    assert!(shown.ends_with('…'));
    // The secret lies across the place of the cut.
    let shown = secrets.scrub(&format!("{}0123456789abcdef", "x".repeat(LONGEST_MESSAGE - 4)));
    assert!(!shown.contains("0123"), "{shown}");
    let shown = secrets.scrub(&"0123456789abcdef-".repeat(LONGEST_TEXT));
    assert!(!shown.contains("0123"), "{shown}");
    let shown = secrets.scrub(&format!(" {}", "0123456789abcdef".repeat(LONGEST_TEXT)));
    assert!(!shown.contains("0123"), "{shown}");
}

#[test]
fn debug_shows_nothing() {
    assert_text_hides(&format!("{:?}", secrets(&["tk-us-secret"])), &["tk-us-secret"]);
}

proptest! {
    #[test]
    fn no_secret_survives(secret in "[ -~]{0,2}[!-~]{6,20}", before in ".{0,40}", after in ".{0,40}", which in 0_usize..12) {
        let secret = secret.trim();
        prop_assume!(!"***".contains(secret));
        let secrets = secrets(&[secret]);
        let writing = writings(secret).swap_remove(which);
        let shown = secrets.scrub(&format!("{before}{writing}{after}"));
        prop_assert!(!shown.contains(&writing), "{}", shown);
        prop_assert!(!shown.contains(secret), "{}", shown);
        prop_assert!(!shown.chars().any(char::is_control));
    }
}
