//! Whether all is quiet once everything is in sync.

use std::time::{Duration, Instant};

use scalingo_simulator::{Simulator, Target};
use tokio::task::block_in_place;

use crate::Error;
use crate::run::Run;

/// How long an operator may take to look at all targets a few times.
const LOOKING: Duration = Duration::from_secs(5 * 60);
/// Between two looks of ours at those who look.
const POLL: Duration = Duration::from_secs(1);
/// How often all must be looked at without a change.
const LOOKS: usize = 3;
/// How often it is tried again whether all is quiet.
const PATIENCE: u32 = 10;

impl Run<'_> {
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

    /// The same from the moment at which the leader is killed, while another takes over and a third one starts.
    pub async fn is_quiet_after_takeover(&mut self) -> Result<(), Error> {
        self.say("quiet: is it so when another takes over?");
        self.fleet.fill().await?;
        self.fleet.until_led().await;
        let (sequence, end) = (self.setting.simulator.sequence(), self.setting.audit().end()?);
        self.fleet.kill_leader()?;
        self.fleet.fill().await?;
        let writes = self.writes_while_looking(sequence, end).await?;
        self.breaks_quiet("when another takes over", writes);
        Ok(())
    }

    /// The same from the first moment of new operators.
    pub async fn is_quiet_after_restart(&mut self) -> Result<(), Error> {
        self.say("quiet: is it so after a restart?");
        let (sequence, end) = (self.setting.simulator.sequence(), self.setting.audit().end()?);
        self.fleet.fill().await?;
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
        let begun = Instant::now();
        while tokio::time::timeout(POLL, self.setting.simulator.until(all)).await.is_err() {
            // One that could not renew its Lease looks at nothing any more.
            self.fleet.fill().await?;
            if begun.elapsed() > LOOKING {
                let promise = format!("not all drains were looked at within {} s", LOOKING.as_secs());
                self.witness.breaks(promise);
                break;
            }
        }
        self.judge();
        let asked = block_in_place(|| self.setting.audit().since(end))?;
        if self.fleet.elects() != (asked.lease_writes > 0) {
            self.witness
                .breaks(format!("the Lease was written {} times in steady state", asked.lease_writes));
        }
        let mut writes = asked.writes;
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
}
