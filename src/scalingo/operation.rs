use std::fmt;

/// What was being done. Its name serves as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Exchange of the API token for a bearer token.
    Exchange,
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
    /// Every operation.
    pub const ALL: [Self; 7] = [
        Self::Exchange,
        Self::ListApps,
        Self::GetApp,
        Self::ListDrains,
        Self::ListEvents,
        Self::AddDrain,
        Self::DeleteDrain,
    ];

    /// The name, in snake case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::ListApps => "list_apps",
            Self::GetApp => "get_app",
            Self::ListDrains => "list_drains",
            Self::ListEvents => "list_events",
            Self::AddDrain => "add_drain",
            Self::DeleteDrain => "delete_drain",
        }
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
