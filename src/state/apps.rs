//! Names and ids of apps, as Scalingo lists them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::scalingo::{ApiToken, App, Client, Error, ErrorKind, Missing, TokenKey};

/// Names and ids of apps, one list for each API token and region.
///
/// A cache: it saves requests and decides nothing that a record does not decide.
#[derive(Default)]
pub struct Apps {
    lists: Mutex<HashMap<(TokenKey, String), Shared>>,
    news: Notify,
}

/// Which list is new enough.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// One that was asked for since then.
    pub since: Instant,
    /// One that is younger than this.
    pub keep: Duration,
}

/// Locked while it is fetched.
type Shared = Arc<tokio::sync::Mutex<Option<List>>>;

struct List {
    sent: Instant,
    /// A failure serves those who waited for it, and nobody after them.
    apps: Result<Arc<Vec<App>>, Error>,
    /// What was asked for since by itself, and when.
    asked: HashMap<String, (Instant, Option<App>)>,
    /// Whether nobody has compared it yet with what is known of other resources.
    is_news: bool,
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
    /// What `name_or_id` stands for. `recorded` is the id that it stood for earlier.
    ///
    /// # Errors
    /// Those of the API, except that an app is not there.
    pub async fn resolve(
        &self,
        client: &Client,
        token: &ApiToken,
        region: &str,
        (name_or_id, recorded): (&str, Option<&str>),
        fresh: Fresh,
    ) -> Result<Resolved, Error> {
        let list = self.list(token.key(), region);
        let apps = self.fetched(&list, client, token, region, fresh).await?;
        if let Some(app) = named(&apps, name_or_id) {
            return Ok(Resolved::App(app));
        }
        // Made since the list was, or not in the list of a collaborator.
        if let Some(app) = get(&list, client, token, (region, name_or_id), fresh).await? {
            if let Some(List { apps: Ok(apps), .. }) = list.lock().await.as_mut() {
                Arc::make_mut(apps).push(app.clone());
            }
            return Ok(Resolved::App(app));
        }
        let Some(id) = recorded else { return Ok(Resolved::Nothing) };
        let app = get(&list, client, token, (region, id), fresh).await?;
        Ok(app.map_or(Resolved::Nothing, Resolved::Renamed))
    }

    /// Waits until there is a list that is new enough.
    pub async fn until_known(&self, token: &ApiToken, region: &str, fresh: Fresh) {
        loop {
            let news = self.news.notified();
            let list = self.list(token.key(), region);
            if list.lock().await.as_ref().is_some_and(|list| list.answers(fresh)) {
                return;
            }
            news.await;
        }
    }

    /// The list, fetched by one for all who wait for it.
    async fn fetched(
        &self,
        list: &Shared,
        client: &Client,
        token: &ApiToken,
        region: &str,
        fresh: Fresh,
    ) -> Result<Arc<Vec<App>>, Error> {
        let mut list = if let Ok(list) = list.try_lock() {
            list
        } else {
            // Whoever fetches it may need several requests: none is kept meanwhile.
            client.give_back();
            list.lock().await
        };
        if let Some(known) = list.as_ref().filter(|known| known.answers(fresh)) {
            return known.apps.clone();
        }
        let sent = Instant::now();
        let apps = client.apps(token, region).await.map(Arc::new);
        *list = Some(List { sent, apps: apps.clone(), asked: HashMap::new(), is_news: true });
        drop(list);
        self.news.notify_waiters();
        apps
    }

    /// The list, once after it was fetched.
    pub async fn news(&self, token: &ApiToken, region: &str) -> Option<Arc<Vec<App>>> {
        let list = self.list(token.key(), region);
        let mut list = list.lock().await;
        let list = list.as_mut().filter(|list| list.is_news)?;
        list.is_news = false;
        list.apps.clone().ok()
    }

    /// Forgets a list that has proved wrong.
    pub fn forget(&self, token: &ApiToken, region: &str) {
        self.forget_list(token.key(), region);
    }

    /// Forgets the list of a token and a region.
    pub fn forget_list(&self, token: TokenKey, region: &str) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.remove(&(token, region.to_owned()));
    }

    /// Forgets the lists of tokens and regions that this is false for.
    pub fn keep_only(&self, is_kept: impl Fn(TokenKey, &str) -> bool) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.retain(|(token, region), _| is_kept(*token, region));
    }

    fn list(&self, token: TokenKey, region: &str) -> Shared {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.entry((token, region.to_owned())).or_default().clone()
    }
}

impl List {
    fn answers(&self, fresh: Fresh) -> bool {
        let is_young = || fresh.since.saturating_duration_since(self.sent) < fresh.keep;
        self.sent >= fresh.since || self.apps.is_ok() && is_young()
    }
}

/// A name comes before an id: only names are chosen by people.
#[must_use]
pub fn named(apps: &[App], name_or_id: &str) -> Option<App> {
    let by_name = apps.iter().find(|app| app.name == name_or_id);
    by_name.or_else(|| apps.iter().find(|app| app.id == name_or_id)).cloned()
}

/// A reconciliation that was parked finds the answer here, and does not ask again.
async fn get(
    list: &Shared,
    client: &Client,
    token: &ApiToken,
    (region, name_or_id): (&str, &str),
    fresh: Fresh,
) -> Result<Option<App>, Error> {
    if let Some((sent, app)) = list.lock().await.as_ref().and_then(|list| list.asked.get(name_or_id))
        && *sent >= fresh.since
    {
        return Ok(app.clone());
    }
    let sent = Instant::now();
    let app = match client.app(token, region, name_or_id).await {
        Ok(app) => Some(app),
        Err(error) if error.kind() == ErrorKind::NotFound(Missing::App) => None,
        Err(error) => return Err(error),
    };
    if let Some(list) = list.lock().await.as_mut() {
        list.asked.insert(name_or_id.to_owned(), (sent, app.clone()));
    }
    Ok(app)
}

#[cfg(test)]
pub(crate) mod tests;
