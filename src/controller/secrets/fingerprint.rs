use std::{
    fmt,
    hash::{BuildHasher, RandomState},
};

use blake2::{
    Blake2sMac256,
    digest::{KeyInit, Mac},
};

/// Tells values apart within this process: a digest under a key that lives and dies with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Fingerprint")
    }
}

/// Takes fingerprints.
pub struct Fingerprints {
    key: [u8; 32],
}

impl Default for Fingerprints {
    fn default() -> Self {
        let mut key = [0; 32];
        for part in key.chunks_mut(8) {
            part.copy_from_slice(&RandomState::new().hash_one(0_u8).to_le_bytes());
        }
        Self { key }
    }
}

impl Fingerprints {
    /// The fingerprint of a value.
    #[must_use]
    pub fn of(&self, value: &[u8]) -> Fingerprint {
        let mut digest = Blake2sMac256::new(&self.key.into());
        digest.update(value);
        Fingerprint(digest.finalize().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_equal_fingerprints_under_one_key_only() {
        let [one, other] = [Fingerprints::default(), Fingerprints::default()];
        assert_eq!(one.of(b"s3cret"), one.of(b"s3cret"));
        assert_ne!(one.of(b"s3cret"), one.of(b"s3cret "));
        assert_ne!(one.of(b"s3cret"), other.of(b"s3cret"));
        assert_eq!(format!("{:?}", one.of(b"s3cret")), "Fingerprint");
    }
}
