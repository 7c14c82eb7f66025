use std::collections::{HashMap, VecDeque};
use std::fmt;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::journal::{Change, ChangeKind, Entry};
use crate::lag::Past;
use crate::rule::ActiveRule;
use crate::settings::{RateLimit, Settings, Window};
use crate::url_form;

/// An app, or one of its addons. The app is given by name or id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// Name or id of the app.
    pub app: String,
    /// Id of the addon, when its drains are meant.
    pub addon: Option<String>,
}

impl From<&str> for Target {
    fn from(app: &str) -> Self {
        Self { app: app.to_owned(), addon: None }
    }
}

impl From<&String> for Target {
    fn from(app: &String) -> Self {
        app.as_str().into()
    }
}

impl<A: AsRef<str>, B: AsRef<str>> From<(A, B)> for Target {
    fn from((app, addon): (A, B)) -> Self {
        Self { app: app.as_ref().to_owned(), addon: Some(addon.as_ref().to_owned()) }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.app)?;
        self.addon.as_ref().map_or(Ok(()), |addon| write!(formatter, "/{addon}"))
    }
}

pub(crate) struct ApiToken {
    pub(crate) label: String,
    pub(crate) secret: String,
    pub(crate) revoked: bool,
    /// A collaborator with the limited role, who may not manage drains.
    pub(crate) limited: bool,
    /// Ids of the apps that it sees; all when absent.
    pub(crate) apps: Option<Vec<String>>,
}

pub(crate) struct Bearer {
    pub(crate) label: String,
    pub(crate) expires: Timestamp,
}

pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) drains: Vec<Drain>,
    pub(crate) addons: Vec<Addon>,
}

pub(crate) struct Addon {
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) supports_drains: bool,
    pub(crate) drains: Vec<Drain>,
}

#[derive(Clone)]
pub(crate) struct Drain {
    pub(crate) url: String,
    /// The URL in its documented form, its host in one spelling.
    pub(crate) documented: String,
    /// The same as duplicates are known by: with its host in the spelling that counts.
    pub(crate) identity: String,
    /// Lists show its parameters in changing order.
    pub(crate) reordered: bool,
}

impl Drain {
    pub(crate) fn foreign(url: &str) -> Self {
        let (url, documented, identity) = (url.to_owned(), url.to_owned(), url.to_owned());
        Self { url, documented, identity, reordered: false }
    }

    pub(crate) fn is_named(&self, url: &str) -> bool {
        self.url == url || self.reordered && url_form::in_order(&self.url) == url_form::in_order(url)
    }
}

pub(crate) struct Event {
    pub(crate) at: Timestamp,
    pub(crate) app_id: String,
    pub(crate) app_name: String,
    pub(crate) json: Value,
}

/// Everything that the simulator knows. Time is passed in.
pub(crate) struct State {
    pub(crate) random: fastrand::Rng,
    pub(crate) settings: Settings,
    pub(crate) tokens: Vec<ApiToken>,
    pub(crate) bearers: HashMap<String, Bearer>,
    pub(crate) apps: Vec<App>,
    pub(crate) events: Vec<Event>,
    pub(crate) rules: Vec<ActiveRule>,
    pub(crate) gates: HashMap<String, Gate>,
    pub(crate) journal: Vec<Entry>,
    pub(crate) changes: Vec<Change>,
    pub(crate) complaints: Vec<String>,
    pub(crate) keep_bodies: bool,
    pub(crate) lists: usize,
    pub(crate) past: Past,
    pub(crate) sequence: u64,
    windows: HashMap<String, VecDeque<Timestamp>>,
}

impl State {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            settings: Settings::default(),
            tokens: Vec::new(),
            bearers: HashMap::new(),
            apps: Vec::new(),
            events: Vec::new(),
            rules: Vec::new(),
            gates: HashMap::new(),
            journal: Vec::new(),
            changes: Vec::new(),
            complaints: Vec::new(),
            keep_bodies: false,
            lists: 0,
            past: Past::default(),
            sequence: 0,
            windows: HashMap::new(),
        }
    }

    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub(crate) fn object_id(&mut self) -> String {
        format!("{:024x}", self.random.u128(..) >> 32)
    }

    pub(crate) fn uuid(&mut self) -> String {
        let text = format!("{:032x}", self.random.u128(..));
        format!("{}-{}-4{}-a{}-{}", &text[..8], &text[8..12], &text[13..16], &text[17..20], &text[20..])
    }

    pub(crate) fn token(&self, label: &str) -> Option<&ApiToken> {
        self.tokens.iter().find(|token| token.label == label)
    }

    pub(crate) fn app(&self, key: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.id == key).or_else(|| self.apps.iter().find(|app| app.name == key))
    }

    pub(crate) fn app_mut(&mut self, key: &str) -> Option<&mut App> {
        let id = self.app(key)?.id.clone();
        self.apps.iter_mut().find(|app| app.id == id)
    }

    pub(crate) fn drains(&self, target: &Target) -> Option<&Vec<Drain>> {
        let app = self.app(&target.app)?;
        match &target.addon {
            None => Some(&app.drains),
            Some(id) => app.addons.iter().find(|addon| addon.id == *id).map(|addon| &addon.drains),
        }
    }

    fn drains_mut(&mut self, target: &Target) -> Option<&mut Vec<Drain>> {
        let app = self.app_mut(&target.app)?;
        match &target.addon {
            None => Some(&mut app.drains),
            Some(id) => app.addons.iter_mut().find(|addon| addon.id == *id).map(|addon| &mut addon.drains),
        }
    }

    /// The drains that a list shows now, of a target that exists and is named by its id.
    pub(crate) fn listed(&mut self, target: &Target, now: Timestamp) -> Vec<Drain> {
        let former = match self.settings.list_lag {
            Some(lag) => self.past.shown(target, lag, &mut self.random, now),
            None => None,
        };
        former.or_else(|| self.drains(target).cloned()).unwrap_or_default()
    }

    /// The drains of a target are about to change.
    fn remember(&mut self, target: &Target, now: Timestamp) {
        if self.settings.list_lag.is_some()
            && let Some(app) = self.app(&target.app)
            && let Some(drains) = self.drains(target)
        {
            let target = Target { app: app.id.clone(), addon: target.addon.clone() };
            self.past.remember(target, drains.clone(), now);
        }
    }

    /// Adds a drain to a target that exists; says whether it did.
    pub(crate) fn add_drain(
        &mut self,
        target: &Target,
        drain: Drain,
        by: Option<&str>,
        now: Timestamp,
    ) -> bool {
        let url = drain.url.clone();
        self.remember(target, now);
        let Some(drains) = self.drains_mut(target) else { return false };
        drains.push(drain);
        self.record(ChangeKind::Added, target, url, by, now);
        true
    }

    /// Removes the first drain of this URL, or all; gives how many it removed, none for an unknown target.
    pub(crate) fn remove_drain(
        &mut self,
        target: &Target,
        url: &str,
        all: bool,
        by: Option<&str>,
        now: Timestamp,
    ) -> Option<usize> {
        let mut removed = Vec::new();
        self.remember(target, now);
        self.drains_mut(target)?.retain(|drain| {
            let gone = (all || removed.is_empty()) && drain.is_named(url);
            if gone {
                removed.push(drain.url.clone());
            }
            !gone
        });
        let count = removed.len();
        for url in removed {
            self.record(ChangeKind::Removed, target, url, by, now);
        }
        Some(count)
    }

    /// Writes the log of changes and the event. The target exists, or has just been taken away.
    pub(crate) fn record(
        &mut self,
        kind: ChangeKind,
        target: &Target,
        url: String,
        by: Option<&str>,
        now: Timestamp,
    ) {
        let Some((app_id, app_name)) = self.app(&target.app).map(|app| (app.id.clone(), app.name.clone()))
        else {
            return;
        };
        let verb = if kind == ChangeKind::Added { "new" } else { "delete" };
        let addon_name = target.addon.is_some() && self.settings.addon_event_names;
        let name = if addon_name { format!("{verb}_addon_log_drain") } else { format!("{verb}_log_drain") };
        let mut data = json!({ "url": url });
        if let Some(addon) = &target.addon {
            data["addon_uuid"] = json!(addon);
        }
        let sequence = self.next_sequence();
        let target = Target { app: app_id.clone(), addon: target.addon.clone() };
        self.changes.push(Change { sequence, at: now, kind, target, url, by: by.map(str::to_owned) });
        self.add_event(&name, &app_id, &app_name, &data, now);
    }

    pub(crate) fn add_event(
        &mut self,
        name: &str,
        app_id: &str,
        app_name: &str,
        data: &Value,
        now: Timestamp,
    ) {
        if !self.settings.events {
            return;
        }
        let json = json!({
            "id": self.object_id(), "created_at": now.to_string(), "type": name, "app_id": app_id, "app_name": app_name,
            "user": { "id": "us-simulated", "username": "simulated", "email": "simulated@example.com" }, "type_data": data,
        });
        self.events.push(Event { at: now, app_id: app_id.to_owned(), app_name: app_name.to_owned(), json });
    }

    pub(crate) fn complain(&mut self, method: &str, path: &str, text: &str) {
        self.complaints.push(format!("{method} {path}: {text}"));
    }

    /// Counts a request; when the limit is reached, gives the seconds to wait.
    pub(crate) fn over_limit(&mut self, key: &str, now: Timestamp) -> Option<(RateLimit, i64)> {
        let limit = self.settings.rate_limit?;
        let window = self.windows.entry(key.to_owned()).or_default();
        let minute = now.as_second().div_euclid(60);
        let nanoseconds_ago = |at: &Timestamp| now.as_nanosecond() - at.as_nanosecond();
        while window.front().is_some_and(|at| match limit.window {
            Window::Sliding => nanoseconds_ago(at) >= 60_000_000_000,
            Window::Fixed => at.as_second().div_euclid(60) < minute,
        }) {
            window.pop_front();
        }
        if window.len() < limit.per_minute as usize {
            window.push_back(now);
            return None;
        }
        let wait = match (limit.window, window.front()) {
            (Window::Sliding, Some(first)) => {
                let left = 60_000_000_000 - nanoseconds_ago(first);
                i64::try_from((left + 999_999_999) / 1_000_000_000).unwrap_or(60)
            }
            _ => 60 - now.as_second().rem_euclid(60),
        };
        Some((limit, wait))
    }
}

/// A drain's URL without what may be secret: user information, paths, parameters other than `region`.
#[must_use]
pub fn redact(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "***".to_owned() };
    // A token that is shown as it was given may hold what would else end it.
    let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
    let rest = rest.split('#').next().unwrap_or_default();
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
    let authority = match user {
        // As the operator shows it: a token stands where a password would, after nobody's name.
        Some(user) => format!("{}***@{authority}", if user.starts_with(':') { ":" } else { "" }),
        None if matches!(scheme, "tcp+tls" | "http" | "https" | "tcp" | "tls" | "udp" | "syslog") => {
            authority.to_owned()
        }
        None => "***".to_owned(),
    };
    let path = if path.is_empty() { "" } else { "/***" };
    let query = query.map_or(String::new(), |query| {
        let parameters = query.split('&').map(|parameter| match parameter.split_once('=') {
            Some(("region", _)) => parameter.to_owned(),
            Some((name, _)) => format!("{name}=***"),
            None => "***".to_owned(),
        });
        format!("?{}", parameters.collect::<Vec<_>>().join("&"))
    });
    format!("{scheme}://{authority}{path}{query}")
}
