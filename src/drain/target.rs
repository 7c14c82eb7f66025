//! What a drain is attached to.

use std::fmt;

use crate::crd::DrainRecord;

/// The app or the addon that a drain is attached to.
///
/// The app is named by its id: a name and an id of one app are one target.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// Scalingo region, such as `osc-fr1`.
    pub region: String,
    /// Id of the app.
    pub app_id: String,
    /// Id of the addon, when its logs are meant and not the app's.
    pub addon: Option<String>,
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.region, self.app_id)?;
        match &self.addon {
            Some(addon) => write!(formatter, "/{addon}"),
            None => Ok(()),
        }
    }
}

impl DrainRecord {
    /// What the recorded drain is attached to.
    #[must_use]
    pub fn target(&self) -> Target {
        Target { region: self.region.clone(), app_id: self.app_id.clone(), addon: self.addon.clone() }
    }

    /// Whether that is this target.
    #[must_use]
    pub fn is_on(&self, target: &Target) -> bool {
        self.app_id == target.app_id && self.addon == target.addon && self.region == target.region
    }

    /// Whether both records are about one drain, whatever has been written about it since.
    #[must_use]
    pub fn is_of_same_drain(&self, other: &Self) -> bool {
        self.destination_digest == other.destination_digest && self.url_digest == other.url_digest
    }

    /// What the recorded drain is attached to, for people.
    #[must_use]
    pub fn shown_target(&self) -> String {
        match &self.addon {
            Some(addon) => format!("the addon {addon} of the app {}", self.app),
            None => format!("the app {}", self.app),
        }
    }

    /// Its URL for people, or what else is known of it.
    #[must_use]
    pub fn shown(&self) -> String {
        self.url.clone().unwrap_or_else(|| format!("of type {}", self.drain_type))
    }
}
