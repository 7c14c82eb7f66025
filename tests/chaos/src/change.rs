//! What people do, as data.

use fastrand::Rng;

use crate::universe::{Destination, Kind, NUMBERS, TOKENS, VERSIONS};

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub logdrains: usize,
    pub apps: usize,
    pub namespaces: usize,
}

/// What a `LogDrain` is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent fields of a spec")]
pub struct Wish {
    pub app: usize,
    pub by_id: bool,
    /// Where the app has one.
    pub addon: bool,
    pub destination: Destination,
    pub suspend: bool,
    pub retain: bool,
}

/// One thing that somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Apply {
        slot: usize,
        wish: Wish,
    },
    Suspend {
        slot: usize,
        suspend: bool,
    },
    Retain {
        slot: usize,
        retain: bool,
    },
    Delete {
        slot: usize,
    },
    /// A check, now.
    Request {
        slot: usize,
    },
    Secret {
        namespace: usize,
        kind: Kind,
        version: u8,
    },
    RemoveSecret {
        namespace: usize,
        kind: Kind,
    },
    ApiToken {
        namespace: usize,
        version: u8,
    },
    RemoveApiToken {
        namespace: usize,
    },
    RevokeBearers,
    RemoveBehind {
        target: usize,
        nth: usize,
    },
    Duplicates(Duplicates),
    DeleteRemovesAll(bool),
    DeleteForm {
        body: bool,
        query: bool,
    },
}

/// What Scalingo does with a drain that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    Refused,
    Accepted,
    Merged,
}

impl Change {
    /// For the summary.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Apply { .. } => "LogDrain created or changed",
            Self::Suspend { suspend: true, .. } => "LogDrain suspended",
            Self::Suspend { .. } => "LogDrain resumed",
            Self::Retain { .. } => "deletionPolicy set",
            Self::Delete { .. } => "LogDrain deleted",
            Self::Request { .. } => "check requested",
            Self::Secret { .. } => "Secret written",
            Self::RemoveSecret { .. } => "Secret removed",
            Self::ApiToken { .. } => "API token written",
            Self::RemoveApiToken { .. } => "API token removed",
            Self::RevokeBearers => "bearer tokens revoked",
            Self::RemoveBehind { .. } => "drain removed by hand",
            Self::Duplicates(_) => "other handling of duplicates",
            Self::DeleteRemovesAll(_) => "other handling of equal URLs",
            Self::DeleteForm { .. } => "other form of deletion",
        }
    }

    /// What is done next.
    pub fn random(random: &mut Rng, size: Size) -> Self {
        let slot = random.usize(..size.logdrains);
        let namespace = random.usize(..size.namespaces);
        match random.u8(..100) {
            0..28 => Self::Apply { slot, wish: Wish::random(random, size) },
            28..34 => Self::Suspend { slot, suspend: random.u8(..3) == 0 },
            34..39 => Self::Retain { slot, retain: random.u8(..5) == 0 },
            39..47 => Self::Request { slot },
            47..57 => Self::Delete { slot },
            57..73 => Self::Secret { namespace, kind: kind(random), version: random.u8(..VERSIONS) },
            73..76 => Self::RemoveSecret { namespace, kind: kind(random) },
            76..80 => Self::ApiToken { namespace, version: random.u8(..TOKENS) },
            80 => Self::RemoveApiToken { namespace },
            81..83 => Self::RevokeBearers,
            83..95 => Self::RemoveBehind { target: random.usize(..), nth: random.usize(..) },
            95..97 => Self::Duplicates(match random.u8(..3) {
                0 => Duplicates::Refused,
                1 => Duplicates::Accepted,
                _ => Duplicates::Merged,
            }),
            97 => Self::DeleteRemovesAll(random.bool()),
            _ => match random.u8(..3) {
                0 => Self::DeleteForm { body: true, query: false },
                1 => Self::DeleteForm { body: false, query: true },
                _ => Self::DeleteForm { body: true, query: true },
            },
        }
    }
}

impl Wish {
    /// Any, neither suspended nor to be retained.
    pub fn random(random: &mut Rng, size: Size) -> Self {
        Self {
            app: random.usize(..size.apps),
            by_id: random.u8(..4) == 0,
            addon: random.u8(..4) == 0,
            destination: Destination { kind: kind(random), number: random.u8(..NUMBERS) },
            suspend: false,
            retain: random.u8(..24) == 0,
        }
    }
}

/// Mostly those in a documented form: of the others, one that comes while an answer is missing and the wish has changed makes
/// a person decide. Datadog more often: collisions are wanted.
fn kind(random: &mut Rng) -> Kind {
    match random.u8(..20) {
        0..8 => Kind::Datadog,
        8..13 => Kind::Syslog,
        13..17 => Kind::Papertrail,
        _ => Kind::ALL[random.usize(..Kind::ALL.len())],
    }
}
