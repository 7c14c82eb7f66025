//! What of a URL people may see.

use super::{Destination, DrainUrl, normal, reading::Reading};
use crate::crd::DrainType;

const HIDDEN: &str = "***";
/// The port that the API adds to a host where the destination has none.
const ADDED_PORT: &str = "6514";

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
        // Where a password holds an `@`, the last one is before the host.
        let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(user, rest)| (user, rest));
        let mut shown = format!("{}://", public_scheme(scheme));
        shown.push_str(match user {
            "" => "",
            user if user.starts_with(':') => ":***@",
            _ => "***@",
        });
        let host = destination.host.as_deref().map(normal::host);
        let is_host = |word: &str| host.as_deref().is_some_and(|host| normal::host(word) == host);
        let port = destination.port.map(|port| port.to_string());
        let region = destination.drain_region.as_deref();
        let words: Vec<(&str, &str)> = words(rest).collect();
        let is_region = |place: usize| words.get(place).is_some_and(|(word, _)| Some(*word) == region);
        let mut written = words.iter().filter(|(word, _)| !word.is_empty());
        let is_before_port =
            |(word, delimiter): &&(&str, &str)| is_host(word) && [":", "]"].contains(delimiter);
        let added = written.next().filter(is_before_port).and_then(|_| written.next());
        let added = added.filter(|(word, _)| *word == ADDED_PORT);
        let is_public = |place: usize| {
            words.get(place).is_some_and(|pair| {
                let (word, delimiter) = *pair;
                is_host(word)
                    || Some(word) == port.as_deref()
                    || Some(word) == region
                    || added.is_some_and(|added| std::ptr::eq(added, pair))
                    || delimiter == "=" && ["region", "drain_region"].contains(&word) && is_region(place + 1)
            })
        };
        for (place, (word, delimiter)) in words.iter().enumerate() {
            match *word {
                // Many delimiters in a row are of a token.
                "" if !(is_public(place + 1) || place > 0 && is_public(place - 1)) => continue,
                "" => {}
                word if is_public(place) => shown.push_str(word),
                _ => shown.push_str(HIDDEN),
            }
            shown.push_str(delimiter);
        }
        shown
    }

    /// Where a whole URL is secret, its host is what helps a person and tells nothing else. In the URL of another drain, in whatever
    /// form, the secret may stand in its place; and in one with two readings part of a password.
    fn with_host_of(&self, destination: &Destination) -> String {
        let Some((scheme, _)) = self.expose().split_once("://") else { return HIDDEN.to_owned() };
        let hidden = || format!("{}://{HIDDEN}", public_scheme(scheme));
        let Reading::One(url) = Reading::of(self.expose()) else { return hidden() };
        let Some(Reading::One(own)) = destination.url.as_ref().map(|own| Reading::of(own.expose())) else {
            return hidden();
        };
        let Some(host) = url.host_str().filter(|host| Some(*host) == own.host_str()) else {
            return hidden();
        };
        let user = if url.username().is_empty() && url.password().is_none() { "" } else { "***@" };
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let rest = if url.path().len() > 1 || url.query().is_some() { "/***" } else { "" };
        format!("{}://{user}{host}{port}{rest}", url.scheme())
    }
}

fn public_scheme(scheme: &str) -> &str {
    let known = ["datadog", "ovh", "syslog", "tcp", "tcp+tls", "tls", "udp", "http", "https"];
    if known.contains(&scheme) || scheme.parse::<DrainType>().is_ok() { scheme } else { HIDDEN }
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
mod tests;
