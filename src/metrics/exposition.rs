//! Writes what was counted and how things stand as OpenMetrics.

use std::{collections::BTreeMap, fmt, sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet, text::encode},
    metrics::{MetricType, counter::ConstCounter, family::Family, gauge::Gauge, info::Info},
    registry::{Registry, Unit},
};
use strum::IntoEnumIterator as _;

use super::{
    Metrics, Snapshot,
    family::{self, Description, Kind},
    process::Process,
};
use crate::scalingo::{BudgetFigures, Waits, budget::Class};

/// Labels of which some are known only while the process runs.
type Labels = Vec<(&'static str, String)>;

impl Metrics {
    /// All as text of [`MEDIA_TYPE`](super::MEDIA_TYPE).
    ///
    /// # Errors
    /// When the text cannot be written, which memory never refuses.
    pub fn expose(&self, now: &Snapshot) -> Result<String, fmt::Error> {
        let mut page = Page::default();
        let info = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        page.add(&family::BUILD, info);
        page.gauge(&family::LEADER, Some(f64::from(u8::from(now.leads))));
        page.add_watches(now);
        page.add_standing(now);
        page.add(&family::RECONCILES, self.reconciles.clone());
        page.add(&family::RECONCILE_DURATION, self.reconcile_duration.clone());
        page.add(&family::ERRORS, self.errors.clone());
        page.add(&family::REQUESTS, self.requests.clone());
        page.add(&family::REQUEST_DURATION, self.request_duration.clone());
        page.add_budgets(&now.budgets);
        page.add(&family::DRIFT_HEALED, self.drift_healed.clone());
        page.add(&family::GIVEN_UP, self.given_up.clone());
        page.add_looking(now);
        page.add(&family::WRITES, self.writes.clone());
        page.add_process(&Process::read());
        let mut text = String::new();
        encode(&mut text, &page.registry)?;
        Ok(text)
    }
}

/// What is to be written, in order.
#[derive(Default)]
struct Page {
    registry: Registry,
}

impl Page {
    fn add(&mut self, family: &Description, metric: impl prometheus_client::registry::Metric) {
        // The encoder puts these back, and the full stop.
        let name = match family.kind {
            Kind::Counter => family.name.trim_end_matches("_total"),
            Kind::Info => family.name.trim_end_matches("_info"),
            Kind::Gauge | Kind::Histogram => family.name,
        };
        let help = family.help.trim_end_matches('.');
        let unit = |suffix: &str| name.strip_suffix(suffix);
        if let Some(name) = unit("_seconds") {
            self.registry.register_with_unit(name, help, Unit::Seconds, metric);
        } else if let Some(name) = unit("_bytes") {
            self.registry.register_with_unit(name, help, Unit::Bytes, metric);
        } else {
            self.registry.register(name, help, metric);
        }
    }

    fn gauge(&mut self, family: &Description, value: Option<f64>) {
        if let Some(value) = value {
            let gauge = Gauge::<f64, AtomicU64>::default();
            gauge.set(value);
            self.add(family, gauge);
        }
    }

    fn gauges(&mut self, family: &Description, values: impl IntoIterator<Item = (Labels, f64)>) {
        let gauges = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        for (labels, value) in values {
            gauges.get_or_create(&labels).set(value);
        }
        self.add(family, gauges);
    }

    fn add_watches(&mut self, now: &Snapshot) {
        let series = now.watches.iter().map(|((kind, works), number)| {
            (vec![("kind", (*kind).to_owned()), ("working", works.to_string())], count(*number))
        });
        self.gauges(&family::WATCHES, series);
    }

    fn add_standing(&mut self, now: &Snapshot) {
        if let Some(logdrains) = &now.logdrains {
            let series = logdrains.iter().map(|((ready, reason), number)| {
                (vec![("ready", (*ready).to_owned()), ("reason", (*reason).to_owned())], count(*number))
            });
            self.gauges(&family::LOGDRAINS, series);
        }
        self.gauge(&family::DRAINS, now.drains.map(count));
        self.gauge(&family::UNRELEASED, Some(count(now.unreleased)));
    }

    fn add_budgets(&mut self, budgets: &[BudgetFigures]) {
        let token = |budget: &BudgetFigures| ("token", budget.key.label());
        let each = |value: fn(&BudgetFigures) -> f64| {
            budgets.iter().map(move |budget| (vec![token(budget)], value(budget)))
        };
        self.gauges(&family::BUDGET_SLOTS, each(|budget| count(budget.limit)));
        self.gauges(&family::BUDGET_SLOTS_USED, each(|budget| count(budget.used)));
        let classes = budgets.iter().flat_map(|budget| Class::iter().map(move |class| (budget, class)));
        let labels = |budget: &BudgetFigures, class: Class| vec![token(budget), ("class", class.to_string())];
        let waiting =
            classes.clone().map(|(budget, class)| (labels(budget, class), count(budget.of(class).waiting)));
        self.gauges(&family::BUDGET_WAITING, waiting);
        let waits = classes.map(|(budget, class)| (labels(budget, class), budget.of(class).waits.clone()));
        self.add(&family::BUDGET_WAIT, Histograms(waits.collect()));
        #[expect(clippy::cast_precision_loss, reason = "nobody is refused so often")]
        let refused = each(|budget| budget.rate_limited as f64);
        self.add(&family::BUDGET_RATE_LIMITED, Counters(refused.collect()));
        self.add(&family::BUDGET_PAUSED, Counters(each(|budget| budget.paused.as_secs_f64()).collect()));
    }

    fn add_looking(&mut self, now: &Snapshot) {
        let feeds = [("true", now.feeds_answering), ("false", now.feeds_silent)];
        let feeds = feeds.map(|(answering, feeds)| (vec![("answering", answering.to_owned())], count(feeds)));
        self.gauges(&family::FEEDS, feeds);
        self.gauge(&family::FEED_AGE, now.feed_age.map(|age| age.as_secs_f64()));
        let apps = [("true", now.apps_covered), ("false", now.apps_uncovered)];
        let apps = apps.map(|(covered, apps)| (vec![("covered", covered.to_owned())], count(apps)));
        self.gauges(&family::FEED_APPS, apps);
        let intervals = BTreeMap::from([("sweep", now.sweep_interval), ("resync", now.resync)]);
        for (family, times) in [
            (&family::SWEEP_INTERVAL, &intervals),
            (&family::SWEEP_ACHIEVED, &now.achieved_interval),
            (&family::SWEEP_OLDEST, &now.oldest_check),
        ] {
            let series =
                times.iter().map(|(kind, time)| (vec![("kind", (*kind).to_owned())], time.as_secs_f64()));
            self.gauges(family, series);
        }
    }

    fn add_process(&mut self, process: &Process) {
        if let Some(seconds) = process.cpu_seconds {
            self.add(&family::PROCESS_CPU, ConstCounter::new(seconds));
        }
        self.gauge(&family::PROCESS_MEMORY, process.resident_bytes);
        self.gauge(&family::PROCESS_OPEN, process.open_files);
        self.gauge(&family::PROCESS_MOST, process.most_files);
        self.gauge(&family::PROCESS_START, process.started_at);
    }
}

#[expect(clippy::cast_precision_loss, reason = "what is counted fits into memory")]
fn count(number: usize) -> f64 {
    number as f64
}

/// Counters that are kept elsewhere.
#[derive(Debug)]
struct Counters(Vec<(Labels, f64)>);

impl EncodeMetric for Counters {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, value) in &self.0 {
            ConstCounter::new(*value).encode(encoder.encode_family(labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Histograms that are kept elsewhere.
#[derive(Debug)]
struct Histograms(Vec<(Labels, Waits)>);

impl EncodeMetric for Histograms {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, waits) in &self.0 {
            // The encoder adds up the counts.
            let limit = |limit: Option<Duration>| limit.map_or(f64::INFINITY, |limit| limit.as_secs_f64());
            let buckets: Vec<_> = waits.distribution().map(|(up_to, count)| (limit(up_to), count)).collect();
            let (total, count) = (waits.total().as_secs_f64(), waits.count());
            encoder.encode_family(labels)?.encode_histogram::<NoLabelSet>(total, count, &buckets, None)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
