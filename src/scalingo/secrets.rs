use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

const HIDDEN: &str = "***";
/// Characters of a message of the API that are kept.
const LONGEST_MESSAGE: usize = 300;
/// Characters of a message that are looked at.
const LONGEST_TEXT: usize = 16 * 1024;
/// Shorter parts of a URL are words of the service rather than credentials.
const SHORTEST_URL_PART: usize = 6;
/// What tells a URL, as it is, percent-encoded once and twice, and as some write JSON; in lower case.
const URL_SEPARATORS: [&str; 4] = ["://", "%3a%2f%2f", "%253a%252f%252f", ":\\/\\/"];

/// The secrets that went out with a request, and so may come back in the answer to it.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<SecretString>);

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(***)")
    }
}

impl Secrets {
    pub(super) fn add(&mut self, secret: &str) {
        let trimmed = secret.trim();
        if !trimmed.is_empty() {
            self.0.push(trimmed.into());
        }
    }

    /// Adds a drain's URL and the parts of it that can hold a credential.
    pub(super) fn add_url(&mut self, text: &str) {
        self.add(text);
        let Ok(url) = Url::parse(text) else { return };
        for part in [url.username(), url.password().unwrap_or_default()] {
            self.add_part(part, 1);
        }
        for (_, value) in url.query_pairs() {
            self.add_part(&value, SHORTEST_URL_PART);
        }
        // `datadog://TOKEN?region=…`: what stands in the host's place has no dot and no port.
        if let Some(host) = url.host_str()
            && !host.contains('.')
            && url.port().is_none()
        {
            self.add_part(host, SHORTEST_URL_PART);
        }
    }

    fn add_part(&mut self, part: &str, shortest: usize) {
        if part.len() >= shortest {
            self.add(part);
            self.add(&percent_decode_str(part).decode_utf8_lossy());
        }
    }

    /// What may be shown of a text that came from outside: no secret in any common writing, no control
    /// character, and not too long.
    pub(super) fn scrub(&self, text: &str) -> String {
        let end = text.char_indices().map(|(start, _)| start).nth(LONGEST_TEXT).unwrap_or(text.len());
        let needles = self.needles();
        let hidden = hide(&text[..end], &needles);
        let plain: String = hidden
            .chars()
            .map(|character| if is_invisible(character) { ' ' } else { character })
            .collect::<String>()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let shown = hide_urls(&hide(&plain, &needles));
        // A cut in the middle of a secret could leave its beginning where it would be shown.
        let is_cut_nearby = end < text.len() && shown.chars().count() <= LONGEST_MESSAGE;
        if is_cut_nearby || self.stands_encoded_in(&shown) {
            return HIDDEN.to_owned();
        }
        cut(shown)
    }

    fn needles(&self) -> Vec<String> {
        let mut needles: Vec<String> =
            self.0.iter().flat_map(|secret| writings(secret.expose_secret())).collect();
        needles.sort_unstable_by(|left, right| right.len().cmp(&left.len()).then(left.cmp(right)));
        needles.dedup();
        needles
    }

    /// Catches encodings that are not listed, such as a doubled percent-encoding or another case.
    fn stands_encoded_in(&self, text: &str) -> bool {
        let once = percent_decode_str(text).decode_utf8_lossy().into_owned();
        let twice = percent_decode_str(&once).decode_utf8_lossy().to_lowercase();
        let forms = [text.to_lowercase(), once.to_lowercase(), twice];
        self.0.iter().any(|secret| {
            let secret = secret.expose_secret().to_lowercase();
            secret.len() >= SHORTEST_URL_PART && forms.iter().any(|form| form.contains(&secret))
        })
    }
}

fn writings(secret: &str) -> Vec<String> {
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::Value::from(secret).to_string();
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let password = format!(":{secret}");
    vec![
        secret.to_owned(),
        lower_hex(&percent),
        percent,
        lower_hex(&form),
        form,
        json.trim_matches('"').to_owned(),
        html,
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        STANDARD.encode(&password),
        STANDARD_NO_PAD.encode(&password),
    ]
}

fn lower_hex(encoded: &str) -> String {
    let mut pending = 0_u8;
    encoded
        .chars()
        .map(|character| match character {
            '%' => {
                pending = 2;
                '%'
            }
            _ if pending > 0 => {
                pending -= 1;
                character.to_ascii_lowercase()
            }
            _ => character,
        })
        .collect()
}

/// Replaces the longest needle at each place; needles come longest first.
fn hide(text: &str, needles: &[String]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some(needle) = needles.iter().find(|needle| rest.starts_with(needle.as_str())) {
            if !shown.ends_with(HIDDEN) {
                shown.push_str(HIDDEN);
            }
            rest = &rest[needle.len()..];
        } else {
            shown.push(character);
            rest = &rest[character.len_utf8()..];
        }
    }
    shown
}

/// Hides all URLs, to the next space: an answer may repeat a drain's URL that the request did not hold, such as one that
/// could not be listed.
fn hide_urls(text: &str) -> String {
    let hidden = text.split(' ').map(|word| {
        let lower = word.to_ascii_lowercase();
        let separator = URL_SEPARATORS.iter().filter_map(|separator| lower.find(separator)).min();
        let Some(separator) = separator else { return word.to_owned() };
        let is_of_scheme = |character: char| character.is_ascii_alphanumeric() || "+.-".contains(character);
        let before = word[..separator].trim_end_matches(is_of_scheme);
        format!("{before}{HIDDEN}")
    });
    hidden.collect::<Vec<_>>().join(" ")
}

/// Control characters, and those that change what a reader sees without being seen.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST_MESSAGE) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests;
