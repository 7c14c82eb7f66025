//! On whose behalf a client asks, and the request that it keeps for its next call.

use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::Client;
use crate::scalingo::budget::Predecessors;
use crate::scalingo::budgets::{BudgetFigures, Permit, Requester};
use crate::scalingo::error::Error;
use crate::scalingo::operation::Operation;
use crate::scalingo::token::{ApiToken, TokenKey};
use crate::scalingo::transport::TransportError;

/// How long a change whose intent stands may wait for a request, and until when after its beginning for a bearer token.
pub(super) const LATEST_CHANGE: Duration = Duration::from_secs(5);

/// A request of the budget that is kept for the next call.
pub(super) struct Reserved {
    key: TokenKey,
    permit: Permit,
}

impl Client {
    /// The same client, for whoever asks.
    #[must_use]
    pub fn on_behalf_of(&self, requester: Requester) -> Self {
        Self { requester, reserved: Arc::default(), ..self.clone() }
    }

    /// The same client with the same kept request, to end what it has begun.
    #[must_use]
    pub fn continuing(&self) -> Self {
        Self { requester: self.requester.continuing(), ..self.clone() }
    }

    /// On whose behalf this client asks.
    #[must_use]
    pub fn requester(&self) -> &Requester {
        &self.requester
    }

    /// Counts what predecessors may have sent in the last minute, for tokens that have not been used yet.
    pub fn inherit(&self, predecessors: Predecessors) {
        self.budgets.inherit(predecessors);
    }

    /// Forgets the budgets of tokens that are not among these, but for those of which something is still under way.
    pub fn keep_only(&self, tokens: &BTreeSet<TokenKey>) {
        self.budgets.keep_only(tokens);
    }

    /// How the budgets of these tokens stand, of those that have been used.
    #[must_use]
    pub fn budgets(&self, keys: impl IntoIterator<Item = TokenKey>) -> Vec<BudgetFigures> {
        self.budgets.figures(keys)
    }

    /// When a request that would be asked for now could be sent, as far as can be told.
    #[must_use]
    pub fn goes_on(&self, token: &ApiToken) -> Timestamp {
        let wait = self.budgets.goes_on(token.key()).saturating_duration_since(Instant::now());
        (self.clock)().checked_add(wait).unwrap_or(Timestamp::MAX)
    }

    /// Waits until a request can be sent, and keeps it for the next call of this client: that one is
    /// sent without delay, the bearer token being at hand too.
    ///
    /// # Errors
    /// Those of the exchange.
    pub async fn reserve(&self, token: &ApiToken) -> Result<(), Error> {
        if self.has_reserved(token) {
            return Ok(());
        }
        self.bearer(token, None).await?;
        let mut permit = self.budgets.acquire(token.key(), &self.requester).await;
        if !self.is_bearer_at_hand(token) {
            drop(permit);
            self.bearer(token, None).await?;
            permit = self.budgets.acquire(token.key(), &self.requester).await;
        }
        *self.reserved() = Some(Reserved { key: token.key(), permit });
        Ok(())
    }

    /// Whether a request is kept for the next call.
    #[must_use]
    pub fn has_reserved(&self, token: &ApiToken) -> bool {
        self.reserved().as_ref().is_some_and(|reserved| reserved.key == token.key())
    }

    /// Whether a request of any token is kept.
    #[must_use]
    pub fn holds_a_request(&self) -> bool {
        self.reserved().is_some()
    }

    /// Gives back the request that is kept, if one is.
    pub fn give_back(&self) {
        let kept = self.reserved().take();
        drop(kept);
    }

    /// Gives back the request that is kept, unless it can be sent at once. Whoever waits for an exchange may keep none:
    /// the exchange needs one too.
    pub(super) fn give_back_unless_sendable(&self, token: &ApiToken) {
        if !self.is_bearer_at_hand(token) {
            self.give_back();
        }
    }

    fn is_bearer_at_hand(&self, token: &ApiToken) -> bool {
        self.bearers.is_at_hand(token.key(), (self.clock)())
    }

    fn reserved(&self) -> MutexGuard<'_, Option<Reserved>> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request that is kept, or another one.
    pub(super) async fn permit(
        &self,
        token: &ApiToken,
        operation: Operation,
    ) -> Result<Permit, TransportError> {
        // All who use the token wait for an exchange, people among them.
        if operation == Operation::Exchange {
            return Ok(self.budgets.acquire(token.key(), &self.requester.for_all()).await);
        }
        let reserved = self.reserved().take();
        if let Some(Reserved { permit, .. }) = reserved.filter(|reserved| reserved.key == token.key()) {
            return Ok(permit);
        }
        let permit = self.budgets.acquire(token.key(), &self.requester);
        if !operation.is_write() {
            return Ok(permit.await);
        }
        // Its intent says when it was sent: rather not at all than much later.
        let late = |_| TransportError::NotSent("no request was free in time".to_owned());
        tokio::time::timeout(LATEST_CHANGE, permit).await.map_err(late)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crd::DrainType;
    use crate::drain::{Destination, Target};
    use crate::scalingo::scripted::{Scripted, answer, exchanged, is_exchange, ready, token};
    use crate::scalingo::{ChangeOutcome, Endpoints};

    fn client(limit: usize) -> (Arc<Scripted>, Client) {
        let scripted = Scripted::new(|request| {
            ready(Ok(if is_exchange(request) {
                exchanged("bearer")
            } else if request.method() == "POST" {
                answer(201, json!({"drain": {"url": "datadog://token?region=eu"}}).to_string())
            } else {
                answer(200, json!({"drains": []}).to_string())
            }))
        });
        let endpoints =
            Endpoints::parse("https://api.example.com", "https://auth.example.com", false).unwrap();
        let clock: crate::clock::Clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        (scripted.clone(), Client::new(scripted, endpoints, clock, limit))
    }

    fn target() -> Target {
        Target { region: "osc-fr1".into(), app_id: "a".into(), addon: None }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_reserved_is_sent_at_once_and_the_bearer_is_at_hand() {
        let (scripted, client) = client(3);
        client.reserve(&token()).await.unwrap();
        client.reserve(&token()).await.unwrap();
        assert_eq!(scripted.all().len(), 1, "one exchange and nothing else");
        let other = client.on_behalf_of(client.requester().clone());
        other.drains(&token(), &target()).await.unwrap();
        let begun = Instant::now();
        client.drains(&token(), &target()).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO);
        client.drains(&token(), &target()).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 60, "the next one waits for the window");
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_keep_all_requests_do_not_keep_the_exchange_waiting() {
        let (scripted, client) = client(3);
        let clients = [(); 3].map(|()| client.on_behalf_of(client.requester().clone()));
        let (token, target) = (token(), target());
        for client in &clients {
            client.reserve(&token).await.unwrap();
        }
        tokio::time::advance(Duration::from_secs(60 * 60)).await;
        let begun = Instant::now();
        let sent = futures::future::join_all(clients.iter().map(|client| client.drains(&token, &target)));
        let sent = tokio::time::timeout(Duration::from_secs(600), sent).await.expect("all are sent");
        assert!(sent.iter().all(Result::is_ok));
        assert_eq!((scripted.exchanges(), scripted.calls().len()), (2, 3));
        assert_eq!(begun.elapsed().as_secs(), 60, "an exchange and two, then one");
    }

    #[tokio::test(start_paused = true)]
    async fn a_bearer_that_ends_while_a_request_is_waited_for_is_renewed_before_it_is_kept() {
        let (scripted, client) = client(2);
        client.drains(&token(), &target()).await.unwrap();
        // The bearer token is good for 55 minutes.
        tokio::time::advance(Duration::from_secs(55 * 60 - 30)).await;
        let other = client.on_behalf_of(client.requester().clone());
        other.drains(&token(), &target()).await.unwrap();
        other.drains(&token(), &target()).await.unwrap();
        client.reserve(&token()).await.unwrap();
        assert_eq!(scripted.exchanges(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_addition_is_rather_not_made_than_made_late() {
        let (scripted, client) = client(2);
        client.drains(&token(), &target()).await.unwrap();
        let destination = Destination::new(DrainType::Datadog);
        let begun = Instant::now();
        let error = client.add_drain(&token(), &target(), &destination).await.unwrap_err();
        assert_eq!((error.change_outcome(), begun.elapsed()), (ChangeOutcome::NotMade, LATEST_CHANGE));
        assert_eq!(scripted.calls().len(), 1);
        assert_eq!(client.goes_on(&token()).as_second(), 55);
    }

    #[tokio::test(start_paused = true)]
    async fn an_addition_whose_bearer_is_refused_is_not_made_long_after_either() {
        let scripted = Scripted::new(|request| {
            ready(Ok(if is_exchange(request) {
                exchanged("bearer")
            } else if request.method() == "POST" {
                answer(401, json!({"error": "unauthorized"}).to_string())
            } else {
                answer(200, json!({"drains": []}).to_string())
            }))
        });
        let endpoints =
            Endpoints::parse("https://api.example.com", "https://auth.example.com", false).unwrap();
        let clock: crate::clock::Clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let client = Client::new(scripted.clone(), endpoints, clock, 3);
        client.drains(&token(), &target()).await.unwrap();
        let begun = Instant::now();
        // The exchange that would renew the bearer has to wait for a minute.
        let error =
            client.add_drain(&token(), &target(), &Destination::new(DrainType::Datadog)).await.unwrap_err();
        assert_eq!((error.change_outcome(), begun.elapsed()), (ChangeOutcome::NotMade, LATEST_CHANGE));
        assert_eq!(scripted.calls().len(), 2);
    }
}
