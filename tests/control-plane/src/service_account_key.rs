//! The key that signs service account tokens, and random names.

use std::fmt::Display;
use std::io;

use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

/// The DER of a `SubjectPublicKeyInfo` for P-256 up to the point itself (RFC 5480, section 2).
const P256_PUBLIC_KEY: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A fresh key pair in PEM.
pub(crate) struct ServiceAccountKey {
    pub(crate) private: String,
    pub(crate) public: String,
}

impl ServiceAccountKey {
    pub(crate) fn generate() -> io::Result<Self> {
        let random = SystemRandom::new();
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(refused)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random)
            .map_err(refused)?;
        let public = [&P256_PUBLIC_KEY, pair.public_key().as_ref()].concat();
        Ok(Self {
            private: pem::encode(&pem::Pem::new("PRIVATE KEY", document.as_ref())),
            public: pem::encode(&pem::Pem::new("PUBLIC KEY", public)),
        })
    }
}

/// 128 random bits.
pub(crate) fn random_hex() -> io::Result<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(refused)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

fn refused(error: impl Display) -> io::Error {
    io::Error::other(error.to_string())
}
