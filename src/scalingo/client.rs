//! The calls of the API.

mod call;
mod reservation;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::FutureExt;
use http::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};
use url::Url;

use self::call::{Call, Success};
use self::reservation::{LATEST_CHANGE, Reserved};
use super::answer::Refusal;
use super::bearer::{Bearer, Bearers};
use super::budget::{Class, Owner};
use super::budgets::{Budgets, Requester};
use super::endpoints::Endpoints;
use super::error::{Error, ErrorKind, Failure};
use super::event::{EVENTS_PER_PAGE, EventPage, EventsAnswer};
use super::operation::Operation;
use super::secrets::Secrets;
use super::token::ApiToken;
use super::transport::{Transport, TransportError};
use super::wire::{
    AddBody, AddedAnswer, App, AppAnswer, AppsAnswer, DeleteBody, DrainsAnswer, ExchangeAnswer, RegionsAnswer,
};
use crate::clock::Clock;
use crate::drain::{Destination, DrainUrl, Target};

/// A list that goes on after this many pages goes on for ever.
const MOST_PAGES: u64 = 200;

/// How a DELETE names the drain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeleteForm {
    /// `{"url": …}` as a JSON body, as the reference shows. Keeps the URL out of access logs.
    #[default]
    Body,
    /// `?url=…`, as the general documentation and the public clients have it.
    Query,
}

/// The API, for any number of API tokens and regions. A clone is cheap and shares the bearer tokens.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    endpoints: Arc<Endpoints>,
    clock: Clock,
    bearers: Arc<Bearers>,
    budgets: Arc<Budgets>,
    requester: Requester,
    reserved: Arc<Mutex<Option<Reserved>>>,
}

impl Client {
    /// Sends nothing yet. Within any 60 s at most `requests_per_minute` are sent with one API token.
    #[must_use]
    pub fn new(
        transport: Arc<dyn Transport>,
        endpoints: Endpoints,
        clock: Clock,
        requests_per_minute: usize,
    ) -> Self {
        Self {
            transport,
            endpoints: Arc::new(endpoints),
            clock,
            bearers: Arc::default(),
            budgets: Arc::new(Budgets::new(requests_per_minute)),
            requester: Requester::new(Class::Interactive, Owner::default()),
            reserved: Arc::default(),
        }
    }

    /// Drops the bearer token of an API token that is no longer used.
    pub fn forget(&self, token: &ApiToken) {
        self.bearers.forget(token.key());
    }

    /// Whether the API of each region has a host of its own: not where one URL is configured for all.
    #[must_use]
    pub fn tells_regions_apart(&self) -> bool {
        self.endpoints.tells_regions_apart()
    }

    /// Names of the regions that the token's user may use.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn regions(&self, token: &ApiToken) -> Result<Vec<String>, Error> {
        let call = self.auth_call(Operation::ListRegions, Method::GET, &["regions"])?;
        let answer: RegionsAnswer = self.read(token, &call).await?;
        Ok(answer.names())
    }

    /// All apps that the token's user may see in a region, from as many pages as there are.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn apps(&self, token: &ApiToken, region: &str) -> Result<Vec<App>, Error> {
        let first = self.call(Operation::ListApps, Method::GET, region, &["apps"])?;
        let mut apps = Vec::new();
        // Pages shift when an app is made meanwhile.
        let mut ids = HashSet::new();
        let mut page = 1;
        for _ in 0..MOST_PAGES {
            let mut call = first.again();
            if page > 1 {
                call.url.query_pairs_mut().append_pair("page", &page.to_string());
            }
            let answer: AppsAnswer = self.read(token, &call).await?;
            let next = answer.next_page(page);
            apps.extend(answer.apps.into_iter().filter(|app| ids.insert(app.id.clone())));
            match next {
                Some(next) => page = next,
                None => return Ok(apps),
            }
        }
        Err(first.error(Failure::Unreadable { status: StatusCode::OK, reason: "has more and more pages" }))
    }

    /// One app, by name or id.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn app(&self, token: &ApiToken, region: &str, name_or_id: &str) -> Result<App, Error> {
        let call = self.call(Operation::GetApp, Method::GET, region, &["apps", name_or_id])?;
        let answer: AppAnswer = self.read(token, &call).await?;
        Ok(answer.app)
    }

    /// A page of the change feed, newest first: what has happened to all apps that the token's user may see.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn events(&self, token: &ApiToken, region: &str, page: u64) -> Result<EventPage, Error> {
        let mut call = self.call(Operation::ListEvents, Method::GET, region, &["events"])?;
        call.url
            .query_pairs_mut()
            .append_pair("page", &page.to_string())
            .append_pair("per_page", &EVENTS_PER_PAGE.to_string());
        let answer: EventsAnswer = self.read(token, &call).await?;
        Ok(answer.page(page))
    }

    /// The drains of an app or an addon, in the API's order. One URL may be there twice.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn drains(&self, token: &ApiToken, target: &Target) -> Result<Vec<DrainUrl>, Error> {
        let call = self.drain_call(Operation::ListDrains, Method::GET, target)?;
        let answer: DrainsAnswer = self.read(token, &call).await?;
        Ok(answer.drains.into_iter().map(|drain| drain.url.into()).collect())
    }

    /// Adds a drain and gives the URL that names it from now on.
    ///
    /// # Errors
    /// See [`Error::kind`], and [`Error::change_outcome`] for what became of the drain.
    pub async fn add_drain(
        &self,
        token: &ApiToken,
        target: &Target,
        destination: &Destination,
    ) -> Result<DrainUrl, Error> {
        let mut call = self.drain_call(Operation::AddDrain, Method::POST, target)?;
        if let Some(secret) = &destination.token {
            call.secrets.add_drain_token(secret.expose_secret());
        }
        if let Some(url) = &destination.url {
            call.secrets.add_url(url);
        }
        call.set_body(&AddBody::from(destination))?;
        let answer: AddedAnswer = self.read(token, &call).await?;
        Ok(answer.drain.url.into())
    }

    /// Deletes the drain, or one of those, that this URL names. Gives whether the answer is the documented one, 204:
    /// another one of success says less.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn delete_drain(
        &self,
        token: &ApiToken,
        target: &Target,
        url: &DrainUrl,
        form: DeleteForm,
    ) -> Result<bool, Error> {
        let mut call = self.drain_call(Operation::DeleteDrain, Method::DELETE, target)?;
        call.secrets.add_listed_url(url);
        match form {
            DeleteForm::Body => call.set_body(&DeleteBody { url: url.expose() })?,
            DeleteForm::Query => {
                call.url.query_pairs_mut().append_pair("url", url.expose());
            }
        }
        let success = self.send(token, &call).await?;
        Ok(success.status == StatusCode::NO_CONTENT)
    }

    #[cfg(test)]
    pub(super) fn kept_bearers(&self) -> usize {
        self.bearers.len()
    }

    fn drain_call(&self, operation: Operation, method: Method, target: &Target) -> Result<Call, Error> {
        match &target.addon {
            None => self.call(operation, method, &target.region, &["apps", &target.app_id, "log_drains"]),
            Some(addon) => {
                let segments = ["apps", &target.app_id, "addons", addon, "log_drains"];
                self.call(operation, method, &target.region, &segments)
            }
        }
    }

    fn call(
        &self,
        operation: Operation,
        method: Method,
        region: &str,
        segments: &[&str],
    ) -> Result<Call, Error> {
        Self::call_to(operation, method, self.endpoints.api(region, segments))
    }

    fn auth_call(&self, operation: Operation, method: Method, segments: &[&str]) -> Result<Call, Error> {
        Self::call_to(operation, method, self.endpoints.auth(segments))
    }

    fn call_to(operation: Operation, method: Method, url: Result<Url, String>) -> Result<Call, Error> {
        match url {
            Ok(url) => Ok(Call { operation, method, url, body: None, secrets: Secrets::default() }),
            Err(reason) => Err(Error::new(operation, method, "/v1/…", Failure::Unsendable(reason))),
        }
    }

    async fn read<A: DeserializeOwned>(&self, token: &ApiToken, call: &Call) -> Result<A, Error> {
        let success = self.send(token, call).await?;
        success.read().map_err(|failure| call.error(failure))
    }

    /// Sends with a bearer token, and once more with another when the first one is refused.
    async fn send(&self, token: &ApiToken, call: &Call) -> Result<Success, Error> {
        let begun = Instant::now();
        let bearer = self.bearer_in_time(token, call, begun, None).await?;
        match self.send_with(token, &bearer, call).await {
            Err(error) if error.kind() == ErrorKind::Unauthorized => {
                let renewed = self.bearer_in_time(token, call, begun, Some(&bearer)).await?;
                self.send_with(token, &renewed, call).await
            }
            answer => answer,
        }
    }

    /// A bearer token; for a change only as long as it may still be sent.
    async fn bearer_in_time(
        &self,
        token: &ApiToken,
        call: &Call,
        begun: Instant,
        refused: Option<&Arc<Bearer>>,
    ) -> Result<Arc<Bearer>, Error> {
        let bearer = self.bearer(token, refused);
        if !call.operation.is_write() {
            return bearer.await;
        }
        let late = || {
            let late = TransportError::NotSent("no bearer token was to be had in time".to_owned());
            call.unanswered(late)
        };
        let latest = begun + LATEST_CHANGE;
        // One may be at hand only when the answer that refused the other has come late.
        if Instant::now() > latest {
            return Err(late());
        }
        timeout_at(latest, bearer).await.map_err(|_| late())?
    }

    async fn bearer(&self, token: &ApiToken, refused: Option<&Arc<Bearer>>) -> Result<Arc<Bearer>, Error> {
        self.give_back_unless_sendable(token);
        let exchange = || {
            let (client, token) = (self.clone(), token.clone());
            async move { client.exchange(&token).await.map(Arc::new) }.boxed()
        };
        self.bearers.get(token.key(), (self.clock)(), refused, exchange).await
    }

    async fn exchange(&self, token: &ApiToken) -> Result<Bearer, Error> {
        let mut call = self.auth_call(Operation::Exchange, Method::POST, &["tokens", "exchange"])?;
        call.body = Some(Bytes::from_static(b"{}"));
        let basic = STANDARD.encode(format!(":{}", token.expose()));
        let success = self.attempt(token, &format!("Basic {basic}"), &call, call.secrets.clone()).await?;
        let answer: ExchangeAnswer = success.read().map_err(|failure| call.error(failure))?;
        let is_usable = !answer.token.is_empty() && answer.token.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_usable {
            let reason = "holds no usable bearer token";
            return Err(call.error(Failure::Unreadable { status: success.status, reason }));
        }
        Ok(Bearer::new(SecretString::from(answer.token), (self.clock)()))
    }

    async fn send_with(&self, token: &ApiToken, bearer: &Bearer, call: &Call) -> Result<Success, Error> {
        let mut secrets = call.secrets.clone();
        secrets.add(bearer.expose());
        self.attempt(token, &format!("Bearer {}", bearer.expose()), call, secrets).await
    }

    async fn attempt(
        &self,
        token: &ApiToken,
        authorization: &str,
        call: &Call,
        mut secrets: Secrets,
    ) -> Result<Success, Error> {
        secrets.add(token.expose());
        let request = call.request(token, authorization)?;
        let mut permit = match self.permit(token, call.operation).await {
            Ok(permit) => permit,
            Err(error) => return Err(call.unanswered(error)),
        };
        permit.sending();
        let answer = self.transport.send(request).await;
        let (head, body) = match answer {
            Ok(response) => {
                let (head, body) = response.into_parts();
                (head, Ok(body))
            }
            Err(TransportError::Body { head, failure }) => (*head, Err(failure)),
            Err(error) => {
                if error.is_unsent() {
                    permit.not_sent();
                }
                let error = call.unanswered(error.scrubbed(&secrets));
                tracing::debug!(%error, "not answered");
                return Err(error);
            }
        };
        tracing::debug!(
            operation = call.operation.as_ref(),
            method = call.method.as_str(),
            path = call.url.path(),
            status = head.status.as_u16(),
            "answered"
        );
        if head.status.is_success() {
            return Ok(Success { status: head.status, body });
        }
        let body = body.as_ref().map_err(|failure| *failure);
        let refusal = Refusal::read(call.operation, &head, body, &secrets, (self.clock)());
        if refusal.status == StatusCode::TOO_MANY_REQUESTS {
            permit.refused(refusal.retry_after);
        }
        Err(call.error(Failure::Refused(refusal)))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
