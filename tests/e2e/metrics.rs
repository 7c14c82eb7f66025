//! What the operator shows of itself is what the servers have seen of it.

use std::collections::{BTreeMap, BTreeSet};

use logdrain_operator::metrics::{FAMILIES, Kind};
use scalingo_simulator::{Action, Answer, Entry, Rule};
use serde_json::json;

use crate::{
    duplicates::until_older,
    eventually::eventually,
    few_requests::{papertrail, url},
    world::{SOON, World},
};

/// What was scraped: each series, labels in order, with its value.
pub struct Scrape {
    pub values: BTreeMap<String, f64>,
    /// Names of the families.
    pub families: BTreeSet<String>,
}

impl Scrape {
    /// Reads a whole answer, which has to be OpenMetrics.
    pub fn read(answer: &str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let media_type = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert!(head.lines().any(|line| line.eq_ignore_ascii_case(media_type)), "{head}");
        let body = body.strip_suffix("# EOF\n").expect("an end");
        let mut values = BTreeMap::new();
        let mut families = BTreeSet::new();
        for line in body.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                families.insert(family.split(' ').next().expect("a name").to_owned());
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let before = values.insert(series.to_owned(), value.parse().expect("a number"));
                assert_eq!(before, None, "{series} is there once");
            }
        }
        Self { values, families }
    }

    /// The value of a series.
    pub fn get(&self, series: &str) -> f64 {
        *self.values.get(series).unwrap_or_else(|| panic!("{series} is not there: {:#?}", self.values))
    }

    /// The only series of a family that has these labels besides the token's.
    fn of_token(&self, family: &str, labels: &str) -> f64 {
        let is_one = |series: &str| {
            series.starts_with(&format!("{family}{{token=\"")) && series.ends_with(&format!("{labels}}}"))
        };
        let found: Vec<f64> =
            self.values.iter().filter(|(series, _)| is_one(series)).map(|(_, v)| *v).collect();
        assert_eq!(found.len(), 1, "{family} {labels}: {:#?}", self.values);
        found[0]
    }

    /// Errors of each of these kinds have been counted.
    pub fn assert_errors(&self, kinds: &[&str]) {
        for kind in kinds {
            assert!(self.get(&format!("logdrain_errors_total{{kind=\"{kind}\"}}")) > 0.0, "{kind}");
        }
    }

    /// Whether a series of this family with these labels is above 0.
    pub fn has_some(&self, family: &str, labels: &str) -> bool {
        let is_one = |series: &str| series.starts_with(family) && series.contains(labels);
        self.values.iter().any(|(series, value)| is_one(series) && *value > 0.0)
    }

    /// All requests that are counted, by operation and class of status.
    fn requests(&self) -> BTreeMap<String, usize> {
        let counted = self.values.iter().filter_map(|(series, value)| {
            let labels = series.strip_prefix("logdrain_scalingo_requests_total")?;
            Some((labels.to_owned(), number(*value)))
        });
        counted.filter(|(_, count)| *count > 0).collect()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counters are small whole numbers"
)]
fn number(value: f64) -> usize {
    value as usize
}

fn assert_is(value: f64, expected: usize) {
    assert_eq!((number(value), value.fract().to_bits()), (expected, 0), "{value}");
}

/// How the simulator saw the same requests.
fn seen(journal: &[Entry]) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for entry in journal {
        let parts: Vec<&str> = entry.path.trim_start_matches("/v1/").split('/').collect();
        let operation = match (entry.method.as_str(), parts.as_slice()) {
            ("POST", ["tokens", "exchange"]) => "exchange",
            ("GET", ["apps"]) => "list_apps",
            ("GET", ["apps", _]) => "get_app",
            ("GET", ["events"]) => "list_events",
            ("GET", [.., "log_drains"]) => "list_drains",
            ("POST", [.., "log_drains"]) => "add_drain",
            ("DELETE", [.., "log_drains"]) => "delete_drain",
            other => panic!("{other:?}"),
        };
        let class = entry.status.map_or_else(|| "none".to_owned(), |status| format!("{}xx", status / 100));
        *seen.entry(format!("{{operation=\"{operation}\",status=\"{class}\"}}")).or_default() += 1;
    }
    seen
}

/// A scrape that tells of all that the simulator has seen, neither more nor less.
async fn complete(world: &World) -> Scrape {
    let describe = || format!("what is counted is not {:#?}", seen(&world.simulator.journal()));
    let agree = async || {
        let before = world.simulator.journal();
        let scrape = world.metrics().await;
        let after = world.simulator.journal();
        (before.len() == after.len() && scrape.requests() == seen(&after)).then_some(scrape)
    };
    eventually(SOON, describe, agree).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_is_what_has_happened() {
    let world = World::new().await;
    let arguments = ["--feed-interval", "1s", "--resync", "1h", "--sweep-interval", "24h"];
    world.start_operator_with(&[&arguments[..], &["--requests-per-minute", "900"]].concat());
    for port in [1, 2] {
        world.apply(&format!("drain-{port}"), &papertrail("shop-front", port));
        world.until_reason(&format!("drain-{port}"), "Synced").await;
    }
    until_older(&world, world.namespace(), "drain-1").await;
    world.apply("double", &papertrail("shop-front", 1));
    world.until_reason("double", "Duplicate").await;
    let mut suspended = papertrail("shop-api", 4);
    suspended["suspend"] = json!(true);
    world.apply("suspended", &suspended);
    world.until_reason("suspended", "Suspended").await;
    world.apply("lost", &papertrail("no-such-app", 5));
    world.until_reason("lost", "AppNotFound").await;

    // Faults: an error of Scalingo's, 429, and a drain that goes behind the operator's back.
    let refuse = Action::respond(Answer::error(500, "out of order"));
    world.simulator.add_rule(Rule::new("POST", "/v1/apps/*/log_drains", refuse).once());
    world.apply("drain-3", &papertrail("shop-api", 3));
    world.until_reason("drain-3", "Synced").await;
    let wait = Action::too_many_requests(Some(1));
    world.simulator.add_rule(Rule::new("GET", "/v1/apps/*/log_drains", wait).once());
    world.simulator.remove_drain_behind("shop-front", &url(2)).expect("the drain");
    world.until_simulator("the drain again", |simulator| simulator.drains("shop-front").len() == 2).await;
    world.until_reason("drain-2", "Synced").await;

    let scrape = complete(&world).await;
    let drains: usize = world.simulator.all_drains().iter().map(|(_, drains)| drains.len()).sum();
    assert_eq!(drains, 3);
    assert_is(scrape.get("logdrain_drains"), drains);
    for (ready, reason, count) in [
        ("True", "Synced", 3),
        ("True", "Duplicate", 1),
        ("Unknown", "Suspended", 1),
        ("False", "AppNotFound", 1),
        ("False", "Unauthorized", 0),
        ("Unknown", "New", 0),
    ] {
        let series = format!("logdrain_logdrains{{ready=\"{ready}\",reason=\"{reason}\"}}");
        assert_is(scrape.get(&series), count);
    }
    assert_is(scrape.get("logdrain_leader"), 1);
    let build = format!("logdrain_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_is(scrape.get(&build), 1);
    assert_is(scrape.get("logdrain_drift_healed_total{reason=\"missing\"}"), 1);
    assert_is(scrape.get("logdrain_errors_total{kind=\"app_not_found\"}"), 1);
    assert_is(scrape.get("logdrain_errors_total{kind=\"scalingo_rate_limited\"}"), 1);
    assert_is(scrape.get("logdrain_errors_total{kind=\"scalingo_transient\"}"), 1);
    assert_is(scrape.get("logdrain_reconciles_total{result=\"stalled\"}"), 1);
    assert_is(scrape.get("logdrain_reconciles_total{result=\"transient\"}"), 2);
    let looks: f64 = ["ok", "transient", "stalled", "passing"]
        .map(|result| scrape.get(&format!("logdrain_reconciles_total{{result=\"{result}\"}}")))
        .iter()
        .sum();
    assert_is(scrape.get("logdrain_reconcile_duration_seconds_count"), number(looks));

    assert_is(scrape.of_token("logdrain_budget_slots", ""), 900);
    let sent = scrape.requests().values().sum();
    assert!((1..=sent).contains(&number(scrape.of_token("logdrain_budget_slots_used", ""))), "of {sent}");
    assert_is(scrape.of_token("logdrain_budget_rate_limited_total", ""), 1);
    let paused = scrape.of_token("logdrain_budget_paused_seconds_total", "");
    assert!((paused - 1.0).abs() < f64::EPSILON, "{paused}");
    let waited = ["interactive", "background"]
        .map(|class| scrape.of_token("logdrain_budget_wait_seconds_count", &format!(",class=\"{class}\"")));
    assert!(waited.iter().all(|count| *count > 0.0), "{waited:?}");
    assert_is(scrape.get("logdrain_feed_apps{covered=\"true\"}"), 2);
    assert_is(scrape.get("logdrain_feed_apps{covered=\"false\"}"), 0);
    assert!(scrape.get("logdrain_feed_last_answer_age_seconds") < SOON.as_secs_f64());
    assert_is(scrape.get("logdrain_sweep_interval_seconds{kind=\"resync\"}"), 3_600);
    assert_is(scrape.get("logdrain_sweep_interval_seconds{kind=\"sweep\"}"), 86_400);
    let oldest = scrape.get("logdrain_sweep_oldest_check_age_seconds{kind=\"sweep\"}");
    let achieved = scrape.get("logdrain_sweep_achieved_interval_seconds{kind=\"sweep\"}");
    assert!(oldest > 0.0 && oldest <= achieved, "{oldest}");
    assert_is(scrape.get("logdrain_feeds{answering=\"true\"}"), 1);
    assert_is(scrape.get("logdrain_feeds{answering=\"false\"}"), 0);
    assert!(scrape.get("process_resident_memory_bytes") > 1_000_000.0);

    let writes = |resource: &str, subresource: &str| {
        let audit = world.audit();
        let of_kind = |entry: &&control_plane::AuditEntry| {
            entry.is_write() && entry.resource == resource && entry.subresource == subresource
        };
        audit.iter().filter(of_kind).count()
    };
    for (kind, resource, subresource) in
        [("status", "logdrains", "status"), ("finalizer", "logdrains", ""), ("event", "events", "")]
    {
        let series = format!("logdrain_kubernetes_writes_total{{kind=\"{kind}\"}}");
        let describe = || format!("{kind}: {} are audited", writes(resource, subresource));
        let agree = async || {
            let counted = number(world.metrics().await.get(&series));
            (counted == writes(resource, subresource) && counted > 0).then_some(())
        };
        eventually(SOON, describe, agree).await;
    }

    let described: BTreeSet<String> = FAMILIES
        .iter()
        .map(|family| match family.kind {
            Kind::Counter => family.name.trim_end_matches("_total").to_owned(),
            Kind::Info => family.name.trim_end_matches("_info").to_owned(),
            Kind::Gauge | Kind::Histogram => family.name.to_owned(),
        })
        .collect();
    assert_eq!(scrape.families, described);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tokens_have_budgets_of_their_own_and_one_that_nobody_uses_any_more_has_none() {
    const OTHER: &str = "tk-us-e2e-other-55d0c1";
    let world = World::running().await;
    world.simulator.add_token("operator", OTHER);
    world.secret("other", &[("api_token", OTHER)]);
    world.apply("one", &papertrail("shop-front", 1));
    let mut spec = papertrail("shop-api", 2);
    spec["apiTokenSecretRef"] = json!({"name": "other", "key": "api_token"});
    world.apply("two", &spec);
    for name in ["one", "two"] {
        world.until_reason(name, "Synced").await;
    }
    let tokens = |scrape: &Scrape| -> BTreeSet<String> {
        let slots = scrape.values.keys().filter_map(|series| {
            Some(series.strip_prefix("logdrain_budget_slots{token=\"")?.strip_suffix("\"}")?.to_owned())
        });
        slots.collect()
    };
    let before = tokens(&world.metrics().await);
    assert_eq!(before.len(), 2);
    world.delete_until_gone(&["logdrain", "two"]);
    let is_alone = async || Some(tokens(&world.metrics().await)).filter(|after| after.len() == 1);
    let after = eventually(SOON, || world.operator_output(), is_alone).await;
    assert!(after.is_subset(&before));
    world.restart_and_see_other_labels(&before).await;
    world.finish();
}

impl World {
    /// What is seen of a token in one process says nothing of it in another.
    async fn restart_and_see_other_labels(&self, before: &BTreeSet<String>) {
        self.stop_operator();
        self.start_operator();
        self.after_lists(1).await;
        let text: Vec<String> = self.metrics().await.values.into_keys().collect();
        let slots: Vec<&String> =
            text.iter().filter(|series| series.starts_with("logdrain_budget_slots{")).collect();
        assert_eq!(slots.len(), 1, "{text:#?}");
        assert!(before.iter().all(|label| !slots[0].contains(label.as_str())), "{slots:?} {before:?}");
    }
}
