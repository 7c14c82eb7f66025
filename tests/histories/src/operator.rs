//! One process of the operator: the real controller and the real client, over wires that can be cut.

mod wire;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use in_memory_api_server::{ApiServer, Connection, Fault, RequestInfo, Turns, Verb};
use jiff::{SignedDuration, Timestamp};
use logdrain_operator::clock::Clock;
use logdrain_operator::guarded::Guarded;
use logdrain_operator::kube::watch_health::WatchHealth;
use logdrain_operator::lease::{self, Elector, Leadership};
use logdrain_operator::logdrain::{Context, Parts, Settings, View, Watch, watches};
use logdrain_operator::metrics::Metrics;
use logdrain_operator::scalingo::{Client, Endpoints};
use logdrain_operator::work::follow;
use scalingo_simulator::Simulator;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::faults::KubernetesFaults;
use crate::sabotage::Sabotage;
use crate::universe::REGION;
use crate::witness::Witness;

use self::wire::Wire;

/// How often a target is compared with Scalingo whose changes the feed does not show.
const RESYNC: Duration = Duration::from_secs(5 * 60);
/// The same where it shows them.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(8 * 60);
/// How often the feed is read, by an operator that does.
const FEED_INTERVAL: Duration = Duration::from_secs(15);
/// How long the deletion of a drain waits for an app that is not found.
pub const GONE_AFTER: Duration = Duration::from_secs(6 * 60);
/// Where the Lease is.
pub const OWN_NAMESPACE: &str = "logdrain-system";
/// Longer than by default, where an hour would be filled with renewals; the steps are as much longer.
const LEASE_DURATION: Duration = Duration::from_secs(60);
const RENEW_DEADLINE: Duration = Duration::from_secs(40);
const RETRY_PERIOD: Duration = Duration::from_secs(12);
/// How long a process that has ended by itself waits to be started again at the most.
const RESTART: Duration = Duration::from_secs(20);

/// What all operators of a history share.
#[derive(Clone)]
pub struct Surroundings {
    pub server: ApiServer,
    pub simulator: Simulator,
    pub turns: Turns,
    pub faults: Arc<KubernetesFaults>,
    pub lease_faults: Arc<KubernetesFaults>,
    /// Whether operators stand for election.
    pub elects: Arc<AtomicBool>,
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
    cut_until: Mutex<Option<Instant>>,
    /// By how much its clock was set back.
    set_back: Mutex<SignedDuration>,
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

    /// Whether the Kubernetes API is out of reach.
    fn is_cut_off(&self) -> bool {
        let until = *self.cut_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Lets nothing of a process happen while it stands still, as after SIGSTOP: timers and answers find it later.
    async fn stoppable<T>(&self, process: impl Future<Output = T>) -> T {
        let mut process = pin!(process);
        let mut rest = None;
        poll_fn(|context| {
            while let Some(left) = self.halted_for() {
                let rest = rest.insert(Box::pin(sleep(left)));
                if rest.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
            }
            process.as_mut().poll(context)
        })
        .await
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

    /// How far an operator's clock is wrong: mostly not at all, and where a Lease decides who leads, by minutes and by hours too.
    fn skew(&self) -> SignedDuration {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let most = match (random.u8(..8), self.elects.load(Ordering::Relaxed)) {
            (0, true) => {
                if random.bool() {
                    5 * 60_000
                } else {
                    7 * 60 * 60_000
                }
            }
            (0 | 1, _) => 4_000,
            _ => return SignedDuration::ZERO,
        };
        SignedDuration::from_millis(random.i64(-most..most))
    }

    fn restart(&self) -> Duration {
        RESTART.mul_f64(self.random.lock().unwrap_or_else(PoisonError::into_inner).f64())
    }

    fn seed(&self) -> u64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).u64(..)
    }

    /// Most operators read the feed.
    fn settings(&self) -> Settings {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        Settings {
            region: REGION.to_owned(),
            resync: RESYNC,
            sweep_interval: SWEEP_INTERVAL,
            feed_interval: (random.u8(..4) > 0).then_some(FEED_INTERVAL),
            gone_after: GONE_AFTER,
            max_concurrent_reconciles: 32,
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
            cut_until: Mutex::default(),
            set_back: Mutex::default(),
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
        let task = {
            let (life, surroundings) = (Arc::clone(&life), surroundings.clone());
            async move { life.stoppable(live(&life, &surroundings)).await }
        };
        let task = tokio::spawn(task);
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

    /// Stands still for so long.
    pub fn halt(&self, time: Duration) {
        *self.life.halted_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + time);
    }

    /// Its clock is set back by so much.
    pub fn set_back(&self, by: SignedDuration) {
        let mut set_back = self.life.set_back.lock().unwrap_or_else(PoisonError::into_inner);
        *set_back = set_back.saturating_add(by);
    }

    /// Goes on at the next event, and reaches everything.
    pub fn go_on(&self) {
        *self.life.halted_until.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.life.cut_until.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.life.connection.pause_watches(false);
    }

    /// Waits until it reaches the Kubernetes API again.
    pub async fn until_reachable(&self) {
        while self.life.is_cut_off() {
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Does not reach the Kubernetes API for so long.
    pub fn cut_off(&self, time: Duration) {
        *self.life.cut_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + time);
        let connection = self.life.connection.clone();
        connection.pause_watches(true);
        tokio::spawn(async move {
            sleep(time).await;
            connection.pause_watches(false);
        });
    }

    /// Whether its watches are silent.
    pub fn pause_watches(&self, paused: bool) {
        self.life.connection.pause_watches(paused);
    }
}

/// One process after the other: who has lost the Lease ends, and is started again.
async fn live(life: &Arc<Life>, surroundings: &Surroundings) {
    let mut process = 0;
    loop {
        process += 1;
        let label = format!("{}.{process}", life.label);
        let Some(lost) = run(life, surroundings, &label).await else { return };
        let why = match lost {
            lease::Lost::Taken(_) => "lease: taken by another",
            lease::Lost::Expired(_) => "lease: not renewed in time",
        };
        surroundings.witness.count(why);
        sleep(surroundings.restart()).await;
    }
}

/// One process. Ends with the Lease.
async fn run(life: &Arc<Life>, surroundings: &Surroundings, label: &str) -> Option<lease::Lost> {
    let client = life.connection.client(OWN_NAMESPACE);
    let clock: Clock = {
        let (simulator, skew, life) = (surroundings.simulator.clone(), surroundings.skew(), Arc::clone(life));
        if skew.abs() > SignedDuration::from_mins(1) {
            surroundings.witness.count("clock wrong by minutes");
        }
        if skew.abs() > SignedDuration::from_hours(1) {
            surroundings.witness.count("clock wrong by hours");
        }
        Arc::new(move || {
            let set_back = *life.set_back.lock().unwrap_or_else(PoisonError::into_inner);
            simulator.now().checked_add(skew - set_back).unwrap_or(Timestamp::MAX)
        })
    };
    let mut elector = surroundings.elects.load(Ordering::Relaxed).then(|| {
        let settings = lease::Settings {
            namespace: OWN_NAMESPACE.to_owned(),
            name: "logdrain-operator".to_owned(),
            identity: label.to_owned(),
            duration: LEASE_DURATION,
            renew_deadline: RENEW_DEADLINE,
            retry_period: RETRY_PERIOD,
        };
        let random = fastrand::Rng::with_seed(surroundings.seed());
        Elector::new(client.clone(), settings, clock.clone(), random, Metrics::default())
    });
    let leads = elector.as_ref().filter(|_| surroundings.sabotage != Some(Sabotage::LeaseIgnored));
    let leadership = leads.map_or_else(Leadership::always, Elector::leadership);
    let wire = Wire { life: Arc::clone(life), label: label.to_owned(), surroundings: surroundings.clone() };
    let wire = Guarded::new(Arc::new(wire), leadership.clone());
    let endpoints = Endpoints::parse("https://api.{region}.example.com", "https://auth.example.com", false);
    #[expect(clippy::expect_used, reason = "constants, tried by every history")]
    let endpoints = endpoints.expect("valid endpoints");
    let metrics = Metrics::default();
    let watch_health = WatchHealth::new(metrics.clone());
    let watches = watches(&client, &[], &watch_health);
    let parts = Parts {
        scalingo: Client::new(Arc::new(wire), endpoints, clock.clone(), life.requests_per_minute),
        client,
        settings: surroundings.settings(),
        view: View::new(watches.iter().map(Watch::cache).collect()),
        watch_health,
        digester: Arc::clone(&surroundings.witness.digester),
        metrics,
        random: fastrand::Rng::with_seed(surroundings.seed()),
        clock,
        stopping: CancellationToken::new(),
        leadership,
    };
    let sabotage = surroundings.sabotage.and_then(Sabotage::of_controller);
    let context = Context::sabotaged(parts, sabotage);
    let follow = follow(watches, context);
    let Some(elector) = &mut elector else {
        follow.await;
        return None;
    };
    tokio::select! {
        biased;
        lost = elector.lead() => Some(lost),
        () = follow => None,
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
    if life.is_cut_off() {
        return Fault::Unreachable;
    }
    // The Lease is asked for every other second: it would meet all that is meant for others.
    let (whose, faults) = match request.kind.as_str() {
        "Lease" => ("lease", &surroundings.lease_faults),
        _ => ("Kubernetes", &surroundings.faults),
    };
    if let Some(fault) = faults.take(request) {
        surroundings.witness.count(&format!("{whose}: {}", name(fault)));
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
