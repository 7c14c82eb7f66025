use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What came of a campaign.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// From which everything random follows but for the moments at which things happen.
    pub seed: u64,
    /// How many operators ran at once.
    pub replicas: usize,
    /// How often one was ended while things changed: with `kill -9` where it is the only one.
    pub kills: u32,
    /// How often one was started.
    pub starts: u32,
    /// Drains that operators added at Scalingo.
    pub added: u64,
    /// Drains that operators deleted there.
    pub deleted: u64,
    /// Requests of operators to Scalingo.
    pub scalingo_requests: u64,
    /// Requests of operators to Kubernetes that were answered.
    pub kubernetes_requests: u64,
    /// Those among them that were to change something, but for a Lease.
    pub kubernetes_writes: u64,
    /// Those that were to change a Lease.
    pub lease_writes: u64,
    /// How often the Lease went from one to another, or to nobody.
    pub lease_transitions: usize,
    /// Changes by people, faults that were met, and kills of each kind.
    pub counts: BTreeMap<String, u64>,
    /// Drains that are at Scalingo in the end because their `LogDrain` asked for that.
    pub retained: usize,
    /// From the end of all changes and faults until everything was as it should be.
    pub calm: Duration,
    /// What was promised and not kept, as sentences; empty where all was.
    pub broken: Vec<String>,
}

impl Summary {
    /// How many changes, faults or kills were counted whose name begins so.
    #[must_use]
    pub fn counted(&self, beginning: &str) -> u64 {
        self.counts.iter().filter(|(name, _)| name.starts_with(beginning)).map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{:>9} seed", self.seed)?;
        writeln!(formatter, "{:>9} replicas", self.replicas)?;
        writeln!(formatter, "{:>9} kills", self.kills)?;
        writeln!(formatter, "{:>9} starts", self.starts)?;
        writeln!(formatter, "{:>9} drains added by operators", self.added)?;
        writeln!(formatter, "{:>9} drains deleted by operators", self.deleted)?;
        writeln!(formatter, "{:>9} requests to Scalingo", self.scalingo_requests)?;
        writeln!(formatter, "{:>9} requests to Kubernetes", self.kubernetes_requests)?;
        writeln!(formatter, "{:>9} writes among them", self.kubernetes_writes)?;
        let mut kinds = vec!["kill: ", "change: ", "fault: "];
        if self.replicas > 1 {
            writeln!(formatter, "{:>9} writes of the Lease", self.lease_writes)?;
            writeln!(formatter, "{:>9} times it went to another, or to nobody", self.lease_transitions)?;
            kinds.insert(1, "end: ");
        }
        for kind in kinds {
            writeln!(formatter, "{:>9} {}", self.counted(kind), kind.replace(": ", "s, of which"))?;
            for (name, count) in &self.counts {
                if let Some(name) = name.strip_prefix(kind) {
                    writeln!(formatter, "{count:>13} {name}")?;
                }
            }
        }
        for (name, count) in self.counts.iter().filter(|(name, _)| !name.contains(": ")) {
            writeln!(formatter, "{count:>9} {name}")?;
        }
        writeln!(formatter, "{:>9} drains retained at the end", self.retained)?;
        writeln!(formatter, "{:>9.0?} until all was in sync", self.calm)?;
        write!(formatter, "{:>9} broken promises", self.broken.len())?;
        for promise in &self.broken {
            write!(formatter, "\n  {promise}")?;
        }
        Ok(())
    }
}
