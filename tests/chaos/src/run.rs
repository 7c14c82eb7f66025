//! The phases: chaos, calm, quiet, a restart, and the end of all `LogDrain`s.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ListParams};
use logdrain_operator::crd::LogDrain;
use scalingo_simulator::{ChangeKind, Simulator};
use tokio::task::{JoinHandle, JoinSet};

use crate::end::Ends;
use crate::evidence::Evidence;
use crate::fleet::{Fleet, Plan};
use crate::judge::{Deletions, Judge, is_ambiguous};
use crate::killer::Life;
use crate::lead::Lead;
use crate::operator::{LEASE, NAMESPACE};
use crate::people::People;
use crate::setting::Setting;
use crate::stalls::Stalls;
use crate::watch::{Form, follow};
use crate::witness::Witness;
use crate::{Error, Summary, fault};

/// How long everything may take to come in sync: an addition whose answer was lost is waited for 110 s, and a person may
/// have to decide more than once.
const CALM: Duration = Duration::from_secs(10 * 60);
/// How long a form may be on its way to us.
const SEEN: Duration = Duration::from_secs(120);
/// Between two looks of ours.
const POLL: Duration = Duration::from_secs(1);
/// How long a person thinks before deciding.
const THOUGHT: Duration = Duration::from_secs(10);
/// Between two faults, in milliseconds.
const FAULTS: std::ops::Range<u64> = 100..900;
/// How many faults lie in wait at once.
const IN_WAIT: usize = 6;
/// Between two lines about the progress.
const TOLD: Duration = Duration::from_secs(15);

/// A campaign under way.
pub struct Run<'a> {
    pub setting: Arc<Setting>,
    pub witness: Arc<Witness>,
    pub fleet: Fleet<'a>,
    evidence: Arc<Evidence>,
    lead: Arc<Lead>,
    tell: &'a dyn Fn(&str),
    begun: Instant,
    told: Instant,
    deletions: Deletions,
    /// How often a watch may have missed something.
    gaps: Arc<AtomicU64>,
    // Ended when this is dropped.
    watches: JoinSet<Infallible>,
    summary: Summary,
}

impl<'a> Run<'a> {
    pub fn new(
        setting: Arc<Setting>,
        plan: Plan<'a>,
        evidence: Option<&Path>,
        tell: &'a dyn Fn(&str),
    ) -> Result<Self, Error> {
        let witness: Arc<Witness> = Arc::default();
        let evidence = Arc::new(Evidence::new(evidence)?);
        let gaps: Arc<AtomicU64> = Arc::default();
        let mut watches = JoinSet::new();
        let see = {
            let (witness, evidence) = (Arc::clone(&witness), Arc::clone(&evidence));
            move |form: Form| {
                evidence.saw(&form);
                witness.saw_logdrain(&form.object, form.gone);
            }
        };
        let client = || setting.client.clone();
        watches.spawn(follow(client(), ("logs.scalingo.com", "LogDrain"), Arc::clone(&gaps), see));
        let see = {
            let witness = Arc::clone(&witness);
            move |form: Form| witness.saw_event(&form.object)
        };
        watches.spawn(follow(client(), ("events.k8s.io", "Event"), Arc::clone(&gaps), see));
        let lead: Arc<Lead> = Arc::default();
        let see = {
            let (lead, evidence) = (Arc::clone(&lead), Arc::clone(&evidence));
            move |form: Form| {
                evidence.saw(&form);
                lead.saw(&form.object);
            }
        };
        watches.spawn(follow(client(), ("coordination.k8s.io", "Lease"), Arc::clone(&gaps), see));
        let stalls: Arc<Stalls> = Arc::default();
        let looking = Arc::clone(&stalls);
        watches.spawn(async move { looking.follow().await });
        let summary = Summary { replicas: plan.replicas, ..Summary::default() };
        Ok(Self {
            fleet: Fleet::new(plan, &setting, &witness, &evidence, &lead, &stalls),
            setting,
            witness,
            evidence,
            lead,
            tell,
            begun: Instant::now(),
            told: Instant::now(),
            deletions: Deletions::default(),
            gaps,
            watches,
            summary,
        })
    }

    /// People change things, requests go wrong, and the operator is killed again and again.
    pub async fn chaos(&mut self, people: People, kills: u32, seed: u64) -> Result<People, Error> {
        self.say(&format!("{kills} kills to come, seed {seed}"));
        let is_over: Arc<AtomicBool> = Arc::default();
        let changing = change_on(people, &is_over);
        let mut faults = JoinSet::new();
        faults.spawn(go_wrong(self.setting.simulator.clone(), Rng::with_seed(seed.wrapping_add(1))));
        let mut random = Rng::with_seed(seed.wrapping_add(2));
        let mut ends = Ends::default();
        for number in 1..=kills {
            let from = self.setting.simulator.sequence();
            self.fleet.fill().await?;
            Life::random(&mut random).live(&self.setting, &self.witness, from).await;
            if self.fleet.elects() {
                self.fleet.end(ends.next(&mut random), &mut random).await?;
            } else {
                self.fleet.kill_all()?;
            }
            self.summary.kills = number;
            self.judge();
            if self.told.elapsed() > TOLD {
                self.progress(number, kills);
            }
            if changing.is_finished() {
                // Only an error ends it before its time.
                break;
            }
        }
        is_over.store(true, Ordering::Relaxed);
        faults.shutdown().await;
        match changing.await {
            Ok(people) => people,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    fn progress(&mut self, number: u32, kills: u32) {
        let changes = self.setting.simulator.changes_since(0);
        let by_operator = changes.iter().filter(|change| change.by.is_some());
        let added = { by_operator }.filter(|change| change.kind == ChangeKind::Added).count();
        let broken = self.witness.broken().len();
        self.say(&format!("{number} of {kills} kills, {added} drains added, {broken} broken promises"));
    }

    pub fn say(&mut self, text: &str) {
        (self.tell)(&format!("{:>5.0?}  {text}", Duration::from_secs(self.begun.elapsed().as_secs())));
        self.told = Instant::now();
    }

    /// Judges what has come to Scalingo meanwhile, and tells what is broken.
    pub fn judge(&mut self) {
        self.deletions.judge(&self.setting, &self.witness);
        self.fleet.judge(false);
        for promise in self.witness.newly_broken() {
            self.say(&format!("broken after {} kills: {promise}", self.summary.kills));
        }
    }

    /// All faults end, people put in order what only they can, and everything must come in sync.
    pub async fn calm(&mut self, people: &mut People) -> Result<(), Error> {
        self.setting.simulator.clear_rules();
        people.settle().await?;
        self.say("calm: no more faults, changes or kills");
        let begun = Instant::now();
        let mut ambiguous_since: Option<Instant> = None;
        loop {
            let objects = self.logdrains().await?;
            let judge = Judge {
                setting: &self.setting,
                witness: &self.witness,
                secrets: &people.secrets,
                requests: &people.requests,
                objects: &objects,
            };
            let mut broken = judge.broken();
            if objects.len() < people.logdrains() {
                broken.push("not all LogDrains are there".into());
                people.complete_logdrains().await?;
            } else if objects.iter().any(is_ambiguous) {
                let since = *ambiguous_since.get_or_insert_with(Instant::now);
                if since.elapsed() > THOUGHT {
                    ambiguous_since = None;
                    let ambiguous = objects.iter().filter(|object| is_ambiguous(object)).count();
                    let removed = judge.decide();
                    self.witness.count("decisions of a person about ambiguous drains");
                    self.say(&format!("{ambiguous} LogDrains ambiguous: a person deleted {removed} drains"));
                }
            } else {
                ambiguous_since = None;
            }
            if self.is_settled(&broken, begun, CALM).await? {
                self.summary.calm = begun.elapsed();
                return Ok(());
            }
        }
    }

    /// Whether nothing is broken any more, or no time is left. Waits a little otherwise.
    async fn is_settled(
        &mut self,
        broken: &[String],
        begun: Instant,
        longest: Duration,
    ) -> Result<bool, Error> {
        self.judge();
        let Some(first) = broken.first() else { return Ok(true) };
        // One may have ended as it could not renew its Lease.
        self.fleet.fill().await?;
        if begun.elapsed() > longest {
            for promise in broken {
                self.witness.breaks(promise.clone());
            }
            return Ok(true);
        }
        if self.told.elapsed() > TOLD {
            self.say(&format!("{} things not yet as they should be: {first}", broken.len()));
        }
        tokio::time::sleep(POLL).await;
        Ok(false)
    }

    pub async fn logdrains(&self) -> Result<Vec<LogDrain>, Error> {
        let api: Api<LogDrain> = Api::all(self.setting.client.clone());
        let list = api.list(&ListParams::default()).await.map_err(Error::kubernetes("list LogDrains"))?;
        Ok(list.items)
    }

    /// All `LogDrain`s are deleted: they go, and so do their drains.
    pub async fn end(&mut self, people: &mut People) -> Result<(), Error> {
        self.say("deleting all LogDrains");
        people.delete_all().await?;
        let begun = Instant::now();
        loop {
            let objects = self.logdrains().await?;
            let judge = Judge {
                setting: &self.setting,
                witness: &self.witness,
                secrets: &people.secrets,
                requests: &people.requests,
                objects: &objects,
            };
            let broken = judge.broken();
            if self.is_settled(&broken, begun, CALM).await? {
                break;
            }
        }
        self.fleet.stop_all()?;
        Ok(())
    }

    /// What came of it.
    pub async fn finish(mut self, seed: u64) -> Result<Summary, Error> {
        self.until_all_forms_of_the_lease_are_seen().await?;
        self.fleet.judge(true);
        let simulator = &self.setting.simulator;
        // The second time, what was doubted the first time has been waited for.
        self.deletions.judge(&self.setting, &self.witness);
        self.deletions.judge(&self.setting, &self.witness);
        for text in simulator.complaints() {
            self.witness.breaks(format!("Scalingo complains: {text}"));
        }
        if self.watches.try_join_next().is_some() || self.gaps.load(Ordering::Relaxed) > 0 {
            self.witness.breaks("a watch of the check may have missed something".into());
        }
        let asked = self.setting.audit().since(0)?;
        for request in asked.refused {
            self.witness.breaks(format!("the operator lacks a permission: {request}"));
        }
        for secret in self.setting.secrets()? {
            if !self.witness.would_find(&secret) {
                self.witness.breaks("the check would not find every secret".into());
            }
        }
        let journal = simulator.journal();
        for entry in &journal {
            if let Some(fault) = fault::met(entry) {
                self.witness.count(&format!("fault: {fault}"));
            }
        }
        let changes = simulator.changes();
        let count = |kind| changes.iter().filter(|change| change.by.is_some() && change.kind == kind).count();
        self.evidence.happened(simulator);
        Ok(Summary {
            seed,
            added: count(ChangeKind::Added) as u64,
            deleted: count(ChangeKind::Removed) as u64,
            scalingo_requests: journal.len() as u64,
            kubernetes_requests: asked.requests,
            kubernetes_writes: asked.writes.len() as u64,
            lease_writes: asked.lease_writes,
            lease_transitions: self.lead.transitions(),
            starts: self.fleet.starts,
            counts: self.witness.counts(),
            retained: self.witness.left(),
            broken: self.witness.broken(),
            ..self.summary
        })
    }

    async fn until_all_forms_of_the_lease_are_seen(&self) -> Result<(), Error> {
        let api: Api<Lease> = Api::namespaced(self.setting.client.clone(), NAMESPACE);
        let lease = api.get_opt(LEASE).await.map_err(Error::kubernetes("get the Lease"))?;
        let last = lease.and_then(|lease| lease.metadata.resource_version);
        let begun = Instant::now();
        while self.lead.version() != last && begun.elapsed() < SEEN {
            tokio::time::sleep(POLL).await;
        }
        if self.lead.version() != last {
            self.witness.breaks("the check has not seen every form of the Lease".into());
        }
        Ok(())
    }
}

/// Lets people change things until it is over. What they have begun they finish: it must be known what was asked for.
fn change_on(mut people: People, is_over: &Arc<AtomicBool>) -> JoinHandle<Result<People, Error>> {
    let is_over = Arc::clone(is_over);
    tokio::spawn(async move {
        while !is_over.load(Ordering::Relaxed) {
            people.change().await?;
        }
        Ok(people)
    })
}

/// Lets requests to Scalingo go wrong, as long as it is polled.
async fn go_wrong(simulator: Simulator, mut random: Rng) {
    let mut waiting = VecDeque::new();
    loop {
        tokio::time::sleep(Duration::from_millis(random.u64(FAULTS))).await;
        waiting.extend(fault::random(&mut random).into_iter().map(|rule| simulator.add_rule(rule)));
        // Also those that have been met often enough: they would be asked about each request for ever.
        while waiting.len() > IN_WAIT {
            waiting.pop_front().into_iter().for_each(|rule| simulator.remove_rule(rule));
        }
    }
}
