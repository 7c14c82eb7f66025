//! Several steps that belong together: left to chance alone, they seldom meet.

use fastrand::Rng;

use super::{apply, cut_off, destination, halt, kubernetes, lag, lease, one, scalingo, slot, wait};
use crate::step::{Requests, ScalingoFault, Step};
use crate::universe::{AppSlot, Destination, GOOD_TOKENS, Namespace, Slot, VERSIONS};

/// One of the scenes.
pub(super) fn scene(random: &mut Rng, steps: &mut Vec<Step>) {
    match random.u8(..12) {
        0..4 => trouble(random, steps),
        4 | 5 => refused(random, steps),
        6 => copied(random, steps),
        7 => hidden(random, steps),
        8 | 9 => late(random, steps),
        _ => neighbours(random, steps),
    }
}

/// Changes that follow one another within moments, while lists do not show them yet.
fn late(random: &mut Rng, steps: &mut Vec<Step>) {
    let slot = slot(random);
    steps.extend([Step::Retain { slot, retain: false }, lag(random)]);
    let wanted = destination(random);
    for _ in 0..random.u8(2..6) {
        let step = match random.u8(..10) {
            0..3 => wanted_of(slot, AppSlot::Shop, wanted),
            3 => wanted_of(slot, AppSlot::Shop, destination(random)),
            4 => wanted_of(one(random, &Slot::ALL), AppSlot::Shop, wanted),
            5 => Step::Request { slot: one(random, &Slot::ALL), text: random.u8(..3) },
            6 => Step::RemoveBehind { app: AppSlot::Shop, addon: false, nth: random.u8(..4) },
            7 => Step::KillAt { nth: 0, request: random.u8(1..10), made: random.bool() },
            8 => scalingo(random),
            _ => Step::Delete { slot },
        };
        steps.extend([step, soon(random, 100..9_000)]);
        if random.u8(..3) == 0 {
            steps.push(Step::Start);
        }
    }
    if random.bool() {
        steps.push(Step::Delete { slot });
    }
}

/// A change in the middle of trouble.
fn trouble(random: &mut Rng, steps: &mut Vec<Step>) {
    let slot = slot(random);
    for _ in 0..random.u8(1..4) {
        let step = match random.u8(..11) {
            0..4 => scalingo(random),
            4..6 => kubernetes(random),
            9 => lease(random),
            10 => cut_off(random),
            6 => Step::KillAt { nth: random.u8(..2), request: random.u8(1..12), made: random.bool() },
            7 => halt(random),
            _ => Step::Start,
        };
        steps.push(step);
    }
    for _ in 0..random.u8(1..4) {
        let step = match random.u8(..9) {
            8 => Step::Request { slot, text: random.u8(..3) },
            0..3 => wanted_of(slot, AppSlot::Shop, destination(random)),
            3 | 4 => Step::Secret {
                namespace: slot.namespace(),
                destination: destination(random),
                version: random.u8(..VERSIONS),
            },
            5 => Step::Delete { slot },
            6 => Step::RemoveBehind { app: AppSlot::Shop, addon: false, nth: random.u8(..4) },
            _ => apply(random),
        };
        steps.push(step);
        steps.push(wait(random));
    }
    if random.bool() {
        steps.push(Step::Start);
    }
}

/// A credential is refused, or a firewall answers, while drains are to go, which says nothing of the drains.
fn refused(random: &mut Rng, steps: &mut Vec<Step>) {
    let slot = slot(random);
    let app = if random.u8(..4) == 0 { AppSlot::Blog } else { AppSlot::Shop };
    let destination = destination(random);
    steps.push(Step::Retain { slot, retain: false });
    steps.push(wanted_of(slot, app, destination));
    steps.push(soon(random, 1_000..30_000));
    let mut lasting = vec![going(random, slot, app, destination)];
    for _ in 0..random.u8(1..3) {
        let place = random.usize(..=lasting.len());
        lasting.insert(place, refusal(random, slot.namespace(), app));
    }
    for step in lasting {
        steps.push(step);
        if random.u8(..3) == 0 {
            steps.push(soon(random, 1..500));
        }
    }
    steps.push(wait(random));
    if random.bool() {
        steps.push(Step::ApiToken { namespace: slot.namespace(), version: 0 });
    }
}

/// An app is hidden from the API token while drains of it are to go: the answers are those of one that was deleted.
fn hidden(random: &mut Rng, steps: &mut Vec<Step>) {
    let (slot, app, destination) = (slot(random), one(random, &AppSlot::ALL), destination(random));
    let addon = app == AppSlot::Shop && random.u8(..4) == 0;
    steps.push(Step::Retain { slot, retain: false });
    steps.push(Step::Apply { slot, app, by_id: false, addon, destination });
    steps.push(soon(random, 5_000..30_000));
    let lose = |version| Step::Sight { app, version, sees: false };
    let mut lasting = vec![going(random, slot, app, destination), lose(0)];
    if random.bool() {
        lasting.push(lose(1));
    }
    random.shuffle(&mut lasting);
    match random.u8(..8) {
        0 => lasting.push(Step::DeleteApp { app }),
        1 => lasting.push(Step::DeleteAddon { app: AppSlot::Shop }),
        2 => lasting.push(Step::Kill { nth: 0 }),
        3 => lasting.push(Step::Retain { slot, retain: true }),
        _ => {}
    }
    for step in lasting {
        steps.extend([step, soon(random, 1..20_000)]);
    }
    steps.push(wait(random));
    match random.u8(..4) {
        0 => steps.push(Step::ApiToken { namespace: slot.namespace(), version: 1 }),
        1 => {}
        _ => steps.extend((0..GOOD_TOKENS).map(|version| Step::Sight { app, version, sees: true })),
    }
    if random.bool() {
        steps.extend([wait(random), Step::Start]);
    }
}

/// Somebody adds by hand what is there already, and the operator's own goes in trouble, while others may want it.
fn copied(random: &mut Rng, steps: &mut Vec<Step>) {
    let slot = slot(random);
    let destination = one(random, &[Destination::Datadog, Destination::Syslog, Destination::Papertrail]);
    let app = AppSlot::Shop;
    if random.bool() {
        steps.push(Step::DeleteRemovesAll(true));
    }
    steps.push(Step::Retain { slot, retain: false });
    if destination.has_secret() {
        steps.push(Step::Secret { namespace: slot.namespace(), destination, version: 0 });
    }
    steps.extend([wanted_of(slot, app, destination), soon(random, 5_000..30_000)]);
    steps.extend([Step::Copy { app, addon: false, destination, version: 0 }, soon(random, 1..3_000)]);
    let fault = match random.u8(..6) {
        0 => ScalingoFault::ResetAfter,
        1 => ScalingoFault::Late { seconds: random.u8(1..50) },
        2 => ScalingoFault::LateGateway { seconds: random.u8(1..50) },
        3 => ScalingoFault::Html502After,
        4 => ScalingoFault::Error500After,
        _ => ScalingoFault::DelayAfter { seconds: random.u8(1..55) },
    };
    steps.push(Step::Scalingo { requests: Requests::Delete, fault, times: random.u8(1..3) });
    if random.u8(..3) == 0 {
        steps.push(Step::KillAt { nth: random.u8(..2), request: random.u8(1..8), made: random.bool() });
    }
    steps.push(going(random, slot, app, destination));
    for _ in 0..random.u8(..3) {
        steps.push(soon(random, 1..60_000));
        let other = one(random, &Slot::ALL);
        steps.push(match random.u8(..4) {
            0 => Step::Retain { slot, retain: true },
            1 => Step::Suspend { slot: other, suspend: random.bool() },
            _ => wanted_of(other, app, destination),
        });
    }
    steps.push(wait(random));
    if random.bool() {
        steps.push(Step::Start);
    }
}

/// What makes a drain go.
fn going(random: &mut Rng, slot: Slot, app: AppSlot, destination: Destination) -> Step {
    match random.u8(..3) {
        0 => {
            let other = if app == AppSlot::Shop { AppSlot::Blog } else { AppSlot::Shop };
            wanted_of(slot, other, destination)
        }
        _ => Step::Delete { slot },
    }
}

/// What has a credential refused.
fn refusal(random: &mut Rng, namespace: Namespace, app: AppSlot) -> Step {
    let requests = match random.u8(..8) {
        0 => return Step::ApiToken { namespace, version: GOOD_TOKENS },
        1 => return Step::RemoveApiToken { namespace },
        2 => return Step::RevokeBearers,
        3 | 4 => Requests::ListOf(app),
        5 => Requests::Delete,
        _ => Requests::List,
    };
    let fault = match random.u8(..8) {
        0 => ScalingoFault::Html401,
        1 => ScalingoFault::Html403,
        2 => ScalingoFault::ForeignJson404,
        _ => ScalingoFault::Unauthorized,
    };
    // The first refusal makes the client fetch another bearer token.
    Step::Scalingo { requests, fault, times: random.u8(2..7) }
}

/// Several want drains of one target within a moment, or one changes its mind as soon as it has its drain.
fn neighbours(random: &mut Rng, steps: &mut Vec<Step>) {
    let app = one(random, &AppSlot::ALL);
    if random.u8(..3) == 0 {
        steps.push(Step::PauseWatches(true));
    }
    if random.bool() {
        let mut slots = Slot::ALL;
        random.shuffle(&mut slots);
        let same = destination(random);
        for slot in slots.into_iter().take(random.usize(2..=4)) {
            let wanted = if random.u8(..3) == 0 { destination(random) } else { same };
            steps.push(wanted_of(slot, app, wanted));
            if random.bool() {
                steps.push(soon(random, 1..800));
            }
        }
    } else {
        to_and_fro(random, steps, app);
    }
    steps.push(soon(random, 1_000..10_000));
    if random.u8(..4) == 0 {
        steps.push(Step::Delete { slot: slot(random) });
    }
    steps.push(Step::PauseWatches(false));
}

fn to_and_fro(random: &mut Rng, steps: &mut Vec<Step>, app: AppSlot) {
    let slot = slot(random);
    let (first, second) = (destination(random), destination(random));
    let version = random.u8(..VERSIONS);
    let other = (version + 1) % VERSIONS;
    let secret = |version| Step::Secret { namespace: slot.namespace(), destination: first, version };
    let changes_secret = random.bool() && first.has_secret();
    let [there, back] = if changes_secret {
        steps.extend([secret(version), wanted_of(slot, app, first)]);
        [secret(other), secret(version)]
    } else {
        steps.push(wanted_of(slot, app, first));
        [wanted_of(slot, app, second), wanted_of(slot, app, first)]
    };
    for _ in 0..random.u8(1..3) {
        for step in [&there, &back] {
            steps.push(soon(random, 50..4_000));
            steps.push(step.clone());
        }
    }
}

fn wanted_of(slot: Slot, app: AppSlot, destination: Destination) -> Step {
    Step::Apply { slot, app, by_id: false, addon: false, destination }
}

fn soon(random: &mut Rng, milliseconds: std::ops::Range<u64>) -> Step {
    Step::Wait { milliseconds: random.u64(milliseconds) }
}
