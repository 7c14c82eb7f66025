//! What every test has to itself: a namespace, a simulator, and operators; and what every test must leave:
//! no secret anywhere, no complaint of the API, no 403.

mod operators;
mod recorded;
mod states;

use std::{
    cell::{Cell, RefCell},
    fmt::Debug,
    ops::Deref,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use control_plane::{AuditEntry, ControlPlane};
use scalingo_simulator::{Entry, Server, Simulator};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use self::states::States;
pub use self::states::owned;
use crate::{emitted::assert_free_of, eventually::eventually, operator::Operator};

/// Longer than anything takes that is going to happen, on a slow machine.
pub const SOON: Duration = Duration::from_secs(120);

/// The API token that every test begins with.
pub const API_TOKEN: &str = "tk-us-e2e-4f1d0c9a7b3e";

#[derive(Clone)]
struct Installed {
    plane: Plane,
    kubeconfig: PathBuf,
}

/// A control plane: all tests' one, or one's own, which ends with the test.
#[derive(Clone)]
pub enum Plane {
    Shared(&'static ControlPlane),
    Own(Arc<ControlPlane>),
}

impl Deref for Plane {
    type Target = ControlPlane;

    fn deref(&self) -> &ControlPlane {
        match self {
            Self::Shared(plane) => plane,
            Self::Own(plane) => plane,
        }
    }
}

/// The control plane with `crds/` and `deploy/`'s permissions, started once for all tests.
fn installed() -> &'static Installed {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        install(Plane::Shared(ControlPlane::shared().unwrap_or_else(|error| panic!("{error}"))))
    })
}

fn install(plane: Plane) -> Installed {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    plane.install(&repository.join("deploy"), &repository.join("crds")).expect("deploy/ is installed");
    let kubeconfig = plane
        .service_account_kubeconfig("logdrain-system", "logdrain-operator")
        .expect("the service account of deploy/");
    Installed { plane, kubeconfig }
}

/// One test's own world.
pub struct World {
    pub plane: Plane,
    /// The kubeconfig of the operator's service account.
    pub kubeconfig: PathBuf,
    /// The namespaces of this test, the first of which is the one that is meant when none is named.
    pub namespaces: Vec<String>,
    pub simulator: Simulator,
    server: Server,
    operators: RefCell<Vec<Operator>>,
    secrets: RefCell<Vec<String>>,
    texts: RefCell<Vec<(String, String)>>,
    states: States,
    /// Whether a namespace was being deleted, where the API server takes no event.
    pub events_are_refused: Cell<bool>,
}

impl World {
    /// A namespace with the API token's Secret, and a simulator with the apps `shop-front` and `shop-api`.
    pub async fn new() -> Self {
        Self::with_namespaces(1).await
    }

    /// The same with several namespaces, the API token's Secret in each.
    pub async fn with_namespaces(count: usize) -> Self {
        Self::on(block_in_place(|| installed().clone()), count).await
    }

    /// The same on a control plane of its own, for an operator that watches all namespaces.
    pub async fn alone() -> Self {
        let start = || ControlPlane::start().unwrap_or_else(|error| panic!("{error}"));
        Self::on(block_in_place(|| install(Plane::Own(Arc::new(start())))), 1).await
    }

    /// Another cluster, whose operators speak to the same Scalingo.
    pub async fn in_another_cluster(&self) -> Self {
        let start = || ControlPlane::start().unwrap_or_else(|error| panic!("{error}"));
        let installed = block_in_place(|| install(Plane::Own(Arc::new(start()))));
        Self::beside(self.simulator.clone(), installed, 1).await
    }

    async fn on(installed: Installed, count: usize) -> Self {
        let simulator = Simulator::new();
        simulator.add_token("operator", API_TOKEN);
        simulator.add_app("shop-front");
        simulator.add_app("shop-api");
        Self::beside(simulator, installed, count).await
    }

    async fn beside(simulator: Simulator, installed: Installed, count: usize) -> Self {
        let Installed { plane, kubeconfig } = installed;
        let server = simulator.serve("127.0.0.1:0").await.expect("a free port");
        let namespaces: Vec<String> =
            block_in_place(|| (0..count).map(|_| plane.namespace().expect("a namespace")).collect());
        let states = States::follow(&plane, &namespaces).await;
        let world = Self {
            plane,
            kubeconfig,
            namespaces,
            simulator,
            server,
            operators: RefCell::default(),
            secrets: RefCell::default(),
            texts: RefCell::default(),
            states,
            events_are_refused: Cell::default(),
        };
        for namespace in &world.namespaces {
            world.secret_in(namespace, "scalingo", &[("api_token", API_TOKEN)]);
        }
        world
    }

    /// The same as [`World::new`], with an operator running.
    pub async fn running() -> Self {
        let world = Self::new().await;
        world.start_operator();
        world
    }

    pub fn namespace(&self) -> &str {
        &self.namespaces[0]
    }

    // ---- Kubernetes

    /// Runs kubectl in the test's namespace and gives what it prints.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.try_kubectl(arguments, None).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, with an error for a failure.
    pub fn try_kubectl(&self, arguments: &[&str], stdin: Option<&str>) -> Result<String, String> {
        let mut all = vec!["--namespace", self.namespace()];
        all.extend(arguments);
        block_in_place(|| self.plane.kubectl_ok(all, stdin)).map_err(|error| error.to_string())
    }

    /// Deletes what these arguments name, and waits until it is gone.
    pub fn delete_until_gone(&self, what: &[&str]) {
        self.delete_until_gone_in(self.namespace(), what);
    }

    pub fn delete_until_gone_in(&self, namespace: &str, what: &[&str]) {
        let timeout = format!("--timeout={}s", SOON.as_secs());
        let mut arguments = vec!["--namespace", namespace, "delete", timeout.as_str()];
        arguments.extend(what);
        block_in_place(|| self.plane.kubectl_ok(arguments, None)).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Applies a `LogDrain` in the test's namespace.
    pub fn apply(&self, name: &str, spec: &Value) {
        self.apply_in(self.namespace(), name, spec);
    }

    pub fn apply_in(&self, namespace: &str, name: &str, spec: &Value) {
        let manifest = json!({
            "apiVersion": "logs.scalingo.com/v1",
            "kind": "LogDrain",
            "metadata": {"name": name, "namespace": namespace},
            "spec": spec,
        });
        block_in_place(|| self.plane.kubectl_ok(["apply", "-f", "-"], Some(&manifest.to_string())))
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Writes a Secret; its values will be searched for in all that is emitted.
    pub fn secret(&self, name: &str, data: &[(&str, &str)]) {
        self.secret_in(self.namespace(), name, data);
    }

    pub fn secret_in(&self, namespace: &str, name: &str, data: &[(&str, &str)]) {
        self.secrets.borrow_mut().extend(data.iter().map(|(_, value)| value.trim().to_owned()));
        let data: serde_json::Map<String, Value> =
            data.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        let manifest = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": data,
        });
        block_in_place(|| self.plane.kubectl_ok(["apply", "-f", "-"], Some(&manifest.to_string())))
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Registers a secret that is in no Secret, such as a foreign drain's token.
    pub fn is_secret(&self, value: &str) {
        self.secrets.borrow_mut().push(value.to_owned());
    }

    /// A `LogDrain` as the API server has it; null when it is gone.
    pub fn get(&self, name: &str) -> Value {
        self.get_in(self.namespace(), name)
    }

    pub fn get_in(&self, namespace: &str, name: &str) -> Value {
        self.states.read(namespace, &format!("metadata.name={name}")).pop().unwrap_or_default()
    }

    /// All `LogDrain`s of the test's namespace as the API server has them.
    pub fn all(&self) -> Vec<Value> {
        self.states.read(self.namespace(), "")
    }

    /// Waits until a `LogDrain` is as it should be, and gives it.
    pub async fn until(&self, name: &str, what: impl Debug, is_so: impl Fn(&Value) -> bool) -> Value {
        self.until_in(self.namespace(), name, what, is_so).await
    }

    pub async fn until_in(
        &self,
        namespace: &str,
        name: &str,
        what: impl Debug,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        self.until_within(SOON, namespace, name, what, is_so).await
    }

    pub async fn until_within(
        &self,
        patience: Duration,
        namespace: &str,
        name: &str,
        what: impl Debug,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        let get = || self.get_in(namespace, name);
        let describe = || {
            format!("{namespace}/{name} does not become {what:?}: {:#}\n{}", get(), self.operator_output())
        };
        eventually(patience, describe, async || Some(get()).filter(&is_so)).await
    }

    /// Waits until `Ready` has this reason for the current generation, and gives the `LogDrain`.
    pub async fn until_reason(&self, name: &str, reason: &str) -> Value {
        self.until_reason_in(self.namespace(), name, reason).await
    }

    pub async fn until_reason_in(&self, namespace: &str, name: &str, reason: &str) -> Value {
        self.until_in(namespace, name, reason, |object| {
            ready(object)["reason"] == reason
                && object["status"]["observedGeneration"] == object["metadata"]["generation"]
        })
        .await
    }

    /// Waits until the simulator is as it should be.
    pub async fn until_simulator(&self, what: &str, is_so: impl Fn(&Simulator) -> bool) {
        self.until_simulator_within(SOON, what, is_so).await;
    }

    pub async fn until_simulator_within(
        &self,
        patience: Duration,
        what: &str,
        is_so: impl Fn(&Simulator) -> bool,
    ) {
        let seen = tokio::time::timeout(patience, self.simulator.until(is_so)).await;
        assert!(
            seen.is_ok(),
            "the simulator does not see {what}: {:#?}\n{}",
            self.simulator.journal(),
            self.operator_output()
        );
    }

    // ---- what is left at the end

    /// The requests of this test that change drains.
    pub fn writes(&self) -> Vec<Entry> {
        self.simulator
            .journal()
            .into_iter()
            .filter(|entry| entry.method != "GET" && !entry.path.contains("/tokens/"))
            .collect()
    }

    /// What the operator asked of the API server in this test's namespaces.
    pub fn audit(&self) -> Vec<AuditEntry> {
        let entries = block_in_place(|| self.plane.audit()).expect("the audit log");
        entries
            .into_iter()
            .filter(|entry| {
                entry.user == "system:serviceaccount:logdrain-system:logdrain-operator"
                    && self.namespaces.contains(&entry.namespace)
            })
            .collect()
    }

    /// Adds to what is searched for secrets at the end.
    pub fn keep(&self, source: &str, text: String) {
        self.texts.borrow_mut().push((source.to_owned(), text));
    }

    /// Stops the operators and checks what every test must leave: call it at the end of each.
    pub fn finish(self) {
        self.finish_with_complaints(&[]);
    }

    /// The same where the test makes the API complain of these.
    pub fn finish_with_complaints(self, expected: &[&str]) {
        let (secrets, texts) = self.emitted();
        assert_free_of(&secrets, &texts);
        for (source, text) in &texts {
            assert!(!text.contains("panicked at"), "{source} panicked: {text}");
        }
        let complaints: Vec<_> = self
            .simulator
            .complaints()
            .into_iter()
            .filter(|complaint| !expected.iter().any(|expected| complaint.contains(expected)))
            .collect();
        assert!(complaints.is_empty(), "the API complains: {complaints:#?}");
        let is_excused = |entry: &AuditEntry| self.events_are_refused.get() && entry.resource == "events";
        let refused: Vec<_> =
            self.audit().into_iter().filter(|entry| entry.code == 403 && !is_excused(entry)).collect();
        assert!(refused.is_empty(), "the operator lacks permissions: {refused:#?}");
        self.judge_states();
    }

    /// Stops the operators; gives the secrets of this test, and all that was emitted, each text after its source.
    pub fn emitted(&self) -> (Vec<String>, Vec<(String, String)>) {
        for namespace in &self.namespaces {
            for kind in ["logdrains", "events.v1.events.k8s.io"] {
                let text = block_in_place(|| {
                    let all =
                        ["get", kind, "--namespace", namespace, "--output=yaml", "--show-managed-fields"];
                    self.plane.kubectl_ok(all, None)
                })
                .unwrap_or_else(|error| panic!("{error}"));
                self.keep(&format!("{kind} of {namespace}"), text);
            }
        }
        while !self.operators.borrow().is_empty() {
            self.stop_operator();
        }
        let kubeconfig = std::fs::read_to_string(&self.kubeconfig).expect("the kubeconfig");
        let account = kubeconfig.lines().filter_map(|line| line.trim().strip_prefix("token: "));
        let mut secrets = self.secrets.borrow().clone();
        secrets.extend(self.simulator.bearers("operator"));
        secrets.extend(account.map(str::to_owned));
        (secrets, self.texts.borrow().clone())
    }
}

/// The `Ready` condition.
pub fn ready(object: &Value) -> &Value {
    condition(object, "Ready")
}

/// A condition; null where there is none of this type.
pub fn condition<'a>(object: &'a Value, type_: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .and_then(|conditions| conditions.iter().find(|condition| condition["type"] == type_))
        .unwrap_or(&Value::Null)
}
