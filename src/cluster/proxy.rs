//! The proxy on the way to a server, by the rules of Go's `net/http`, which kubectl keeps.

use std::net::IpAddr;

use http::Uri;
use ipnet::IpNet;

/// Why a proxy cannot be used; the end of a sentence, without the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// It does not parse.
    #[error("its URL is not one such as http://proxy.example.com:3128")]
    NotAUrl,
    /// SOCKS, for one.
    #[error("its URL begins neither with http:// nor with https://")]
    Scheme,
}

/// The proxies that the environment names.
pub(super) struct Proxies {
    https: Option<String>,
    http: Option<String>,
    near: String,
}

impl Proxies {
    pub(super) fn of_environment() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Of each pair the first that is not empty.
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first =
            |names: [&str; 2]| names.into_iter().filter_map(&variable).find(|value| !value.is_empty());
        Self {
            https: first(["HTTPS_PROXY", "https_proxy"]),
            http: first(["HTTP_PROXY", "http_proxy"]),
            near: first(["NO_PROXY", "no_proxy"]).unwrap_or_default(),
        }
    }

    pub(super) fn on_the_way_to(&self, server: &Uri) -> Result<Option<Uri>, ProxyError> {
        let (proxy, port) =
            if server.scheme_str() == Some("http") { (&self.http, 80) } else { (&self.https, 443) };
        match proxy {
            Some(proxy)
                if !self.is_near(server.host().unwrap_or_default(), server.port_u16().unwrap_or(port)) =>
            {
                parse(proxy).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn is_near(&self, host: &str, port: u16) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let host = host.trim_end_matches('.');
        let address = host.parse::<IpAddr>().ok();
        if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        let entries = self.near.split(',').map(|entry| entry.trim().to_ascii_lowercase());
        entries.filter(|entry| !entry.is_empty()).any(|entry| {
            if entry == "*" {
                return true;
            }
            if let Ok(network) = entry.parse::<IpNet>() {
                return address.is_some_and(|address| network.contains(&address));
            }
            let (name, named_port) = split_port(&entry);
            if named_port.is_some_and(|named| named != port) {
                return false;
            }
            if let Ok(named) = name.parse::<IpAddr>() {
                return address == Some(named);
            }
            // A leading dot stands for all hosts below, and not for the host itself.
            let below = name.strip_prefix('*').unwrap_or(name);
            let ends = |suffix: &str| host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'));
            match below.strip_prefix('.') {
                Some(below) => ends(below),
                None => host == name || ends(name),
            }
        })
    }
}

/// `HOST:PORT` and `[HOST]:PORT`; an address of IPv6 without brackets has no port.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    let (name, port) = match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, port.parse().ok()),
        _ => (entry, None),
    };
    (name.trim_start_matches('[').trim_end_matches(']'), port)
}

/// One without a scheme is reached by HTTP.
pub(super) fn parse(url: &str) -> Result<Uri, ProxyError> {
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let uri: Uri = url.parse().map_err(|_| ProxyError::NotAUrl)?;
    match uri.scheme_str() {
        Some("http" | "https") if uri.host().is_some_and(|host| !host.is_empty()) => Ok(uri),
        Some("http" | "https") => Err(ProxyError::NotAUrl),
        _ => Err(ProxyError::Scheme),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &'static [(&str, &str)]) -> Proxies {
        let value = |name: &str| variables.iter().find(|(other, _)| *other == name);
        Proxies::read(|name| value(name).map(|(_, value)| (*value).to_owned()))
    }

    fn way(near: &str, server: &str) -> Option<Uri> {
        let proxies = Proxies { https: Some("http://proxy:1".into()), http: None, near: near.to_owned() };
        proxies.on_the_way_to(&server.parse().unwrap()).unwrap()
    }

    #[test]
    fn no_proxy_is_held_against_the_server_as_go_does() {
        let cases = [
            ("", "https://api.example.com", false),
            ("api.example.com", "https://api.example.com", true),
            ("example.com", "https://api.example.com", true),
            (".example.com", "https://api.example.com", true),
            (".example.com", "https://example.com", false),
            ("*.example.com", "https://api.example.com", true),
            ("ample.com", "https://example.com", false),
            ("API.example.com,", "https://api.EXAMPLE.com:6443", true),
            (" other , api.example.com", "https://api.example.com", true),
            ("api.example.com:6443", "https://api.example.com:6443", true),
            ("api.example.com:443", "https://api.example.com", true),
            ("api.example.com:6443", "https://api.example.com", false),
            ("10.0.0.0/8", "https://10.1.2.3:6443", true),
            ("10.0.0.0/8", "https://11.1.2.3:6443", false),
            ("10.1.2.3", "https://10.1.2.3", true),
            ("10.1.2.3:6443", "https://10.1.2.3:6443", true),
            ("fd00::/8", "https://[fd00::1]:6443", true),
            ("fd00::1", "https://[fd00:0::1]:6443", true),
            ("[fd00::1]:6443", "https://[fd00::1]:6443", true),
            ("[fd00::1]:443", "https://[fd00::1]:6443", false),
            ("*", "https://api.example.com", true),
            ("", "https://localhost:6443", true),
            ("", "https://127.0.0.1:6443", true),
            ("", "https://[::1]:6443", true),
            // The proxy's own address says nothing of the server's.
            ("proxy", "https://api.example.com", false),
        ];
        for (near, server, is_near) in cases {
            assert_eq!(way(near, server).is_none(), is_near, "{near:?}, {server}");
        }
    }

    #[test]
    fn the_first_variable_that_is_not_empty_counts_and_the_scheme_of_the_server_decides() {
        let server = |url: &str| url.parse::<Uri>().unwrap();
        let given = proxies(&[
            ("HTTPS_PROXY", ""),
            ("https_proxy", "proxy.example.com:3128"),
            ("HTTP_PROXY", "http://plain.example.com"),
            ("NO_PROXY", ""),
            ("no_proxy", "near.example.com"),
        ]);
        let secure = given.on_the_way_to(&server("https://api.example.com")).unwrap();
        assert_eq!(secure.unwrap(), "http://proxy.example.com:3128/");
        let plain = given.on_the_way_to(&server("http://api.example.com")).unwrap();
        assert_eq!(plain.unwrap(), "http://plain.example.com/");
        assert_eq!(given.on_the_way_to(&server("https://near.example.com")), Ok(None));
        assert_eq!(proxies(&[]).on_the_way_to(&server("https://api.example.com")), Ok(None));
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_not_shown() {
        assert_eq!(parse("socks5://user:pass@proxy:1080"), Err(ProxyError::Scheme));
        assert_eq!(parse("http://user:pass word@proxy"), Err(ProxyError::NotAUrl));
        assert!(parse("https://user:pass@proxy:3128").is_ok());
    }
}
