//! Scalingo and Kubernetes, both in memory, and the people at them.

use std::sync::Arc;
use std::time::Duration;

use in_memory_api_server::{ApiServer, Definition, Settings, Verb};
use logdrain_operator::drain::Digester;
use scalingo_simulator::{RateLimit, Simulator};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::journal::Requests;
use crate::operator::{Feed, Operator};

/// What Scalingo allows.
pub const ALLOWED_PER_MINUTE: u32 = 60;
/// How many drains each app has.
pub const DRAINS: usize = 3;
/// In how many namespaces the resources are.
const NAMESPACES: usize = 20;
/// How long everything may take to be Ready: at least twice what the limit asks for.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// The same, for each app.
const LONGEST_OF_ONE: Duration = Duration::from_secs(10);

const KIND: &str = "LogDrain";

/// Both servers, with all apps and all that people want of them.
pub struct World {
    pub simulator: Simulator,
    server: ApiServer,
    digester: Arc<Digester>,
    operator: Option<Operator>,
    /// How many apps there are to look after.
    pub apps: usize,
    /// Requests so far that were answered with 429.
    pub refused: usize,
}

impl World {
    /// Apps with three `LogDrain` resources each, in 20 namespaces, all with one API token; nothing at Scalingo, and no operator.
    pub fn new(apps: usize, digester: &Arc<Digester>) -> Self {
        let mut definitions = Definition::builtin();
        let crd = serde_json::to_value(logdrain_operator::crd::definition()).unwrap_or_default();
        definitions.extend(Definition::from_crd(&crd));
        let settings = Settings::default();
        let simulator = Simulator::seeded(1, settings.start);
        simulator.set(|settings| settings.rate_limit = Some(RateLimit::sliding(ALLOWED_PER_MINUTE)));
        simulator.add_token("operator", "tk-us-operator");
        simulator.add_app(ELSEWHERE);
        let server = ApiServer::new(settings, definitions);
        let digester = Arc::clone(digester);
        let world = Self { simulator, server, digester, operator: None, apps, refused: 0 };
        for index in 0..NAMESPACES {
            world.secret(index, "scalingo", "api_token", "tk-us-operator");
            for (name, _) in drains() {
                world.secret(index, name, "value", &format!("token-of-{name}"));
            }
        }
        for app in 0..apps {
            world.simulator.add_app(&app_name(app));
            for (name, spec) in drains() {
                world.apply(app, name, spec);
            }
        }
        world
    }

    fn secret(&self, namespace: usize, name: &str, key: &str, value: &str) {
        let _ = self.server.apply(json!({
            "apiVersion": "v1", "kind": "Secret", "stringData": {key: value},
            "metadata": {"namespace": namespace_of(namespace), "name": name},
        }));
    }

    /// As `kubectl apply` of a `LogDrain` for an app.
    pub fn apply(&self, app: usize, name: &str, mut spec: Value) {
        spec["app"] = app_name(app).into();
        let _ = self.server.apply(json!({
            "apiVersion": "logs.scalingo.com/v1", "kind": KIND, "spec": spec,
            "metadata": {"namespace": namespace_of(app), "name": format!("{}-{name}", app_name(app))},
        }));
    }

    /// Starts the operator.
    pub fn start(&mut self, feed: Feed) {
        self.operator = Some(Operator::start(&self.server, &self.simulator, &self.digester, feed));
    }

    /// Kills the operator.
    pub async fn kill(&mut self) {
        if let Some(operator) = self.operator.take() {
            operator.kill().await;
        }
    }

    /// Waits until all resources are Ready; says how long that took, `None` when some never were.
    pub async fn until_ready(&self) -> Option<Duration> {
        let begun = Instant::now();
        let longest = LONGEST + LONGEST_OF_ONE * u32::try_from(self.apps).unwrap_or(u32::MAX);
        while !self.server.is_each(KIND, is_ready) {
            if begun.elapsed() > longest {
                return None;
            }
            sleep(Duration::from_secs(1)).await;
        }
        Some(begun.elapsed())
    }

    /// The id of an app at Scalingo.
    pub fn app_id(&self, app: usize) -> String {
        self.simulator.app_id(&app_name(app)).unwrap_or_default()
    }

    /// How many drains there are.
    pub fn drains(&self) -> usize {
        self.simulator.all_drains().iter().map(|(_, drains)| drains.len()).sum()
    }

    /// Changes drains of an app that nobody looks after, so often that the change feed shows nothing else any more.
    pub fn flood_feed(&self, changes: usize) {
        const URL: &str = "https://elsewhere.example.com/in";
        for _ in 0..changes / 2 {
            let _ = self.simulator.add_drain_behind(ELSEWHERE, URL);
            let _ = self.simulator.remove_drain_behind(ELSEWHERE, URL);
        }
    }

    /// What has come and gone since the last time.
    pub fn take(&mut self) -> Requests {
        let writes = self.server.take_journal();
        let writes = writes
            .iter()
            .filter(|entry| !matches!(entry.request.verb, Verb::Get | Verb::List | Verb::Watch))
            .count();
        let requests = Requests {
            journal: self.simulator.journal(),
            changes: self.simulator.changes(),
            kubernetes_writes: writes,
        };
        self.simulator.clear_journal();
        self.refused += requests.refused();
        requests
    }
}

/// An app without any `LogDrain`.
const ELSEWHERE: &str = "elsewhere";

fn app_name(app: usize) -> String {
    format!("app-{app:04}")
}

fn namespace_of(app: usize) -> String {
    format!("team-{:02}", app % NAMESPACES)
}

/// The drains of each app, by name.
fn drains() -> [(&'static str, Value); DRAINS] {
    let token = |name: &str| json!({"name": name, "key": "value"});
    [
        (
            "datadog",
            json!({"type": "datadog", "tokenSecretRef": token("datadog"), "drainRegion": "eu-west-2"}),
        ),
        ("papertrail", json!({"type": "papertrail", "host": "logs.example.com", "port": 6514})),
        (
            "syslog",
            json!({
                "type": "syslog", "tokenSecretRef": token("syslog"), "host": "syslog.example.com", "port": 6514,
            }),
        ),
    ]
}

fn is_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    let is_current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
    is_current
        && conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}
