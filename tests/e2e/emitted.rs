//! Searches all that was emitted for secrets.

use base64::Engine as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Every way in which a secret might be printed.
fn forms(secret: &str) -> Vec<String> {
    let base64 = base64::engine::general_purpose::STANDARD;
    // Of a text inside of a longer one, the base64 form depends on where it begins.
    let inner = |skip: usize| {
        let encoded = base64.encode([&vec![0; skip][..], secret.as_bytes()].concat());
        encoded.get(4..encoded.len().saturating_sub(4)).unwrap_or_default().to_owned()
    };
    let mut forms = vec![
        secret.to_owned(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        base64.encode(secret).trim_end_matches('=').to_owned(),
        inner(1),
        inner(2),
        secret.escape_debug().to_string(),
        format!("{:?}", secret.as_bytes()),
    ];
    forms.retain(|form| form.len() >= 6);
    forms
}

/// Fails when any secret stands in any text, in any form.
pub fn assert_free_of(secrets: &[String], texts: &[(String, String)]) {
    for secret in secrets {
        for form in forms(secret) {
            for (source, text) in texts {
                if let Some(place) = text.find(&form) {
                    let line = text[..place].matches('\n').count();
                    let line = text.lines().nth(line).unwrap_or_default();
                    panic!("the secret {secret:?} stands in {source} as {form:?}: {line}");
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "stands in a log")]
fn a_secret_inside_of_base64_is_found() {
    let base64 = base64::engine::general_purpose::STANDARD;
    let text = base64.encode("user:correct-horse-battery@host");
    assert_free_of(&["correct-horse-battery".into()], &[("a log".into(), text)]);
}
