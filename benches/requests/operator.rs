//! One process of the operator: the real controller and the real client, over wires in memory that lose nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use in_memory_api_server::{ApiServer, Connection, Fault, RequestInfo, Verb};
use logdrain_operator::clock::Clock;
use logdrain_operator::drain::Digester;
use logdrain_operator::kube::watch_health::WatchHealth;
use logdrain_operator::logdrain::{Context, Parts, Settings, View, Watch, watches};
use logdrain_operator::metrics::Metrics;
use logdrain_operator::scalingo::{Client, Endpoints, Transport, TransportError};
use logdrain_operator::work::follow;
use scalingo_simulator::Simulator;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The default of `--requests-per-minute`.
pub const REQUESTS_PER_MINUTE: u32 = 50;
/// The default of `--resync`.
pub const RESYNC: Duration = Duration::from_secs(10 * 60);
/// The default of `--sweep-interval`.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
/// The default of `--feed-interval`.
pub const FEED_INTERVAL: Duration = Duration::from_secs(15);
/// How long a request to Scalingo is on its way there, and its answer back.
pub const ONE_WAY: Duration = Duration::from_millis(50);
/// How long a request to the Kubernetes API is on its way.
pub const KUBERNETES: Duration = Duration::from_millis(10);
/// The most largest answer that is read.
const LARGEST: usize = 16 * 1024 * 1024;

/// Whether the operator reads Scalingo's change feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// At the default interval.
    On,
    /// `--feed-interval 0`.
    Off,
}

/// The operator as it is configured where nothing is said, but for the feed.
fn settings(feed: Feed) -> Settings {
    Settings {
        region: "osc-fr1".to_owned(),
        resync: RESYNC,
        sweep_interval: SWEEP_INTERVAL,
        feed_interval: (feed == Feed::On).then_some(FEED_INTERVAL),
        gone_after: Duration::from_secs(600),
        max_concurrent_reconciles: 32,
    }
}

/// A running operator.
pub struct Operator {
    connection: Connection,
    task: JoinHandle<()>,
}

impl Operator {
    /// Starts an operator.
    #[expect(clippy::expect_used, reason = "constants")]
    pub fn start(server: &ApiServer, simulator: &Simulator, digester: &Arc<Digester>, feed: Feed) -> Self {
        let connection = server.connection("operator");
        connection.set_faults(|request: &RequestInfo| match request.verb {
            Verb::Watch => Fault::None,
            _ => Fault::Delay(KUBERNETES),
        });
        let client = connection.client("logdrain-system");
        let clock: Clock = {
            let simulator = simulator.clone();
            Arc::new(move || simulator.now())
        };
        let wire = Arc::new(Wire { simulator: simulator.clone() });
        let endpoints =
            Endpoints::parse("https://api.{region}.example.com", "https://auth.example.com", false)
                .expect("valid endpoints");
        let metrics = Metrics::default();
        let watch_health = WatchHealth::new(metrics.clone());
        let watches = watches(&client, &[], &watch_health);
        let context = Context::new(Parts {
            scalingo: Client::new(wire, endpoints, clock.clone(), REQUESTS_PER_MINUTE as usize),
            client,
            settings: settings(feed),
            view: View::new(watches.iter().map(Watch::cache).collect()),
            watch_health,
            digester: Arc::clone(digester),
            metrics,
            random: fastrand::Rng::with_seed(1),
            clock,
            stopping: CancellationToken::new(),
            leadership: logdrain_operator::lease::Leadership::always(),
        });
        Self { connection, task: tokio::spawn(follow(watches, context)) }
    }

    /// Ends it where it is.
    pub async fn kill(self) {
        self.connection.end();
        self.task.abort();
        let _ = self.task.await;
    }
}

/// The way to Scalingo.
struct Wire {
    simulator: Simulator,
}

type Answer = Result<http::Response<Bytes>, TransportError>;

impl Transport for Wire {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Answer> {
        let broken = || TransportError::Broken("closed by the other side".to_owned());
        async move {
            tokio::time::sleep(ONE_WAY).await;
            let response = self.simulator.answer(request.map(Body::from)).await.map_err(|_| broken())?;
            let (head, body) = response.into_parts();
            let body = to_bytes(body, LARGEST).await.map_err(|_| broken())?;
            tokio::time::sleep(ONE_WAY).await;
            Ok(http::Response::from_parts(head, body))
        }
        .boxed()
    }
}
