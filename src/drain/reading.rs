//! How a text that should be a URL is read.

use url::Url;

/// How programs and people read a text that should be a URL.
#[derive(Debug)]
pub(super) enum Reading {
    /// All find the same host in it.
    One(Url),
    /// Some take part of a password for the host, or the host for part of a password.
    Two,
    /// It is no URL with a host.
    None,
}

impl Reading {
    /// A URL has one reading where the only `@` stands right before its host, and the host is a plain name or address.
    ///
    /// In `https://user:1234/rest@host:9200` the password holds a `/`. RFC 3986 ends the authority there: its host is `user`
    /// and its port 1234. The WHATWG standard ends it at `\` too, and at the last of several `@`.
    pub(super) fn of(text: &str) -> Self {
        let Some((scheme, rest)) = text.split_once("://") else { return Self::None };
        let (authority, behind) = split(rest);
        let address = address(authority);
        if behind.contains('@') || behind.starts_with('\\') || address.contains(['@', '%']) {
            return Self::Two;
        }
        let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte));
        match Url::parse(text) {
            Ok(url) if is_scheme && is_plain(address) && url.has_host() => Self::One(url),
            _ => Self::None,
        }
    }
}

/// The authority of what stands behind `://`, and what follows it.
pub(super) fn split(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()))
}

/// An authority without user and password.
pub(super) fn address(authority: &str) -> &str {
    authority.split_once('@').map_or(authority, |(_, address)| address)
}

/// Whether it is a host and perhaps a port, written without any escape.
fn is_plain(address: &str) -> bool {
    let (host, port) = match address.strip_prefix('[') {
        Some(inner) => match inner.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, rest.strip_prefix(':').or(Some("?"))),
            None => return false,
        },
        None => match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    let is_of_host = |byte: u8| {
        byte.is_ascii_alphanumeric() || b".-_".contains(&byte) || byte == b':' && address.starts_with('[')
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    !host.is_empty() && host.bytes().all(is_of_host) && port.is_none_or(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Option<String> {
        match Reading::of(text) {
            Reading::One(url) => Some(url.host_str()?.to_owned()),
            Reading::Two | Reading::None => None,
        }
    }

    #[test]
    fn a_url_with_one_reading_has_the_host_that_everybody_sees() {
        for (text, expected) in [
            ("https://elk.example.com", "elk.example.com"),
            ("https://user:p%40ss%2Fw@ELK.example.com:9200/in?a=b#c", "elk.example.com"),
            ("https://:pw@elk_1.example.com", "elk_1.example.com"),
            ("https://user:pa:ss\"[]@elk.example.com/%40", "elk.example.com"),
            ("https://user:pw@[2001:db8::7]:9200/in", "[2001:db8::7]"),
            ("tcp://192.0.2.7:1/a\\b", "192.0.2.7"),
        ] {
            assert_eq!(host(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_url_whose_password_should_have_been_encoded_has_two() {
        for text in [
            "https://user:1234/rest@host:9200",
            "https://user:1234?rest@host:9200",
            "https://user:1234#rest@host:9200",
            "https://user:1234\\rest@host:9200",
            "https://user:12@34@host:9200",
            "https://token/rest@host",
            "https://user:1234/re%2Fst@host",
            "https:///user:1234@host",
            "https://user:pw@host/@",
            "https://host\\user:pw",
            "https://user%3A1234%40host:9200",
            "x://user%3A1234%40host",
            "https://user:pw@ho%73t",
        ] {
            assert!(matches!(Reading::of(text), Reading::Two), "{text}");
        }
    }

    #[test]
    fn what_names_no_plain_host_is_no_url() {
        for text in [
            "",
            "secret",
            "host:9200",
            "user:pw@host:9200",
            "mailto:user@host",
            "https:user:pw@host",
            "https:/user:pw@host",
            "https:///host",
            "https://",
            "https://user:pw@",
            "https://host:port",
            "https://host:65536",
            "https://ho,st",
            "https://[host]",
            "https://[::1]9200",
            "https://[::1",
            "user:pw://host",
        ] {
            assert!(matches!(Reading::of(text), Reading::None), "{text}");
        }
    }
}
