//! Keeps secrets out of the API's words.

use std::collections::HashSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::drain::DrainUrl;

const HIDDEN: &str = "***";
/// Characters of a message of the API that are kept.
const LONGEST_MESSAGE: usize = 300;
/// Characters of a message that are looked at.
const LONGEST_TEXT: usize = 16 * 1024;
/// Shorter parts of a URL are words of the service rather than credentials.
const SHORTEST_URL_PART: usize = 6;
/// So many characters of a drain's secret in a row are a part of it, wherever they stand.
const SHORTEST_RUN: usize = 3;
/// How often a text is percent-decoded: a URL may be encoded already, and Scalingo may encode it twice.
const DECODINGS: usize = 3;
/// Words that Scalingo uses in its own sentences. They are shown though a secret may hold the same letters: to hide them would tell
/// that it does.
const USUAL: &str = " a able about add added addon again allowed already also an and any api app application appsignal are \
    at bad be been betterstack blank by can cannot closed code configured connection contain correct could database \
    datadog delete deleted denied destination does doesn't don't drain drains elk empty error errors exist exists failed \
    field for forbidden format found from go graylog has have host hostname in incorrect internal invalid is it key later \
    limit limited list log logs long maintenance malformed maximum may method missing must no not now of on only or ovh \
    papertrail parameter parse password path payment permission port protocol query reach reachable reached read refused \
    region remove request required reserved resolve resolved resource retry scheme server short should support supported \
    syslog taken than that the there this timeout to token too try type unable unauthorized unavailable unexpected unknown \
    unreachable unsupported url user validation value was were with wrong you ";
/// What tells a URL, as it is, percent-encoded once and twice, and as some write JSON; in lower case.
const URL_SEPARATORS: [&str; 4] = ["://", "%3a%2f%2f", "%253a%252f%252f", ":\\/\\/"];

/// The secrets that went out with a request, and so may come back in the answer to it.
#[derive(Clone, Default)]
pub(super) struct Secrets {
    whole: Vec<SecretString>,
    /// Those of a drain, of which not even a part is shown: people choose them, and Scalingo may quote them in pieces.
    of_drain: Vec<SecretString>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(***)")
    }
}

impl Secrets {
    pub(super) fn add(&mut self, secret: &str) {
        let trimmed = secret.trim();
        if !trimmed.is_empty() {
            self.whole.push(trimmed.into());
        }
    }

    /// Adds the token of a drain.
    pub(super) fn add_drain_token(&mut self, token: &str) {
        self.add(token);
        self.of_drain.push(token.into());
    }

    /// Adds a drain's URL as its owner has written it.
    pub(super) fn add_url(&mut self, url: &DrainUrl) {
        self.add_parts(url.expose());
        self.of_drain.extend(url.secret_parts().into_iter().map(Into::into));
    }

    /// Adds a drain's URL as Scalingo lists it: in a form of its own, so that a secret may stand anywhere behind the scheme.
    pub(super) fn add_listed_url(&mut self, url: &DrainUrl) {
        self.add_parts(url.expose());
        let text = url.expose();
        self.of_drain.push(text.split_once("://").map_or(text, |(_, rest)| rest).into());
    }

    fn add_parts(&mut self, text: &str) {
        self.add(text);
        let Ok(url) = Url::parse(text) else { return };
        for part in [url.username(), url.password().unwrap_or_default()] {
            self.add_part(part, 1);
        }
        for (_, value) in url.query_pairs() {
            self.add_part(&value, SHORTEST_URL_PART);
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
        let shown = self.hide_pieces(&hide_urls(&hide(&plain, &needles)));
        // A cut in the middle of a secret could leave its beginning where it would be shown.
        let is_cut_nearby = end < text.len() && shown.chars().count() <= LONGEST_MESSAGE;
        if is_cut_nearby || self.stands_encoded_in(&shown) {
            return HIDDEN.to_owned();
        }
        cut(shown)
    }

    /// Hides each word that holds a piece of a drain's secret, encoded or not: of a path, of a URL that was cut.
    fn hide_pieces(&self, text: &str) -> String {
        let pieces: HashSet<String> =
            self.of_drain.iter().flat_map(|secret| runs(secret.expose_secret())).collect();
        let holds_a_piece = |word: &str, but: &str| {
            let but = runs(but);
            runs(word).iter().any(|run| pieces.contains(run) && !but.contains(run))
        };
        let shown = |word| {
            let usual = usual(word).unwrap_or_default();
            match holds_a_piece(word, usual) {
                false => word,
                // Its signs may be those of the secret.
                true if !usual.is_empty() && !word.contains(HIDDEN) => usual,
                true => HIDDEN,
            }
        };
        text.split(' ').map(shown).collect::<Vec<_>>().join(" ")
    }

    fn needles(&self) -> Vec<String> {
        let mut needles: Vec<String> =
            self.whole.iter().flat_map(|secret| writings(secret.expose_secret())).collect();
        needles.sort_unstable_by(|left, right| right.len().cmp(&left.len()).then(left.cmp(right)));
        needles.dedup();
        needles
    }

    /// Catches encodings that are not listed, such as a doubled percent-encoding or another case.
    fn stands_encoded_in(&self, text: &str) -> bool {
        let once = percent_decode_str(text).decode_utf8_lossy().into_owned();
        let twice = percent_decode_str(&once).decode_utf8_lossy().to_lowercase();
        let forms = [text.to_lowercase(), once.to_lowercase(), twice];
        self.whole.iter().any(|secret| {
            let secret = secret.expose_secret().to_lowercase();
            secret.len() >= SHORTEST_URL_PART && forms.iter().any(|form| form.contains(&secret))
        })
    }
}

/// The usual word in this one, without the signs around it. `bad`, `Bad` and `BAD` are usual; `BAd` is a piece of something else.
fn usual(word: &str) -> Option<&str> {
    let bare = word.trim_matches(|character: char| !character.is_alphanumeric());
    let lower = bare.to_lowercase();
    let is_written_so = bare == lower || bare == bare.to_uppercase() || bare.get(1..) == lower.get(1..);
    (is_written_so && USUAL.contains(&format!(" {lower} "))).then_some(bare)
}

/// All runs of the fewest characters in a text, as it is and percent-decoded, in lower case.
fn runs(text: &str) -> Vec<String> {
    let mut decoded = text.to_owned();
    let mut runs = Vec::new();
    for _ in 0..=DECODINGS {
        let characters: Vec<char> = decoded.to_lowercase().chars().collect();
        runs.extend(characters.windows(SHORTEST_RUN).map(|run| run.iter().collect::<String>()));
        decoded = percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
    }
    runs
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
