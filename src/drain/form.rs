//! The URL forms that Scalingo documents (API page of log drains, read August 2026).
//!
//! They may change, and two types have none: what is read here is a hint, never relied upon.

use super::{
    Destination, DrainUrl,
    normal::{decoded, host_and_port},
};
use crate::crd::DrainType;

/// How a value is read that stands in a URL.
type Reading = fn(&str) -> Option<String>;

impl DrainUrl {
    /// The destinations that the URL may be of, where it stands in a documented form that tells all of one.
    ///
    /// Whether Scalingo lists a token percent-encoded or as it was given is not known. So there are two where both can be.
    pub(super) fn documented(&self) -> Vec<Destination> {
        let mut readings: Vec<Destination> = Vec::new();
        let as_it_is: Reading = |text| Some(text.to_owned());
        let both: [Reading; 2] = [decoded, as_it_is];
        for reading in both {
            readings.extend(self.read(reading).filter(|read| !readings.contains(read)));
        }
        readings
    }

    fn read(&self, reading: Reading) -> Option<Destination> {
        let (scheme, rest) = self.expose().split_once("://")?;
        match scheme {
            "datadog" => {
                let (token, region) = rest.split_once("?region=")?;
                Some(Destination {
                    token: Some(reading(word(token)?)?.into()),
                    drain_region: Some(reading(word(region)?)?),
                    ..Destination::new(DrainType::Datadog)
                })
            }
            "ovh" => {
                let (token, address) = token_and_address(rest)?;
                let (host, port) = host_and_port(address)?;
                let token = Some(reading(token)?.into());
                (port == 6514).then_some(Destination {
                    token,
                    host: Some(host),
                    ..Destination::new(DrainType::OvhGraylog)
                })
            }
            "syslog" => {
                let (token, address) = token_and_address(rest)?;
                let (host, port) = host_and_port(address)?;
                Some(Destination {
                    token: Some(reading(token)?.into()),
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

/// A text that ends where another part of a URL may begin is of another form than these.
fn word(text: &str) -> Option<&str> {
    (!text.is_empty() && !text.contains([':', '/', '?', '#', '&', '=', '@'])).then_some(text)
}

/// A token may hold any character, encoded or not: the last `@` ends it.
fn token_and_address(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix(':')?.rsplit_once('@').filter(|(token, _)| !token.is_empty())
}
