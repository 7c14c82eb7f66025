//! From a seed to what happens.

mod scene;

use fastrand::Rng;

use self::scene::scene;
use crate::step::{DeleteForm, Duplicates, KubernetesFault, Lag, Requests, ScalingoFault, Step};
use crate::universe::{AppSlot, Destination, Form, GOOD_TOKENS, Namespace, Slot, VERSIONS};

/// What happens in the history of a seed.
#[must_use]
pub fn generate(seed: u64) -> Vec<Step> {
    let mut random = Rng::with_seed(seed);
    let mut steps = beginning(&mut random);
    let length = random.usize(4..40);
    while steps.len() < length {
        if random.u8(..4) == 0 {
            scene(&mut random, &mut steps);
            continue;
        }
        if random.u8(..3) > 0 {
            steps.push(wait(&mut random));
        }
        steps.push(step(&mut random));
    }
    steps
}

/// How Scalingo is, what is there before the operator, and the first resources.
fn beginning(random: &mut Rng) -> Vec<Step> {
    let mut steps = Vec::new();
    match random.u8(..10) {
        0..5 => {}
        5 => steps.push(Step::Form(Form::Raw)),
        6 | 7 => steps.push(Step::Form(Form::Reordered)),
        8 => steps.push(Step::Form(Form::Opaque)),
        _ => steps.push(Step::Form(Form::Unique)),
    }
    if random.u8(..4) == 0 {
        steps.push(Step::HostsAsGiven(true));
    }
    if random.u8(..4) > 0 {
        steps.push(Step::Elect);
    }
    if random.u8(..5) == 0 {
        steps.push(Step::Budget { per_minute: random.u8(10..=50), fixed: random.bool() });
    }
    if random.u8(..3) == 0 {
        steps.push(feed(random));
    }
    match random.u8(..4) {
        0 => steps.push(Step::Duplicates(Duplicates::Accepted)),
        1 => steps.push(Step::Duplicates(Duplicates::Merged)),
        _ => {}
    }
    if random.u8(..4) == 0 {
        steps.push(delete_form(random));
    }
    for number in 0..random.u8(..3) {
        steps.push(Step::Foreign { app: app(random), addon: random.u8(..4) == 0, number });
    }
    if random.u8(..4) == 0 {
        steps.push(copy(random));
    }
    for _ in 0..random.u8(1..4) {
        steps.push(apply(random));
    }
    steps.push(Step::Start);
    steps
}

fn step(random: &mut Rng) -> Step {
    match random.u8(..100) {
        0..14 => apply(random),
        14..16 => Step::Suspend { slot: slot(random), suspend: random.bool() },
        16 => Step::Request { slot: slot(random), text: random.u8(..3) },
        17..20 => Step::Retain { slot: slot(random), retain: random.u8(..3) == 0 },
        20..28 => Step::Delete { slot: slot(random) },
        28 => Step::Backup { slot: slot(random) },
        29 => backup_of_all(random),
        30 => Step::ForceDelete { slot: slot(random) },
        31..34 => Step::Restore { slot: slot(random), same_uid: random.bool() },
        34..42 => Step::Secret {
            namespace: namespace(random),
            destination: destination(random),
            version: random.u8(..=VERSIONS),
        },
        42..44 => Step::RemoveSecret { namespace: namespace(random), destination: destination(random) },
        44..46 => Step::ApiToken { namespace: namespace(random), version: random.u8(..=GOOD_TOKENS) },
        46..48 => Step::RemoveApiToken { namespace: namespace(random) },
        48 => Step::RevokeBearers,
        49..51 => Step::Foreign { app: app(random), addon: false, number: random.u8(..8) * 2 },
        51..54 => copy(random),
        54..58 => Step::RemoveBehind { app: app(random), addon: random.u8(..4) == 0, nth: random.u8(..4) },
        58..60 => Step::RenameApp { app: app(random) },
        60 => Step::DeleteApp { app: app(random) },
        61..63 => Step::CreateApp { app: app(random) },
        63 => Step::DeleteAddon { app: AppSlot::Shop },
        64 => Step::CreateAddon { app: app(random) },
        65..79 => scalingo(random),
        79 => match random.u8(..7) {
            5 => Step::HostsAsGiven(random.bool()),
            6 => lag(random),
            0 => Step::Form(one(random, &Form::ALL)),
            1 => delete_form(random),
            2 => feed(random),
            3 => Step::DeleteRemovesAll(random.bool()),
            _ => Step::ScalingoCalm,
        },
        80..88 => kubernetes(random),
        88 => Step::KubernetesCalm,
        89 => Step::ExpireWatches,
        90 => Step::BreakWatches,
        91 => match random.u8(..3) {
            0 => Step::PauseWatches(random.bool()),
            1 => lease(random),
            _ => cut_off(random),
        },
        92 | 93 => Step::Start,
        94 if random.u8(..4) == 0 => Step::SetBack { nth: random.u8(..2), minutes: random.u16(1..600) },
        94 => halt(random),
        95 => Step::Kill { nth: random.u8(..2) },
        _ => Step::KillAt { nth: random.u8(..2), request: random.u8(1..12), made: random.bool() },
    }
}

fn backup_of_all(random: &mut Rng) -> Step {
    if random.bool() { Step::BackupAll } else { Step::RestoreAll { seconds: random.u8(5..60) } }
}

fn wait(random: &mut Rng) -> Step {
    let milliseconds = match random.u8(..10) {
        0..2 => random.u64(1..50),
        2..5 => random.u64(50..3_000),
        5..8 => random.u64(3_000..60_000),
        8 => random.u64(60_000..200_000),
        _ => random.u64(200_000..900_000),
    };
    Step::Wait { milliseconds }
}

fn apply(random: &mut Rng) -> Step {
    Step::Apply {
        slot: slot(random),
        app: if random.u8(..3) == 0 { AppSlot::Blog } else { AppSlot::Shop },
        by_id: random.u8(..4) == 0,
        addon: random.u8(..6) == 0,
        destination: destination(random),
    }
}

fn copy(random: &mut Rng) -> Step {
    Step::Copy {
        app: app(random),
        addon: random.u8(..6) == 0,
        destination: destination(random),
        version: random.u8(..VERSIONS),
    }
}

fn feed(random: &mut Rng) -> Step {
    Step::Feed {
        shown: random.u8(..4) > 0,
        delay_seconds: if random.bool() { 0 } else { random.u8(1..180) },
        hidden_for: (random.u8(..4) == 0).then(|| app(random)),
        addon_names: random.bool(),
    }
}

/// Shorter than the operator reckons with.
fn lag(random: &mut Rng) -> Step {
    Step::Lag { seconds: random.u8(..=8), kind: one(random, &[Lag::All, Lag::Some, Lag::First]) }
}

fn halt(random: &mut Rng) -> Step {
    Step::Halt { nth: random.u8(..2), seconds: random.u8(1..200) }
}

fn delete_form(random: &mut Rng) -> Step {
    let forms = [
        DeleteForm::Either,
        DeleteForm::BodyElseRefused,
        DeleteForm::QueryElseRefused,
        DeleteForm::QueryElseIgnored,
    ];
    Step::DeleteForm(one(random, &forms))
}

fn scalingo(random: &mut Rng) -> Step {
    let requests = match random.u8(..10) {
        0..4 => Requests::Add,
        4..6 => Requests::Delete,
        6 => Requests::List,
        7 => Requests::Apps,
        8 => Requests::Exchange,
        _ => Requests::Any,
    };
    let fault = match random.u8(..26) {
        0 => ScalingoFault::ResetBefore,
        1 | 2 => ScalingoFault::ResetAfter,
        3 => ScalingoFault::Cut,
        4 => ScalingoFault::DelayBefore { seconds: random.u8(1..55) },
        5 => ScalingoFault::DelayAfter { seconds: random.u8(1..55) },
        6 => ScalingoFault::Late { seconds: random.u8(1..50) },
        7 => ScalingoFault::LateGateway { seconds: random.u8(1..50) },
        8 => ScalingoFault::TooMany { retry_after: random.bool().then(|| random.u8(1..90)) },
        9 => ScalingoFault::Error500Before,
        10 => ScalingoFault::Error500After,
        11 => ScalingoFault::Html502Before,
        12 => ScalingoFault::Html502After,
        13 => ScalingoFault::Html503,
        14 => ScalingoFault::Html404,
        15 => ScalingoFault::Unauthorized,
        16 => ScalingoFault::Forbidden,
        17 => ScalingoFault::Conflict409,
        18 => ScalingoFault::Locked423,
        19 => ScalingoFault::Html400,
        20 => ScalingoFault::Html401,
        21 => ScalingoFault::Html403,
        22 => ScalingoFault::Html403After,
        23 => ScalingoFault::LateHtml403 { seconds: random.u8(1..50) },
        24 => ScalingoFault::ForeignJson404,
        _ => ScalingoFault::WrongTypeAfter,
    };
    Step::Scalingo { requests, fault, times: random.u8(1..5) }
}

fn kubernetes(random: &mut Rng) -> Step {
    let fault = match random.u8(..10) {
        9 => return Step::Kubernetes { fault: KubernetesFault::Forbidden, times: random.u8(1..12) },
        0 => KubernetesFault::Unreachable,
        1 => KubernetesFault::Status(one(random, &[429, 500, 503])),
        2 | 3 => KubernetesFault::Conflict,
        4 | 5 => KubernetesFault::LoseAnswer,
        6 => KubernetesFault::NeverAnswer,
        7 => KubernetesFault::NeverAnswerThoughMade,
        _ => KubernetesFault::Delay { seconds: random.u8(1..55) },
    };
    Step::Kubernetes { fault, times: random.u8(1..4) }
}

/// Long enough for the Lease to be lost, mostly.
fn cut_off(random: &mut Rng) -> Step {
    let nth = (random.u8(..3) > 0).then(|| random.u8(..2));
    Step::CutOff { nth, seconds: random.u8(1..200) }
}

fn lease(random: &mut Rng) -> Step {
    let fault = match random.u8(..6) {
        0 => KubernetesFault::Unreachable,
        1 => KubernetesFault::Status(one(random, &[429, 500, 503])),
        2 => KubernetesFault::NeverAnswer,
        3 => KubernetesFault::LoseAnswer,
        4 => KubernetesFault::NeverAnswerThoughMade,
        _ => KubernetesFault::Delay { seconds: random.u8(1..55) },
    };
    Step::Lease { fault, times: random.u8(1..8) }
}

fn slot(random: &mut Rng) -> Slot {
    one(random, &Slot::ALL)
}

fn app(random: &mut Rng) -> AppSlot {
    one(random, &AppSlot::ALL)
}

fn namespace(random: &mut Rng) -> Namespace {
    one(random, &Namespace::ALL)
}

/// One more often than the others: collisions are the point.
fn destination(random: &mut Rng) -> Destination {
    if random.bool() { Destination::Datadog } else { one(random, &Destination::ALL) }
}

fn one<T: Copy>(random: &mut Rng, all: &[T]) -> T {
    all[random.usize(..all.len())]
}
