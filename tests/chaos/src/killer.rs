//! How long each operator lives, or each change of those that run at once.

use std::time::Duration;

use fastrand::Rng;
use scalingo_simulator::When;

use crate::setting::Setting;
use crate::witness::Witness;

/// A start, or a change of the lead, that takes longer than this is slow even for a slow machine.
const STARTED: Duration = Duration::from_secs(20);
/// How long a request is waited for that is to be held.
const HELD: Duration = Duration::from_secs(2);

/// When an operator is to be killed. Of many, they count from the start of the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// So many milliseconds after its start.
    FromStart(u64),
    /// So many milliseconds after its first request to Scalingo.
    FromFirstRequest(u64),
    /// While such a request waits before or after its effect; the request goes on so many milliseconds later, or never does.
    WhileHeld { method: &'static str, when: When, released: Option<u64> },
}

impl Life {
    /// Most are short; a few are long enough for everything to come in sync.
    pub fn random(random: &mut Rng) -> Self {
        match random.u8(..20) {
            0..4 => Self::FromStart(random.u64(..500)),
            4..8 => Self::FromFirstRequest(random.u64(..300)),
            8..14 => Self::FromFirstRequest(random.u64(..2_000)),
            14 => Self::FromFirstRequest(random.u64(2_000..6_000)),
            _ => Self::WhileHeld {
                method: if random.u8(..3) > 0 { "POST" } else { "DELETE" },
                when: if random.bool() { When::Before } else { When::After },
                released: (random.u8(..4) > 0).then(|| random.u64(..4_000)),
            },
        }
    }

    /// Returns when it is over; `from` is the latest place in the simulator's journal before the operator was started.
    pub async fn live(self, setting: &Setting, witness: &Witness, from: u64) {
        let simulator = &setting.simulator;
        let first = simulator.until(|simulator| !simulator.journal_since(from).is_empty());
        match self {
            Self::FromStart(milliseconds) => {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                witness.count("kill: while it starts");
            }
            Self::FromFirstRequest(milliseconds) => {
                let started = tokio::time::timeout(STARTED, first).await;
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                witness.count(match started {
                    Ok(()) => "kill: while it works",
                    Err(_) => "kill: while it starts",
                });
            }
            Self::WhileHeld { method, when, released } => {
                let held = simulator.hold(method, "/v1/apps/**", when);
                let _ = tokio::time::timeout(STARTED, first).await;
                let reached = tokio::time::timeout(HELD, held.gate.reached()).await;
                simulator.remove_rule(held.rule);
                if reached.is_err() {
                    witness.count("kill: while it works");
                    held.gate.release();
                    return;
                }
                let when = if when == When::Before { "before" } else { "after" };
                witness.count(&format!("kill: {when} a {method} took effect"));
                let gate = held.gate;
                tokio::spawn(async move {
                    match released {
                        Some(milliseconds) => {
                            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                            gate.release();
                        }
                        None => gate.break_off(),
                    }
                });
            }
        }
    }
}
