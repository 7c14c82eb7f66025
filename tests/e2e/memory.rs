//! How much memory and processor time the operator takes, against what `deploy/` asks for.
//!
//! `cargo test --test e2e -- memory:: --nocapture` prints it; of another binary, such as the one in the image, with
//! `LOGDRAIN_OPERATOR` set to its path. Other variables ask for other numbers: [`Size`].

#![expect(clippy::print_stdout, reason = "the figures are for the documents")]

use std::{env, fs, time::Duration};

use control_plane::Supervised;
use serde_json::{Value, json};

use crate::{
    eventually::eventually,
    world::{World, ready},
};

const MANIFEST: &str = include_str!("../../deploy/deployment.yaml");

/// How much there is for the operator to do.
struct Size {
    /// `MEMORY_LOGDRAINS`.
    log_drains: usize,
    /// `MEMORY_APPS`: all have as many.
    apps: usize,
    /// `MEMORY_REQUESTS_PER_MINUTE`: with it, it is measured while most wait for the request budget.
    requests_per_minute: Option<usize>,
    /// `MEMORY_QUIET_SECONDS`: for so long nothing happens, and the processor time is measured.
    quiet: Option<usize>,
}

impl Size {
    fn asked_for() -> Self {
        let number = |variable: &str| {
            let text = env::var(variable).ok()?;
            Some(text.parse::<usize>().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
        };
        let log_drains = number("MEMORY_LOGDRAINS").unwrap_or(50);
        let apps = number("MEMORY_APPS").unwrap_or(10);
        assert!(apps > 0 && log_drains.is_multiple_of(apps), "all apps have as many LogDrains");
        Self {
            log_drains,
            apps,
            requests_per_minute: number("MEMORY_REQUESTS_PER_MINUTE"),
            quiet: number("MEMORY_QUIET_SECONDS"),
        }
    }

    fn each(&self) -> usize {
        self.log_drains / self.apps
    }

    /// What their number takes with a slow machine.
    fn patience(&self) -> Duration {
        Duration::from_secs(120 + self.log_drains as u64)
    }
}

fn spec(app: usize, drain: usize) -> Value {
    json!({
        "app": format!("app-{app}"), "type": "syslog", "host": "logs.example.com", "port": 6_000 + drain,
        "tokenSecretRef": {"name": "logs", "key": "token"},
    })
}

/// All `LogDrain`s with their apps and Secrets.
fn apply(world: &World, size: &Size) {
    let mut items = Vec::new();
    for app in 0..size.apps {
        world.simulator.add_app(&format!("app-{app}"));
        for drain in 0..size.each() {
            let metadata =
                json!({"namespace": world.namespace(), "name": format!("app-{app}-drain-{drain}")});
            items.push(json!({
                "apiVersion": "logs.scalingo.com/v1", "kind": "LogDrain", "metadata": metadata,
                "spec": spec(app, drain),
            }));
        }
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    world.try_kubectl(&["apply", "-f", "-"], Some(&list.to_string())).expect("they are applied");
}

/// How many are in sync, once all are as they should be.
async fn until_all(world: &World, size: &Size, what: &str, is_so: impl Fn(&Value) -> bool) -> usize {
    let probe = async || {
        let text = world.kubectl(&["get", "logdrains", "--output=json"]);
        let list: Value = serde_json::from_str(&text).expect("JSON");
        let all = list["items"].as_array().expect("a list");
        let is_done = all.len() == size.log_drains && all.iter().all(&is_so);
        is_done.then(|| all.iter().filter(|object| ready(object)["reason"] == "Synced").count())
    };
    eventually(size.patience(), || format!("not all are {what}"), probe).await
}

/// A line of what the kernel says of the operator, in KiB.
fn kibibytes(world: &World, line: &str) -> u64 {
    let pid = world.with_operator(Supervised::pid);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let value = status.lines().find_map(|other| other.strip_prefix(line)).expect("the line");
    value.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// What the manifest grants, in KiB: what it asks for, and the limit.
fn granted() -> [u64; 2] {
    let manifest: Value = serde_saphyr::from_str(MANIFEST).expect("YAML");
    let resources = &manifest["spec"]["template"]["spec"]["containers"][0]["resources"];
    ["requests", "limits"].map(|what| {
        let text = resources[what]["memory"].as_str().expect("a quantity");
        text.strip_suffix("Mi").expect("in MiB").parse::<u64>().expect("a number") * 1_024
    })
}

/// Processor time so far, in seconds.
async fn worked(world: &World) -> f64 {
    world.metrics().await.get("process_cpu_seconds_total")
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_resources_fit_into_what_the_manifests_grant() {
    let size = Size::asked_for();
    let world = World::new().await;
    world.secret("logs", &[("token", "s3cret-memory-before")]);
    let limit = size.requests_per_minute.map(|limit| limit.to_string());
    let mut arguments = vec!["--resync", "1h", "--feed-interval", "1s"];
    arguments.extend(limit.iter().flat_map(|limit| ["--requests-per-minute", limit]));
    world.start_operator_with(&arguments);
    apply(&world, &size);
    let [asked, granted] = granted();
    let total = size.log_drains;
    if size.requests_per_minute.is_some() {
        let is_seen = |object: &Value| !ready(object).is_null();
        let synced = until_all(&world, &size, "seen", is_seen).await;
        let (now, peak) = (kibibytes(&world, "VmRSS:"), kibibytes(&world, "VmHWM:"));
        println!("{total} LogDrains: {now} KiB while {} wait, {peak} KiB at the peak", total - synced);
        assert!(peak < granted, "{peak} KiB at the peak, of a limit of {granted} KiB");
        return world.finish();
    }

    let is_synced = |object: &Value| ready(object)["reason"] == "Synced";
    until_all(&world, &size, "in sync", is_synced).await;
    let (installed, begun) = (kibibytes(&world, "VmRSS:"), worked(&world).await);

    // All at once: each old drain is replaced.
    world.secret("logs", &[("token", "s3cret-memory-after")]);
    let drain = |drain| format!("syslog://:s3cret-memory-after@logs.example.com:{}", 6_000 + drain);
    let mut expected: Vec<String> = (0..size.each()).map(drain).collect();
    expected.sort();
    for app in 0..size.apps {
        world
            .until_simulator_within(size.patience(), "the new drains alone", |simulator| {
                let mut there = simulator.drains(format!("app-{app}").as_str());
                there.sort();
                there == expected
            })
            .await;
    }
    until_all(&world, &size, "in sync again", is_synced).await;
    let (after, peak) = (kibibytes(&world, "VmRSS:"), kibibytes(&world, "VmHWM:"));
    println!(
        "{total} LogDrains: {installed} KiB once in sync, {after} KiB after a rotation, {peak} KiB at the peak"
    );
    let replaced = worked(&world).await;
    println!("{begun:.2} s of processor time to come in sync, {:.2} s for the rotation", replaced - begun);
    if let Some(seconds) = size.quiet {
        let time = Duration::from_secs(seconds as u64);
        tokio::time::sleep(time).await;
        let spent = (worked(&world).await - replaced) * 1_000.0;
        println!("{:.1} ms a second in sync, with the feed read each second", spent / time.as_secs_f64());
    }
    // What the manifests ask for is for hundreds.
    assert!(after < asked || total > 1_000, "{after} KiB, and the manifests ask for {asked} KiB");
    assert!(peak < granted / 2, "{peak} KiB at the peak, of a limit of {granted} KiB");
    world.finish();
}
