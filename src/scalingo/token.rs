//! API tokens.

use std::fmt;
use std::hash::{Hash, Hasher};

use secrecy::{ExposeSecret, SecretString};

use crate::keyed::{KeyedDigest, Purpose};

/// A Scalingo API token (`tk-us-…`), which never expires and stands for its user.
///
/// Equality and hash go by [`TokenKey`], so the raw value is never compared nor kept in a map.
#[derive(Clone)]
pub struct ApiToken {
    secret: SecretString,
    key: TokenKey,
}

/// Tells API tokens apart within this process. It says nothing about the token outside of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenKey(KeyedDigest);

/// Why a value cannot be an API token; a sentence, without the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nothing is there.
    #[error("The API token is empty: put a token made in the Scalingo dashboard there.")]
    Empty,
    /// A line break, most often.
    #[error("The API token holds a control character, such as a line break: write it without one.")]
    ControlCharacter,
}

impl ApiToken {
    /// Takes the token as its Secret holds it.
    ///
    /// # Errors
    /// When it is empty or holds a control character.
    pub fn new(token: impl Into<SecretString>) -> Result<Self, TokenError> {
        let secret = token.into();
        let raw = secret.expose_secret();
        if raw.trim().is_empty() {
            return Err(TokenError::Empty);
        }
        if raw.chars().any(char::is_control) {
            return Err(TokenError::ControlCharacter);
        }
        let key = TokenKey(KeyedDigest::of(Purpose::ApiToken, &[raw.as_bytes()]));
        Ok(Self { secret, key })
    }

    /// What tells this token from others, without being it.
    #[must_use]
    pub fn key(&self) -> TokenKey {
        self.key
    }

    /// What tells it from other values of a Secret.
    #[must_use]
    pub fn value(&self) -> KeyedDigest {
        KeyedDigest::of(Purpose::SecretValue, &[self.expose().as_bytes()])
    }

    pub(super) fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
}

impl TokenKey {
    /// The beginning of it, to tell a few tokens apart where people look.
    #[must_use]
    pub fn label(&self) -> String {
        self.0.label()
    }
}

impl PartialEq for ApiToken {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for ApiToken {}

impl Hash for ApiToken {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiToken(***)")
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenKey({}…)", self.label())
    }
}

#[cfg(test)]
mod tests;
