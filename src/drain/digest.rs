//! Digests of URLs and destinations.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use blake2::{Blake2b, Digest as _, digest::consts::U16};

use super::{Destination, DrainUrl, Target};
use crate::keyed::{KeyedDigest, Purpose};

/// A digest of a URL or of a destination, as it stands in a record.
///
/// It is public: whoever can read the status can read it. So it is slow to compute (Argon2id) and
/// salted with the target: a weak password cannot be guessed in bulk, nor two apps be compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(Arc<str>);

impl Digest {
    /// Takes a digest back from a record.
    #[must_use]
    pub fn recorded(digest: &str) -> Self {
        Self(digest.into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Stands before every digest. Another computation must take another, and go on reading this one:
/// a record whose digest no longer matches would make its drain be added a second time.
const VERSION: &str = "v1";

/// KiB of memory that one digest takes: about a millisecond on one core.
const MEMORY: u32 = 1024;

/// How many digests are remembered before all are forgotten.
const REMEMBERED: usize = 50_000;

/// Computes digests, and remembers them by others that say nothing outside of this process.
#[derive(Default)]
pub struct Digester {
    known: Mutex<HashMap<KeyedDigest, Digest>>,
    /// What one computation works in: to ask the system for a mebibyte each time takes long.
    memory: Mutex<Vec<Block>>,
}

impl fmt::Debug for Digester {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Digester")
    }
}

impl Digester {
    /// Digest of a URL that Scalingo lists for this target.
    #[must_use]
    pub fn url(&self, target: &Target, url: &DrainUrl) -> Digest {
        self.digest(target, &[("listed", url.normalised())])
    }

    /// Digest of a destination wanted for this target.
    #[must_use]
    pub fn destination(&self, target: &Target, destination: &Destination) -> Digest {
        self.digest(target, &destination.identity())
    }

    /// Digest of such a URL that an earlier version has recorded, where that is another.
    #[must_use]
    pub fn former_url(&self, target: &Target, url: &DrainUrl) -> Option<Digest> {
        let former = url.formerly_normalised();
        (former != url.normalised()).then(|| self.digest(target, &[("listed", former)]))
    }

    /// Digest of such a destination that an earlier version has recorded, where that is another.
    #[must_use]
    pub fn former_destination(&self, target: &Target, destination: &Destination) -> Option<Digest> {
        destination.has_former_digest().then(|| self.digest(target, &destination.former_identity()))
    }

    fn digest(&self, target: &Target, values: &[(&str, String)]) -> Digest {
        let mut text = Vec::new();
        for (name, value) in values {
            append(&mut text, name);
            append(&mut text, value);
        }
        let mut salt = Vec::new();
        append(&mut salt, &target.region);
        append(&mut salt, &target.app_id);
        append(&mut salt, target.addon.as_deref().unwrap_or_default());

        let key = KeyedDigest::of(Purpose::Drain, &[&salt, &text]);
        if let Some(known) = self.known().get(&key) {
            return known.clone();
        }
        let digest = slow(&text, &salt, &mut self.memory.lock().unwrap_or_else(PoisonError::into_inner));
        let mut known = self.known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, digest.clone());
        digest
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<KeyedDigest, Digest>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lengths stand before the text, so that no two lists of values read the same.
fn append(buffer: &mut Vec<u8>, text: &str) {
    buffer.extend_from_slice(&(text.len() as u64).to_le_bytes());
    buffer.extend_from_slice(text.as_bytes());
}

#[expect(clippy::expect_used, reason = "constant parameters and lengths, tried by every test here")]
fn slow(text: &[u8], salt: &[u8], memory: &mut Vec<Block>) -> Digest {
    let salt: [u8; 16] = Blake2b::<U16>::digest(salt).into();
    let parameters = Params::new(MEMORY, 1, 1, Some(16)).expect("valid parameters");
    let mut output = [0_u8; 16];
    memory.resize(parameters.block_count(), Block::new());
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into_with_memory(text, &salt, &mut output, memory.as_mut_slice())
        .expect("valid lengths");
    let mut digest = format!("{VERSION}:");
    for byte in output {
        use fmt::Write as _;
        let _ = write!(digest, "{byte:02x}");
    }
    Digest(digest.into())
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::crd::DrainType;

    fn target(app_id: &str) -> Target {
        Target { region: "osc-fr1".into(), app_id: app_id.into(), addon: None }
    }

    fn syslog(token: Option<&str>, host: &str, port: u16) -> Destination {
        Destination {
            token: token.map(SecretString::from),
            host: Some(host.into()),
            port: Some(port),
            ..Destination::new(DrainType::Syslog)
        }
    }

    /// Records outlive the operator's version: this value may never change.
    #[test]
    fn digests_are_the_same_in_every_version() {
        let digester = Digester::default();
        let url = DrainUrl::new("datadog://token?region=eu".into());
        assert_eq!(digester.url(&target("a"), &url).to_string(), "v1:1fc1e942fcee99f79b7a97ab469f6e5e");
        assert_eq!(
            digester.destination(&target("a"), &syslog(Some("t"), "h", 1)).to_string(),
            "v1:d78ad294e087e07d2edc8b371dbd9cbf"
        );
    }

    #[test]
    fn the_target_is_part_of_the_digest() {
        let digester = Digester::default();
        let url = DrainUrl::new("datadog://token?region=eu".into());
        let addon = Target { addon: Some("ad-1".into()), ..target("a") };
        let digests = [target("a"), target("b"), addon].map(|target| digester.url(&target, &url));
        assert!(digests[0] != digests[1] && digests[0] != digests[2] && digests[1] != digests[2]);
    }

    #[test]
    fn a_token_cannot_pass_for_a_host() {
        let digester = Digester::default();
        let one = digester.destination(&target("a"), &syslog(Some("x"), "y", 1));
        let other = digester.destination(&target("a"), &syslog(Some("y"), "x", 1));
        assert_ne!(one, other);
    }

    #[test]
    fn papertrail_and_syslog_without_a_token_are_one_destination() {
        let digester = Digester::default();
        let papertrail =
            Destination { drain_type: DrainType::Papertrail, ..syslog(None, "logs.example.com", 514) };
        assert_eq!(
            digester.destination(&target("a"), &papertrail),
            digester.destination(&target("a"), &syslog(None, "logs.example.com", 514))
        );
    }

    #[test]
    fn another_spelling_of_a_host_is_the_same_destination() {
        let digester = Digester::default();
        let digest = |host: &str| digester.destination(&target("a"), &syslog(None, host, 514));
        assert_eq!(digest("2001:DB8:0:0:0:0:0:7"), digest("2001:db8::7"));
        assert_eq!(digest("Logs.Example.com"), digest("logs.example.com"));
        assert_ne!(digest("2001:db8::7"), digest("2001:db8::8"));
    }

    /// Only what is spelled oddly has another digest than it had, and that is known too.
    #[test]
    fn what_an_earlier_version_has_recorded_is_still_known() {
        let digester = Digester::default();
        let destination = |host: &str| digester.former_destination(&target("a"), &syslog(None, host, 514));
        assert_eq!(destination("2001:db8::7"), None);
        assert_eq!(destination("Logs.example.com"), None);
        assert_eq!(
            destination("2001:DB8:0:0:0:0:0:7").map(|digest| digest.to_string()).as_deref(),
            Some("v1:61f2f41e9dc49b45fc99a68481412aa4")
        );
        let url = |text: &str| digester.former_url(&target("a"), &DrainUrl::new(text.into()));
        assert_eq!(url("datadog://%41?region=eu"), None);
        assert_eq!(url("https://u:p%2Fw@elk.example.com:9200/in"), None);
        let now = digester.url(&target("a"), &DrainUrl::new("tcp+tls://LOGS.example.com:514".into()));
        assert!(url("tcp+tls://LOGS.example.com:514").is_some_and(|former| former != now));
    }

    #[test]
    fn another_spelling_of_a_url_has_the_same_digest() {
        let digester = Digester::default();
        let digest = |url: &str| digester.url(&target("a"), &DrainUrl::new(url.into()));
        assert_eq!(digest("x://t?a=1&b=2"), digest("x://t?b=2&a=1"));
        assert_eq!(digest("https://elk.example.com"), digest("https://elk.example.com:443/"));
        assert_ne!(digest("x://t?a=1&b=2"), digest("x://t?a=2&b=1"));
        assert_ne!(digest("https://elk.example.com/A"), digest("https://elk.example.com/a"));
    }
}
