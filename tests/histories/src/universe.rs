//! The few things that histories are about: few, so that they collide.

use std::hash::{DefaultHasher, Hash, Hasher};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

/// Stands in every secret and in nothing else.
pub const MARK: &str = "s3cr3t";
/// Of every app.
pub const REGION: &str = "osc-fr1";
/// The addon that an app may have.
pub const ADDON: &str = "ad-9be0fc04-bee6-4981-a403-a9dd4981bd1f";
/// How many API tokens Scalingo accepts; the next one it does not.
pub const GOOD_TOKENS: u8 = 2;
/// How many values a Secret may hold, one after the other; the next one was pasted badly and cannot be used.
pub const VERSIONS: u8 = 3;

/// What Scalingo escapes.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One of the namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "two of a kind")]
pub enum Namespace {
    A,
    B,
}

impl Namespace {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// As Kubernetes names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

/// A place for a `LogDrain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "four of a kind")]
pub enum Slot {
    A1,
    A2,
    B1,
    B2,
}

impl Slot {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::A1, Self::A2, Self::B1, Self::B2];

    /// Where it is.
    #[must_use]
    pub fn namespace(self) -> Namespace {
        match self {
            Self::A1 | Self::A2 => Namespace::A,
            Self::B1 | Self::B2 => Namespace::B,
        }
    }

    /// Whether hosts are spelled oddly there.
    #[must_use]
    pub fn spells_oddly(self) -> bool {
        matches!(self, Self::A2 | Self::B2)
    }

    /// The name there.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::A1 | Self::B1 => "one",
            Self::A2 | Self::B2 => "two",
        }
    }
}

/// An app, whichever has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "two of a kind")]
pub enum AppSlot {
    Shop,
    Blog,
}

impl AppSlot {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Shop, Self::Blog];

    /// Its first name, and the name that it gets when it is renamed.
    #[must_use]
    pub fn names(self) -> [&'static str; 2] {
        match self {
            Self::Shop => ["shop", "shop-old"],
            Self::Blog => ["blog", "blog-old"],
        }
    }
}

/// Where logs go.
///
/// No destination's values are all among another's: in a URL of no documented form, a syslog drain with a token would be
/// recognised as the Papertrail drain of the same host and port (design: recognised).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the types of the API")]
pub enum Destination {
    Datadog,
    Syslog,
    Papertrail,
    Elk,
    Appsignal,
    /// Of a type that the operator does not know.
    Logtail,
}

impl Destination {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Datadog, Self::Syslog, Self::Papertrail, Self::Elk, Self::Appsignal, Self::Logtail];

    /// The name of its Secret.
    #[must_use]
    pub fn secret(self) -> &'static str {
        match self {
            Self::Datadog => "datadog",
            Self::Syslog => "syslog",
            Self::Papertrail => "papertrail",
            Self::Elk => "elk",
            Self::Appsignal => "appsignal",
            Self::Logtail => "logtail",
        }
    }

    /// Whether it has a secret at all.
    #[must_use]
    pub fn has_secret(self) -> bool {
        self != Self::Papertrail
    }

    /// The secret. Two tokens differ only in what one of them may be taken for the escape of.
    #[must_use]
    pub fn value(self, version: u8) -> String {
        match self {
            Self::Elk => format!("https://user:{MARK}-{version}@elk.example.com/in"),
            other => {
                let ends = ["A", "%41", "ab/+="];
                format!("{MARK}-{}-{}", other.secret(), ends[usize::from(version % VERSIONS)])
            }
        }
    }

    /// What people paste into the Secret: mostly the secret itself, or with what is no part of it.
    #[must_use]
    pub fn pasted(self, version: u8) -> String {
        match (self, version) {
            (_, 1) => format!("\u{feff}{}\u{a0}\n", self.value(version)),
            (_, ..VERSIONS) => self.value(version),
            // The host is `s3cr3t` for some programs, and `elk.example.com` for others.
            (Self::Elk, _) => format!("https://{MARK}:1234/{MARK}-pass@elk.example.com:9200/in"),
            (_, _) => format!("\"{}\"", self.value(version)),
        }
    }

    /// The spec, without the app; the odd one spells its host otherwise, or writes a known type as a custom one.
    #[must_use]
    pub fn spec(self, is_odd: bool) -> Value {
        let host = |plain: &'static str, odd: &'static str| if is_odd { odd } else { plain };
        let reference = json!({"name": self.secret(), "key": "value"});
        match self {
            Self::Datadog if is_odd => json!({
                "type": "custom", "customType": "datadog", "tokenSecretRef": reference, "drainRegion": "eu",
            }),
            Self::Datadog => json!({"type": "datadog", "tokenSecretRef": reference, "drainRegion": "eu"}),
            Self::Syslog => {
                let host = host("logs.example.com", "LOGS.Example.com");
                json!({"type": "syslog", "tokenSecretRef": reference, "host": host, "port": 514})
            }
            Self::Papertrail => {
                let host = host("2001:db8::515", "2001:DB8:0:0:0:0:0:515");
                json!({"type": "papertrail", "host": host, "port": 515})
            }
            Self::Elk => json!({"type": "elk", "urlSecretRef": reference}),
            Self::Appsignal => json!({"type": "appsignal", "tokenSecretRef": reference}),
            Self::Logtail => json!({"type": "custom", "customType": "logtail", "tokenSecretRef": reference}),
        }
    }

    /// The URL in its documented form, its token escaped.
    #[must_use]
    pub fn documented(self, version: u8) -> String {
        let value = self.value(version);
        let token = utf8_percent_encode(&value, ESCAPED);
        match self {
            Self::Datadog => format!("datadog://{token}?region=eu"),
            Self::Syslog => format!("syslog://:{token}@logs.example.com:514"),
            Self::Papertrail => "tcp+tls://[2001:db8::515]:515".to_owned(),
            Self::Elk => value,
            Self::Appsignal => format!("appsignal://{token}"),
            Self::Logtail => format!("logtail://{token}"),
        }
    }

    /// The URL in any form, in order.
    #[must_use]
    pub fn urls(self, version: u8) -> Vec<String> {
        Form::ALL.iter().map(|form| form.write(&self.documented(version))).collect()
    }
}

/// How Scalingo writes URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "as the simulator names them")]
pub enum Form {
    Documented,
    /// As documented, each token as it was given.
    Raw,
    Reordered,
    Opaque,
    /// Another one for each drain.
    Unique,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Documented, Self::Raw, Self::Reordered, Self::Opaque, Self::Unique];

    /// What the simulator makes of a documented URL, its parameters in order. What is unique cannot be foretold; one that is
    /// added by hand is written as an opaque one.
    #[must_use]
    pub fn write(self, documented: &str) -> String {
        match self {
            Self::Documented => documented.to_owned(),
            // Nothing but tokens holds escapes here.
            Self::Raw => percent_decode_str(documented).decode_utf8_lossy().into_owned(),
            Self::Reordered => {
                let separator = if documented.contains('?') { '&' } else { '?' };
                in_order(&format!("{documented}{separator}source=scalingo&format=rfc5424"))
            }
            Self::Opaque | Self::Unique => {
                let mut hasher = DefaultHasher::new();
                documented.hash(&mut hasher);
                format!("https://intake.example/v1/{:016x}", hasher.finish())
            }
        }
    }
}

/// The same text for all orders of a URL's parameters.
#[must_use]
pub fn in_order(url: &str) -> String {
    let Some((head, query)) = url.split_once('?') else { return url.to_owned() };
    let mut parameters: Vec<&str> = query.split('&').collect();
    parameters.sort_unstable();
    format!("{head}?{}", parameters.join("&"))
}

/// A drain that nobody wants through a `LogDrain`: the even ones in a documented form, the odd ones in none.
#[must_use]
pub fn foreign(number: u8) -> String {
    if number.is_multiple_of(2) {
        format!("datadog://{MARK}-foreign-{number}?region=eu")
    } else {
        format!("https://intake.example/{MARK}-foreign-{number}")
    }
}

/// The API token of this version.
#[must_use]
pub fn api_token(version: u8) -> String {
    format!("tk-us-{MARK}-{version}")
}
