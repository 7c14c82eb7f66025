//! In virtual time, against a Kubernetes API server in memory.

use std::sync::Mutex;

use bytes::Bytes;
use futures::future::BoxFuture;
use in_memory_api_server::{ApiServer, Connection, Definition, Fault, RequestInfo, Settings, Verb};
use serde_json::json;
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    crd::{DrainType, LogDrain, LogDrainSpec, Reason},
    kube::watch_health::WatchHealth,
    logdrain::{Cache, Parts, Settings as ControllerSettings, View, desired},
    scalingo::{ApiToken, Client, Endpoints, Transport, TransportError},
    state::store::{Listing, Store},
};

/// Nothing here talks to Scalingo.
struct Nobody;

impl Transport for Nobody {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        panic!("{request:?}")
    }
}

/// Longer than any change takes to be noticed where nothing fails.
const A_WHILE: Duration = Duration::from_secs(5);

struct Case {
    server: ApiServer,
    connection: Connection,
    context: Arc<Context>,
    noticing: JoinHandle<()>,
}

impl Drop for Case {
    fn drop(&mut self) {
        self.noticing.abort();
    }
}

impl Case {
    fn new() -> Self {
        Self::with(|_| Fault::None)
    }

    fn with(fault: impl Fn(&RequestInfo) -> Fault + Send + Sync + 'static) -> Self {
        fastrand::seed(1);
        let server = ApiServer::new(Settings::default(), Definition::builtin());
        let (client, connection) = server.client_with("operator", "shop", fault);
        let endpoints =
            Endpoints::parse("https://api.example.com", "https://auth.example.com", false).unwrap();
        let clock: crate::clock::Clock = Arc::new(jiff::Timestamp::now);
        let metrics = crate::metrics::Metrics::default();
        let store = Arc::new(Store::default());
        for name in ["a", "b"] {
            store.take_in(None, &mut Listing::default(), Event::Apply(resource(name)));
        }
        let context = Context::new(Parts {
            client,
            scalingo: Client::new(Arc::new(Nobody), endpoints, clock.clone(), 1_000),
            settings: ControllerSettings {
                region: "osc-fr1".into(),
                resync: Duration::from_secs(3600),
                sweep_interval: Duration::from_secs(3600),
                feed_interval: None,
                gone_after: Duration::from_secs(600),
                max_concurrent_reconciles: 32,
            },
            view: View::new(vec![Cache::of(store)]),
            digester: Arc::default(),
            watch_health: WatchHealth::new(metrics.clone()),
            metrics,
            random: fastrand::Rng::with_seed(1),
            clock,
            stopping: CancellationToken::new(),
            leadership: crate::lease::Leadership::always(),
        });
        let noticing = tokio::spawn(watch_secrets(vec![None], context.clone()));
        Self { server, connection, context, noticing }
    }

    fn write(&self, name: &str, data: &serde_json::Value, label: &str) {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "data": data,
            "metadata": {"namespace": "shop", "name": name, "labels": {"touched": label}},
        });
        self.server.apply(secret).unwrap();
    }

    /// Reads the API token as a reconciliation does.
    async fn read(&self, name: &str) -> Result<ApiToken, Error> {
        desired::api_token(&self.context, &resource(name)).await
    }

    /// Who has been called meanwhile, each time.
    async fn called(&mut self) -> Vec<String> {
        sleep(A_WHILE).await;
        let mut called = self.context.dispatch.take_due();
        called.sort();
        called.iter().map(|uid| uid.trim_start_matches("uid-of-").to_owned()).collect()
    }

    /// The Secrets that were read since the last time.
    fn reads(&self) -> Vec<String> {
        let entries = self.server.take_journal().into_iter().map(|entry| entry.request);
        entries.filter(|request| request.verb == Verb::Get).map(|request| request.name).collect()
    }
}

/// Its API token is in the Secret `scalingo`.
fn resource(name: &str) -> LogDrain {
    let mut object = LogDrain::new(name, LogDrainSpec::new("shop", DrainType::Datadog));
    object.metadata.namespace = Some("shop".into());
    object.metadata.uid = Some(format!("uid-of-{name}"));
    object
}

// tk-one and tk-two.
fn one() -> serde_json::Value {
    json!({"api_token": "dGstb25l"})
}

fn two() -> serde_json::Value {
    json!({"api_token": "dGstdHdv"})
}

const NOBODY: [&str; 0] = [];

#[tokio::test(start_paused = true)]
async fn those_who_use_a_value_are_called_when_it_changes_and_for_nothing_else() {
    let mut case = Case::new();
    case.write("scalingo", &one(), "");
    case.write("unrelated", &one(), "");
    case.read("a").await.unwrap();
    case.read("b").await.unwrap();
    assert_eq!(case.called().await, NOBODY);
    case.reads();

    case.write("unrelated", &two(), "");
    assert_eq!(case.called().await, NOBODY);
    assert_eq!(case.reads(), NOBODY);
    case.write("scalingo", &one(), "only a label");
    assert_eq!(case.called().await, NOBODY);
    assert_eq!(case.reads(), ["scalingo"], "read once for both");
    case.write("scalingo", &two(), "only a label");
    assert_eq!(case.called().await, ["a", "b"]);
    assert_eq!(case.reads(), ["scalingo"]);
    assert_eq!(case.read("a").await.unwrap(), ApiToken::new("tk-two").unwrap());

    case.server.delete("Secret", "shop", "scalingo").unwrap();
    assert_eq!(case.called().await, ["a"], "b has been called, and has not been reconciled yet");
    assert_eq!(case.read("a").await.unwrap_err().reason(), Reason::ApiTokenNotFound);
    case.write("scalingo", &two(), "");
    assert_eq!(case.called().await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_changes_all_the_time_is_read_once_a_second() {
    let mut case = Case::new();
    case.write("scalingo", &one(), "");
    case.read("a").await.unwrap();
    assert_eq!(case.called().await, NOBODY);
    case.reads();
    for turn in 0..1000 {
        case.write("scalingo", &one(), &turn.to_string());
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(case.called().await, NOBODY);
    let reads = case.reads().len();
    assert!((10..=12).contains(&reads), "{reads} in 10 s");
}

#[tokio::test(start_paused = true)]
async fn what_happens_while_the_watch_is_away_is_noticed_by_the_next_list() {
    let mut case = Case::new();
    case.write("scalingo", &one(), "");
    case.read("a").await.unwrap();
    assert_eq!(case.called().await, NOBODY);
    for change in 0..3 {
        case.connection.set_faults(|request| match request.verb {
            Verb::List | Verb::Watch => Fault::Unreachable,
            _ => Fault::None,
        });
        case.server.break_watches();
        sleep(A_WHILE).await;
        match change {
            0 => case.write("scalingo", &two(), ""),
            1 => drop(case.server.delete("Secret", "shop", "scalingo").unwrap()),
            _ => case.write("scalingo", &one(), ""),
        }
        case.server.expire_watches();
        assert_eq!(case.called().await, NOBODY);
        case.connection.set_faults(|_| Fault::None);
        sleep(Duration::from_secs(60)).await;
        assert_eq!(case.called().await, ["a"], "{change}");
        let _ = case.read("a").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_shows_nothing_new_costs_no_read() {
    let mut case = Case::new();
    case.write("scalingo", &one(), "");
    assert_eq!(case.called().await, NOBODY);
    case.read("a").await.unwrap();
    case.reads();
    case.write("unrelated", &one(), "");
    case.server.expire_watches();
    case.server.end_watches();
    assert_eq!(case.called().await, NOBODY);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(case.reads(), NOBODY);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_cannot_be_read_is_read_again() {
    let mut case = Case::new();
    case.write("scalingo", &one(), "");
    case.read("a").await.unwrap();
    assert_eq!(case.called().await, NOBODY);
    case.connection.set_faults(|request| match request.verb {
        Verb::Get => Fault::Status(403),
        _ => Fault::None,
    });
    case.write("scalingo", &two(), "");
    assert_eq!(case.called().await, NOBODY);
    case.connection.set_faults(|_| Fault::None);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(case.called().await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_between_a_read_and_its_answer_is_not_missed() {
    let slow: Arc<Mutex<Duration>> = Arc::default();
    let told = slow.clone();
    let mut case = Case::with(move |request| match request.verb {
        Verb::Get => Fault::DelayAnswer(*told.lock().unwrap()),
        _ => Fault::None,
    });
    case.write("scalingo", &one(), "");
    assert_eq!(case.called().await, NOBODY);
    *slow.lock().unwrap() = Duration::from_secs(3);
    let context = case.context.clone();
    let reading = tokio::spawn(async move { desired::api_token(&context, &resource("a")).await });
    sleep(Duration::from_secs(1)).await;
    case.write("scalingo", &two(), "");
    assert_eq!(reading.await.unwrap().unwrap(), ApiToken::new("tk-one").unwrap());
    assert_eq!(case.called().await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_is_gone_is_forgotten_with_its_token() {
    let mut case = Case::new();
    case.write("scalingo", &one(), "");
    case.read("a").await.unwrap();
    case.read("b").await.unwrap();
    case.context.forget("uid-of-a");
    sleep(TIDY + A_WHILE).await;
    let token = ApiToken::new("tk-one").unwrap();
    assert_eq!(case.context.tokens.last("uid-of-a"), None);
    assert_eq!(case.context.tokens.last("uid-of-b"), Some(token));
    case.write("scalingo", &two(), "");
    assert_eq!(case.called().await, ["b"]);
}
