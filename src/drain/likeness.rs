use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret;

use super::{Destination, DrainUrl};
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
        if let Some(documented) = url.documented() {
            if documented == *destination {
                return Self::Same;
            }
            if documented.drain_type == Destination::family(destination.drain_type) {
                return Self::Other;
            }
            return if shows_the_telling_one(url, destination) { Self::Possible } else { Self::Other };
        }
        if shows_all(url, destination) { Self::Same } else { Self::Possible }
    }

    /// Compares a URL with a destination of which only the type is still known, and `matches`,
    /// which tells whether some destination is the very one.
    #[must_use]
    pub fn of_forgotten(
        url: &DrainUrl,
        drain_type: DrainType,
        matches: impl Fn(&Destination) -> bool,
    ) -> Self {
        match url.documented() {
            Some(documented) if matches(&documented) => Self::Same,
            Some(_) => Self::Other,
            None if drain_type == DrainType::Elk && matches(&whole(url)) => Self::Same,
            None => Self::Possible,
        }
    }
}

impl DrainUrl {
    /// The destination to ask for so that this URL is listed once more, as far as it can be told.
    #[must_use]
    pub fn to_destination(&self, drain_type: DrainType) -> Option<Destination> {
        self.documented().or_else(|| (drain_type == DrainType::Elk).then(|| whole(self)))
    }
}

fn whole(url: &DrainUrl) -> Destination {
    Destination { url: Some(url.clone()), ..Destination::new(DrainType::Elk) }
}

/// Whether all values stand in the URL, each as a whole component once percent-decoded, and as
/// often as the destination has them.
fn shows_all(url: &DrainUrl, destination: &Destination) -> bool {
    if let Some(whole) = &destination.url {
        return url == whole;
    }
    let mut wanted = BTreeMap::new();
    for (_, value) in destination.identity().into_iter().skip(1) {
        *wanted.entry(value).or_insert(0) += 1;
    }
    let Some((_, rest)) = url.expose().split_once("://") else { return false };
    !wanted.is_empty() && wanted.iter().all(|(value, times)| occurrences(rest, value) >= *times)
}

/// Whether the value stands in the URL that tells the destination from others: a port or a region is shared by
/// many.
fn shows_the_telling_one(url: &DrainUrl, destination: &Destination) -> bool {
    if let Some(whole) = &destination.url {
        return url == whole;
    }
    let token = destination.token.as_ref().map(ExposeSecret::expose_secret);
    let Some(value) = token.or(destination.host.as_deref()) else { return false };
    url.expose().split_once("://").is_some_and(|(_, rest)| occurrences(rest, value) > 0)
}

/// How often `value` stands between two delimiters of `text`. It may itself hold delimiters, encoded or not.
fn occurrences(text: &str, value: &str) -> i32 {
    const DELIMITERS: [char; 11] = [':', '/', '?', '#', '[', ']', '@', '&', '=', ';', ','];
    let mut starts = vec![0];
    let mut ends = Vec::new();
    for (index, _) in text.match_indices(DELIMITERS) {
        ends.push(index);
        starts.push(index + 1);
    }
    ends.push(text.len());

    let mut found = 0;
    let mut free_from = 0;
    for start in starts {
        if start < free_from {
            continue;
        }
        for &end in ends.iter().filter(|end| **end > start) {
            // Encoding makes a text at most three times as long.
            if end - start > value.len() * 3 {
                break;
            }
            let decoded = percent_decode_str(&text[start..end]).decode_utf8();
            if decoded.is_ok_and(|decoded| {
                decoded == value || decoded.eq_ignore_ascii_case(value) && is_host(value)
            }) {
                found += 1;
                free_from = end;
                break;
            }
        }
    }
    found
}

/// Only host names are compared without regard to case; a token of their shape loses nothing that matters.
fn is_host(value: &str) -> bool {
    value.contains('.') && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

#[cfg(test)]
mod tests;
