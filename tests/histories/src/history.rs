//! Runs one history and judges it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use in_memory_api_server::Verb;
use logdrain_operator::drain::Digester;

use crate::generate::generate;
use crate::journal::journal;
use crate::judge::{decide, is_refused, judge};
use crate::operator::SWEEP_INTERVAL;
use crate::sabotage::Sabotage;
use crate::speaker::Speaker;
use crate::step::Step;
use crate::universe::{GOOD_TOKENS, Namespace};
use crate::world::World;

/// How long everything may take to come in sync once faults have stopped.
const CALM: Duration = Duration::from_secs(40 * 60);

/// A history: what happens, and the seed of everything else that is left to chance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Of delays, of the order of what happens at one instant, of jitter.
    pub seed: u64,
    /// What happens.
    pub steps: Vec<Step>,
}

/// What came of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What was promised and not kept, as sentences; empty where all was.
    pub broken: Vec<String>,
    /// Kills, and faults that were met or ordered, by name.
    pub counts: BTreeMap<String, u64>,
    /// Requests of operators to the Kubernetes API and to Scalingo.
    pub requests: u64,
}

impl History {
    /// The history of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self { seed, steps: generate(seed) }
    }

    /// Lets it happen, then lets all faults end, and judges. The digester may serve many histories; it only saves time.
    #[must_use]
    pub fn run(&self, digester: &Arc<Digester>, sabotage: Option<Sabotage>) -> Verdict {
        self.unfold(digester, sabotage, |_| ()).0
    }

    /// The same, with each request that operators have sent, as a line, in the order in which they came.
    #[must_use]
    pub fn run_with_journal(&self, digester: &Arc<Digester>) -> (Verdict, Vec<String>) {
        self.unfold(digester, None, journal)
    }

    fn unfold<T: Default>(
        &self,
        digester: &Arc<Digester>,
        sabotage: Option<Sabotage>,
        at_end: impl FnOnce(&World) -> T,
    ) -> (Verdict, T) {
        let broken =
            |sentence: String| (Verdict { broken: vec![sentence], ..Verdict::default() }, T::default());
        let run = || {
            // kube's watcher waits at random after an error.
            fastrand::seed(self.seed);
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            let speaker = Speaker::default();
            let world =
                |speaker: &Speaker| World::new(self.seed, Arc::clone(digester), sabotage, speaker.clone());
            match runtime {
                Ok(runtime) => tracing::subscriber::with_default(speaker.clone(), || {
                    runtime.block_on(async { self.live(world(&speaker), at_end).await })
                }),
                Err(error) => broken(format!("no runtime: {error}")),
            }
        };
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| broken("something panicked".to_owned()))
    }

    async fn live<T>(&self, mut world: World, at_end: impl FnOnce(&World) -> T) -> (Verdict, T) {
        for step in &self.steps {
            world.take(step).await;
        }
        calm(&mut world).await;
        // People may have to decide more than once, on one target after the other.
        for _ in 0..4 {
            if !decide(&mut world) {
                break;
            }
            tokio::time::sleep(CALM).await;
        }
        world.witness().look(world.server());
        for sentence in judge(&world) {
            world.witness().breaks(sentence);
        }
        quiet(&world).await;
        let verdict = Verdict {
            broken: world.witness().broken(),
            counts: world.witness().counts(),
            requests: world.server().requests() + world.simulator().journal().len() as u64,
        };
        world.operators.iter().for_each(crate::operator::Operator::kill);
        (verdict, at_end(&world))
    }
}

/// All faults end, credentials are put back, and one operator runs for a while.
async fn calm(world: &mut World) {
    world.take(&Step::ScalingoCalm).await;
    world.take(&Step::KubernetesCalm).await;
    world.take(&Step::PauseWatches(false)).await;
    for namespace in Namespace::ALL {
        if world.tokens.get(&namespace).is_none_or(|version| *version >= GOOD_TOKENS) {
            world.put_api_token(namespace, 0);
        }
    }
    while world.operators.len() > 1 {
        world.take(&Step::Kill { nth: 0 }).await;
    }
    for operator in &world.operators {
        operator.spare();
        // No outage is over at once: an operator that meets none would not notice that etcd was restored.
        operator.until_reachable().await;
        operator.go_on();
    }
    if world.operators.is_empty() {
        world.start();
    }
    tokio::time::sleep(CALM).await;
}

/// Nothing is written on either side any more.
async fn quiet(world: &World) {
    if is_refused(world) {
        return;
    }
    let kubernetes = world.server().journal().len();
    let scalingo = world.simulator().journal().len();
    tokio::time::sleep(SWEEP_INTERVAL * 3 / 2).await;
    for entry in world.server().journal().iter().skip(kubernetes) {
        let is_renewal = entry.request.kind == "Lease";
        if !is_renewal && !matches!(entry.request.verb, Verb::Get | Verb::List | Verb::Watch) {
            let request = &entry.request;
            let (verb, kind, name) = (request.verb, &request.kind, &request.name);
            world.witness().breaks(format!("promise 7: {verb:?} of {kind} {name} in steady state"));
        }
    }
    for entry in world.simulator().journal().iter().skip(scalingo) {
        if entry.method != "GET" && !entry.path.ends_with("/tokens/exchange") {
            world.witness().breaks(format!("promise 7: {} {} in steady state", entry.method, entry.path));
        }
    }
}
