mod hands;

pub(crate) use hands::is_database;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use jiff::Timestamp;
use tokio::net::ToSocketAddrs;
use tokio::sync::watch;
use tower_service::Service;

use crate::clock::Clock;
use crate::gate::Gate;
use crate::journal::{Change, Entry};
use crate::reply::{Broken, Reply, broken_response};
use crate::rule::{Action, ActiveRule, Rule, When};
use crate::server::Server;
use crate::settings::Settings;
use crate::state::State;
use crate::{admin, api};

/// The simulated Scalingo. Clones share one state.
#[derive(Clone)]
pub struct Simulator(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    clock: Clock,
    /// Sent to whenever something may have changed.
    progress: watch::Sender<()>,
}

/// What a change behind the client's back names does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such {0}")]
pub struct Unknown(pub &'static str);

/// A rule that holds requests, and the gate where they wait.
#[derive(Clone, Debug)]
pub struct Held {
    /// The gate: wait for it to be reached, release it.
    pub gate: Gate,
    /// The rule's id, for [`Simulator::remove_rule`].
    pub rule: u64,
}

impl fmt::Debug for Simulator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Simulator")
    }
}

impl Default for Simulator {
    fn default() -> Self {
        Self::new()
    }
}

impl Simulator {
    /// A simulator without tokens and apps, at today's time.
    #[must_use]
    pub fn new() -> Self {
        Self::seeded(1, Timestamp::now())
    }

    /// A simulator whose ids, JWTs and opaque URLs follow from `seed`, and whose time begins at `start` and goes on with
    /// tokio's clock.
    #[must_use]
    pub fn seeded(seed: u64, start: Timestamp) -> Self {
        let state = Mutex::new(State::new(seed));
        Self(Arc::new(Shared { state, clock: Clock::starting_at(start), progress: watch::Sender::new(()) }))
    }

    /// Everything as one service: API, authentication and the admin interface under `/_simulator`.
    ///
    /// A router cannot fail: for a broken connection it returns a response that has [`Broken`] as an extension and
    /// whose body fails. Prefer [`Simulator::answer`].
    pub fn router(&self) -> Router {
        let simulator = self.clone();
        admin::router(self.clone()).fallback(move |request: Request| {
            let simulator = simulator.clone();
            async move { simulator.serve_api(request).await.unwrap_or_else(|Broken| broken_response()) }
        })
    }

    /// Answers one request in-process.
    ///
    /// # Errors
    /// [`Broken`] when a fault breaks the connection before an answer.
    pub async fn answer(&self, request: Request<Body>) -> Result<Response, Broken> {
        if request.uri().path().starts_with(admin::PREFIX) {
            let Ok(response) = self.router().call(request).await;
            return Ok(response);
        }
        self.serve_api(request).await
    }

    /// Listens on `address`, such as `127.0.0.1:0`, until the [`Server`] is dropped.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn serve(&self, address: impl ToSocketAddrs) -> io::Result<Server> {
        Server::start(self.clone(), address).await
    }

    async fn serve_api(&self, request: Request<Body>) -> Result<Response, Broken> {
        // A slip in a test's own request is no request to the API.
        if request.uri().path().starts_with(admin::PREFIX) {
            return Ok(Reply::not_found("page").into_response());
        }
        api::serve(self.clone(), request).await
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn notify(&self) {
        self.0.progress.send_replace(());
    }

    /// The simulator's own time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Waits until `condition` holds; it is asked again after each request, change and fault. Put a time-out around it.
    pub async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let mut progress = self.0.progress.subscribe();
        while !condition(self) {
            // The sender lives as long as `self`.
            let _ = progress.changed().await;
        }
    }

    /// All requests so far, in the order in which they came.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        self.state().journal.clone()
    }

    /// The latest place of a request or change: those that come now come after it.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.state().sequence
    }

    /// The requests that came after this place, in order.
    #[must_use]
    pub fn journal_since(&self, sequence: u64) -> Vec<Entry> {
        let state = self.state();
        let first = state.journal.partition_point(|entry| entry.sequence <= sequence);
        state.journal[first..].to_vec()
    }

    /// The requests with this method (`*` for any) and path, which may hold `*` and `**` as in a [`Rule`]. Paths are compared
    /// as they were sent: an app's name is not its id here.
    #[must_use]
    pub fn requests(&self, method: &str, path: &str) -> Vec<Entry> {
        let rule = Rule::new(method, path, Action::Cut);
        let fits = |entry: &&Entry| rule.fits(&entry.method, std::slice::from_ref(&entry.path));
        self.state().journal.iter().filter(fits).cloned().collect()
    }

    /// Forgets the requests, changes and complaints so far; sequence numbers go on.
    pub fn clear_journal(&self) {
        let mut state = self.state();
        state.journal.clear();
        state.changes.clear();
        state.complaints.clear();
    }

    /// Whether the journal keeps JSON bodies, with the secrets in them. It does not at first.
    pub fn keep_bodies(&self, keep: bool) {
        self.state().keep_bodies = keep;
    }

    /// Every drain that came or went, in order.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        self.state().changes.clone()
    }

    /// The drains that came or went after this place, in order.
    #[must_use]
    pub fn changes_since(&self, sequence: u64) -> Vec<Change> {
        let state = self.state();
        let first = state.changes.partition_point(|change| change.sequence <= sequence);
        state.changes[first..].to_vec()
    }

    /// What requests did that the API does not document, without secrets; a correct client causes none.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        self.state().complaints.clone()
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.state().settings.clone()
    }

    /// Changes the settings, for requests to come.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.state().settings);
    }

    /// Adds a fault; gives the rule's id.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn add_rule(&self, rule: Rule) -> u64 {
        let mut state = self.state();
        let id = state.next_sequence();
        state.rules.push(ActiveRule { id, rule, seen: 0 });
        id
    }

    /// Takes a fault away; requests that it already holds up go on as it said.
    pub fn remove_rule(&self, id: u64) {
        self.state().rules.retain(|rule| rule.id != id);
    }

    /// Takes all faults away.
    pub fn clear_rules(&self) {
        self.state().rules.clear();
    }

    /// How many requests fitted a rule so far.
    #[must_use]
    pub fn rule_seen(&self, id: u64) -> u32 {
        self.state().rules.iter().find(|rule| rule.id == id).map_or(0, |rule| rule.seen)
    }

    /// Holds each request with this method and path before or after it has its effect, until the gate is released.
    /// [`Simulator::remove_rule`] lets later ones pass by.
    #[must_use]
    pub fn hold(&self, method: &str, path: &str, when: When) -> Held {
        let name = {
            let mut state = self.state();
            format!("hold-{}", state.next_sequence())
        };
        let gate = self.gate(&name);
        let rule = self.add_rule(Rule::new(method, path, Action::Hold { when, gate: name }));
        Held { gate, rule }
    }

    /// The gate of this name, for [`Action::Hold`]; made if there is none yet.
    #[must_use]
    pub fn gate(&self, name: &str) -> Gate {
        self.state().gates.entry(name.to_owned()).or_insert_with(Gate::new).clone()
    }
}
