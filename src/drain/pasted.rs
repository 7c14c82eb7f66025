//! From the bytes of a Secret to the value that is meant: people and tools paste more, or something else.
//!
//! A result tells nothing of the value but what is wrong with it, and where.

mod character;
mod mistake;

use secrecy::SecretString;

pub use self::{character::Character, mistake::Mistake};
use super::reading::Reading;

/// Longest value that is sent to Scalingo, in bytes.
const LONGEST: usize = 4096;

/// What all API tokens of Scalingo begin with.
const API_TOKEN: &str = "tk-us-";

/// What a value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The API token: Scalingo makes it, and it begins with `tk-us-`.
    ApiToken,
    /// A drain's token: its service decides what it may be.
    DrainToken,
    /// The whole URL of a drain.
    Url,
}

/// Why a value cannot be used; the end of a sentence about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There are no bytes.
    #[error("is empty: put the value there")]
    Empty,
    /// There is nothing that can be seen.
    #[error("holds only line breaks and white space: put the value there")]
    Blank,
    /// It has more bytes than any credential.
    #[error("has {0} bytes, and a value of more than {LONGEST} is not used: put the credential alone there")]
    TooLong(usize),
    /// It begins with a byte order mark of UTF-16.
    #[error("is text in UTF-16, as PowerShell writes it into files: write it in UTF-8")]
    Utf16,
    /// It holds a character that no credential holds.
    #[error(
        "has {character} at position {position}, and only visible ASCII characters can stand there: write it without that, \
         and in a URL percent-encoded"
    )]
    Character {
        /// What it is.
        character: Character,
        /// Where it is, in characters from 1. What surrounds the value does not count.
        position: usize,
    },
    /// It is certainly something else than the value itself.
    #[error("{0}: {advice}", advice = .0.advice())]
    Mistake(Mistake),
    /// It is an API token of Scalingo, where the token of a service should be.
    #[error("is an API token of Scalingo, which the service would see: put the token of the service there")]
    ApiToken,
    /// It is no URL with a host.
    #[error("is not a URL such as https://user:password@elk.example.com")]
    NotUrl,
    /// It is a URL in which not everybody finds the same host.
    #[error(
        "is a URL that can be read in two ways: percent-encode its user and password (/ as %2F, ? as %3F, # as %23, \\ as %5C, @ as \
         %40), and any @ behind the host"
    )]
    TwoReadings,
}

/// The value that is meant by these bytes.
///
/// # Errors
/// When nothing there can be used as such a value.
pub fn clean(bytes: &[u8], purpose: Use) -> Result<SecretString, Fault> {
    if bytes.is_empty() {
        return Err(Fault::Empty);
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Fault::Utf16);
    }
    let bytes = strip(bytes);
    if bytes.is_empty() {
        return Err(Fault::Blank);
    }
    if bytes.len() > LONGEST {
        return Err(Fault::TooLong(bytes.len()));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).chars().count();
        Fault::Character { character: Character::NotText, position: before + 1 }
    })?;
    if let Some(mistake) = Mistake::certain(text, purpose) {
        return Err(Fault::Mistake(mistake));
    }
    let mut characters = text.chars().enumerate();
    if let Some((before, character)) = characters.find(|(_, character)| !character.is_ascii_graphic()) {
        return Err(Fault::Character { character: Character::of(character), position: before + 1 });
    }
    match purpose {
        Use::DrainToken if text.starts_with(API_TOKEN) => Err(Fault::ApiToken),
        Use::ApiToken | Use::DrainToken => Ok(text.into()),
        Use::Url => match Reading::of(text) {
            Reading::One(_) => Ok(text.into()),
            Reading::Two => Err(Fault::TwoReadings),
            Reading::None => Err(Fault::NotUrl),
        },
    }
}

/// The bytes without what surrounds the value and cannot be meant: white space of any script, line breaks, a byte order mark
/// and what nobody sees.
#[must_use]
pub fn strip(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_matches(|character| Character::of(character).surrounds()).as_bytes(),
        Err(_) => bytes,
    }
}

#[cfg(test)]
mod tests;
