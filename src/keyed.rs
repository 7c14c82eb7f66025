//! Tells values apart within this process without keeping them: by digests under a key that lives and dies with it.

use std::{fmt, sync::OnceLock};

use blake2::{
    Blake2sMac,
    digest::{KeyInit, Mac, consts::U16},
};
use secrecy::{ExposeSecret, SecretBox};

static KEY: OnceLock<ProcessKey> = OnceLock::new();

/// The random key of this process. Whoever does not have it cannot try values on a digest.
pub struct ProcessKey(SecretBox<[u8; 32]>);

/// The system gives no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The system gives no random numbers, so secrets cannot be told apart safely.")]
pub struct NoRandomness;

/// What a digest is taken of: one value has another digest for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An API token.
    ApiToken,
    /// A value in a Secret.
    SecretValue,
    /// A URL or a destination, with its target.
    Drain,
}

/// A digest under the key of this process. It says nothing outside of it, and changes with every start.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyedDigest([u8; 16]);

impl ProcessKey {
    /// Draws the key, unless that has been done. To be called once at the start: what needs the key later relies on it.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn draw() -> Result<&'static Self, NoRandomness> {
        if let Some(key) = KEY.get() {
            return Ok(key);
        }
        let key = Self::random()?;
        Ok(KEY.get_or_init(|| key))
    }

    fn random() -> Result<Self, NoRandomness> {
        let source = rustls::crypto::ring::default_provider().secure_random;
        let key = SecretBox::try_init_with(|| {
            let mut key = [0; 32];
            source.fill(&mut key).map(|()| key)
        });
        key.map(Self).map_err(|_| NoRandomness)
    }

    fn digest(&self, purpose: Purpose, parts: &[&[u8]]) -> KeyedDigest {
        let mut digest = Blake2sMac::<U16>::new(self.0.expose_secret().into());
        digest.update(&[purpose as u8]);
        for part in parts {
            // No two lists of parts read the same.
            digest.update(&(part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        KeyedDigest(digest.finalize().into_bytes().into())
    }
}

impl KeyedDigest {
    /// The digest of a value, which may have several parts.
    ///
    /// # Panics
    /// When no key has been drawn yet, and none can be.
    #[must_use]
    #[expect(clippy::expect_used, reason = "an operator that could draw no key has not started")]
    pub fn of(purpose: Purpose, parts: &[&[u8]]) -> Self {
        ProcessKey::draw().expect("a key was drawn at the start").digest(purpose, parts)
    }

    /// The beginning of it, to tell a few apart where people look.
    #[must_use]
    pub fn label(&self) -> String {
        let [first, second, third, fourth, ..] = self.0;
        format!("{first:02x}{second:02x}{third:02x}{fourth:02x}")
    }
}

impl fmt::Debug for ProcessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ProcessKey(***)")
    }
}

impl fmt::Debug for KeyedDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyedDigest({}…)", self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_equal_digests_under_one_key_only() {
        let [one, other] = [ProcessKey::random().unwrap(), ProcessKey::random().unwrap()];
        let of = |key: &ProcessKey, value: &[u8]| key.digest(Purpose::SecretValue, &[value]);
        assert_eq!(of(&one, b"s3cret"), of(&one, b"s3cret"));
        assert_ne!(of(&one, b"s3cret"), of(&one, b"s3cret "));
        assert_ne!(of(&one, b"s3cret"), of(&other, b"s3cret"));
    }

    #[test]
    fn a_digest_is_not_a_plain_one() {
        use blake2::{Blake2s128, Digest};
        let plain: [u8; 16] = Blake2s128::digest(b"s3cret").into();
        assert_ne!(KeyedDigest::of(Purpose::ApiToken, &[b"s3cret"]).0, plain);
    }

    #[test]
    fn the_key_is_drawn_once() {
        assert!(std::ptr::eq(ProcessKey::draw().unwrap(), ProcessKey::draw().unwrap()));
        let digest = KeyedDigest::of(Purpose::ApiToken, &[b"s3cret"]);
        assert_eq!(digest, ProcessKey::draw().unwrap().digest(Purpose::ApiToken, &[b"s3cret"]));
    }

    #[test]
    fn one_value_has_another_digest_for_each_purpose_and_in_other_parts() {
        let of = |purpose| KeyedDigest::of(purpose, &[b"s3cret"]);
        let digests = [of(Purpose::ApiToken), of(Purpose::SecretValue), of(Purpose::Drain)];
        assert!(digests[0] != digests[1] && digests[0] != digests[2] && digests[1] != digests[2]);
        let whole = KeyedDigest::of(Purpose::Drain, &[b"ab", b"c"]);
        assert_ne!(whole, KeyedDigest::of(Purpose::Drain, &[b"a", b"bc"]));
        assert_ne!(whole, KeyedDigest::of(Purpose::Drain, &[b"abc"]));
    }

    #[test]
    fn printing_shows_four_bytes_of_a_digest_and_nothing_of_the_key() {
        let key = ProcessKey(SecretBox::new(Box::new([7; 32])));
        assert_eq!(format!("{key:?}"), "ProcessKey(***)");
        let digest = key.digest(Purpose::ApiToken, &[b"s3cret"]);
        assert_eq!(format!("{digest:?}").chars().count(), "KeyedDigest(00000000…)".chars().count());
    }
}
