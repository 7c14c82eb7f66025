//! The operators that run at once.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use jiff::Timestamp;
use scalingo_simulator::Server;
use tokio::task::block_in_place;

use crate::Error;
use crate::end::{End, Way, Whose};
use crate::evidence::Evidence;
use crate::lead::{Lead, Request};
use crate::operator::{Ended, Operator};
use crate::setting::Setting;
use crate::stalls::Stalls;
use crate::witness::Witness;

/// A start, or a change of the lead, that takes longer than this is slow even for a slow machine.
const SLOW: Duration = Duration::from_secs(120);
/// Between two looks of ours.
const POLL: Duration = Duration::from_millis(20);
/// For how many that have ended the way to Scalingo stays open: their last requests may be under way.
const REMEMBERED: usize = 16;

/// How they are run.
pub struct Plan<'a> {
    pub binary: &'a Path,
    /// How many at once.
    pub replicas: usize,
    /// Further arguments for each.
    pub arguments: &'a [String],
}

/// The operators.
pub struct Fleet<'a> {
    plan: Plan<'a>,
    setting: Arc<Setting>,
    witness: Arc<Witness>,
    evidence: Arc<Evidence>,
    lead: Arc<Lead>,
    stalls: Arc<Stalls>,
    running: Vec<Operator>,
    /// How many have been started.
    pub starts: u32,
    /// Whose requests come in where.
    numbers: BTreeMap<SocketAddr, u32>,
    /// Of those that have ended.
    servers: VecDeque<Server>,
    /// Up to where requests have been judged by the Lease.
    judged: u64,
}

impl<'a> Fleet<'a> {
    pub fn new(
        plan: Plan<'a>,
        setting: &Arc<Setting>,
        witness: &Arc<Witness>,
        evidence: &Arc<Evidence>,
        lead: &Arc<Lead>,
        stalls: &Arc<Stalls>,
    ) -> Self {
        Self {
            plan,
            setting: Arc::clone(setting),
            witness: Arc::clone(witness),
            evidence: Arc::clone(evidence),
            lead: Arc::clone(lead),
            stalls: Arc::clone(stalls),
            running: Vec::new(),
            starts: 0,
            numbers: BTreeMap::new(),
            servers: VecDeque::new(),
            judged: 0,
        }
    }

    /// Whether they choose a leader.
    pub fn elects(&self) -> bool {
        self.plan.replicas > 1
    }

    /// Starts as many as are missing.
    pub async fn fill(&mut self) -> Result<(), Error> {
        self.reap()?;
        while self.running.len() < self.plan.replicas {
            self.starts += 1;
            let server = self.setting.simulator.serve("127.0.0.1:0").await;
            let server = server.map_err(Error::io("find a port for the simulator"))?;
            self.numbers.insert(server.address(), self.starts);
            let Plan { binary, arguments, .. } = self.plan;
            let (kubeconfig, is_alone) = (&self.setting.kubeconfig, !self.elects());
            let one = (self.starts, server);
            let started = block_in_place(|| Operator::start(binary, kubeconfig, one, is_alone, arguments));
            self.running.push(started?);
        }
        Ok(())
    }

    /// None should end by itself, but for a leader that cannot renew its Lease. Whether it sent nothing more is judged by the Lease.
    fn reap(&mut self) -> Result<(), Error> {
        for operator in std::mem::take(&mut self.running) {
            if operator.ended()?.is_none() {
                self.running.push(operator);
                continue;
            }
            let ended = operator.kill()?;
            self.judge_end(&ended, false, "ended by itself");
            self.has_ended(ended);
        }
        Ok(())
    }

    /// Kills all.
    pub fn kill_all(&mut self) -> Result<(), Error> {
        self.reap()?;
        for operator in std::mem::take(&mut self.running) {
            let ended = block_in_place(|| operator.kill())?;
            self.has_ended(ended);
        }
        Ok(())
    }

    /// Asks all to end, one after the other.
    pub fn stop_all(&mut self) -> Result<(), Error> {
        self.reap()?;
        for operator in std::mem::take(&mut self.running) {
            self.stop(operator)?;
        }
        Ok(())
    }

    /// Waits until one leads.
    pub async fn until_led(&self) {
        let begun = Instant::now();
        while self.leader().is_none() {
            if begun.elapsed() > SLOW {
                self.witness.breaks(format!("nobody led for {} s", SLOW.as_secs()));
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// One of those that run ends so, once there is one where it is to be the leader; where nobody leads, any does.
    pub async fn end(&mut self, end: End, random: &mut Rng) -> Result<(), Error> {
        // Whether it is needed or not: what comes later must not depend on who led when.
        let any = random.usize(..);
        if end.whose == Whose::Leader {
            self.fill().await?;
            self.until_led().await;
        }
        self.reap()?;
        if self.running.is_empty() {
            return Ok(());
        }
        let leader = self.leader();
        let standby = (0..self.running.len()).find(|place| Some(*place) != leader);
        let (place, who, way) = match (end.whose, leader, standby) {
            (Whose::Leader, Some(leader), _) => (leader, "the leader", end.way),
            (Whose::Standby, Some(_), Some(standby)) => (standby, "a standby", end.way),
            (_, _, _) => (any % self.running.len(), "one while nobody led", Way::Killed),
        };
        let operator = self.running.swap_remove(place);
        match way {
            Way::Killed => {
                self.witness.count(&format!("end: killed: {who}"));
                let ended = block_in_place(|| operator.kill())?;
                self.has_ended(ended);
            }
            Way::Asked => {
                // Before that it knows no signals.
                until_said(&operator, "started").await?;
                self.witness.count(&format!("end: asked to end: {who}"));
                self.stop(operator)?;
            }
            Way::Halted(pause) => {
                self.witness.count(&format!("end: halted for longer than its Lease: {who}"));
                block_in_place(|| operator.pause())?;
                tokio::time::sleep(pause).await;
                self.wake(operator)?;
            }
        }
        Ok(())
    }

    /// Kills the one that leads, where one does, in a way that does not count as an end of the campaign.
    pub fn kill_leader(&mut self) -> Result<(), Error> {
        self.reap()?;
        if let Some(leader) = self.leader() {
            let operator = self.running.swap_remove(leader);
            let ended = block_in_place(|| operator.kill())?;
            self.has_ended(ended);
        } else {
            self.witness.breaks("nobody led in steady state".into());
        }
        Ok(())
    }

    fn stop(&mut self, operator: Operator) -> Result<(), Error> {
        let ended = block_in_place(|| operator.stop())?;
        let is_well = ended.status.is_some_and(|status| status.success());
        self.judge_end(&ended, is_well, "did not end well when asked to");
        self.has_ended(ended);
        Ok(())
    }

    fn judge_end(&self, ended: &Ended, is_well: bool, what: &str) {
        if is_well {
            return;
        }
        if self.elects() && ended.has_lost_its_lease() {
            self.witness.count("end: by itself, as it could not renew its Lease");
            return;
        }
        self.witness.breaks(format!("operator {} {what}: {}", ended.number, ended.how()));
    }

    fn wake(&mut self, operator: Operator) -> Result<(), Error> {
        let ended = block_in_place(|| operator.wake())?;
        let is_well = ended.status.is_some_and(|status| status.code() == Some(1))
            && ended.output.contains("Ended, to stand by when it is started again");
        if !is_well {
            let (number, how) = (ended.number, ended.how());
            let what = "woke after its Lease and did not end for that";
            self.witness.breaks(format!("operator {number} {what}: {how}"));
        }
        self.has_ended(ended);
        Ok(())
    }

    fn has_ended(&mut self, ended: Ended) {
        self.witness.saw_output(&ended.output);
        self.evidence.printed(ended.number, ended.server.address(), &ended.output);
        self.servers.push_back(ended.server);
        if self.servers.len() > REMEMBERED {
            self.servers.pop_front();
        }
    }

    /// The place of the one that leads, and knows it.
    fn leader(&self) -> Option<usize> {
        let holder = self.lead.holder()?;
        let place = self.running.iter().position(|operator| operator.number() == holder)?;
        self.running[place].has_said("leading lease=").then_some(place)
    }

    /// Judges the requests by the Lease, as far as it is known who held it; in the end, all.
    pub fn judge(&mut self, is_end: bool) {
        if !self.elects() {
            return;
        }
        let simulator = &self.setting.simulator;
        let now = Timestamp::now();
        // It goes on with another clock than the operators', by which it was set.
        let ahead = now.duration_since(simulator.now());
        for entry in simulator.journal_since(self.judged) {
            let at = entry.at.saturating_add(ahead).unwrap_or(entry.at);
            if !is_end && !self.lead.is_known(at, now) {
                return;
            }
            self.judged = entry.sequence;
            let what = format!("{} {} (#{})", entry.method, entry.path, entry.sequence);
            match entry.server.and_then(|server| self.numbers.get(&server)) {
                Some(&operator) => {
                    let earliest = self.stalls.earliest(at);
                    self.lead.judge(&Request { operator, at, earliest, what }, &self.witness);
                }
                None => self.witness.breaks(format!("{what} came from no operator")),
            }
        }
    }
}

async fn until_said(operator: &Operator, text: &str) -> Result<(), Error> {
    let begun = Instant::now();
    while !operator.has_said(text) && operator.ended()?.is_none() && begun.elapsed() < SLOW {
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}
