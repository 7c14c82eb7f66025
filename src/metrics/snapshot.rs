//! How things stand at a moment, for the metrics.

use std::{collections::BTreeMap, time::Duration};

use crate::scalingo::BudgetFigures;

/// Status and reason of a `Ready` condition.
pub type Standing = (&'static str, &'static str);

/// How things stand at the moment somebody asks.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Whether this process is the one that acts.
    pub leads: bool,
    /// How many watches there are of a kind that work, and how many that do not.
    pub watches: BTreeMap<(&'static str, bool), usize>,
    /// How many resources stand like this; absent until they are known.
    pub logdrains: Option<BTreeMap<Standing, usize>>,
    /// How many drains are recorded as there; absent until they are known.
    pub drains: Option<usize>,
    /// How many resources there is nothing left to do for that the operator may not release.
    pub unreleased: usize,
    /// The budgets of the API tokens in use.
    pub budgets: Vec<BudgetFigures>,
    /// How many change feeds answer.
    pub feeds_answering: usize,
    /// How many do not.
    pub feeds_silent: usize,
    /// How long ago the change feed was read, of the one that was read longest ago.
    pub feed_age: Option<Duration>,
    /// How many apps the change feed tells of.
    pub apps_covered: usize,
    /// How many it does not tell of.
    pub apps_uncovered: usize,
    /// How often a target is to be listed that the feed covers.
    pub sweep_interval: Duration,
    /// The same for one that it does not cover.
    pub resync: Duration,
    /// The longest that a target of each kind waits between two lists: `sweep` where the feed covers it, `resync` where not.
    pub achieved_interval: BTreeMap<&'static str, Duration>,
    /// How long ago the target of each kind was listed that was listed longest ago.
    pub oldest_check: BTreeMap<&'static str, Duration>,
}
