//! Many histories, on several threads.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use logdrain_operator::drain::Digester;

use crate::history::{History, Verdict};
use crate::sabotage::Sabotage;
use crate::shrink::shrink;

/// How often a failing history is run again to make it short.
const SHRINKING: usize = 400;

/// Which histories to run.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// The first seed; the others follow.
    pub seed: u64,
    /// How many.
    pub count: u64,
    /// Threads.
    pub jobs: usize,
    /// A deliberate bug.
    pub sabotage: Option<Sabotage>,
    /// After so many failing histories no more are begun.
    pub most_failures: usize,
}

/// A history that broke a promise.
#[derive(Clone, Debug)]
pub struct Failure {
    /// As it was generated.
    pub history: History,
    /// Shortened.
    pub shrunk: History,
    /// What it breaks; of the shortened one, unless that went well when it was run once more.
    pub broken: Vec<String>,
}

/// What came of a campaign.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Histories that were run.
    pub histories: u64,
    /// Steps in them.
    pub steps: u64,
    /// Requests that operators sent.
    pub requests: u64,
    /// Kills and faults, by name.
    pub counts: BTreeMap<String, u64>,
    /// Those that broke a promise.
    pub failures: Vec<Failure>,
}

impl Campaign {
    /// Runs them; tells the summary so far now and then, and after each failure.
    pub fn run(&self, progress: impl Fn(&Summary) + Sync) -> Summary {
        let next = AtomicU64::new(0);
        let enough = AtomicBool::new(false);
        let summary = Mutex::new(Summary::default());
        let digester = Arc::new(Digester::default());
        thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| {
                    while !enough.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= self.count {
                            return;
                        }
                        let history = History::of(self.seed + number);
                        let verdict = history.run(&digester, self.sabotage);
                        let failure = self.failure(&history, &verdict, &digester);
                        let mut summary = summary.lock().unwrap_or_else(PoisonError::into_inner);
                        summary.add(&history, &verdict);
                        let failed = failure.is_some();
                        summary.failures.extend(failure);
                        if summary.failures.len() >= self.most_failures {
                            enough.store(true, Ordering::Relaxed);
                        }
                        if failed || summary.histories.is_multiple_of(1000) {
                            progress(&summary);
                        }
                    }
                });
            }
        });
        summary.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self, history: &History, verdict: &Verdict, digester: &Arc<Digester>) -> Option<Failure> {
        if verdict.broken.is_empty() {
            return None;
        }
        let run = |history: &History| history.run(digester, self.sabotage).broken;
        // The same promise: while it is shortened, another could come to be broken instead.
        let promise =
            |broken: &[String]| broken.first().map(|text| text.chars().take(24).collect::<String>());
        let first = promise(&verdict.broken);
        let shrunk = shrink(history, SHRINKING, |shorter| promise(&run(shorter)) == first);
        let broken = Some(run(&shrunk)).filter(|broken| !broken.is_empty());
        let broken = broken.unwrap_or_else(|| verdict.broken.clone());
        Some(Failure { history: history.clone(), shrunk, broken })
    }
}

impl Summary {
    fn add(&mut self, history: &History, verdict: &Verdict) {
        self.histories += 1;
        self.steps += history.steps.len() as u64;
        self.requests += verdict.requests;
        for (name, count) in &verdict.counts {
            *self.counts.entry(name.clone()).or_default() += count;
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{:>9} histories", self.histories)?;
        writeln!(formatter, "{:>9} steps", self.steps)?;
        writeln!(formatter, "{:>9} requests of operators", self.requests)?;
        for (name, count) in &self.counts {
            writeln!(formatter, "{count:>9} {name}")?;
        }
        write!(formatter, "{:>9} broken", self.failures.len())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seed, all, left) = (self.history.seed, self.history.steps.len(), self.shrunk.steps.len());
        writeln!(formatter, "seed {seed}, {all} steps, of which {left} are enough:")?;
        for step in &self.shrunk.steps {
            writeln!(formatter, "    {step},")?;
        }
        for broken in &self.broken {
            writeln!(formatter, "  {broken}")?;
        }
        Ok(())
    }
}
