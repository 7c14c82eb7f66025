//! Stands for election, and renews the Lease.

use std::{fmt, time::Duration};

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, api::PostParams};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{
    Leadership,
    election::{Election, Move},
};
use crate::{
    clock::Clock,
    duration,
    metrics::{FailureKind, Metrics, Write},
};

/// How much longer than the retry period a standby waits at the most, as a share of it: two do not try in step.
const JITTER: f64 = 1.2;
/// How long leaving the Lease to others may take: the whole process is to end within 25 s.
const RELEASE: Duration = Duration::from_secs(2);

/// Which Lease, for whom, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Tells this process from all others, also from those that ran here before.
    pub identity: String,
    /// How long others wait for the holder, in whole seconds.
    pub duration: Duration,
    /// After which time without renewal the holder stops; shorter than `duration`.
    pub renew_deadline: Duration,
    /// How often it is renewed, or tried to be had; shorter than `renew_deadline`.
    pub retry_period: Duration,
}

/// Takes the Lease and keeps it.
pub struct Elector {
    api: Api<Lease>,
    settings: Settings,
    election: Election,
    leadership: Leadership,
    clock: Clock,
    random: fastrand::Rng,
    metrics: Metrics,
}

/// Why this process leads no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Another holds the Lease.
    Taken(String),
    /// It could not be renewed in time.
    Expired(Duration),
}

impl fmt::Display for Lost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(holder) => write!(formatter, "{holder} leads"),
            Self::Expired(deadline) => {
                let deadline = duration::shown(*deadline);
                write!(formatter, "it could not be renewed for {deadline}, and another may lead")
            }
        }
    }
}

/// What came of a try.
enum Outcome {
    Held,
    /// Another holds it, or was faster.
    Missed,
}

impl Elector {
    /// Stands for election with this client. The clock is shown to others, and compared with itself only.
    #[must_use]
    pub fn new(
        client: Client,
        settings: Settings,
        clock: Clock,
        random: fastrand::Rng,
        metrics: Metrics,
    ) -> Self {
        let Settings { namespace, name, identity, duration, .. } = settings.clone();
        Self {
            api: Api::namespaced(client, &namespace),
            election: Election::new(name, identity, duration),
            leadership: Leadership::none(),
            settings,
            clock,
            random,
            metrics,
        }
    }

    /// Tells whether this process leads.
    #[must_use]
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Namespace and name of the Lease.
    #[must_use]
    pub fn lease(&self) -> String {
        format!("{}/{}", self.settings.namespace, self.settings.name)
    }

    /// Waits for the Lease, takes it, and keeps it until it is lost. From then on nothing may be done that only one
    /// may do; most simply, the process ends.
    pub async fn lead(&mut self) -> Lost {
        let mut renewed = self.acquire().await;
        let lost = loop {
            let deadline = renewed + self.settings.renew_deadline;
            sleep_until((renewed + self.settings.retry_period).max(Instant::now()).min(deadline)).await;
            match self.renew(deadline).await {
                Ok(asked) => renewed = asked,
                Err(lost) => break lost,
            }
        };
        self.leadership.ends();
        lost
    }

    /// Leaves the Lease to whoever comes next, if it is held. To be called once all that only one may do has ended.
    pub async fn release(&mut self) {
        self.leadership.ends();
        let Some(lease) = self.election.released((self.clock)()) else { return };
        let (name, parameters) = (self.settings.name.as_str(), PostParams::default());
        let release = self.api.replace(name, &parameters, &lease);
        self.metrics.kubernetes_write(Write::Lease);
        match timeout(self.settings.retry_period.min(RELEASE), release).await {
            Ok(Ok(_)) => tracing::info!(lease = name, "left the Lease to others"),
            Ok(Err(error)) => {
                tracing::warn!(lease = name, %error, "the Lease could not be left to others: they wait until it expires");
            }
            Err(_) => {
                tracing::warn!(
                    lease = name,
                    "the Lease could not be left to others in time: they wait until it expires"
                );
            }
        }
    }

    async fn acquire(&mut self) -> Instant {
        let lease = self.lease();
        let mut told = None;
        loop {
            let asked = Instant::now();
            let said = match timeout(self.settings.renew_deadline, self.attempt()).await {
                Ok(Ok(Outcome::Held)) => {
                    let end = asked + self.settings.renew_deadline;
                    self.leadership.begins(end, self.election.handover(asked));
                    tracing::info!(lease, identity = self.settings.identity, "leading");
                    return asked;
                }
                Ok(Ok(Outcome::Missed)) => {
                    let holder = self.election.holder().unwrap_or("nobody for now");
                    Ok(format!("standing by: {holder} leads"))
                }
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("no answer came in time".to_owned()),
            };
            if said.is_err() {
                self.metrics.error(FailureKind::Lease);
            }
            if told.as_ref() != Some(&said) {
                match &said {
                    Ok(said) => tracing::info!(lease, "{said}"),
                    Err(failure) => {
                        tracing::warn!(lease, "standing by: the Lease is not to be had: {failure}");
                    }
                }
                told = Some(said);
            }
            sleep(self.settings.retry_period.mul_f64(1.0 + JITTER * self.random.f64())).await;
        }
    }

    /// Tries until the deadline; gives when the renewal that succeeded was begun.
    async fn renew(&mut self, deadline: Instant) -> Result<Instant, Lost> {
        let expired = Lost::Expired(self.settings.renew_deadline);
        let mut is_told = false;
        loop {
            let asked = Instant::now();
            let left = deadline.saturating_duration_since(asked);
            if left.is_zero() {
                return Err(expired);
            }
            // One that is never answered leaves time for another.
            let most = left.min(self.settings.renew_deadline / 2);
            let failure = match timeout(most, self.attempt()).await {
                // Late as it is, it counts from when it was begun: nobody else can have taken it.
                Ok(Ok(Outcome::Held)) => {
                    self.leadership.goes_on_until(asked + self.settings.renew_deadline);
                    return Ok(asked);
                }
                Ok(Ok(Outcome::Missed)) => {
                    if let Some(holder) = self.election.holder().filter(|_| !self.election.is_own()) {
                        return Err(Lost::Taken(holder.to_owned()));
                    }
                    None
                }
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("no answer came in time".to_owned()),
            };
            if let Some(failure) = failure {
                self.metrics.error(FailureKind::Lease);
                if std::mem::replace(&mut is_told, true) {
                    tracing::debug!(lease = self.settings.name, "still not renewed: {failure}");
                } else {
                    tracing::warn!(
                        lease = self.settings.name,
                        "the Lease was not renewed, and is tried again: {failure}"
                    );
                }
            }
            sleep_until((Instant::now() + self.settings.retry_period).min(deadline)).await;
        }
    }

    /// One try. What was last seen as our own is renewed as it was seen; if it has changed, it is read.
    async fn attempt(&mut self) -> Result<Outcome, kube::Error> {
        if self.election.is_own() && matches!(self.write().await?, Outcome::Held) {
            return Ok(Outcome::Held);
        }
        let lease = self.api.get_opt(&self.settings.name).await?;
        self.election.observe(lease, Instant::now());
        self.write().await
    }

    async fn write(&mut self) -> Result<Outcome, kube::Error> {
        let parameters = PostParams::default();
        let next = self.election.next(Instant::now(), (self.clock)());
        if !matches!(next, Move::Wait) {
            self.metrics.kubernetes_write(Write::Lease);
        }
        let written = match next {
            Move::Wait => return Ok(Outcome::Missed),
            Move::Create(lease) => self.api.create(&parameters, &lease).await,
            Move::Replace(lease) => self.api.replace(&self.settings.name, &parameters, &lease).await,
        };
        match written {
            Ok(lease) => {
                self.election.observe(Some(lease), Instant::now());
                Ok(Outcome::Held)
            }
            // Another was faster, it was deleted, or our own last write came after all.
            Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => Ok(Outcome::Missed),
            Err(error) => Err(error),
        }
    }
}
