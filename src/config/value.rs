//! What single values may be. An error continues a sentence that begins with the flag's name.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;

use crate::duration;
use crate::scalingo::CertificateAuthorities;

const SHORTEST_INTERVAL: SignedDuration = SignedDuration::from_secs(1);
/// Above it drift would live for longer than a day.
const LONGEST_INTERVAL: SignedDuration = SignedDuration::from_hours(24);
/// Above it the feed would be no better than a list of each app.
const LONGEST_FEED_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
/// Above it the cluster would be without an operator for long.
const LONGEST_LEASE: SignedDuration = SignedDuration::from_hours(1);
/// For a limit that Scalingo has raised.
const MOST_REQUESTS: usize = 10_000;
/// More would only wait for the Kubernetes API.
const MOST_RECONCILES: usize = 256;
/// RFC 1123, as Kubernetes has it for namespaces.
const LONGEST_NAMESPACE: usize = 63;
/// As in the `LogDrain` resource.
const LONGEST_REGION: usize = 32;

/// Same bounds as `spec.region`.
pub(super) fn region(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.len() > LONGEST_REGION || !is_label(text) {
        return Err(
            "must be the name of a region, lower-case letters, digits and hyphens, for example osc-fr1",
        );
    }
    Ok(text.to_owned())
}

pub(super) fn namespace(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        return Err("holds an empty name: leave it out to watch all namespaces");
    }
    lease_namespace(text)
}

pub(super) fn lease_namespace(text: &str) -> Result<String, &'static str> {
    if !is_name(text) {
        return Err("must be the name of a namespace: at most 63 lower-case letters, digits and hyphens, \
                    with a letter or digit first and last");
    }
    Ok(text.to_owned())
}

pub(super) fn lease_name(text: &str) -> Result<String, &'static str> {
    if !is_name(text) {
        return Err("must be the name of a Lease: at most 63 lower-case letters, digits and hyphens, \
                    with a letter or digit first and last");
    }
    Ok(text.to_owned())
}

/// A Lease counts in whole seconds.
pub(super) fn lease_duration(text: &str) -> Result<Duration, &'static str> {
    let duration = duration(text)?;
    if !(SHORTEST_INTERVAL..=LONGEST_LEASE).contains(&duration) || duration.subsec_nanos() > 0 {
        return Err("must be whole seconds, from 1s to 1h");
    }
    Ok(duration.unsigned_abs())
}

pub(super) fn interval(text: &str) -> Result<Duration, &'static str> {
    let duration = duration(text)?;
    if !(SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&duration) {
        return Err("must be from 1s to 24h");
    }
    Ok(duration.unsigned_abs())
}

pub(super) fn feed_interval(text: &str) -> Result<Duration, &'static str> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let duration = duration(text)?;
    if !duration.is_zero() && !(SHORTEST_INTERVAL..=LONGEST_FEED_INTERVAL).contains(&duration) {
        return Err("must be from 1s to 1h, or 0 to turn it off");
    }
    Ok(duration.unsigned_abs())
}

fn duration(text: &str) -> Result<SignedDuration, &'static str> {
    duration::read(text).map_err(|_| "must be a duration with a unit, for example 90s or 10m")
}

pub(super) fn requests_per_minute(text: &str) -> Result<usize, &'static str> {
    let number = text.parse().ok().filter(|number| (2..=MOST_REQUESTS).contains(number));
    number.ok_or("must be a number from 2 to 10000; Scalingo allows 60 requests a minute")
}

pub(super) fn reconciles(text: &str) -> Result<usize, &'static str> {
    let number = text.parse().ok().filter(|number| (1..=MOST_RECONCILES).contains(number));
    number.ok_or("must be a number from 1 to 256")
}

pub(super) fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "must be an IP address and a port, for example 0.0.0.0:8080 or [::1]:8080")
}

pub(super) fn authorities(path: &str) -> Result<CertificateAuthorities, &'static str> {
    CertificateAuthorities::read(Path::new(path))
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAMESPACE).contains(&text.len()) && is_label(text) && !text.ends_with('-')
}

fn is_label(text: &str) -> bool {
    let permitted = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.bytes().all(permitted) && !text.starts_with('-')
}
