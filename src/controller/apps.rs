use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::scalingo::{ApiToken, App, Client, Error, ErrorKind, Missing, TokenKey};

/// Names and ids of apps, one list for each API token and region.
///
/// A cache: it saves requests and decides nothing that a record does not decide.
pub struct Apps {
    lists: Mutex<HashMap<(TokenKey, String), Shared>>,
    keep: Duration,
}

/// Locked while it is fetched.
type Shared = Arc<tokio::sync::Mutex<Option<List>>>;

struct List {
    fetched: Instant,
    /// A failure serves those who waited for it, and nobody after them.
    apps: Result<Vec<App>, Error>,
}

/// What a name or an id stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// This app.
    App(App),
    /// Nothing, but an app that went by it is now called otherwise.
    Renamed(App),
    /// Nothing.
    Nothing,
}

impl Apps {
    /// Lists are kept for this long.
    #[must_use]
    pub fn new(keep: Duration) -> Self {
        Self { lists: Mutex::default(), keep }
    }

    /// What `name_or_id` stands for. `recorded` is the id that it stood for earlier.
    ///
    /// # Errors
    /// Those of the API, except that an app is not there.
    pub async fn resolve(
        &self,
        client: &Client,
        token: &ApiToken,
        region: &str,
        name_or_id: &str,
        recorded: Option<&str>,
    ) -> Result<Resolved, Error> {
        let list = self.list(token, region);
        let apps = self.fetched(&list, client, token, region).await?;
        if let Some(app) = named(&apps, name_or_id) {
            return Ok(Resolved::App(app));
        }
        // Made since the list was, or not in the list of a collaborator.
        if let Some(app) = get(client, token, region, name_or_id).await? {
            if let Some(List { apps: Ok(apps), .. }) = list.lock().await.as_mut() {
                apps.push(app.clone());
            }
            return Ok(Resolved::App(app));
        }
        let Some(id) = recorded else { return Ok(Resolved::Nothing) };
        Ok(get(client, token, region, id).await?.map_or(Resolved::Nothing, Resolved::Renamed))
    }

    /// The list, fetched by one for all who wait for it.
    async fn fetched(
        &self,
        list: &Shared,
        client: &Client,
        token: &ApiToken,
        region: &str,
    ) -> Result<Vec<App>, Error> {
        let asked = Instant::now();
        let mut list = list.lock().await;
        match list.as_ref() {
            Some(List { fetched, apps }) if *fetched >= asked => return apps.clone(),
            Some(List { fetched, apps: Ok(apps) }) if asked.duration_since(*fetched) < self.keep => {
                return Ok(apps.clone());
            }
            _ => {}
        }
        let apps = client.apps(token, region).await;
        *list = Some(List { fetched: Instant::now(), apps: apps.clone() });
        apps
    }

    /// Forgets a list that has proved wrong.
    pub fn forget(&self, token: &ApiToken, region: &str) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.remove(&(token.key(), region.to_owned()));
    }

    fn list(&self, token: &ApiToken, region: &str) -> Shared {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.entry((token.key(), region.to_owned())).or_default().clone()
    }
}

/// A name comes before an id: only names are chosen by people.
fn named(apps: &[App], name_or_id: &str) -> Option<App> {
    let by_name = apps.iter().find(|app| app.name == name_or_id);
    by_name.or_else(|| apps.iter().find(|app| app.id == name_or_id)).cloned()
}

async fn get(client: &Client, token: &ApiToken, region: &str, app: &str) -> Result<Option<App>, Error> {
    match client.app(token, region, app).await {
        Ok(app) => Ok(Some(app)),
        Err(error) if error.kind() == ErrorKind::NotFound(Missing::App) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
