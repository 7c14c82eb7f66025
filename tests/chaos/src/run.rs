//! The phases: chaos, calm, quiet, a restart, and the end of all `LogDrain`s.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use kube::api::{Api, ListParams};
use logdrain_operator::crd::LogDrain;
use scalingo_simulator::{ChangeKind, Simulator, Target};
use tokio::task::{JoinHandle, JoinSet, block_in_place};

use crate::evidence::Evidence;
use crate::judge::{Deletions, Judge, is_ambiguous};
use crate::killer::Life;
use crate::operator::Operator;
use crate::people::People;
use crate::setting::Setting;
use crate::watch::{Form, follow};
use crate::witness::Witness;
use crate::{Error, Summary, fault};

/// How long everything may take to come in sync: an addition whose answer was lost is waited for 100 s, and a person may
/// have to decide more than once.
const CALM: Duration = Duration::from_secs(10 * 60);
/// How long an operator may take to look at all targets a few times.
const LOOKING: Duration = Duration::from_secs(2 * 60);
/// How often all must be looked at without a change.
const LOOKS: usize = 3;
/// How often it is tried again whether all is quiet.
const PATIENCE: u32 = 10;
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
    setting: Arc<Setting>,
    pub witness: Arc<Witness>,
    evidence: Arc<Evidence>,
    binary: &'a Path,
    tell: &'a dyn Fn(&str),
    begun: Instant,
    told: Instant,
    operator: Option<Operator>,
    deletions: Deletions,
    /// How often a watch may have missed something.
    gaps: Arc<AtomicU64>,
    // Ended when this is dropped.
    watches: JoinSet<Result<(), Error>>,
    summary: Summary,
}

impl<'a> Run<'a> {
    pub fn new(
        setting: Arc<Setting>,
        binary: &'a Path,
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
        Ok(Self {
            setting,
            witness,
            evidence,
            binary,
            tell,
            begun: Instant::now(),
            told: Instant::now(),
            operator: None,
            deletions: Deletions::default(),
            gaps,
            watches,
            summary: Summary::default(),
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
        for number in 1..=kills {
            let from = self.setting.simulator.sequence();
            self.start()?;
            Life::random(&mut random).live(&self.setting, &self.witness, from).await;
            self.kill()?;
            self.summary.kills = number;
            self.deletions.judge(&self.setting, &self.witness);
            for promise in self.witness.newly_broken() {
                self.say(&format!("broken after {number} kills: {promise}"));
            }
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

    fn say(&mut self, text: &str) {
        (self.tell)(&format!("{:>5.0?}  {text}", Duration::from_secs(self.begun.elapsed().as_secs())));
        self.told = Instant::now();
    }

    /// Starts an operator.
    pub fn start(&mut self) -> Result<(), Error> {
        let url = self.setting.server.url();
        let operator = block_in_place(|| Operator::start(self.binary, &self.setting.kubeconfig, &url))?;
        self.summary.starts += 1;
        self.operator = Some(operator);
        Ok(())
    }

    /// Kills it.
    pub fn kill(&mut self) -> Result<(), Error> {
        let Some(operator) = self.operator.take() else { return Ok(()) };
        if let Some(status) = operator.ended()? {
            self.witness.breaks(format!("the operator ended by itself: {status}"));
        }
        let output = block_in_place(|| operator.kill())?;
        self.printed(&output);
        Ok(())
    }

    fn printed(&self, output: &str) {
        self.witness.saw_output(output);
        self.evidence.printed(self.summary.starts, output);
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
            if self.is_settled(&broken, begun, CALM).await {
                self.summary.calm = begun.elapsed();
                return Ok(());
            }
        }
    }

    /// Whether nothing is broken any more, or no time is left. Waits a little otherwise.
    async fn is_settled(&mut self, broken: &[String], begun: Instant, longest: Duration) -> bool {
        self.deletions.judge(&self.setting, &self.witness);
        let Some(first) = broken.first() else { return true };
        if begun.elapsed() > longest {
            for promise in broken {
                self.witness.breaks(promise.clone());
            }
            return true;
        }
        if self.told.elapsed() > TOLD {
            self.say(&format!("{} things not yet as they should be: {first}", broken.len()));
        }
        tokio::time::sleep(POLL).await;
        false
    }

    async fn logdrains(&self) -> Result<Vec<LogDrain>, Error> {
        let api: Api<LogDrain> = Api::all(self.setting.client.clone());
        let list = api.list(&ListParams::default()).await.map_err(Error::kubernetes("list LogDrains"))?;
        Ok(list.items)
    }

    /// While the operator looks at everything a few times, nothing is written on either side.
    pub async fn is_quiet(&mut self) -> Result<(), Error> {
        self.say("in sync: is all quiet?");
        let mut writes = Vec::new();
        for _ in 0..PATIENCE {
            let (sequence, end) = (self.setting.simulator.sequence(), self.setting.audit().end()?);
            writes = self.writes_while_looking(sequence, end).await?;
            if writes.is_empty() {
                return Ok(());
            }
        }
        self.breaks_quiet("in steady state", writes);
        Ok(())
    }

    /// The same from the first moment of a new operator.
    pub async fn is_quiet_after_restart(&mut self) -> Result<(), Error> {
        self.say("quiet: is it so after a restart?");
        let (sequence, end) = (self.setting.simulator.sequence(), self.setting.audit().end()?);
        self.start()?;
        let writes = self.writes_while_looking(sequence, end).await?;
        self.breaks_quiet("after a restart", writes);
        Ok(())
    }

    fn breaks_quiet(&self, when: &str, writes: Vec<String>) {
        for write in writes {
            self.witness.breaks(format!("promise 7: {write} {when}"));
        }
    }

    async fn writes_while_looking(&mut self, sequence: u64, end: u64) -> Result<Vec<String>, Error> {
        let targets: Vec<Target> = self.wanted_targets().await?;
        let looks = |simulator: &Simulator, target: &Target| {
            let path = match &target.addon {
                None => format!("/v1/apps/{}/log_drains", target.app),
                Some(addon) => format!("/v1/apps/{}/addons/{addon}/log_drains", target.app),
            };
            let requests = simulator.journal_since(sequence).into_iter();
            requests.filter(|entry| entry.path == path && entry.status.is_some()).count()
        };
        let all = |simulator: &Simulator| targets.iter().all(|target| looks(simulator, target) >= LOOKS);
        if tokio::time::timeout(LOOKING, self.setting.simulator.until(all)).await.is_err() {
            let promise = format!("not all drains were looked at within {} s", LOOKING.as_secs());
            self.witness.breaks(promise);
        }
        let mut writes = block_in_place(|| self.setting.audit().since(end))?.writes;
        for entry in self.setting.simulator.journal_since(sequence) {
            if entry.method != "GET" && !entry.path.ends_with("/tokens/exchange") {
                writes.push(format!("{} {}", entry.method, entry.path));
            }
        }
        Ok(writes)
    }

    async fn wanted_targets(&self) -> Result<Vec<Target>, Error> {
        let objects = self.logdrains().await?;
        let mut targets: Vec<Target> = objects
            .iter()
            .filter_map(|object| {
                Some(self.setting.app(&object.spec.app)?.target(object.spec.addon.is_some()))
            })
            .collect();
        targets.sort();
        targets.dedup();
        Ok(targets)
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
            if self.is_settled(&broken, begun, CALM).await {
                break;
            }
        }
        if let Some(operator) = self.operator.take() {
            let (output, end) = block_in_place(|| operator.stop())?;
            self.printed(&output);
            if let Some(status) = end {
                self.witness.breaks(format!("the operator did not end well when asked to: {status}"));
            }
        }
        Ok(())
    }

    /// What came of it.
    pub fn finish(mut self, seed: u64) -> Result<Summary, Error> {
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
            counts: self.witness.counts(),
            retained: self.witness.left(),
            broken: self.witness.broken(),
            ..self.summary
        })
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
