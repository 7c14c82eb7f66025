use std::hash::{DefaultHasher, Hash, Hasher};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::destination::Destination;
use crate::settings::{Hosts, Settings, UrlForm};

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// A host as the URLs show it, whatever its spelling.
fn canonical(text: &str) -> String {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<std::net::Ipv6Addr>() {
        return format!("[{address}]");
    }
    match url::Host::parse(bare) {
        Ok(host) => host.to_string().trim_end_matches('.').to_owned(),
        Err(_) => bare.to_ascii_lowercase(),
    }
}

fn host(text: &str, hosts: Hosts) -> String {
    match hosts {
        _ if text.is_empty() => String::new(),
        Hosts::Canonical => canonical(text),
        Hosts::AsGiven if text.contains(':') => format!("[{text}]"),
        Hosts::AsGiven => encode(text),
    }
}

/// The URL of the documents, its token encoded; invented for the two types that have none there.
pub(crate) fn documented(destination: &Destination, hosts: Hosts) -> String {
    with_values(destination, hosts, false)
}

fn with_values(destination: &Destination, hosts: Hosts, raw_token: bool) -> String {
    let value = |field| destination.value(field).unwrap_or_default();
    let token = if raw_token { value("token").to_owned() } else { encode(value("token")) };
    let host = host(value("host"), hosts);
    let port = value("port");
    match destination.drain_type.as_str() {
        "betterstack" => format!("betterstack://:{token}@{host}:6514"),
        "datadog" => format!("datadog://{token}?region={}", encode(value("drain_region"))),
        "ovh-graylog" => format!("ovh://:{token}@{host}:6514"),
        "syslog" if !token.is_empty() => format!("syslog://:{token}@{host}:{port}"),
        "papertrail" | "syslog" => format!("tcp+tls://{host}:{port}"),
        _ if !value("url").is_empty() => value("url").to_owned(),
        name if host.is_empty() => format!("{name}://{token}"),
        name if port.is_empty() => format!("{name}://:{token}@{host}"),
        name => format!("{name}://:{token}@{host}:{port}"),
    }
}

/// The URL in the form that the settings ask for.
pub(crate) fn write(destination: &Destination, settings: &Settings, random: &mut fastrand::Rng) -> String {
    let Settings { hosts, raw_tokens, .. } = *settings;
    let documented = with_values(destination, hosts, raw_tokens);
    match settings.url_form(&destination.drain_type) {
        UrlForm::Documented => documented,
        UrlForm::Opaque => {
            let mut hasher = DefaultHasher::new();
            self::documented(destination, hosts).hash(&mut hasher);
            format!("https://intake.example/v1/{:016x}", hasher.finish())
        }
        UrlForm::Unique => format!("https://intake.example/v1/{:032x}", random.u128(..)),
        UrlForm::DefaultPort(port) => with_port(&documented, *port),
        UrlForm::Reordered => {
            let separator = if documented.contains('?') { '&' } else { '?' };
            format!("{documented}{separator}source=scalingo&format=rfc5424")
        }
        UrlForm::Template(template) => {
            let write = |field: &str| match (field, destination.value(field).unwrap_or_default()) {
                ("token", token) if raw_tokens => token.to_owned(),
                ("host", text) if hosts == Hosts::Canonical => host(text, hosts),
                (_, value) => encode(value),
            };
            ["token", "host", "port", "drain_region", "url"]
                .iter()
                .fold(template.clone(), |text, field| text.replace(&format!("{{{field}}}"), &write(field)))
        }
    }
}

fn with_port(url: &str, port: u16) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { url.to_owned() } else { format!("{scheme}://{authority}:{port}{tail}") }
}

/// The same URL with its parameters moved round by `turns`.
pub(crate) fn reordered(url: &str, turns: usize) -> String {
    let Some((head, query)) = url.split_once('?') else { return url.to_owned() };
    let mut parameters: Vec<&str> = query.split('&').collect();
    let turns = turns % parameters.len();
    parameters.rotate_left(turns);
    format!("{head}?{}", parameters.join("&"))
}

/// The same text for all orders of a URL's parameters.
pub(crate) fn in_order(url: &str) -> String {
    let Some((head, query)) = url.split_once('?') else { return url.to_owned() };
    let mut parameters: Vec<&str> = query.split('&').collect();
    parameters.sort_unstable();
    format!("{head}?{}", parameters.join("&"))
}
