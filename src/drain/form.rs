//! The URL forms that Scalingo documents (API page of log drains, read August 2026).
//!
//! They may change, and two types have none: what is read here is a hint, never relied upon.

use percent_encoding::percent_decode_str;
use secrecy::SecretString;

use super::{Destination, DrainUrl};
use crate::crd::DrainType;

impl DrainUrl {
    /// The destination, where the URL stands in a documented form that tells all of it.
    pub(super) fn documented(&self) -> Option<Destination> {
        let (scheme, rest) = self.expose().split_once("://")?;
        match scheme {
            "datadog" => {
                let (token, region) = rest.split_once("?region=")?;
                Some(Destination {
                    token: Some(word(token)?.into()),
                    drain_region: Some(word(region)?),
                    ..Destination::new(DrainType::Datadog)
                })
            }
            "ovh" => {
                let (token, address) = rest.strip_prefix(':')?.rsplit_once('@')?;
                let (host, port) = host_and_port(address)?;
                (port == 6514).then_some(Destination {
                    token: Some(secret(token)?),
                    host: Some(host),
                    ..Destination::new(DrainType::OvhGraylog)
                })
            }
            "syslog" => {
                let (token, address) = rest.strip_prefix(':')?.rsplit_once('@')?;
                let (host, port) = host_and_port(address)?;
                Some(Destination {
                    token: Some(secret(token)?),
                    host: Some(host),
                    port: Some(port),
                    ..Destination::new(DrainType::Syslog)
                })
            }
            "tcp+tls" => {
                let (host, port) = host_and_port(rest)?;
                Some(Destination {
                    host: Some(host),
                    port: Some(port),
                    ..Destination::new(DrainType::Syslog)
                })
            }
            _ => None,
        }
    }
}

fn word(text: &str) -> Option<String> {
    if text.is_empty() || text.contains([':', '/', '?', '#', '&', '=', '@']) {
        return None;
    }
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
}

/// A token may hold any character, encoded or not: only what would end it is refused.
fn secret(text: &str) -> Option<SecretString> {
    if text.is_empty() || text.contains(['/', '?', '#']) {
        return None;
    }
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned().into())
}

fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']')?.to_owned(),
        None => word(host)?,
    };
    Some((host, port.parse().ok().filter(|port| *port != 0)?))
}
