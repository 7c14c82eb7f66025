//! Finds secrets in what was emitted.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::universe::MARK;

/// How every JSON web token begins: `{"alg":"` in base64.
const TOKEN: &str = "eyJhbGciOi";

/// The parts of any secret, in each form in which it may be printed: plain (percent-encoding does not change it), and in
/// base64, which depends on where in a longer text it begins.
pub struct Needles(Vec<String>);

impl Default for Needles {
    fn default() -> Self {
        let mut needles = vec![MARK.to_owned(), TOKEN.to_owned()];
        for skip in 0..3_usize {
            let encoded = BASE64_STANDARD.encode([&vec![0; skip][..], MARK.as_bytes()].concat());
            // Without the characters that depend on what stands before and after.
            let first = (skip * 8).div_ceil(6);
            let last = (skip + MARK.len()) * 8 / 6;
            needles.push(encoded[first..last].to_owned());
        }
        Self(needles)
    }
}

impl Needles {
    /// The first line that holds a secret.
    pub fn find<'a>(&self, text: &'a str) -> Option<&'a str> {
        let is_in = |text: &str| self.0.iter().any(|needle| text.contains(needle));
        if !is_in(text) {
            return None;
        }
        text.lines().find(|line| is_in(line))
    }

    /// Whether a secret would be found.
    pub fn would_find(&self, secret: &str) -> bool {
        self.find(secret).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_wherever_it_stands() {
        let needles = Needles::default();
        for before in ["", "a", "ab", "abc", "user:"] {
            for after in ["", "-1", "-12", "@host"] {
                let secret = format!("{before}{MARK}{after}");
                let text = format!("one\ntwo {} two\nthree", BASE64_STANDARD.encode(&secret));
                assert!(needles.find(&text).is_some_and(|line| line.starts_with("two ")), "{secret}");
                assert!(needles.would_find(&secret));
            }
        }
        assert_eq!(needles.find("syslog://***@logs.example.com:514 was added"), None);
    }
}
