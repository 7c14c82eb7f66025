//! Which apps the operators' API tokens see.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use scalingo_simulator::Simulator;
use tokio::time::Instant;

use crate::operator::GONE_AFTER;
use crate::universe::GOOD_TOKENS;

/// An app that was seen for so long was asked for meanwhile, whatever faults there were.
const NOTICED: Duration = Duration::from_secs(20 * 60);

/// Apps that a token does not see, by id, and those that none saw for long enough to be given up.
#[derive(Default)]
pub struct Sight {
    hidden: BTreeMap<String, Hidden>,
    given_up: BTreeSet<String>,
}

struct Hidden {
    since: Instant,
    /// Versions of the tokens that do not see it.
    from: BTreeSet<u8>,
    seen_again: Instant,
}

impl Sight {
    /// The token of this version does not see an app any more.
    pub fn lose(&mut self, app: &str, version: u8) {
        let now = Instant::now();
        let hidden = self.hidden.entry(app.to_owned()).or_insert_with(|| Hidden {
            since: now,
            from: BTreeSet::new(),
            seen_again: now,
        });
        if hidden.from.is_empty() && now.duration_since(hidden.seen_again) > NOTICED {
            hidden.since = now;
        }
        hidden.from.insert(version);
    }

    /// It sees the app again. Gives whether operators may have given the app's drains up.
    pub fn regain(&mut self, app: &str, version: u8) -> bool {
        let Some(hidden) = self.hidden.get_mut(app) else { return false };
        if !hidden.from.remove(&version) {
            return false;
        }
        hidden.seen_again = Instant::now();
        let is_given_up = hidden.since.elapsed() >= GONE_AFTER;
        if is_given_up {
            self.given_up.insert(app.to_owned());
        }
        is_given_up
    }

    /// Each token that does not see an app, with the app's id.
    pub fn hidden(&self) -> Vec<(String, u8)> {
        let versions = |(app, hidden): (&String, &Hidden)| {
            hidden.from.iter().map(|version| (app.clone(), *version)).collect::<Vec<_>>()
        };
        self.hidden.iter().flat_map(versions).collect()
    }

    /// Whether drains of an app may be left behind: it was hidden for longer than operators wait.
    pub fn is_given_up(&self, app: &str) -> bool {
        self.given_up.contains(app)
    }

    /// Tells the simulator.
    pub fn apply(&self, simulator: &Simulator) {
        let apps: BTreeSet<String> =
            simulator.all_drains().into_iter().map(|(target, _)| target.app).collect();
        for version in 0..GOOD_TOKENS {
            let is_hidden =
                |app: &&String| self.hidden.get(*app).is_some_and(|hidden| hidden.from.contains(&version));
            let seen: Vec<&str> = apps.iter().filter(|app| !is_hidden(app)).map(String::as_str).collect();
            let sees_all = seen.len() == apps.len();
            simulator.show_only(&format!("operator-{version}"), (!sees_all).then_some(seen.as_slice()));
        }
    }
}
