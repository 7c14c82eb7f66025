//! Every metric family that is exposed: the truth for the exposition, for its test, and for the documents.

/// Type of a metric family, as OpenMetrics has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// Always 1: what it says is in its labels.
    Info,
    /// How things stand.
    Gauge,
    /// How often something has happened since the process began.
    Counter,
    /// How long each of many took.
    Histogram,
}

/// A metric family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Name as queries write it, with `_total` or `_info`; of a histogram without `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// Names of its labels; of a histogram without `le`.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const fn family(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Description {
    Description { name, kind, labels, help }
}

macro_rules! families {
    ($($constant:ident = $name:literal, $kind:ident, [$($label:literal),*], $help:expr;)*) => {
        $(pub(super) const $constant: Description = family($name, Kind::$kind, &[$($label),*], $help);)*
        /// Every family, in the order in which it is exposed.
        pub const FAMILIES: &[Description] = &[$($constant),*];
    };
}

families! {
    BUILD = "logdrain_build_info", Info, ["version"], "Version of the operator.";
    LEADER = "logdrain_leader", Gauge, [],
        "Whether this process is the one that acts (1) or a standby (0).";
    WATCHES = "logdrain_watches", Gauge, ["kind", "working"],
        "Watches of the Kubernetes API, one for each namespace or one for all, by what they watch and whether the API server answers them; only the leader watches Secrets.";
    LOGDRAINS = "logdrain_logdrains", Gauge, ["ready", "reason"],
        "LogDrain resources by status and reason of their Ready condition; of reason New are those without a status yet, of Other those whose status somebody else has written.";
    DRAINS = "logdrain_drains", Gauge, [],
        "Drains at Scalingo under control: recorded as Active, each once.";
    UNRELEASED = "logdrain_unreleased", Gauge, [],
        "LogDrain resources that are being deleted, for which nothing is left to do, and whose finalizer the operator may not take off: a person has to.";
    RECONCILES = "logdrain_reconciles_total", Counter, ["result"],
        "Reconciliations of a LogDrain by result: ok came to its end, transient failed and is tried again, stalled failed and needs a person, passing was given up for a newer form or because the operator stops.";
    RECONCILE_DURATION = "logdrain_reconcile_duration_seconds", Histogram, [],
        "Time that a reconciliation of a LogDrain took, without its own wait for the request budget, but with its wait for others of the same app or addon.";
    ERRORS = "logdrain_errors_total", Counter, ["kind"],
        "Failures by kind: of reconciliations of a LogDrain, and of what goes on beside them, which are change_feed, logdrain_watch, secret_watch, secret_read, lease, status_write and event.";
    REQUESTS = "logdrain_scalingo_requests_total", Counter, ["operation", "status"],
        "Requests to Scalingo by operation and class of the answer's status; none where no answer came.";
    REQUEST_DURATION = "logdrain_scalingo_request_duration_seconds", Histogram, ["operation"],
        "Time from a request to Scalingo being sent until it was answered or given up.";
    BUDGET_SLOTS = "logdrain_budget_slots", Gauge, ["token"],
        "Most requests that may be sent within any 60 s with an API token. The label token is a digest under a random key of this process: it tells tokens apart, says nothing of them, and is another after a restart.";
    BUDGET_SLOTS_USED = "logdrain_budget_slots_used", Gauge, ["token"],
        "How many of logdrain_budget_slots are taken by requests of the last 60 s.";
    BUDGET_WAITING = "logdrain_budget_waiting", Gauge, ["token", "class"],
        "Requests that wait for the budget: those of class interactive for a person, of class rollout for many that came together, of class background for a routine check.";
    BUDGET_WAIT = "logdrain_budget_wait_seconds", Histogram, ["token", "class"],
        "Time that requests have waited for the budget, by class as in logdrain_budget_waiting.";
    BUDGET_RATE_LIMITED = "logdrain_budget_rate_limited_total", Counter, ["token"],
        "Answers of Scalingo with status 429, by which it asks for fewer requests.";
    BUDGET_PAUSED = "logdrain_budget_paused_seconds_total", Counter, ["token"],
        "Time in which nothing was sent because Scalingo had asked to wait.";
    DRIFT_HEALED = "logdrain_drift_healed_total", Counter, ["reason"],
        "Drains that were added again, by reason: missing was no longer listed.";
    GIVEN_UP = "logdrain_drains_given_up_total", Counter, [],
        "Drains that were to be deleted and were taken for gone, since their app or addon was not found for --gone-after: each may be at Scalingo still, where the API token may not see it.";
    FEEDS = "logdrain_feeds", Gauge, ["answering"],
        "Change feeds, one for each API token and region, by whether they answer.";
    FEED_AGE = "logdrain_feed_last_answer_age_seconds", Gauge, [],
        "Time since a change feed was last read: each API token has one, and the one that was read longest ago counts; absent where none is read.";
    FEED_APPS = "logdrain_feed_apps", Gauge, ["covered"],
        "Apps with recorded drains: where covered is true, the change feed tells of their changes; the others are listed every --resync.";
    SWEEP_INTERVAL = "logdrain_sweep_interval_seconds", Gauge, ["kind"],
        "How often a target, an app or an addon, is to be listed: sweep where the change feed covers it, resync where not.";
    SWEEP_ACHIEVED = "logdrain_sweep_achieved_interval_seconds", Gauge, ["kind"],
        "Longest time that a target has waited between two lists, by kind as in logdrain_sweep_interval_seconds; absent while none of the kind is in sync.";
    SWEEP_OLDEST = "logdrain_sweep_oldest_check_age_seconds", Gauge, ["kind"],
        "Time since a target was last listed, or found in order after a restart, or ceased to be covered by the change feed: the longest of all targets of the kind, as in logdrain_sweep_interval_seconds; absent while none is in sync.";
    WRITES = "logdrain_kubernetes_writes_total", Counter, ["kind"],
        "Writes sent to the Kubernetes API, accepted or not, by kind: status, finalizer, event, lease. While all is in sync only lease grows, at the leader.";
    PROCESS_CPU = "process_cpu_seconds_total", Counter, [],
        "Processor time spent by the process.";
    PROCESS_MEMORY = "process_resident_memory_bytes", Gauge, [],
        "Resident memory of the process.";
    PROCESS_OPEN = "process_open_fds", Gauge, [],
        "Open file descriptors of the process.";
    PROCESS_MOST = "process_max_fds", Gauge, [],
        "Most file descriptors that the process may have open.";
    PROCESS_START = "process_start_time_seconds", Gauge, [],
        "When the process began, in seconds since 1970.";
}
