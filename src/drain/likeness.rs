//! Whether a listed URL leads to a destination.

use std::collections::BTreeMap;

use super::{
    Destination, DrainUrl,
    normal::{self, decoded},
};
use crate::crd::DrainType;

/// What a listed URL tells of whether it leads to a destination.
///
/// Where the answer to an addition was lost, the only new drain that is `Possible` is taken for it, once what was asked for can no
/// longer come: it may be somebody else's who added it meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// It evidently leads elsewhere.
    Other,
    /// It may: its form is not known, and it does not show every value.
    Possible,
    /// It does: every value of the destination stands in it.
    Same,
}

impl Likeness {
    /// Compares a URL with a destination whose every value is known.
    #[must_use]
    pub fn of(url: &DrainUrl, destination: &Destination) -> Self {
        let documented = url.documented();
        let Some(first) = documented.first() else {
            return if shows_all(url, destination) { Self::Same } else { Self::Possible };
        };
        let is_of_family = first.drain_type == Destination::family(destination.drain_type);
        if documented.contains(destination) || is_custom_of(url, destination, first) {
            Self::Same
        } else if !is_of_family && shows_the_telling_one(url, destination) {
            Self::Possible
        } else {
            Self::Other
        }
    }

    /// Compares a URL with a destination of which only the type is still known, and `matches`,
    /// which tells whether some destination is the very one.
    #[must_use]
    pub fn of_forgotten(
        url: &DrainUrl,
        drain_type: DrainType,
        matches: impl Fn(&Destination) -> bool,
    ) -> Self {
        let documented = url.documented();
        let is_elk = documented.is_empty() && drain_type == DrainType::Elk;
        if documented.iter().any(&matches) || is_elk && matches(&whole(url)) {
            Self::Same
        } else if documented.is_empty() {
            Self::Possible
        } else {
            Self::Other
        }
    }
}

/// As an identity names it.
const HOST: &str = "host";
/// How long an IPv6 address is at the most, the last half of an IPv4 address in it.
const LONGEST_ADDRESS: usize = 45;

fn whole(url: &DrainUrl) -> Destination {
    Destination { url: Some(url.clone()), ..Destination::new(DrainType::Elk) }
}

/// Whether a destination of an unknown type shows all its values in a URL that reads as another's. One with a token is not taken for
/// one without.
fn is_custom_of(url: &DrainUrl, destination: &Destination, documented: &Destination) -> bool {
    destination.drain_type == DrainType::Custom
        && (destination.token.is_some() || documented.token.is_none())
        && shows_all(url, destination)
}

/// Whether all values stand in the URL, each as a whole component, as it is or percent-decoded, and as often as the destination has
/// them.
fn shows_all(url: &DrainUrl, destination: &Destination) -> bool {
    if destination.url.as_ref().is_some_and(|whole| url != whole) {
        return false;
    }
    let mut wanted = BTreeMap::new();
    let values = destination.identity().into_iter().skip(1);
    for (name, value) in values.filter(|(name, _)| *name != "url") {
        let (times, is_host) = wanted.entry(value).or_insert((0, false));
        *times += 1;
        *is_host |= name == HOST;
    }
    if wanted.is_empty() {
        return destination.url.is_some();
    }
    let Some((_, rest)) = url.expose().split_once("://") else { return false };
    wanted.iter().all(|(value, (times, is_host))| occurrences(rest, value, *is_host) >= *times)
}

/// Whether the value stands in the URL that tells the destination from others: a port or a region is shared by
/// many.
fn shows_the_telling_one(url: &DrainUrl, destination: &Destination) -> bool {
    if let Some(whole) = &destination.url {
        return url == whole;
    }
    let values = destination.identity();
    let telling = |wanted: &str| values.iter().find(|(name, _)| *name == wanted);
    let Some((name, value)) = telling("token").or_else(|| telling(HOST)) else { return false };
    url.expose().split_once("://").is_some_and(|(_, rest)| occurrences(rest, value, *name == HOST) > 0)
}

/// How often `value` stands between two delimiters of `text`. It may itself hold delimiters, encoded or not.
fn occurrences(text: &str, value: &str, is_host: bool) -> i32 {
    const DELIMITERS: [char; 11] = [':', '/', '?', '#', '[', ']', '@', '&', '=', ';', ','];
    let mut starts = vec![0];
    let mut ends = Vec::new();
    for (index, _) in text.match_indices(DELIMITERS) {
        ends.push(index);
        starts.push(index + 1);
    }
    ends.push(text.len());

    // Encoding makes a text at most three times as long, and an address can be written in so many characters.
    let longest = (value.len() * 3).max(if is_host { LONGEST_ADDRESS } else { 0 });
    let is_value = |component: &str| {
        let is_it = |text: &str| text == value || is_host && may_be_host(text) && normal::host(text) == value;
        is_it(component) || decoded(component).is_some_and(|decoded| is_it(&decoded))
    };
    let mut found = 0;
    let mut free_from = 0;
    for start in starts {
        if start < free_from {
            continue;
        }
        let mut components =
            ends.iter().filter(|end| **end > start).take_while(|end| **end - start <= longest);
        if let Some(end) = components.find(|end| is_value(&text[start..**end])) {
            found += 1;
            free_from = *end;
        }
    }
    found
}

/// Whether it is worth to be compared as a host: only an address holds colons.
fn may_be_host(text: &str) -> bool {
    !text.contains(':') || text.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte))
}

#[cfg(test)]
mod tests;
