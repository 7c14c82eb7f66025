//! Searches all that was emitted for secrets.

use base64::Engine as _;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use regex::Regex;

/// Shorter texts stand anywhere by chance.
const SHORTEST: usize = 6;

/// Every way in which a secret might be printed, besides percent-encoding.
fn forms(secret: &str) -> Vec<String> {
    let base64 = base64::engine::general_purpose::STANDARD;
    let url_safe = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    // Of a text inside of a longer one, the base64 form depends on where it begins, and its ends on what is around it.
    let inner = |skip: usize, engine: &base64::engine::GeneralPurpose| {
        let encoded = engine.encode([&vec![0; skip][..], secret.as_bytes()].concat());
        encoded.get(4..encoded.trim_end_matches('=').len().saturating_sub(2)).unwrap_or_default().to_owned()
    };
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let (json, twice) = (quoted(secret), quoted(&quoted(secret)));
    let mut forms = vec![
        secret.to_owned(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        base64.encode(secret).trim_end_matches('=').to_owned(),
        url_safe.encode(secret),
        json.trim_matches('"').to_owned(),
        twice.trim_start_matches(['"', '\\']).trim_end_matches(['"', '\\']).to_owned(),
        secret.escape_debug().to_string(),
        secret.escape_default().to_string(),
        format!("{:?}", secret.as_bytes()),
    ];
    for skip in 1..=2 {
        forms.push(inner(skip, &base64));
        forms.push(inner(skip, &url_safe));
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// The places where a secret stands in a text, in any form and however percent-encoded: its source, and the line.
pub fn find(secrets: &[String], texts: &[(String, String)]) -> Vec<(String, String)> {
    let mut forms: Vec<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    forms.sort_unstable();
    forms.dedup();
    if forms.is_empty() {
        return Vec::new();
    }
    let any = forms.iter().map(|form| regex::escape(form)).collect::<Vec<_>>().join("|");
    let any = Regex::new(&any).expect("a pattern of plain texts");
    let mut found = Vec::new();
    for (source, text) in texts {
        for line in text.lines() {
            let once = percent_decode_str(line).decode_utf8_lossy();
            let twice = percent_decode_str(&once).decode_utf8_lossy();
            if [line, &once, &twice].iter().any(|line| any.is_match(line)) {
                found.push((source.clone(), line.to_owned()));
            }
        }
    }
    found
}

/// Fails when any secret stands in any text, in any form.
pub fn assert_free_of(secrets: &[String], texts: &[(String, String)]) {
    let found = find(secrets, texts);
    assert!(
        found.is_empty(),
        "{} lines hold secrets, such as {:#?}",
        found.len(),
        &found[..found.len().min(20)]
    );
}

#[test]
fn a_secret_is_found_in_every_form_and_nothing_else_is() {
    let secret = "correct/horse+battery:\"st\u{e4}ple\"-9";
    let base64 = base64::engine::general_purpose::STANDARD;
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let planted = [
        secret.to_owned(),
        percent.clone(),
        percent.to_lowercase(),
        percent.replace("%2D", "-"),
        utf8_percent_encode(&percent, NON_ALPHANUMERIC).to_string(),
        base64.encode(secret),
        base64.encode(format!(":{secret}")),
        base64.encode(format!("user:{secret}@host")),
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("u:{secret}@host")),
        format!("{secret:?}"),
        serde_json::Value::from(secret).to_string(),
        serde_json::json!({"message": format!("said {}", serde_json::Value::from(secret))}).to_string(),
        format!("{:?}", secret.as_bytes()),
    ];
    for text in planted {
        let line = format!("before {text} after");
        let texts = [("a log".to_owned(), format!("one\n{line}\nthree"))];
        assert_eq!(find(&[secret.to_owned()], &texts), [("a log".to_owned(), line)]);
    }
    let harmless = [("a log".to_owned(), "correct horse battery".to_owned())];
    assert_eq!(find(&[secret.to_owned()], &harmless), []);
}

#[test]
#[should_panic(expected = "lines hold secrets")]
fn a_found_secret_fails_a_test() {
    assert_free_of(&["correct-horse".into()], &[("a log".into(), "correct-horse".into())]);
}
