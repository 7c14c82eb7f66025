//! One process of the operator: the real controller and the real client, over wires that can be cut.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use http_body_util::BodyExt;
use in_memory_api_server::{ApiServer, Connection, Fault, RequestInfo, Turns, Verb};
use jiff::{SignedDuration, Timestamp};
use logdrain_operator::controller::{Context, Parts, Sabotage, Settings, View, Watch, follow, watches};
use logdrain_operator::scalingo::{
    BodyFailure, Client, Clock, Endpoints, TokenKey, Transport, TransportError,
};
use scalingo_simulator::Simulator;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::faults::KubernetesFaults;
use crate::universe::REGION;
use crate::witness::Witness;

/// How often a target is compared with Scalingo whose changes the feed does not show.
const RESYNC: Duration = Duration::from_secs(5 * 60);
/// The same where it shows them.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(8 * 60);
/// How often the feed is read, by an operator that does.
const FEED_INTERVAL: Duration = Duration::from_secs(15);
/// As reqwest is told in production.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What all operators of a history share.
#[derive(Clone)]
pub struct Surroundings {
    pub server: ApiServer,
    pub simulator: Simulator,
    pub turns: Turns,
    pub faults: Arc<KubernetesFaults>,
    pub witness: Arc<Witness>,
    pub sabotage: Option<Sabotage>,
    pub random: Arc<Mutex<fastrand::Rng>>,
}

/// A running operator.
pub struct Operator {
    life: Arc<Life>,
}

struct Life {
    label: String,
    connection: Connection,
    ended: AtomicBool,
    abort: Mutex<Option<AbortHandle>>,
    fuse: Mutex<Option<Fuse>>,
    halted_until: Mutex<Option<Instant>>,
    requests_per_minute: usize,
}

/// Kills the operator at a request.
struct Fuse {
    left: u8,
    made: bool,
}

impl Life {
    fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        self.connection.end();
        if let Some(abort) = self.abort.lock().unwrap_or_else(PoisonError::into_inner).take() {
            abort.abort();
        }
    }

    /// How long it will still stand still.
    fn halted_for(&self) -> Option<Duration> {
        let until = *self.halted_until.lock().unwrap_or_else(PoisonError::into_inner);
        until?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    async fn stand_still(&self) {
        while let Some(left) = self.halted_for() {
            sleep(left).await;
        }
    }

    /// Counts a request; says whether it is the last, and takes effect.
    fn burn(&self) -> Option<bool> {
        let mut fuse = self.fuse.lock().unwrap_or_else(PoisonError::into_inner);
        let burning = fuse.as_mut()?;
        burning.left = burning.left.saturating_sub(1);
        if burning.left > 0 {
            return None;
        }
        fuse.take().map(|fuse| fuse.made)
    }
}

impl Surroundings {
    /// How long a request is on its way: mostly no time.
    fn latency(&self) -> Duration {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        match random.u8(..20) {
            0..14 => Duration::ZERO,
            14..19 => Duration::from_millis(random.u64(1..60)),
            _ => Duration::from_millis(random.u64(60..3000)),
        }
    }

    /// How far an operator's clock is wrong: mostly not at all.
    fn skew(&self) -> SignedDuration {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        SignedDuration::from_millis(if random.u8(..4) == 0 { random.i64(-4_000..4_000) } else { 0 })
    }

    /// Most operators read the feed.
    fn settings(&self) -> Settings {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        Settings {
            region: REGION.to_owned(),
            resync: RESYNC,
            sweep_interval: SWEEP_INTERVAL,
            feed_interval: (random.u8(..4) > 0).then_some(FEED_INTERVAL),
        }
    }
}

impl Operator {
    /// Starts an operator; `number` tells it from others.
    pub fn start(surroundings: &Surroundings, number: u64, requests_per_minute: usize) -> Self {
        let label = format!("operator-{number}");
        let connection = surroundings.server.connection(&label);
        let life = Arc::new(Life {
            label,
            connection: connection.clone(),
            ended: AtomicBool::new(false),
            abort: Mutex::default(),
            fuse: Mutex::default(),
            halted_until: Mutex::default(),
            requests_per_minute,
        });
        let hook = {
            let (life, surroundings) = (Arc::downgrade(&life), surroundings.clone());
            move |request: &RequestInfo| match life.upgrade() {
                Some(life) => befall(&life, &surroundings, request),
                None => Fault::Unreachable,
            }
        };
        connection.set_faults(hook);
        let client = connection.client("logdrain-system");
        let clock: Clock = {
            let (simulator, skew) = (surroundings.simulator.clone(), surroundings.skew());
            Arc::new(move || simulator.now().checked_add(skew).unwrap_or(Timestamp::MAX))
        };
        let wire = Wire { life: Arc::clone(&life), surroundings: surroundings.clone() };
        let endpoints =
            Endpoints::parse("https://api.{region}.example.com", "https://auth.example.com", false);
        let watches = watches(&client, &[]);
        let seed = surroundings.random.lock().unwrap_or_else(PoisonError::into_inner).u64(..);
        let task = {
            #[expect(clippy::expect_used, reason = "constants, tried by every history")]
            let endpoints = endpoints.expect("valid endpoints");
            let (context, called) = Context::new(Parts {
                scalingo: Client::new(Arc::new(wire), endpoints, clock.clone(), requests_per_minute),
                client,
                settings: surroundings.settings(),
                view: View::new(watches.iter().map(Watch::store).collect()),
                digester: Arc::clone(&surroundings.witness.digester),
                random: fastrand::Rng::with_seed(seed),
                clock,
                stopping: CancellationToken::new(),
                sabotage: surroundings.sabotage,
            });
            tokio::spawn(follow(watches, context, called))
        };
        *life.abort.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
        Self { life }
    }

    /// Whether it has been killed.
    pub fn is_ended(&self) -> bool {
        self.life.ended.load(Ordering::Relaxed)
    }

    /// Kills it: its tasks end where they are, and what it has sent still arrives.
    pub fn kill(&self) {
        self.life.end();
    }

    /// Kills it at a later request.
    pub fn kill_at(&self, request: u8, made: bool) {
        let fuse = Fuse { left: request.max(1), made };
        *self.life.fuse.lock().unwrap_or_else(PoisonError::into_inner) = Some(fuse);
    }

    /// Does not kill it at a later request after all.
    pub fn spare(&self) {
        *self.life.fuse.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Stands still for so long: what it would send waits, and it hears nothing.
    pub fn halt(&self, time: Duration) {
        *self.life.halted_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + time);
        let connection = self.life.connection.clone();
        connection.pause_watches(true);
        tokio::spawn(async move {
            sleep(time).await;
            connection.pause_watches(false);
        });
    }

    /// Goes on at once.
    pub fn go_on(&self) {
        *self.life.halted_until.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether its watches are silent.
    pub fn pause_watches(&self, paused: bool) {
        self.life.connection.pause_watches(paused);
    }
}

/// Decides what becomes of a request to the Kubernetes API.
fn befall(life: &Life, surroundings: &Surroundings, request: &RequestInfo) -> Fault {
    surroundings.witness.look(&surroundings.server);
    if let Some(made) = life.burn() {
        surroundings.witness.count("killed at a request");
        life.end();
        return if made { Fault::NeverAnswerThoughMade } else { Fault::NeverAnswer };
    }
    if let Some(left) = life.halted_for().filter(|_| request.verb != Verb::Watch) {
        return Fault::Delay(left);
    }
    if let Some(fault) = surroundings.faults.take(request) {
        surroundings.witness.count(&format!("Kubernetes: {}", name(fault)));
        return fault;
    }
    let latency = surroundings.latency();
    match (latency.is_zero() || request.verb == Verb::Watch, latency.as_millis() % 2) {
        (true, _) => Fault::None,
        (false, 0) => Fault::Delay(latency),
        (false, _) => Fault::DelayAnswer(latency),
    }
}

fn name(fault: Fault) -> &'static str {
    match fault {
        Fault::None => "none",
        Fault::Delay(_) => "delayed",
        Fault::DelayAnswer(_) => "answer delayed",
        Fault::Unreachable => "unreachable",
        Fault::Status(_) => "refused",
        Fault::Conflict => "conflict",
        Fault::LoseAnswer => "answer lost",
        Fault::NeverAnswer => "never answered",
        Fault::NeverAnswerThoughMade => "never answered, though made",
    }
}

/// The way to Scalingo.
struct Wire {
    life: Arc<Life>,
    surroundings: Surroundings,
}

impl Wire {
    /// Notes that the request has come to Scalingo, against the budget of its API token.
    fn arrival(&self, request: &http::Request<Bytes>) -> impl FnOnce() + Send + 'static {
        let token = request.extensions().get::<TokenKey>().copied();
        let (life, witness) = (Arc::clone(&self.life), Arc::clone(&self.surroundings.witness));
        move || {
            if let Some(token) = token {
                witness.note_arrival(&life.label, token, life.requests_per_minute);
            }
        }
    }
}

type Answer = Result<http::Response<Bytes>, TransportError>;

impl Transport for Wire {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Answer> {
        async move {
            let Surroundings { server, simulator, turns, witness, .. } = &self.surroundings;
            let label = &self.life.label;
            turns.turn(format!("{label} {} {} {:?}", request.method(), request.uri(), request.body())).await;
            self.life.stand_still().await;
            if self.life.ended.load(Ordering::Relaxed) {
                return pending().await;
            }
            witness.look(server);
            if request.method() == http::Method::DELETE {
                witness.judge_deletion(server, simulator, &request);
            }
            let last = self.life.burn();
            if last.is_some() {
                witness.count("killed at a request");
                self.life.end();
            }
            if last == Some(false) {
                return pending().await;
            }
            let (there, back) = (self.surroundings.latency(), self.surroundings.latency());
            let simulator = simulator.clone();
            let arrival = self.arrival(&request);
            // What has been sent arrives, whatever becomes of the sender.
            let travel = tokio::spawn(async move {
                sleep(there).await;
                arrival();
                let answer = answer(&simulator, request).await;
                sleep(back).await;
                answer
            });
            let answer = tokio::time::timeout(REQUEST_TIMEOUT, travel).await;
            self.life.stand_still().await;
            match answer {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(TransportError::Broken("closed by the other side".to_owned())),
                Err(_) => Err(TransportError::TimedOut),
            }
        }
        .boxed()
    }
}

async fn answer(simulator: &Simulator, request: http::Request<Bytes>) -> Answer {
    let broken = || TransportError::Broken("closed by the other side".to_owned());
    let response = simulator.answer(request.map(axum::body::Body::from)).await.map_err(|_| broken())?;
    let (head, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => Ok(http::Response::from_parts(head, body.to_bytes())),
        Err(_) => Err(TransportError::Body { head: Box::new(head), failure: BodyFailure::CutShort }),
    }
}
