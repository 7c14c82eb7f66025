//! The regions that Scalingo has.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::scalingo::{ApiToken, Client, TokenKey};

/// How long a list of the regions is good for.
const HOLDS: Duration = Duration::from_secs(60 * 60);
/// How soon it is asked for again where Scalingo did not give it.
const TRIES_AGAIN: Duration = Duration::from_secs(5 * 60);

/// Names of the regions, one list for each API token. It is asked for only where the API of a region is not reached.
#[derive(Default)]
pub struct Regions(Mutex<HashMap<TokenKey, Shared>>);

/// Locked while it is fetched.
type Shared = Arc<tokio::sync::Mutex<Option<List>>>;

struct List {
    asked: Instant,
    /// None where Scalingo did not give it.
    names: Option<Vec<String>>,
}

impl Regions {
    /// The regions that the token may use, if this one is not among them. None also where that cannot be told.
    pub async fn instead_of(&self, client: &Client, token: &ApiToken, region: &str) -> Option<Vec<String>> {
        if !client.tells_regions_apart() {
            return None;
        }
        let list = {
            let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            lists.entry(token.key()).or_default().clone()
        };
        let mut list = list.lock().await;
        if !list.as_ref().is_some_and(List::holds) {
            let asked = Instant::now();
            let names = client.regions(token).await;
            if let Err(error) = &names {
                tracing::debug!(%error, "the regions are not known");
            }
            *list = Some(List { asked, names: names.ok().filter(|names| !names.is_empty()) });
        }
        let names = list.as_ref()?.names.clone()?;
        (!names.iter().any(|name| name == region)).then_some(names)
    }

    /// Forgets the lists of tokens that this is false for.
    pub fn keep_only(&self, is_kept: impl Fn(TokenKey) -> bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|token, _| is_kept(*token));
    }
}

impl List {
    fn holds(&self) -> bool {
        self.asked.elapsed() < if self.names.is_some() { HOLDS } else { TRIES_AGAIN }
    }
}

#[cfg(test)]
mod tests;
