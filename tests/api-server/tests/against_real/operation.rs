//! Random sequences of operations.

/// In a sequence, before the watches that end it.
pub const OPERATIONS: usize = 20;

/// What kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    LogDrain,
    Secret,
    Lease,
}

/// Which of the versions that this side has seen of an object a request names.
#[derive(Clone, Copy, Debug)]
pub enum Version {
    Latest,
    Earlier,
    None,
}

/// Which uid a request names.
#[derive(Clone, Copy, Debug)]
pub enum Uid {
    Right,
    Wrong,
    None,
}

/// What a write changes of an object.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    Nothing,
    Content(u8),
    Labels(u8),
    NoLabels,
    Finalizers(&'static [&'static str]),
    Status(u8),
    ContentAndStatus(u8),
    Unknown,
    Uid,
    Name,
    DeletionTimestamp,
    Generation,
    Created,
}

/// One request. `name` is one of few, so that they meet.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    Create { kind: Kind, name: u8, first: Change, second: Change, version: bool, uid: bool, kept: bool },
    Get { kind: Kind, name: u8, metadata: bool },
    List { kind: Kind, metadata: bool, version: Version },
    Patch { kind: Kind, name: u8, change: Change, version: Version, status: bool, metadata: bool },
    Replace { kind: Kind, name: u8, first: Change, second: Change, version: Version, uid: Uid, status: bool },
    Delete { kind: Kind, name: u8, uid: Uid, version: Version },
}

const FINALIZERS: [&[&str]; 4] = [
    &[],
    &["logs.scalingo.com/drain"],
    &["logs.scalingo.com/drain", "example.com/other"],
    &["example.com/other"],
];

pub fn sequence(seed: u64) -> Vec<Operation> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..OPERATIONS).map(|_| operation(&mut random)).collect()
}

fn operation(random: &mut fastrand::Rng) -> Operation {
    let kind = match random.u8(..10) {
        0..7 => Kind::LogDrain,
        7..9 => Kind::Secret,
        _ => Kind::Lease,
    };
    let name = random.u8(..2);
    let status = kind == Kind::LogDrain && random.u8(..3) == 0;
    match random.u8(..20) {
        0..5 => Operation::Create {
            kind,
            name,
            first: change(random),
            second: change(random),
            version: random.u8(..12) == 0,
            uid: random.u8(..8) == 0,
            kept: random.u8(..2) == 0,
        },
        5 => Operation::Get { kind, name, metadata: random.bool() },
        6 => Operation::List { kind, metadata: random.bool(), version: version(random) },
        7..12 => Operation::Patch {
            kind,
            name,
            change: change(random),
            version: if random.bool() { Version::None } else { version(random) },
            status,
            metadata: random.u8(..6) == 0,
        },
        12..17 => Operation::Replace {
            kind,
            name,
            first: change(random),
            second: change(random),
            version: version(random),
            uid: uid(random),
            status,
        },
        _ => Operation::Delete {
            kind,
            name,
            uid: if random.bool() { Uid::None } else { uid(random) },
            version: if random.bool() { Version::None } else { version(random) },
        },
    }
}

fn version(random: &mut fastrand::Rng) -> Version {
    match random.u8(..8) {
        0..5 => Version::Latest,
        5..7 => Version::Earlier,
        _ => Version::None,
    }
}

fn uid(random: &mut fastrand::Rng) -> Uid {
    match random.u8(..8) {
        0..4 => Uid::Right,
        4..7 => Uid::None,
        _ => Uid::Wrong,
    }
}

fn change(random: &mut fastrand::Rng) -> Change {
    match random.u8(..24) {
        0..3 => Change::Nothing,
        3..7 => Change::Content(random.u8(..3)),
        7..10 => Change::Labels(random.u8(..2)),
        10 => Change::NoLabels,
        11..16 => Change::Finalizers(FINALIZERS[random.usize(..FINALIZERS.len())]),
        16..18 => Change::Status(random.u8(..3)),
        18 => Change::ContentAndStatus(random.u8(..3)),
        19 => Change::Unknown,
        20 => [Change::Uid, Change::Name][random.usize(..2)],
        21 => Change::DeletionTimestamp,
        22 => Change::Generation,
        _ => Change::Created,
    }
}
