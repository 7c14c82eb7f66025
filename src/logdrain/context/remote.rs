//! Scalingo: the client, and all that this process knows from its answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    logdrain::vanished::Vanished,
    scalingo,
    state::{
        apps::Apps, delete_forms::DeleteForms, doubts::Doubts, feeds::Feeds, listings::Lists,
        regions::Regions, target_locks::TargetLocks,
    },
};

/// Scalingo, as this process knows it.
pub struct Remote {
    /// The Scalingo API.
    pub client: scalingo::Client,
    /// Names and ids of apps.
    pub apps: Apps,
    /// Names of regions.
    pub regions: Regions,
    /// The latest lists of Scalingo.
    pub lists: Arc<Lists>,
    /// What those lists do not tell for sure.
    pub doubts: Doubts,
    /// The ways to delete.
    pub delete_forms: DeleteForms,
    /// Targets whose drains are to go and that are not found.
    pub vanished: Vanished,
    /// One at a time on a target.
    pub locks: TargetLocks,
    feeds: Mutex<Feeds>,
}

impl Remote {
    pub(super) fn new(client: scalingo::Client, feeds: Feeds) -> Self {
        Self {
            client,
            apps: Apps::default(),
            regions: Regions::default(),
            lists: Arc::default(),
            doubts: Doubts::default(),
            delete_forms: DeleteForms::default(),
            vanished: Vanished::default(),
            locks: TargetLocks::default(),
            feeds: Mutex::new(feeds),
        }
    }

    /// The change feeds.
    pub fn feeds(&self) -> MutexGuard<'_, Feeds> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
