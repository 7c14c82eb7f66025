//! Bearer tokens, one for each API token.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::Instant;

use super::error::Error;
use super::token::TokenKey;

/// A bearer token is renewed this long before it ends, as Scalingo's own client does.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// A bearer token lives for an hour; this is for one whose end cannot be read.
const UNREADABLE_LIFE: Duration = Duration::from_secs(55 * 60);
/// One that seems to have ended when it comes is kept this long: a clock is wrong, and an exchange
/// before each request would use up the limit.
const SHORTEST_LIFE: Duration = Duration::from_secs(60);

/// A bearer token and how long it is good for.
pub(super) struct Bearer {
    secret: SecretString,
    fresh: Fresh,
}

enum Fresh {
    /// By the clock that the token's issuer shares.
    Until(Timestamp),
    /// By this process's own.
    For(Instant),
}

impl Bearer {
    /// Takes a bearer token that has just come.
    pub(super) fn new(secret: SecretString, now: Timestamp) -> Self {
        let fresh = match expiry(secret.expose_secret()) {
            None => Fresh::For(Instant::now() + UNREADABLE_LIFE),
            Some(expiry) => match expiry.checked_sub(MARGIN) {
                Ok(until) if until > now => Fresh::Until(until),
                _ => Fresh::For(Instant::now() + SHORTEST_LIFE),
            },
        };
        Self { secret, fresh }
    }

    pub(super) fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        match self.fresh {
            Fresh::Until(until) => now < until,
            Fresh::For(until) => Instant::now() < until,
        }
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Bearer(***)")
    }
}

/// `exp` of a JWT, unverified: it only decides when to renew.
fn expiry(jwt: &str) -> Option<Timestamp> {
    let payload = jwt.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let seconds = claims.get("exp")?;
    let seconds = seconds.as_i64().or_else(|| {
        let whole = format!("{:.0}", seconds.as_f64()?.floor());
        whole.parse().ok()
    })?;
    Timestamp::from_second(seconds).ok()
}

type Answer = Result<Arc<Bearer>, Error>;
type Exchange = Shared<BoxFuture<'static, Answer>>;

/// The bearer token of each API token, and the exchanges under way.
#[derive(Default)]
pub(super) struct Bearers {
    slots: Mutex<HashMap<TokenKey, Slot>>,
}

/// An exchange under way is owned by those who wait for it: when all of them are gone, so is it.
#[derive(Default)]
struct Slot {
    bearer: Option<Arc<Bearer>>,
    exchange: Option<WeakShared<BoxFuture<'static, Answer>>>,
}

impl Bearers {
    /// The bearer token kept, or the one that a single `exchange` brings for all who wait.
    ///
    /// `refused` is one that the API answered 401 to: it is not given again.
    pub(super) async fn get(
        &self,
        key: TokenKey,
        now: Timestamp,
        refused: Option<&Arc<Bearer>>,
        exchange: impl FnOnce() -> BoxFuture<'static, Answer>,
    ) -> Answer {
        let waiting = {
            let mut slots = self.lock();
            slots.retain(|_, slot| slot.is_of_use(now));
            let slot = slots.entry(key).or_default();
            if let (Some(bearer), Some(refused)) = (&slot.bearer, refused)
                && Arc::ptr_eq(bearer, refused)
            {
                slot.bearer = None;
            }
            if let Some(bearer) = slot.bearer.as_ref().filter(|bearer| bearer.is_fresh(now)) {
                return Ok(Arc::clone(bearer));
            }
            slot.exchange.as_ref().and_then(WeakShared::upgrade).unwrap_or_else(|| {
                let started = exchange().shared();
                slot.exchange = started.downgrade();
                started
            })
        };
        let answer = waiting.clone().await;
        self.keep(key, &waiting, &answer);
        answer
    }

    /// Whether a bearer token is kept, so that nobody needs to wait for one.
    pub(super) fn is_at_hand(&self, key: TokenKey, now: Timestamp) -> bool {
        let slots = self.lock();
        let bearer = slots.get(&key).and_then(|slot| slot.bearer.as_ref());
        bearer.is_some_and(|bearer| bearer.is_fresh(now))
    }

    /// Drops the bearer token, and does not keep one that is on its way.
    pub(super) fn forget(&self, key: TokenKey) {
        self.lock().remove(&key);
    }

    /// The first of those who waited keeps what came.
    fn keep(&self, key: TokenKey, waiting: &Exchange, answer: &Answer) {
        let mut slots = self.lock();
        let Some(slot) = slots.get_mut(&key) else { return };
        let current = slot.exchange.as_ref().and_then(WeakShared::upgrade);
        if current.is_some_and(|current| current.ptr_eq(waiting)) {
            slot.exchange = None;
            slot.bearer = answer.as_ref().ok().cloned();
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenKey, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn is_of_use(&self, now: Timestamp) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.upgrade().is_some())
            || self.bearer.as_ref().is_some_and(|bearer| bearer.is_fresh(now))
    }
}

#[cfg(test)]
mod tests;
