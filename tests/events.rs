//! Events are for people to read: where the Kubernetes API takes none, the work goes on, and it is counted.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use in_memory_api_server::{ApiServer, Definition, Fault, RequestInfo, Settings};
use logdrain_operator::kube::watch_health::WatchHealth;
use logdrain_operator::logdrain::{self, Context, Parts, View, Watch, watches};
use logdrain_operator::metrics::Metrics;
use logdrain_operator::scalingo::{Client, Endpoints, Transport, TransportError};
use logdrain_operator::work::follow;
use scalingo_simulator::Simulator;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// More than may be published at a time.
const LOGDRAINS: usize = 20;
/// Less than the operator waits for an event.
const BEFORE_ANY_IS_GIVEN_UP: Duration = Duration::from_secs(9);
/// Longer than it waits for all of them.
const LONG: Duration = Duration::from_secs(60);

/// The way to Scalingo.
struct Wire(Simulator);

impl Transport for Wire {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        let broken = || TransportError::Broken("closed by the other side".to_owned());
        async move {
            let answer = self.0.answer(request.map(Body::from)).await.map_err(|_| broken())?;
            let (head, body) = answer.into_parts();
            let body = to_bytes(body, usize::MAX).await.map_err(|_| broken())?;
            Ok(http::Response::from_parts(head, body))
        }
        .boxed()
    }
}

/// Starts an operator, and gives what it counts.
fn start(server: &ApiServer, simulator: &Simulator, fault: fn(&RequestInfo) -> Fault) -> Arc<Context> {
    let (client, _) = server.client_with("operator", "logdrain-system", fault);
    let endpoints = Endpoints::parse("https://api.{region}.example.com", "https://auth.example.com", false);
    let clock: logdrain_operator::clock::Clock = {
        let simulator = simulator.clone();
        Arc::new(move || simulator.now())
    };
    let metrics = Metrics::default();
    let watch_health = WatchHealth::new(metrics.clone());
    let watches = watches(&client, &[], &watch_health);
    let wire = Arc::new(Wire(simulator.clone()));
    let context = Context::new(Parts {
        scalingo: Client::new(wire, endpoints.unwrap(), clock.clone(), 1_000),
        client,
        settings: logdrain::Settings {
            region: "osc-fr1".to_owned(),
            resync: Duration::from_secs(600),
            sweep_interval: Duration::from_secs(600),
            feed_interval: None,
            gone_after: Duration::from_secs(600),
            max_concurrent_reconciles: 32,
        },
        view: View::new(watches.iter().map(Watch::cache).collect()),
        watch_health,
        digester: Arc::default(),
        metrics,
        random: fastrand::Rng::with_seed(1),
        clock,
        stopping: CancellationToken::new(),
        leadership: logdrain_operator::lease::Leadership::always(),
    });
    tokio::spawn(follow(watches, Arc::clone(&context)));
    context
}

/// How many events could not be published, as it is exposed.
fn failed(context: &Context) -> usize {
    let text = context.metrics.expose(&context.snapshot()).unwrap();
    let count = text.lines().find_map(|line| line.strip_prefix(r#"logdrain_errors_total{kind="event"} "#));
    count.unwrap().parse().unwrap()
}

fn is_synced(object: &Value) -> bool {
    object["status"]["conditions"][0]["reason"] == "Synced"
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn events_that_are_never_answered_hold_nothing_up_and_are_counted() {
    let mut definitions = Definition::builtin();
    let crd = serde_json::to_value(logdrain_operator::crd::definition()).unwrap();
    definitions.extend(Definition::from_crd(&crd));
    let settings = Settings::default();
    let simulator = Simulator::seeded(1, settings.start);
    simulator.add_token("operator", "tk-us-operator");
    simulator.add_app("shop-front");
    let server = ApiServer::new(settings, definitions);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "stringData": {"api_token": "tk-us-operator"},
        "metadata": {"namespace": "shop", "name": "scalingo"},
    });
    server.apply(secret).unwrap();
    for port in 1..=LOGDRAINS {
        let spec =
            json!({"app": "shop-front", "type": "papertrail", "host": "logs.example.com", "port": port});
        let object = json!({
            "apiVersion": "logs.scalingo.com/v1", "kind": "LogDrain", "spec": spec,
            "metadata": {"namespace": "shop", "name": format!("drain-{port}")},
        });
        server.apply(object).unwrap();
    }
    let context = start(&server, &simulator, |request| match request.kind.as_str() {
        "Event" => Fault::NeverAnswer,
        _ => Fault::None,
    });

    let synced = timeout(BEFORE_ANY_IS_GIVEN_UP, until(|| server.is_each("LogDrain", is_synced))).await;
    assert!(synced.is_ok(), "{:#?}", server.take_journal());
    assert_eq!(simulator.drains("shop-front").len(), LOGDRAINS);
    assert_eq!(failed(&context), 0, "all of them are under way");

    let counted = timeout(LONG, until(|| failed(&context) == LOGDRAINS)).await;
    assert!(counted.is_ok(), "{} of {LOGDRAINS} are counted", failed(&context));
}
