//! The operations of the API, by name.

use strum::{AsRefStr, Display, IntoStaticStr, VariantNames};

/// What was being done. Its name serves as a metric label.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, AsRefStr, Display, IntoStaticStr, VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum Operation {
    /// Exchange of the API token for a bearer token.
    Exchange,
    /// List of the regions that the token's user may use.
    ListRegions,
    /// List of all apps.
    ListApps,
    /// One app by name or id.
    GetApp,
    /// Drains of an app or an addon.
    ListDrains,
    /// A page of the change feed.
    ListEvents,
    /// Add of a drain.
    AddDrain,
    /// Delete of a drain.
    DeleteDrain,
}

impl Operation {
    /// Whether it goes to the service that exchanges API tokens, which serves all regions.
    #[must_use]
    pub fn is_of_auth(self) -> bool {
        matches!(self, Self::Exchange | Self::ListRegions)
    }

    /// Whether drains may differ afterwards.
    #[must_use]
    pub fn is_write(self) -> bool {
        matches!(self, Self::AddDrain | Self::DeleteDrain)
    }
}

/// What the API says is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Missing {
    /// The app.
    App,
    /// The addon.
    Addon,
    /// The drain.
    Drain,
    /// It does not say, and the request named more than one thing.
    Unknown,
}
