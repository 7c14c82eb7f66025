//! What all is about: destinations that collide now and then, and the names of things.

use std::hash::{DefaultHasher, Hash, Hasher};

use logdrain_operator::crd::DrainType;
use logdrain_operator::drain::{self, DrainUrl};
use serde_json::{Map, Value, json};

/// Stands in every secret and in nothing else.
pub const MARK: &str = "s3cr3t";
/// Of every app.
pub const REGION: &str = "osc-fr1";
/// How many values a Secret may hold, one after the other.
pub const VERSIONS: u8 = 3;
/// How many API tokens Scalingo accepts.
pub const TOKENS: u8 = 2;
/// How many places there are to send logs to, of each kind.
pub const NUMBERS: u8 = 3;

/// A type of drain. One is listed in a form from which nothing can be read, one with parameters in changing order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Datadog,
    Syslog,
    Papertrail,
    Elk,
    Appsignal,
    Graylog,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Datadog, Self::Syslog, Self::Papertrail, Self::Elk, Self::Appsignal, Self::Graylog];

    /// The API's name of the type, and the name of its Secret.
    pub fn name(self) -> &'static str {
        self.drain_type().into()
    }

    pub fn drain_type(self) -> DrainType {
        match self {
            Self::Datadog => DrainType::Datadog,
            Self::Syslog => DrainType::Syslog,
            Self::Papertrail => DrainType::Papertrail,
            Self::Elk => DrainType::Elk,
            Self::Appsignal => DrainType::Appsignal,
            Self::Graylog => DrainType::OvhGraylog,
        }
    }

    /// Whether it has a secret at all.
    pub fn has_secret(self) -> bool {
        self != Self::Papertrail
    }

    /// What its Secret holds.
    pub fn secret(self, version: u8) -> Value {
        let mut data = Map::new();
        if self == Self::Elk {
            for number in 0..NUMBERS {
                let destination = Destination { kind: self, number };
                data.insert(destination.key(), destination.value(version).into());
            }
        } else {
            data.insert("value".into(), token(self, version).into());
        }
        data.into()
    }
}

fn token(kind: Kind, version: u8) -> String {
    format!("{MARK}-{}-{version}", kind.name())
}

/// Where logs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Destination {
    pub kind: Kind,
    pub number: u8,
}

impl Destination {
    pub fn all() -> impl Iterator<Item = Self> {
        Kind::ALL.into_iter().flat_map(|kind| (0..NUMBERS).map(move |number| Self { kind, number }))
    }

    fn key(self) -> String {
        if self.kind == Kind::Elk { format!("url-{}", self.number) } else { "value".into() }
    }

    fn value(self, version: u8) -> String {
        match self.kind {
            Kind::Elk => {
                format!("https://user:{}@elk-{}.example.com/in", token(Kind::Elk, version), self.number)
            }
            kind => token(kind, version),
        }
    }

    fn host(self) -> String {
        format!("{}-{}.example.com", self.kind.name(), self.number)
    }

    fn drain_region(self) -> String {
        format!("eu-{}", self.number)
    }

    /// The spec, without the app.
    pub fn spec(self) -> Value {
        let reference = json!({"name": self.kind.name(), "key": self.key()});
        let (name, host) = (self.kind.name(), self.host());
        match self.kind {
            Kind::Datadog => {
                json!({"type": name, "tokenSecretRef": reference, "drainRegion": self.drain_region()})
            }
            Kind::Syslog => json!({"type": name, "tokenSecretRef": reference, "host": host, "port": 514}),
            Kind::Papertrail => json!({"type": name, "host": host, "port": 515}),
            Kind::Elk => json!({"type": name, "urlSecretRef": reference}),
            Kind::Appsignal | Kind::Graylog => {
                json!({"type": name, "tokenSecretRef": reference, "host": host})
            }
        }
    }

    /// The destination that a `LogDrain`'s spec asks for.
    pub fn of(spec: &Value) -> Option<Self> {
        let is_it = |destination: &Self| {
            let Value::Object(wanted) = destination.spec() else { return false };
            wanted.iter().all(|(field, value)| spec.get(field) == Some(value))
        };
        Self::all().find(is_it)
    }

    fn documented(self, version: u8) -> String {
        let (value, host) = (self.value(version), self.host());
        match self.kind {
            Kind::Datadog => format!("datadog://{value}?region={}", self.drain_region()),
            Kind::Syslog => format!("syslog://:{value}@{host}:514"),
            Kind::Papertrail => format!("tcp+tls://{host}:515"),
            Kind::Elk => value,
            Kind::Appsignal => format!("appsignal://:{value}@{host}"),
            Kind::Graylog => format!("ovh://:{value}@{host}:6514"),
        }
    }

    /// The URL that the simulator makes of it, its parameters in order.
    pub fn url(self, version: u8) -> String {
        let documented = self.documented(version);
        match self.kind {
            Kind::Appsignal => in_order(&format!("{documented}?source=scalingo&format=rfc5424")),
            Kind::Graylog => {
                let mut hasher = DefaultHasher::new();
                documented.hash(&mut hasher);
                format!("https://intake.example/v1/{:016x}", hasher.finish())
            }
            _ => documented,
        }
    }

    /// As the operator knows it.
    pub fn resolved(self, version: u8) -> drain::Destination {
        let value = self.value(version);
        let mut resolved = drain::Destination::new(self.kind.drain_type());
        match self.kind {
            Kind::Elk => resolved.url = Some(DrainUrl::new(value)),
            Kind::Papertrail => {}
            _ => resolved.token = Some(value.into()),
        }
        match self.kind {
            Kind::Datadog => resolved.drain_region = Some(self.drain_region()),
            Kind::Elk => {}
            _ => resolved.host = Some(self.host()),
        }
        resolved.port = match self.kind {
            Kind::Syslog => Some(514),
            Kind::Papertrail => Some(515),
            _ => None,
        };
        resolved
    }
}

/// The same text for all orders of a URL's parameters.
pub fn in_order(url: &str) -> String {
    let Some((head, query)) = url.split_once('?') else { return url.to_owned() };
    let mut parameters: Vec<&str> = query.split('&').collect();
    parameters.sort_unstable();
    format!("{head}?{}", parameters.join("&"))
}

/// The drains that others have on a target: one in a documented form, one in none, one without a secret.
pub fn foreign(target: usize) -> [String; 3] {
    [
        format!("datadog://{MARK}-foreign-{target}?region=eu-0"),
        format!("https://intake.example/{MARK}-foreign-{target}"),
        format!("tcp+tls://foreign-{target}.example.com:515"),
    ]
}

/// The API token of this version.
pub fn api_token(version: u8) -> String {
    format!("tk-us-{MARK}-{version}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_destination_is_read_back_from_its_spec() {
        for destination in Destination::all() {
            let mut spec = destination.spec();
            spec["app"] = "some".into();
            assert_eq!(Destination::of(&spec), Some(destination));
        }
        assert_eq!(Destination::of(&json!({"type": "datadog"})), None);
    }

    #[test]
    fn no_two_destinations_have_one_url() {
        let secrets = |destination: Destination| if destination.kind.has_secret() { VERSIONS } else { 1 };
        let urls: Vec<String> = Destination::all()
            .flat_map(|destination| (0..secrets(destination)).map(move |version| destination.url(version)))
            .chain((0..20).flat_map(foreign))
            .collect();
        assert_eq!(urls.iter().collect::<BTreeSet<_>>().len(), urls.len());
    }
}
