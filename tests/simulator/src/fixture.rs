use serde::Deserialize;

use crate::Simulator;
use crate::settings::Settings;
use crate::simulator::is_database;

/// What a simulator begins with, as read from YAML.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fixture {
    /// From which ids and JWTs follow.
    pub seed: u64,
    /// The API tokens that are accepted.
    pub tokens: Vec<TokenFixture>,
    /// The apps.
    pub apps: Vec<AppFixture>,
    /// The settings; what is not named is as by default.
    pub settings: Settings,
}

/// An API token of a [`Fixture`].
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenFixture {
    /// Its name in the journal.
    pub label: String,
    /// The token.
    pub token: String,
}

impl std::fmt::Debug for TokenFixture {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TokenFixture").field("label", &self.label).finish_non_exhaustive()
    }
}

/// An app of a [`Fixture`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppFixture {
    /// Its name.
    pub name: String,
    /// Its id; one that follows from the seed when absent.
    #[serde(default)]
    pub id: Option<String>,
    /// Its addons.
    #[serde(default)]
    pub addons: Vec<AddonFixture>,
    /// The URLs of drains that are there from the beginning.
    #[serde(default)]
    pub drains: Vec<String>,
}

/// An addon of an app of a [`Fixture`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddonFixture {
    /// Its provider, such as `postgresql`.
    pub provider: String,
    /// Its id; one that follows from the seed when absent.
    #[serde(default)]
    pub id: Option<String>,
    /// Whether it has log drains; as databases do when absent.
    #[serde(default)]
    pub supports_drains: Option<bool>,
    /// The URLs of drains that are there from the beginning.
    #[serde(default)]
    pub drains: Vec<String>,
}

/// A fixture that cannot be read or does not make sense. Its text is one line, and quotes no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FixtureError(String);

impl Fixture {
    /// Reads YAML.
    ///
    /// # Errors
    /// When it is not YAML of this form, or names an app or a token twice.
    pub fn from_yaml(text: &str) -> Result<Self, FixtureError> {
        let fixture: Self = serde_saphyr::from_str(text).map_err(|error| {
            let text = error.to_string();
            FixtureError(text.lines().next().unwrap_or("not YAML").trim().to_owned())
        })?;
        let mut names: Vec<&str> = fixture.apps.iter().map(|app| app.name.as_str()).collect();
        let mut labels: Vec<&str> = fixture.tokens.iter().map(|token| token.label.as_str()).collect();
        for (kind, names) in [("app", &mut names), ("token label", &mut labels)] {
            names.sort_unstable();
            let mut neighbours = names.iter().zip(names.iter().skip(1));
            if let Some((name, _)) = neighbours.find(|(one, next)| one == next) {
                return Err(FixtureError(format!("{kind} {name} is there twice")));
            }
            if names.iter().any(|name| name.is_empty()) {
                return Err(FixtureError(format!("{kind} is empty")));
            }
        }
        Ok(fixture)
    }

    /// A simulator that begins with this, at today's time.
    #[must_use]
    pub fn simulator(&self) -> Simulator {
        let simulator = Simulator::seeded(self.seed, jiff::Timestamp::now());
        simulator.set(|settings| *settings = self.settings.clone());
        for TokenFixture { label, token } in &self.tokens {
            simulator.add_token(label, token);
        }
        for app in &self.apps {
            let app_id = match &app.id {
                Some(id) => {
                    simulator.add_app_with_id(&app.name, id);
                    id.clone()
                }
                None => simulator.add_app(&app.name),
            };
            // The app was just made, so that none of these can fail.
            for url in &app.drains {
                let _ = simulator.add_drain_behind(&app_id, url);
            }
            for addon in &app.addons {
                let supports_drains = addon.supports_drains.unwrap_or_else(|| is_database(&addon.provider));
                let id = addon.id.clone().unwrap_or_else(|| format!("ad-{}", simulator.state().uuid()));
                let _ = simulator.add_addon_with_id(&app_id, &addon.provider, supports_drains, &id);
                for url in &addon.drains {
                    let _ = simulator.add_drain_behind((&app_id, &id), url);
                }
            }
        }
        simulator
    }
}
