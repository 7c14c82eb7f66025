//! The operations of the API, by name.

use std::fmt;

use crate::named::named;

named! {
    /// What was being done. Its name serves as a metric label.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Operation {
        /// Exchange of the API token for a bearer token.
        Exchange = "exchange",
        /// List of the regions that the token's user may use.
        ListRegions = "list_regions",
        /// List of all apps.
        ListApps = "list_apps",
        /// One app by name or id.
        GetApp = "get_app",
        /// Drains of an app or an addon.
        ListDrains = "list_drains",
        /// A page of the change feed.
        ListEvents = "list_events",
        /// Add of a drain.
        AddDrain = "add_drain",
        /// Delete of a drain.
        DeleteDrain = "delete_drain",
    }
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

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
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
