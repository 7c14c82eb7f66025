//! The figures beside what they should be.

use std::fmt;
use std::time::Duration;

use crate::figures::{Changes, Figures, Installation, Restart, WithFeed, WithoutFeed};
use crate::journal::{Counts, Followed, percentile};
use crate::operator::{FEED_INTERVAL, REQUESTS_PER_MINUTE, RESYNC, SWEEP_INTERVAL};
use crate::world::DRAINS;

/// Requests an hour that a steady state may take with the feed.
const MOST_PER_HOUR: f64 = 300.0;
/// Seconds in which a drift is to be noticed with the feed.
const NOTICED: f64 = 30.0;
/// Seconds that a bearer token lives.
const BEARER: u64 = 3600;
/// Seconds that a person may have to wait.
const PATIENCE: f64 = 2.0;

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it is.
    pub what: String,
    /// What came out.
    pub measured: String,
    /// What should.
    pub goal: String,
    /// Whether it did.
    pub kept: bool,
}

/// All figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// One after the other.
    pub rows: Vec<Row>,
}

impl Row {
    fn at_most(what: impl Into<String>, measured: f64, goal: f64, unit: &str) -> Self {
        let show = |value: f64| {
            let places = usize::from(value.fract() != 0.0);
            if value.is_finite() { format!("{value:.places$}{unit}") } else { "never".to_owned() }
        };
        let (measured_text, goal_text) = (show(measured), format!("≤ {}", show(goal)));
        Self { what: what.into(), measured: measured_text, goal: goal_text, kept: measured <= goal }
    }

    fn count(what: impl Into<String>, measured: usize, goal: usize) -> Self {
        let goal_text = if goal == 0 { "0".to_owned() } else { format!("≤ {goal}") };
        Self { what: what.into(), measured: measured.to_string(), goal: goal_text, kept: measured <= goal }
    }

    /// What the figure is made of.
    fn of(mut self, counts: &Counts) -> Self {
        let parts = show(counts);
        if !parts.is_empty() {
            self.measured = format!("{}: {parts}", self.measured);
        }
        self
    }
}

impl Table {
    /// The figures as rows.
    pub fn new(figures: &Figures, hours: u32) -> Self {
        let Figures { installations, with_feed, without_feed } = figures;
        let mut rows = Vec::new();
        for installation in installations.iter().chain([&with_feed.installation]) {
            rows.extend(from_nothing(installation));
        }
        let apps = with_feed.installation.apps;
        rows.extend(steady(with_feed, without_feed, apps, f64::from(hours)));
        rows.extend(restarted(&with_feed.restart, apps));
        rows.extend(changed(
            &with_feed.changes,
            &format!("behind {apps} checks that a gap in the feed made due"),
        ));
        rows.extend(changed(&without_feed.changes, &format!("behind {apps} checks, feed off")));
        let refused = installations.iter().map(|installation| installation.refused).sum::<usize>()
            + with_feed.refused
            + without_feed.refused;
        rows.push(Row::count("Answers 429 in all of this", refused, 0));
        Self { rows }
    }

    /// What was missed.
    pub fn missed(&self) -> Vec<&Row> {
        self.rows.iter().filter(|row| !row.kept).collect()
    }
}

fn from_nothing(installation: &Installation) -> Vec<Row> {
    let Installation { apps, counts, took, .. } = installation;
    let what = format!("{apps} {}, from nothing to Ready", if *apps == 1 { "app" } else { "apps" });
    let once = 2 + apps + apps * DRAINS;
    let more_exchanges = took.map_or(0, |took| took.as_secs() / BEARER);
    let bound = once + usize::try_from(more_exchanges).unwrap_or(usize::MAX);
    let took = took.map_or(f64::INFINITY, |took| minutes(took.as_secs_f64()));
    // What is within the first minute's limit can be sent at once, as much again a minute later. The feed is read at
    // least once.
    let least = (number(once) / number(REQUESTS_PER_MINUTE as usize)).floor();
    let time = Row::at_most(format!("{what}: virtual time"), took, allowed(least), " min");
    vec![
        Row::count(format!("{what}: requests but for the feed"), counts.without_polls(), bound).of(counts),
        Row::at_most(
            format!("{what}: reads of the feed"),
            number(counts.polls),
            (took.min(allowed(least)) * 60.0 / FEED_INTERVAL.as_secs_f64()).floor() + 1.0,
            "",
        ),
        Row { goal: format!("{} ({least:.1} by the limit alone)", time.goal), ..time },
    ]
}

/// The limit's own minimum in minutes, with the feed's share of the requests and a minute to begin and to end.
fn allowed(least: f64) -> f64 {
    let limit = number(REQUESTS_PER_MINUTE as usize);
    least * limit / (limit - 60.0 / FEED_INTERVAL.as_secs_f64()) + 1.0
}

fn steady(with: &WithFeed, without: &WithoutFeed, apps: usize, hours: f64) -> Vec<Row> {
    let what = format!("{apps} apps in steady state");
    let quiet = &with.quiet;
    let drifts = number(without.drifts.len());
    let background = f64::from(REQUESTS_PER_MINUTE / 2);
    let round = (number(apps) / background * 60.0).max(RESYNC.as_secs_f64()) * 1.1;
    vec![
        Row::at_most(format!("{what}: requests an hour"), number(quiet.all()) / hours, MOST_PER_HOUR, "")
            .of(quiet),
        Row::count(format!("{what}: additions and deletions"), quiet.adds + quiet.deletes, 0),
        Row::count(format!("{what}: Kubernetes writes"), with.kubernetes_writes, 0),
        spread("noticed", &with.drifts, |drift| drift.noticed, NOTICED, &Unit::Seconds),
        spread("healed", &with.drifts, |drift| drift.healed, NOTICED, &Unit::Seconds),
        Row::at_most(
            format!("{what}, feed off: lists an hour"),
            number(without.counts.lists) / hours,
            (background * 60.0 + 2.0 * drifts / hours).ceil(),
            "",
        ),
        spread("noticed, feed off", &without.drifts, |drift| drift.noticed, round, &Unit::Minutes),
        spread("healed, feed off", &without.drifts, |drift| drift.healed, round, &Unit::Minutes),
    ]
}

fn restarted(restart: &Restart, apps: usize) -> Vec<Row> {
    let Restart { first_minute, first_hour, kubernetes_writes } = restart;
    let what = format!("{apps} apps, restarted");
    // An exchange, the apps, the feed, and what the sweep has in a minute.
    let polls = Duration::from_secs(60).as_secs_f64() / FEED_INTERVAL.as_secs_f64() + 1.0;
    let sweep = number(apps) / minutes(SWEEP_INTERVAL.as_secs_f64()) + 1.0;
    let bound = 2.0 + polls + sweep.ceil();
    vec![
        Row::at_most(format!("{what}: requests in the first minute"), number(first_minute.all()), bound, "")
            .of(first_minute),
        Row::count(
            format!("{what}: additions and deletions in an hour"),
            first_hour.adds + first_hour.deletes,
            0,
        ),
        Row::count(format!("{what}: Kubernetes writes in an hour"), *kubernetes_writes, 0),
    ]
}

fn changed(changes: &Changes, what: &str) -> Vec<Row> {
    let background = f64::from(REQUESTS_PER_MINUTE / 2);
    let worst = percentile(changes.waits.iter().copied(), 1.0);
    // Each change lists its target once itself.
    let own = 1.0;
    vec![
        Row::at_most(format!("A person's change {what}: longest wait"), worst, PATIENCE, " s"),
        Row::at_most(
            format!("A person's change {what}: lists a minute meanwhile"),
            changes.lists_per_minute,
            background + own,
            "",
        ),
    ]
}

enum Unit {
    Seconds,
    Minutes,
}

/// Of a time, what half and all are below; the second counts.
fn spread(
    what: &str,
    drifts: &[Followed],
    time: impl Fn(&Followed) -> Option<f64>,
    goal: f64,
    unit: &Unit,
) -> Row {
    let (unit, divisor) = match unit {
        Unit::Seconds => ("s", 1.0),
        Unit::Minutes => ("min", 60.0),
    };
    let [half, most, all] = [0.5, 0.99, 1.0].map(|share| percentile(drifts.iter().map(&time), share));
    let show = |seconds: f64| {
        if seconds.is_finite() { format!("{:.1}", seconds / divisor) } else { "never".to_owned() }
    };
    Row {
        what: format!("{} drains removed by hand: {what}", drifts.len()),
        measured: format!("{} {unit} (half {}, longest {})", show(most), show(half), show(all)),
        goal: format!("≤ {} {unit} for 99 of 100", show(goal)),
        kept: most <= goal,
    }
}

fn show(counts: &Counts) -> String {
    let Counts { exchanges, apps, lists, adds, deletes, polls, others } = *counts;
    let named = [
        ("exchanges", exchanges),
        ("apps", apps),
        ("lists", lists),
        ("additions", adds),
        ("deletions", deletes),
        ("feed", polls),
        ("others", others),
    ];
    let there = named.into_iter().filter(|(_, count)| *count > 0);
    there.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

fn minutes(seconds: f64) -> f64 {
    seconds / 60.0
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}

impl fmt::Display for Table {
    /// As Markdown, in columns.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["In virtual time", "Measured", "Goal", ""].map(str::to_owned);
        let rows = self.rows.iter().map(|row| {
            let mark = if row.kept { "" } else { "MISSED" };
            [row.what.clone(), row.measured.clone(), row.goal.clone(), mark.to_owned()]
        });
        let lines: Vec<[String; 4]> = [head].into_iter().chain(rows).collect();
        let width =
            |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
        let widths: [usize; 4] = std::array::from_fn(width);
        for (index, line) in lines.iter().enumerate() {
            for (cell, width) in line.iter().zip(widths) {
                write!(formatter, "| {cell:width$} ")?;
            }
            writeln!(formatter, "|")?;
            if index == 0 {
                let rules = widths.map(|width| "-".repeat(width + 2));
                writeln!(formatter, "|{}|", rules.join("|"))?;
            }
        }
        Ok(())
    }
}
