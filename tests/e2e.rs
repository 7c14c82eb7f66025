//! The operator's binary on a real control plane, with the permissions of `deploy/`, against the simulator.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

#[path = "e2e/ambiguous.rs"]
mod ambiguous;
#[path = "e2e/apps.rs"]
mod apps;
#[path = "e2e/authorities.rs"]
mod authorities;
#[path = "e2e/away.rs"]
mod away;
#[path = "e2e/budget.rs"]
mod budget;
#[path = "e2e/change.rs"]
mod change;
#[path = "e2e/chart.rs"]
mod chart;
#[path = "e2e/columns.rs"]
mod columns;
#[path = "e2e/conditions.rs"]
mod conditions;
#[path = "e2e/conflicts.rs"]
mod conflicts;
#[path = "e2e/crash.rs"]
mod crash;
#[path = "e2e/crashed_neighbours.rs"]
mod crashed_neighbours;
#[path = "e2e/deletion.rs"]
mod deletion;
#[path = "e2e/deletion_credentials.rs"]
mod deletion_credentials;
#[path = "e2e/deletion_forms.rs"]
mod deletion_forms;
#[path = "e2e/deploy.rs"]
mod deploy;
#[path = "e2e/drift.rs"]
mod drift;
#[path = "e2e/duplicates.rs"]
mod duplicates;
#[path = "e2e/edited_status.rs"]
mod edited_status;
#[path = "e2e/emitted.rs"]
mod emitted;
#[path = "e2e/errors.rs"]
mod errors;
#[path = "e2e/feed.rs"]
mod feed;
#[path = "e2e/few_requests.rs"]
mod few_requests;
#[path = "e2e/foreign.rs"]
mod foreign;
#[path = "e2e/gitops.rs"]
mod gitops;
#[path = "e2e/leader.rs"]
mod leader;
#[path = "e2e/lifecycle.rs"]
mod lifecycle;
#[path = "e2e/log.rs"]
mod log;
#[path = "e2e/lost_answers.rs"]
mod lost_answers;
#[path = "e2e/memory.rs"]
mod memory;
#[path = "e2e/metrics.rs"]
mod metrics;
#[path = "e2e/neighbours.rs"]
mod neighbours;
#[path = "e2e/operator.rs"]
mod operator;
#[path = "e2e/permissions.rs"]
mod permissions;
#[path = "e2e/process.rs"]
mod process;
#[path = "e2e/refused_deletions.rs"]
mod refused_deletions;
#[path = "e2e/remedies.rs"]
mod remedies;
#[path = "e2e/requested.rs"]
mod requested;
#[path = "e2e/rotation.rs"]
mod rotation;
#[path = "e2e/scene.rs"]
mod scene;
#[path = "e2e/secrecy.rs"]
mod secrecy;
#[path = "e2e/steady.rs"]
mod steady;
#[path = "e2e/takeover.rs"]
mod takeover;
#[path = "e2e/two_operators.rs"]
mod two_operators;
#[path = "e2e/types.rs"]
mod types;
#[path = "e2e/wire.rs"]
mod wire;
#[path = "e2e/world.rs"]
mod world;
