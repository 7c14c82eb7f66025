//! Bodies of requests and answers.

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::drain::{Destination, DrainUrl};

/// As in the `LogDrain` resource.
const LONGEST_REGION: usize = 32;
/// Far more than there are.
const MOST_REGIONS: usize = 50;

/// An app, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct App {
    /// Never changes.
    pub id: String,
    /// May be changed by its owner, and may come to mean another app.
    pub name: String,
}

#[derive(Deserialize)]
pub(super) struct RegionsAnswer {
    regions: Vec<RegionAnswer>,
}

#[derive(Deserialize)]
struct RegionAnswer {
    name: String,
}

impl RegionsAnswer {
    /// Those that can stand in `spec.region`, and so in a message.
    pub(super) fn names(self) -> Vec<String> {
        let is_name = |name: &str| {
            let permitted = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=LONGEST_REGION).contains(&name.len()) && name.bytes().all(permitted)
        };
        self.regions
            .into_iter()
            .map(|region| region.name)
            .filter(|name| is_name(name))
            .take(MOST_REGIONS)
            .collect()
    }
}

#[derive(Deserialize)]
pub(super) struct AppsAnswer {
    pub(super) apps: Vec<App>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
pub(super) struct Meta {
    pagination: Option<Pagination>,
}

#[derive(Deserialize)]
struct Pagination {
    next_page: Option<u64>,
}

impl AppsAnswer {
    /// The page to ask for next, if it lies ahead of this one.
    pub(super) fn next_page(&self, current: u64) -> Option<u64> {
        self.meta.as_ref()?.next_page(current)
    }
}

impl Meta {
    /// The page to ask for next, if it lies ahead of this one.
    pub(super) fn next_page(&self, current: u64) -> Option<u64> {
        let next = self.pagination.as_ref()?.next_page?;
        (next > current).then_some(next)
    }
}

#[derive(Deserialize)]
pub(super) struct AppAnswer {
    pub(super) app: App,
}

#[derive(Deserialize)]
pub(super) struct DrainsAnswer {
    pub(super) drains: Vec<DrainAnswer>,
}

#[derive(Deserialize)]
pub(super) struct AddedAnswer {
    pub(super) drain: DrainAnswer,
}

#[derive(Deserialize)]
pub(super) struct DrainAnswer {
    pub(super) url: AnsweredUrl,
}

/// Never empty: nothing could be named by that.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct AnsweredUrl(String);

impl TryFrom<String> for AnsweredUrl {
    type Error = &'static str;

    fn try_from(url: String) -> Result<Self, Self::Error> {
        if url.is_empty() { Err("the URL of a drain is empty") } else { Ok(Self(url)) }
    }
}

impl From<AnsweredUrl> for DrainUrl {
    fn from(url: AnsweredUrl) -> Self {
        Self::new(url.0)
    }
}

#[derive(Deserialize)]
pub(super) struct ExchangeAnswer {
    pub(super) token: String,
}

/// Body of an add. The API wants strings, and only what is set is sent.
#[derive(Serialize)]
pub(super) struct AddBody<'a> {
    drain: AddedDrain<'a>,
}

#[derive(Serialize)]
struct AddedDrain<'a> {
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drain_region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

impl<'a> From<&'a Destination> for AddBody<'a> {
    fn from(destination: &'a Destination) -> Self {
        Self {
            drain: AddedDrain {
                r#type: destination.type_name(),
                token: destination.token.as_ref().map(ExposeSecret::expose_secret),
                host: destination.host.as_deref(),
                port: destination.port.map(|port| port.to_string()),
                drain_region: destination.drain_region.as_deref(),
                url: destination.url.as_ref().map(DrainUrl::expose),
            },
        }
    }
}

/// Body of a delete: the URL is the drain's only name.
#[derive(Serialize)]
pub(super) struct DeleteBody<'a> {
    pub(super) url: &'a str,
}
