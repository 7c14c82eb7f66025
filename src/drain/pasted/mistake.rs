//! Mistakes of pasting, by name.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{API_TOKEN, Use};

/// Something that people paste in the place of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub enum Mistake {
    /// The value in matching quotes.
    #[strum(to_string = "stands in quotes")]
    Quoted,
    /// A line `KEY=value` or `key: value`.
    #[strum(to_string = "is a line such as KEY=value")]
    Assignment,
    /// A value of the header `Authorization`, such as `Bearer …`.
    #[strum(to_string = "begins as a header does, such as with Bearer")]
    Header,
    /// The base64 form of the value: a Secret's `data` holds it encoded once more.
    #[strum(to_string = "is encoded in base64 twice")]
    EncodedTwice,
}

/// How sure it is that a value was pasted by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Certainty {
    Certain,
    Possible,
}

use Certainty::{Certain, Possible};

/// Names of variables that hold credentials, beside those with an underscore.
const NAMES: [&str; 7] = ["TOKEN", "KEY", "APIKEY", "SECRET", "PASSWORD", "PASSWD", "URL"];
/// What stands before a credential in a header.
const SCHEMES: [&str; 4] = ["bearer", "basic", "token", "apikey"];
/// Shorter texts stand in base64 by chance.
const SHORTEST_DECODED: usize = 8;
/// How often a value is decoded: nobody encodes it more often by mistake.
const LAYERS: usize = 3;

impl Mistake {
    /// The mistake that this value certainly is. An API token and a URL have a form that nothing else has; a drain's token may be
    /// any text.
    pub(super) fn certain(text: &str, purpose: Use) -> Option<Self> {
        let (mistake, certainty) = find(text)?;
        let is_certain = certainty == Certain || purpose != Use::DrainToken && mistake != Self::EncodedTwice;
        is_certain.then_some(mistake)
    }

    /// The mistake that a drain's token may be, which may all the same be meant.
    #[must_use]
    pub fn possible(token: &str) -> Option<Self> {
        find(token).filter(|(_, certainty)| *certainty == Possible).map(|(mistake, _)| mistake)
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Quoted => "put it there without them",
            Self::Assignment => "put the value alone there",
            Self::Header => "put the credential alone there",
            Self::EncodedTwice => {
                "put the value itself there; `kubectl create secret` and `stringData` encode it by themselves"
            }
        }
    }
}

fn find(text: &str) -> Option<(Mistake, Certainty)> {
    // Whatever follows, it is the token itself.
    if text.starts_with(API_TOKEN) {
        return None;
    }
    None.or_else(|| Some((Mistake::Quoted, quoted(text)?)))
        .or_else(|| Some((Mistake::Header, header(text)?)))
        .or_else(|| Some((Mistake::Assignment, assignment(text)?)))
        .or_else(|| Some((Mistake::EncodedTwice, encoded(text)?)))
}

/// A password of random characters may begin and end with the same quote. What stands in quotes without any other special
/// character is none.
fn quoted(text: &str) -> Option<Certainty> {
    const PAIRS: [(char, char); 8] = [
        ('"', '"'),
        ('\'', '\''),
        ('`', '`'),
        ('\u{201c}', '\u{201d}'),
        ('\u{201e}', '\u{201c}'),
        ('\u{2018}', '\u{2019}'),
        ('\u{201a}', '\u{2018}'),
        ('\u{ab}', '\u{bb}'),
    ];
    let (open, close) = PAIRS.into_iter().find(|(open, _)| text.starts_with(*open))?;
    let inner = text.strip_prefix(open)?.strip_suffix(close)?;
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.~+/=:@%".contains(character);
    Some(if !open.is_ascii() || inner.chars().all(is_plain) { Certain } else { Possible })
}

/// No credential holds white space.
fn header(text: &str) -> Option<Certainty> {
    let lower = text.to_ascii_lowercase();
    let value = lower.strip_prefix("authorization:").map_or(lower.as_str(), str::trim_start);
    let is_header = SCHEMES
        .into_iter()
        .any(|scheme| value.strip_prefix(scheme).is_some_and(|rest| rest.starts_with(char::is_whitespace)));
    (is_header || value.len() < lower.len()).then_some(Certain)
}

fn assignment(text: &str) -> Option<Certainty> {
    let line = text.strip_prefix("export ").unwrap_or(text);
    let is_name = |name: &str, more: &str| {
        let mut characters = name.chars();
        characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && characters.all(|character| character.is_ascii_alphanumeric() || more.contains(character))
    };
    if line.split_once(": ").is_some_and(|(name, _)| is_name(name, "-_.")) {
        return Some(Certain);
    }
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    // The end of a text in base64 is no value.
    if !is_name(name, "_") || value.bytes().all(|byte| byte == b'=') {
        return None;
    }
    let is_variable = name.len() > 2
        && !name.bytes().any(|byte| byte.is_ascii_lowercase())
        && (name.contains('_') || NAMES.contains(&name));
    let is_line = text.contains(char::is_whitespace);
    Some(if is_variable || is_line { Certain } else { Possible })
}

/// An API token and a URL are known by how they begin, and the output of `echo` by its line break. A service's own token may be
/// base64 of some text.
fn encoded(text: &str) -> Option<Certainty> {
    let mut decoded = decode(text)?;
    let is_line = decoded.ends_with('\n');
    let is_long = decoded.trim_end().len() >= SHORTEST_DECODED;
    for _ in 0..LAYERS {
        let inner = decoded.trim();
        if inner.starts_with(API_TOKEN) || inner.starts_with("https://") || inner.starts_with("http://") {
            return Some(Certain);
        }
        let Some(next) = decode(inner) else { break };
        decoded = next;
    }
    is_long.then_some(if is_line { Certain } else { Possible })
}

/// The visible text that stands there in base64, with the line break that ends it.
fn decode(text: &str) -> Option<String> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let alphabets = [alphabet::STANDARD, alphabet::URL_SAFE];
    // Some tools break long lines.
    let text: String = text.split_ascii_whitespace().collect();
    let bytes =
        alphabets.iter().find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(&text).ok())?;
    let decoded = String::from_utf8(bytes).ok()?;
    let value = decoded.trim_end_matches(['\r', '\n']);
    (!value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic())).then_some(decoded)
}
