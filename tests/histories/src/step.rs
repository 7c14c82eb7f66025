//! What can happen in a history, as data: each step is one line, and a list of them can be cut anywhere.

use std::fmt;

use crate::universe::{AppSlot, Destination, Form, Namespace, Slot};

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub enum Step {
    /// A person creates a `LogDrain`, or changes it.
    Apply { slot: Slot, app: AppSlot, by_id: bool, addon: bool, destination: Destination },
    /// A person sets `suspend`.
    Suspend { slot: Slot, suspend: bool },
    /// A person asks for a check of a `LogDrain` now.
    Request { slot: Slot, text: u8 },
    /// A person sets `deletionPolicy`.
    Retain { slot: Slot, retain: bool },
    /// A person deletes a `LogDrain`.
    Delete { slot: Slot },
    /// A person takes a `LogDrain` out by force, whatever its finalizer.
    ForceDelete { slot: Slot },
    /// A backup of a `LogDrain` is taken.
    Backup { slot: Slot },
    /// The backup is put in the place of what is there, without a status.
    Restore { slot: Slot, same_uid: bool },
    /// A backup of the whole Kubernetes API is taken.
    BackupAll,
    /// It is restored, so that resource versions go back; no operator reaches the Kubernetes API for so long.
    RestoreAll { seconds: u8 },
    /// The Secret of a destination gets this version of its value.
    Secret { namespace: Namespace, destination: Destination, version: u8 },
    /// The Secret of a destination is deleted.
    RemoveSecret { namespace: Namespace, destination: Destination },
    /// The Secret with the API token gets this token; the last one is refused.
    ApiToken { namespace: Namespace, version: u8 },
    /// The Secret with the API token is deleted.
    RemoveApiToken { namespace: Namespace },
    /// The bearer tokens in use are refused from now on.
    RevokeBearers,
    /// Somebody adds a drain that no `LogDrain` will ever want.
    Foreign { app: AppSlot, addon: bool, number: u8 },
    /// Somebody adds a drain by hand that is, or may become, a `LogDrain`'s.
    Copy { app: AppSlot, addon: bool, destination: Destination, version: u8 },
    /// Somebody removes one of the drains that are not foreign.
    RemoveBehind { app: AppSlot, addon: bool, nth: u8 },
    /// The app is renamed, or gets its first name back.
    RenameApp { app: AppSlot },
    /// The app is deleted.
    DeleteApp { app: AppSlot },
    /// An app is made under the app's first name.
    CreateApp { app: AppSlot },
    /// The app's addon is deleted.
    DeleteAddon { app: AppSlot },
    /// The app gets its addon back.
    CreateAddon { app: AppSlot },
    /// So many requests of this kind meet this fault at Scalingo.
    Scalingo { requests: Requests, fault: ScalingoFault, times: u8 },
    /// Scalingo writes URLs in this form from now on.
    Form(Form),
    /// Whether Scalingo writes hosts in the spelling that was given from now on: then two spellings of one are two drains for it.
    HostsAsGiven(bool),
    /// What Scalingo does with a drain that is already there.
    Duplicates(Duplicates),
    /// Whether a deletion removes all copies.
    DeleteRemovesAll(bool),
    /// How Scalingo wants the URL of a deletion: in a body, in the query, either.
    DeleteForm(DeleteForm),
    /// Operators may send so many requests a minute with one API token, and Scalingo takes hardly more: in any 60 s, or in a
    /// minute of the clock. Before the first operator only.
    Budget { per_minute: u8, fixed: bool },
    /// What the change feed shows: nothing, or after a while, or not that of one app, and how it names changes of addons.
    Feed { shown: bool, delay_seconds: u8, hidden_for: Option<AppSlot>, addon_names: bool },
    /// The API token of this version loses sight of an app, whose drains stay, or sees it again.
    Sight { app: AppSlot, version: u8, sees: bool },
    /// For how long lists of drains may not show a change, and which do not; all show it with none.
    Lag { seconds: u8, kind: Lag },
    /// All faults at Scalingo end.
    ScalingoCalm,
    /// So many requests to the Kubernetes API meet this fault.
    Kubernetes { fault: KubernetesFault, times: u8 },
    /// Operators stand for election. Before the first only.
    Elect,
    /// So many requests that concern the Lease meet this fault.
    Lease { fault: KubernetesFault, times: u8 },
    /// An operator, or each, does not reach the Kubernetes API for so long.
    CutOff { nth: Option<u8>, seconds: u8 },
    /// All faults at the Kubernetes API end.
    KubernetesCalm,
    /// Watches end with 410.
    ExpireWatches,
    /// The connections of watches break.
    BreakWatches,
    /// Watches are silent, or speak again.
    PauseWatches(bool),
    /// Another operator starts, if there are not two.
    Start,
    /// An operator is killed now.
    Kill { nth: u8 },
    /// An operator is killed at its nth request from now, which takes effect or not.
    KillAt { nth: u8, request: u8, made: bool },
    /// An operator stands still for so long.
    Halt { nth: u8, seconds: u8 },
    /// The clock of an operator's machine is set back by so much. Only where operators stand for election: others must agree about
    /// the time.
    SetBack { nth: u8, minutes: u16 },
    /// Time passes.
    Wait { milliseconds: u64 },
}

/// Which requests to Scalingo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Requests {
    Any,
    List,
    /// Of one app, under its first name or id, and not of its addons.
    ListOf(AppSlot),
    Add,
    Delete,
    Apps,
    Exchange,
}

/// What goes wrong at Scalingo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ScalingoFault {
    ResetBefore,
    ResetAfter,
    Cut,
    DelayBefore {
        seconds: u8,
    },
    DelayAfter {
        seconds: u8,
    },
    /// It takes effect after so many seconds, and the client is told nothing.
    Late {
        seconds: u8,
    },
    /// It takes effect after so many seconds, and the client is told 504 at once.
    LateGateway {
        seconds: u8,
    },
    TooMany {
        retry_after: Option<u8>,
    },
    Error500Before,
    Error500After,
    Html502Before,
    Html502After,
    Html503,
    Html404,
    Conflict409,
    Locked423,
    /// What proxies and firewalls answer.
    Html400,
    Html401,
    Html403,
    /// Held back by a firewall that reads answers.
    Html403After,
    /// The request goes on behind the firewall that has answered.
    LateHtml403 {
        seconds: u8,
    },
    ForeignJson404,
    Unauthorized,
    Forbidden,
    WrongTypeAfter,
}

/// What Scalingo does with a drain that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Duplicates {
    Refused,
    Accepted,
    Merged,
}

/// Which lists of drains do not show a change that was made within the lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Lag {
    All,
    Some,
    First,
}

/// How Scalingo wants the URL of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum DeleteForm {
    Either,
    BodyElseRefused,
    QueryElseRefused,
    QueryElseIgnored,
}

/// What goes wrong at the Kubernetes API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum KubernetesFault {
    Unreachable,
    Status(u16),
    /// Of writes of a `LogDrain`: the operator's right to them has gone.
    Forbidden,
    /// Of writes.
    Conflict,
    /// Of writes.
    LoseAnswer,
    NeverAnswer,
    /// Of writes.
    NeverAnswerThoughMade,
    /// Of writes: they take effect after so many seconds.
    Delay {
        seconds: u8,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wait { milliseconds } => write!(formatter, "Wait {{ milliseconds: {milliseconds} }}"),
            step => write!(formatter, "{step:?}"),
        }
    }
}
