use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// How the API behaves where the documentation leaves it open, or where a test wants it otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each named by what it switches")]
pub struct Settings {
    /// Seconds for which a bearer token is valid.
    pub bearer_seconds: u32,
    /// What adding a drain that is already there does.
    pub duplicates: Duplicates,
    /// Status with which a duplicate is refused: 422 (`{"errors":…}`), or any other (`{"error":…}`).
    pub duplicate_status: u16,
    /// Whether deleting a URL that is listed several times removes all of them; the first one only otherwise.
    pub delete_removes_all: bool,
    /// Whether a DELETE is heeded that names the URL in a JSON body.
    pub delete_by_body: bool,
    /// Whether a DELETE is heeded that names the URL in the query.
    pub delete_by_query: bool,
    /// How a DELETE is answered whose form is not heeded.
    pub unheeded_delete: UnheededDelete,
    /// The request limit; none when absent.
    pub rate_limit: Option<RateLimit>,
    /// Drain types that the API takes and does not document, with whatever fields.
    pub other_types: BTreeSet<String>,
    /// URL form by drain type; `*` stands for all types that are not named.
    pub url_forms: BTreeMap<String, UrlForm>,
    /// Whether URLs show tokens as they were given, and not percent-encoded.
    pub raw_tokens: bool,
    /// How URLs show hosts.
    pub hosts: Hosts,
    /// Whether the answer to an added drain holds `app_id` besides `url`.
    pub created_shows_app_id: bool,
    /// Whether changes show up in the change feed.
    pub events: bool,
    /// Seconds after which a change shows up in the change feed.
    pub event_delay_seconds: u32,
    /// Apps, by id or name, whose changes never show up in the change feed.
    pub events_hidden_for: BTreeSet<String>,
    /// Whether the events of an addon's drains are named `new_addon_log_drain` and `delete_addon_log_drain`.
    pub addon_event_names: bool,
    /// How lists of drains lag behind changes; they do not when absent. A list shows nothing from before this was set.
    pub list_lag: Option<ListLag>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bearer_seconds: 3600,
            duplicates: Duplicates::Refused,
            duplicate_status: 422,
            delete_removes_all: false,
            delete_by_body: true,
            delete_by_query: true,
            unheeded_delete: UnheededDelete::Refused400,
            rate_limit: None,
            other_types: ["logtail", "opensearch"].map(str::to_owned).into(),
            url_forms: BTreeMap::new(),
            raw_tokens: false,
            hosts: Hosts::Canonical,
            created_shows_app_id: false,
            events: true,
            event_delay_seconds: 0,
            events_hidden_for: BTreeSet::new(),
            addon_event_names: false,
            list_lag: None,
        }
    }
}

impl Settings {
    pub(crate) fn url_form(&self, drain_type: &str) -> &UrlForm {
        self.url_forms.get(drain_type).or_else(|| self.url_forms.get("*")).unwrap_or(&UrlForm::Documented)
    }
}

/// What adding a drain that is already there does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// It is refused with an error.
    Refused,
    /// It is added: the list shows the URL twice.
    Accepted,
    /// It is answered as if added, and the list shows the URL once.
    Merged,
}

/// How a DELETE is answered whose form (body or query) is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnheededDelete {
    /// 204, and nothing is deleted.
    Ignored,
    /// 400 with `{"error":…}`.
    Refused400,
    /// 422 with `{"errors":{"url":[…]}}`.
    Refused422,
}

/// How lists of drains lag behind changes. What adds and deletes drains does not lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListLag {
    /// For how many seconds a list may not show a change.
    pub seconds: u32,
    /// Which lists do not show it.
    pub kind: Lag,
}

/// Which lists do not show a change that was made within the lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lag {
    /// All: a list shows the drains of so many seconds ago.
    Steady,
    /// Some: each list shows the drains of another time within the lag, as where several replicas answer.
    Varying,
    /// The first one only.
    Once,
}

/// The two ways in which a DELETE can name the drain's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteForm {
    /// `{"url": …}` as a JSON body.
    Body,
    /// `?url=…`.
    Query,
}

/// How many requests an API token has, its exchanges and those of all its bearer tokens together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Requests in a window of 60 seconds.
    pub per_minute: u32,
    /// How the window lies in time.
    #[serde(default)]
    pub window: Window,
    /// Whether the refusal says in `Retry-After` how many seconds to wait.
    #[serde(default)]
    pub retry_after: bool,
}

impl RateLimit {
    /// At most `per_minute` requests in any 60 seconds; the refusal says when to come back.
    #[must_use]
    pub fn sliding(per_minute: u32) -> Self {
        Self { per_minute, window: Window::Sliding, retry_after: true }
    }

    /// At most `per_minute` requests in each minute of the clock, as `Rack::Attack` counts; no `Retry-After`.
    #[must_use]
    pub fn fixed(per_minute: u32) -> Self {
        Self { per_minute, window: Window::Fixed, retry_after: false }
    }
}

/// How a request window lies in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// The last 60 seconds, at any moment.
    #[default]
    Sliding,
    /// The minutes of the clock.
    Fixed,
}

/// How the API writes hosts into URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hosts {
    /// In one spelling: drains whose hosts are spelled differently are duplicates.
    Canonical,
    /// In the spelling that was given: such drains are two.
    AsGiven,
}

/// How the API writes the URL of a drain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UrlForm {
    /// As documented. Two types have no documented form, these are **invented**: `appsignal://TOKEN`, with a host
    /// `appsignal://:TOKEN@HOST:PORT`; and `betterstack://:TOKEN@HOST:6514`. So is that of any other type: its URL as it was given, else as
    /// for `appsignal`, under its own name.
    Documented,
    /// `https://intake.example/…`, from which no value of the destination can be read; the same for the same destination.
    Opaque,
    /// As [`UrlForm::Opaque`], and another one each time.
    Unique,
    /// As documented, with this port where there is none.
    DefaultPort(u16),
    /// As documented, with one more parameter; the order of parameters differs from list to list.
    Reordered,
    /// A text with `{token}`, `{host}`, `{port}`, `{drain_region}` and `{url}`, which stand for the percent-encoded values.
    Template(String),
}
