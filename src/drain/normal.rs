//! The one normal form of what can be spelled in several ways. Two spellings of one thing have one normal form; a token has a single spelling.

use std::{fmt::Write as _, net::Ipv6Addr};

use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// Schemes of drains in whose URL a host stands where a host belongs. In others a token may stand there, which has upper and lower case.
const WITH_HOST: [&str; 6] = ["ovh", "syslog", "tcp", "tcp+tls", "tls", "udp"];

/// A host in its normal form: a name in lower case and in punycode, without the dot of the root; an address as the standards write
/// it, without brackets.
pub(super) fn host(text: &str) -> String {
    let mut text = text;
    while let Some(bare) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        text = bare;
    }
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return address.to_string();
    }
    match Host::parse(text) {
        Ok(Host::Ipv4(address)) => address.to_string(),
        Ok(Host::Domain(name)) => without_root(&name).to_owned(),
        Ok(Host::Ipv6(address)) => address.to_string(),
        // What is no host stays what it is, such as an address with a zone.
        Err(_) => without_root(text).to_ascii_lowercase(),
    }
}

/// A URL in its normal form.
///
/// A URL of the web is one that RFC 3986 calls equivalent. Of another, nothing changes but its host and the order of its
/// parameters: what looks like an escape may be part of a token that is listed as it was given.
pub(super) fn url(text: &str) -> String {
    if let Ok(mut url) = Url::parse(&unescaped(text))
        && url.is_special()
    {
        let host = url.host_str().map(|host| without_root(host).to_owned());
        // It is shorter by a dot, which no parser refuses.
        let _ = url.set_host(host.as_deref());
        return in_order(url);
    }
    let text = formerly(text);
    with_normal_host(&text).unwrap_or(text)
}

/// The normal form of a URL in earlier versions: its parameters in order, and what the parser does by itself.
pub(super) fn formerly(text: &str) -> String {
    Url::parse(text).map_or_else(|_| text.to_owned(), in_order)
}

/// Host and port, the host in its normal form. An IPv6 address may stand in brackets or not.
pub(super) fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (address, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let bare = address.strip_prefix('[').map_or(Some(address), |address| address.strip_suffix(']'))?;
    let is_name = !bare.is_empty() && !bare.contains([':', '/', '?', '#', '[', ']', '@', '&', '=']);
    (is_name || bare.parse::<Ipv6Addr>().is_ok()).then(|| (host(bare), port))
}

/// A text with its escapes decoded; `None` where it cannot be one that was encoded: nobody escapes letters and digits.
pub(super) fn decoded(text: &str) -> Option<String> {
    if escapes(text).any(|(_, byte)| byte.is_ascii_alphanumeric()) {
        return None;
    }
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
}

fn in_order(mut url: Url) -> String {
    if let Some(query) = url.query() {
        let mut parameters: Vec<&str> = query.split('&').collect();
        parameters.sort_unstable();
        let sorted = parameters.join("&");
        url.set_query(Some(&sorted));
    }
    url.into()
}

/// The address of a drain's URL with its host in the normal form, whatever stands before and behind it.
fn with_normal_host(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    if !WITH_HOST.contains(&scheme.to_ascii_lowercase().as_str()) {
        return None;
    }
    let (user, rest) = rest.split_at(rest.rfind('@').map_or(0, |at| at + 1));
    let (address, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = host_and_port(address)?;
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    Some(format!("{scheme}://{user}{host}:{port}{tail}"))
}

/// The text without needless escapes, and the others in upper case.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut copied = 0;
    for (place, byte) in escapes(text) {
        plain.push_str(&text[copied..place]);
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            plain.push(byte.into());
        } else {
            let _ = write!(plain, "%{byte:02X}");
        }
        copied = place + 3;
    }
    plain.push_str(&text[copied..]);
    plain
}

/// Where escapes stand, and the byte that each stands for.
fn escapes(text: &str) -> impl Iterator<Item = (usize, u8)> {
    text.match_indices('%').filter_map(|(place, _)| {
        let digits = text
            .get(place + 1..place + 3)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        Some((place, u8::from_str_radix(digits, 16).ok()?))
    })
}

fn without_root(name: &str) -> &str {
    name.strip_suffix('.').filter(|name| !name.is_empty() && !name.ends_with('.')).unwrap_or(name)
}

#[cfg(test)]
mod tests;
