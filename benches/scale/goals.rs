//! The figures beside what they should be.

use std::time::Duration;

use crate::missing::{Measured, Missing};
use crate::scenario::{Figures, Kind, MOST_BEFORE};
use crate::table::{Cell, Row, Table, grouped};

/// How much more one `LogDrain` may take among the most than among the fewest.
const GROWTH: f64 = 1.25;
/// MiB at the most, with whatever budget.
const PEAK: f64 = 128.0;
/// MiB at the most, in sync and after a restart.
const PEAK_IN_SYNC: f64 = 96.0;
/// Milliseconds of processor time that one person's change may take.
const CHANGE: f64 = 20.0;
/// Seconds by which a change may be later among the most than among the fewest: other processes take their turns too.
const LATER: f64 = 1.0;
/// Milliseconds a second below which growth is noise.
const IDLE: f64 = 4.0;
/// How often a start may take as long as one that only lists and decodes all objects.
const STAND_BYS: f64 = 2.0;
/// What holds for this many holds for fewer, but what a start takes anyway counts there.
const MANY: usize = 10_000;

/// All rows of which something was run.
pub fn table(figures: &[Figures]) -> Table {
    let rows =
        [processor(figures), memory(figures), changed(figures), restarted(figures), overtaken(figures)];
    Table {
        counts: figures.iter().map(|figures| figures.count).collect(),
        rows: rows.into_iter().flatten().filter(Row::was_run).collect(),
    }
}

fn processor(figures: &[Figures]) -> Vec<Row> {
    let roll_out = cells(figures, |figures| {
        let roll_out = figures.roll_out.as_ref()?;
        Some(roll_out.processor.clone().map(|time| {
            let each = milliseconds(time) / number(figures.count);
            let (took, requests) = (roll_out.took.as_secs(), grouped(roll_out.requests));
            (each, format!("{each:.2} ms ({requests} requests in {took} s)"))
        }))
    });
    let rotation = cells(figures, |figures| {
        let rotation = figures.rotation.as_ref()?;
        Some(rotation.processor.clone().map(|time| {
            let each = milliseconds(time) / number(figures.count);
            (each, format!("{each:.2} ms (in {} s)", rotation.took.as_secs()))
        }))
    });
    let in_sync = cells(figures, |figures| {
        Some(figures.in_sync.as_ref()?.clone().map(|in_sync| {
            let each = in_sync.each_second * 1_000.0;
            (each, format!("{each:.1} ms"))
        }))
    });
    vec![
        growth("Processor time of one LogDrain from nothing to Ready", roll_out, 0.0, " ms"),
        growth("Processor time of one LogDrain when a Secret that all use is replaced", rotation, 0.0, " ms"),
        growth("Processor time in sync, each second, with the feed read as often", in_sync, IDLE, " ms"),
    ]
}

fn memory(figures: &[Figures]) -> Vec<Row> {
    let peak =
        |peak: Measured<u64>| peak.map(|peak| (mebibytes(peak), format!("{:.0} MiB", mebibytes(peak))));
    let wait = cells(figures, |figures| {
        Some(figures.wait.as_ref()?.clone().map(|wait| {
            let peak = mebibytes(wait.peak);
            (peak, format!("{peak:.0} MiB ({} wait)", grouped(wait.waiting)))
        }))
    });
    let roll_out = cells(figures, |figures| Some(peak(figures.roll_out.as_ref()?.peak.clone())));
    let rotation = cells(figures, |figures| Some(peak(figures.rotation.as_ref()?.peak.clone())));
    let in_sync =
        cells(figures, |figures| Some(peak(figures.in_sync.as_ref()?.clone().map(|in_sync| in_sync.peak))));
    let restart =
        cells(figures, |figures| Some(peak(figures.restart.as_ref()?.clone().map(|restart| restart.peak))));
    let most = |what, cells, most: f64| with_many(figures, what, cells, most, &format!("≤ {most} MiB"));
    vec![
        most("Peak memory, budget of 50 a minute: almost all wait", wait, PEAK),
        most("Peak memory, budget of 10,000 a minute: from nothing to Ready", roll_out, PEAK),
        most("Peak memory, budget of 10,000 a minute: a Secret that all use is replaced", rotation, PEAK),
        most("Peak memory, in sync", in_sync, PEAK_IN_SYNC),
        most("Peak memory, after a restart", restart, PEAK_IN_SYNC),
    ]
}

/// One person's change while all are in sync.
fn changed(figures: &[Figures]) -> Vec<Row> {
    let of = |show: fn(&crate::scenario::Change) -> (f64, String)| {
        cells(figures, |figures| Some(figures.change.as_ref()?.as_ref().map(show).map_err(Clone::clone)))
    };
    let before = of(|change| (number(change.requests_before), change.requests_before.to_string()));
    let longest =
        of(|change| (change.longest.as_secs_f64(), format!("{:.2} s", change.longest.as_secs_f64())));
    let processor = of(|change| {
        let each = change.processor * 1_000.0;
        (each, format!("{each:.1} ms"))
    });
    vec![
        not_later("One person's change in sync: requests before it", before, 0.0, ""),
        not_later("One person's change in sync: longest time until it is sent", longest, LATER, " s"),
        at_most(
            "One person's change in sync: processor time",
            processor,
            CHANGE,
            format!("≤ {CHANGE} ms"),
            |_| true,
        ),
    ]
}

fn restarted(figures: &[Figures]) -> Vec<Row> {
    let of = |show: fn(&crate::scenario::Restart) -> (f64, String)| {
        cells(figures, |figures| Some(figures.restart.as_ref()?.as_ref().map(show).map_err(Clone::clone)))
    };
    let lists = of(|restart| {
        let more = restart.about_drains.saturating_sub(restart.routine);
        (number(more), format!("{} (routine checks: up to {})", restart.about_drains, restart.routine))
    });
    let written = of(|restart| (number(restart.rewritten), restart.rewritten.to_string()));
    let processor = of(|restart| {
        let [start, stand_by, decoding] =
            [restart.processor, restart.stand_by, restart.decoding].map(milliseconds);
        let times = start / stand_by;
        let shown = format!(
            "{times:.1} times ({start:.0} ms beside {stand_by:.0} ms; in this bench, decoding takes {decoding:.0} ms)"
        );
        (times, shown)
    });
    let what = "Restart: requests to Scalingo for drains";
    vec![
        at_most(what, lists, 0.0, "0 but for routine checks".to_owned(), |_| true),
        at_most("Restart: LogDrains written", written, 0.0, "0".to_owned(), |_| true),
        with_many(
            figures,
            "Restart: processor time beside that of a start that stands by, and only lists and decodes all LogDrains",
            processor,
            STAND_BYS,
            &format!("≤ {STAND_BYS} times"),
        ),
    ]
}

/// People's changes during a rollout.
fn overtaken(figures: &[Figures]) -> Vec<Row> {
    let row = |kind: Kind| {
        let cells = cells(figures, |figures| {
            let overtaking = figures.overtaking.as_ref()?;
            let before = overtaking.as_ref().map_err(Clone::clone).and_then(|all| {
                let found = all.iter().find(|(other, _)| *other == kind);
                found.map_or_else(|| Err(Missing("not run".to_owned())), |(_, before)| before.clone())
            });
            Some(before.map(|before| (number(before), before.to_string())))
        });
        let what = format!("During a rollout, {}: requests of the rollout before it", kind.as_str());
        at_most(&what, cells, number(MOST_BEFORE), format!("≤ {MOST_BEFORE}"), |_| true)
    };
    Kind::ALL.into_iter().map(row).collect()
}

/// A figure with each count.
fn cells(figures: &[Figures], figure: impl Fn(&Figures) -> Option<Measured<(f64, String)>>) -> Vec<Cell> {
    let cell = |figures| match figure(figures) {
        None => Cell::NotRun,
        Some(Ok((figure, shown))) => Cell::Figure(figure, shown),
        Some(Err(missing)) => Cell::Missing(missing),
    };
    figures.iter().map(cell).collect()
}

/// One that may not grow with the count, where it is above a floor.
fn growth(what: &str, cells: Vec<Cell>, floor: f64, unit: &str) -> Row {
    let ends = ends(&cells);
    let kept = kept(&cells, ends.map(|(first, last)| last <= first * GROWTH || last <= floor));
    let ratio = ends.map_or_else(String::new, |(first, last)| format!(" (is {:.2})", last / first));
    let or = if floor > 0.0 { format!(", or ≤ {floor}{unit}") } else { String::new() };
    let goal = format!("most ≤ {GROWTH} times fewest{ratio}{or}");
    Row { what: what.to_owned(), cells, goal, kept }
}

/// One that may not be more than with the fewest, but for noise.
fn not_later(what: &str, cells: Vec<Cell>, noise: f64, unit: &str) -> Row {
    let kept = kept(&cells, ends(&cells).map(|(first, last)| last <= first + noise));
    let allowed = if noise > 0.0 { format!(" + {noise}{unit}") } else { String::new() };
    Row { what: what.to_owned(), cells, goal: format!("most ≤ fewest{allowed}"), kept }
}

/// One whose figures may not be above a limit, each that is judged.
fn at_most(what: &str, cells: Vec<Cell>, most: f64, goal: String, is_judged: impl Fn(usize) -> bool) -> Row {
    let judged = cells.iter().enumerate().filter(|(index, _)| is_judged(*index));
    let figures: Vec<f64> = judged.filter_map(|(_, cell)| cell.figure()).collect();
    let verdict = (!figures.is_empty()).then(|| figures.iter().all(|figure| *figure <= most));
    let kept = kept(&cells, verdict);
    Row { what: what.to_owned(), cells, goal, kept }
}

/// The same for a goal that speaks of [`MANY`].
fn with_many(figures: &[Figures], what: &str, cells: Vec<Cell>, most: f64, goal: &str) -> Row {
    let goal = format!("{goal} with {}", grouped(MANY));
    at_most(what, cells, most, goal, |index| figures[index].count >= MANY)
}

/// What did not come to its end within its time is missed.
fn kept(cells: &[Cell], verdict: Option<bool>) -> Option<bool> {
    if cells.iter().any(Cell::is_missing) { Some(false) } else { verdict }
}

/// With the fewest and with the most, where both were run.
fn ends(cells: &[Cell]) -> Option<(f64, f64)> {
    let [first, .., last] = cells else { return None };
    Some((first.figure()?, last.figure()?))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1_024.0
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}
