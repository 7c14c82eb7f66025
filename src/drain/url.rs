//! The URL of a drain.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::{
    normal,
    reading::{self, Reading},
};

/// The URL of a drain: its only name at Scalingo, and a secret, since it holds the token.
#[derive(Clone)]
pub struct DrainUrl(SecretString);

impl DrainUrl {
    /// Takes the URL as Scalingo or a Secret gives it, unchanged.
    #[must_use]
    pub fn new(url: String) -> Self {
        Self(url.into())
    }

    /// The URL itself, for the request body that must carry it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What of it nobody may see: user, password, path and query; all behind the scheme where it [has no single
    /// reading](super::pasted::Fault::TwoReadings).
    #[must_use]
    pub fn secret_parts(&self) -> Vec<&str> {
        let text = self.expose();
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let Reading::One(_) = Reading::of(text) else { return vec![rest] };
        let (authority, behind) = reading::split(rest);
        vec![&authority[..authority.len() - reading::address(authority).len()], behind]
    }

    /// The URL as it is compared. Scalingo does not say that it lists a URL twice in the same spelling.
    pub(super) fn normalised(&self) -> String {
        normal::url(self.expose())
    }

    /// The same in earlier versions.
    pub(super) fn formerly_normalised(&self) -> String {
        normal::formerly(self.expose())
    }
}

impl PartialEq for DrainUrl {
    fn eq(&self, other: &Self) -> bool {
        self.normalised() == other.normalised()
    }
}

impl Eq for DrainUrl {}

impl fmt::Debug for DrainUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DrainUrl(***)")
    }
}
