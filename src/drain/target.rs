use std::fmt;

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
