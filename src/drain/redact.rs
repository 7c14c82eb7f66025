use super::{Destination, DrainUrl, normal};
use crate::crd::DrainType;

const HIDDEN: &str = "***";

impl DrainUrl {
    /// The URL for people: what the destination says in the open stays, all else becomes `***`.
    ///
    /// What may be shown is listed, not what must be hidden: a form of URL that nobody has seen yet
    /// cannot show a secret.
    #[must_use]
    pub fn redacted(&self, destination: &Destination, url_is_public: bool) -> String {
        if destination.drain_type == DrainType::Elk || destination.url.is_some() {
            return if url_is_public && destination.url.as_ref() == Some(self) {
                self.expose().to_owned()
            } else {
                self.with_host_of(destination)
            };
        }
        let Some((scheme, rest)) = self.expose().split_once("://") else {
            return HIDDEN.to_owned();
        };
        let host = destination.host.as_deref().map(normal::host);
        let is_host = |word: &str| host.as_deref().is_some_and(|host| normal::host(word) == host);
        let port = destination.port.map(|port| port.to_string());
        let region = destination.drain_region.as_deref();
        let mut shown = format!("{}://", public_scheme(scheme));
        let (mut previous, mut before) = ("", "");
        for (word, delimiter) in words(rest) {
            let public = word.is_empty()
                || is_host(word)
                || Some(word) == port.as_deref()
                || Some(word) == region
                || is_host(previous) && word.len() <= 5 && word.bytes().all(|byte| byte.is_ascii_digit())
                || delimiter == "=" && ["region", "drain_region", "token", "host", "port"].contains(&word);
            shown.push_str(if public { word } else { HIDDEN });
            shown.push_str(delimiter);
            // Between the address in brackets and its port stands nothing.
            if !(word.is_empty() && before == "]" && delimiter == ":") {
                previous = word;
            }
            before = delimiter;
        }
        shown
    }

    /// Where a whole URL is secret, its host is what helps a person and tells nothing else. In the URL of another drain, in whatever
    /// form, the secret may stand in its place.
    fn with_host_of(&self, destination: &Destination) -> String {
        let Ok(url) = url::Url::parse(self.expose()) else { return HIDDEN.to_owned() };
        let own = destination.url.as_ref().and_then(|own| url::Url::parse(own.expose()).ok());
        let own = own.as_ref().and_then(url::Url::host_str);
        let Some(host) = url.host_str().filter(|host| Some(*host) == own) else {
            return format!("{}://{HIDDEN}", public_scheme(url.scheme()));
        };
        let user = if url.username().is_empty() && url.password().is_none() { "" } else { "***@" };
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let rest = if url.path().len() > 1 || url.query().is_some() { "/***" } else { "" };
        format!("{}://{user}{host}{port}{rest}", url.scheme())
    }
}

fn public_scheme(scheme: &str) -> &str {
    let known = ["datadog", "ovh", "syslog", "tcp", "tcp+tls", "tls", "udp", "http", "https"];
    let known_type = DrainType::ALL.iter().any(|drain_type| drain_type.as_str() == scheme);
    if known.contains(&scheme) || known_type { scheme } else { HIDDEN }
}

/// The text in pairs of a word and the delimiter after it. What stands in brackets is one word: an IPv6 address.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let (mut rest, mut opened) = (text, false);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let closing = if opened { rest.find(']') } else { None };
        let end = closing.or_else(|| rest.find([':', '/', '?', '#', '[', ']', '@', '&', '=', ';', ',']));
        let end = end.unwrap_or(rest.len());
        // Delimiters are one byte long.
        let (piece, behind) = rest.split_at(rest.len().min(end + 1));
        let (word, delimiter) = piece.split_at(end);
        (rest, opened) = (behind, delimiter == "[");
        Some((word, delimiter))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(drain_type: DrainType) -> Destination {
        Destination {
            host: Some("logs.example.com".into()),
            port: Some(6514),
            drain_region: Some("eu-west-2".into()),
            ..Destination::new(drain_type)
        }
    }

    #[test]
    fn what_is_public_stays_and_all_else_is_hidden() {
        for (url, shown) in [
            ("datadog://s3cret?region=eu-west-2", "datadog://***?region=eu-west-2"),
            ("ovh://:s3cret@logs.example.com:6514", "ovh://:***@logs.example.com:6514"),
            ("syslog://:s3/c:ret@logs.example.com:1", "syslog://:***/***:***@logs.example.com:1"),
            ("tcp+tls://logs.example.com:6514", "tcp+tls://logs.example.com:6514"),
            ("https://s3cret.example.com/s3cret?s3cret=s3cret", "https://***/***?***=***"),
            ("s3cret://s3cret", "***://***"),
            ("s3cret", "***"),
        ] {
            let url = DrainUrl::new(url.into());
            assert_eq!(url.redacted(&destination(DrainType::Syslog), false), shown);
        }
    }

    #[test]
    fn an_ipv6_host_is_shown_with_its_port() {
        let host = Some("2001:DB8:0::514".to_owned());
        let destination = Destination { host, ..Destination::new(DrainType::OvhGraylog) };
        for (url, shown) in [
            ("ovh://:s3cret@[2001:db8::514]:6514", "ovh://:***@[2001:db8::514]:6514"),
            ("ovh://:s3cret@[2001:DB8::514]:123456", "ovh://:***@[2001:DB8::514]:***"),
            ("ovh://:s3cret@[2001:db8::515]:6514", "ovh://:***@[***]:***"),
            ("ovh://[s3cret:s3cret", "ovh://[***:***"),
        ] {
            assert_eq!(DrainUrl::new(url.into()).redacted(&destination, false), shown);
        }
    }

    fn elk() -> Destination {
        let url = "https://user:s3cret@elk.example.com:9200/s3cret?s3cret";
        Destination { url: Some(DrainUrl::new(url.into())), ..Destination::new(DrainType::Elk) }
    }

    #[test]
    fn of_a_secret_url_only_scheme_host_and_port_are_shown() {
        for (url, shown) in [
            (
                "https://user:s3cret@elk.example.com:9200/s3cret?s3cret",
                "https://***@elk.example.com:9200/***",
            ),
            ("https://ELK.example.com/", "https://elk.example.com"),
            ("not a url s3cret", "***"),
            ("data:s3cret", "***://***"),
        ] {
            assert_eq!(DrainUrl::new(url.into()).redacted(&elk(), false), shown);
        }
    }

    #[test]
    fn of_a_custom_type_nothing_is_shown_but_what_the_spec_says_in_the_open() {
        let custom = Destination { host: Some("s.example".into()), ..Destination::custom("opensearch") };
        let whole = Destination { url: elk().url, ..Destination::custom("opensearch") };
        for (url, destination, shown) in [
            ("opensearch://:s3cret@s.example:9200/s3cret", &custom, "***://:***@s.example:9200/***"),
            (
                "https://user:s3cret@elk.example.com:9200/s3cret?s3cret",
                &whole,
                "https://***@elk.example.com:9200/***",
            ),
            ("opensearch://s3cret", &whole, "***://***"),
        ] {
            assert_eq!(DrainUrl::new(url.into()).redacted(destination, false), shown);
        }
    }

    #[test]
    fn of_another_drain_not_even_the_host_is_shown_for_it_may_be_the_secret() {
        for (url, shown) in [
            ("appsignal://s3cret", "appsignal://***"),
            ("datadog://s3cret?region=eu", "datadog://***"),
            ("syslog://:s3cret@logs.example.com:6514", "syslog://***"),
            ("https://s3cret.example.com/in", "https://***"),
            ("s3cret://elsewhere", "***://***"),
        ] {
            assert_eq!(DrainUrl::new(url.into()).redacted(&elk(), true), shown);
        }
        let unknown = Destination::new(DrainType::Elk);
        assert_eq!(DrainUrl::new("https://elk.example.com".into()).redacted(&unknown, false), "https://***");
    }

    #[test]
    fn a_url_from_the_spec_is_shown_whole() {
        let url = DrainUrl::new("https://elk.example.com/in?x=1".into());
        let destination = Destination { url: Some(url.clone()), ..Destination::new(DrainType::Elk) };
        assert_eq!(url.redacted(&destination, true), "https://elk.example.com/in?x=1");
    }
}
