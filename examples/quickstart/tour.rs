//! The tour itself.

use std::{
    thread,
    time::{Duration, Instant},
};

use scalingo_simulator::{ChangeKind, redact};
use serde_json::Value;

use crate::{
    requests::Requests,
    screen::Screen,
    setting::{RESYNC, Setting, kubectl_by_hand},
    stop::Stop,
    table::Table,
};

const NAMESPACE: &str = "shop";
const POLL: Duration = Duration::from_millis(250);
/// Longer than anything takes that is going to happen, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The drain that is deleted: it is made from `examples/papertrail.yaml`.
const DELETED: (&str, &str, &str) = ("papertrail", "shop-jobs", "papertrailapp.com");
/// The Secret that is changed: `examples/betterstack.yaml` takes its token from there.
const ROTATED: (&str, &str) = ("betterstack", "shop-api");
/// Gives it another value.
const ROTATION: &str = "examples/quickstart/rotated.yaml";

/// Shows one thing after the other.
pub struct Tour<'a> {
    pub setting: &'a Setting,
    pub screen: &'a mut Screen,
}

impl Tour<'_> {
    /// All of it.
    pub fn show(&mut self) -> Result<(), Stop> {
        self.apply()?;
        self.drift()?;
        self.rotate()?;
        self.list()
    }

    fn apply(&mut self) -> Result<(), Stop> {
        self.screen
            .heading("1. Apply the manifests of examples/: each type of drain, and one of a database")?;
        let begun = Instant::now();
        let setting = self.setting;
        self.screen.line("  $ kubectl apply -f examples/secrets.yaml")?;
        setting.kubectl(&["apply", "-f", "examples/secrets.yaml"])?;
        self.screen.line("  $ kubectl apply -f examples/")?;
        self.screen.line(&format!("  $ kubectl get logdrains -n {NAMESPACE}"))?;
        let count = thread::scope(|scope| {
            let applying = scope.spawn(|| setting.kubectl(&["apply", "-f", "examples/"]));
            while !applying.is_finished() {
                self.progress(None)?;
            }
            let applied = applying.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            Ok::<_, Stop>(applied.lines().filter(|line| line.starts_with("logdrain.")).count())
        })?;
        while let Some(missing) = self.progress(Some(count))? {
            if begun.elapsed() > PATIENCE {
                let what = format!("{missing} is not Ready after {} s", PATIENCE.as_secs());
                return Err(self.explained(&what, &missing));
            }
        }
        self.screen
            .line(&format!("  All {count} are Ready, {} after the first `kubectl apply`.", seconds(begun)))?;
        Ok(())
    }

    /// Shows how far they are, and names one that is not Ready; of `count` when all have been applied.
    fn progress(&mut self, count: Option<usize>) -> Result<Option<String>, Stop> {
        let table = Table::read(&self.kubectl(&["get", "logdrains"])?);
        let missing = table.rows().iter().find(|row| row.get("READY") != "True");
        let missing = missing.map(|row| row.get("NAME").to_owned());
        if missing.is_none() && count == Some(table.rows().len()) {
            self.screen.table(table, "")?;
            return Ok(None);
        }
        let below = match count {
            Some(count) => format!("{} of {count} Ready …", table.ready()),
            None => "applying …".to_owned(),
        };
        self.screen.table(table, &below)?;
        thread::sleep(POLL);
        Ok(Some(missing.unwrap_or_default()))
    }

    fn drift(&mut self) -> Result<(), Stop> {
        let (name, app, host) = DELETED;
        self.screen.heading("2. Delete a drain at Scalingo, behind the operator's back")?;
        let simulator = self.setting.simulator.clone();
        let find = || simulator.drains(app).into_iter().find(|url| url.contains(host));
        let url =
            find().ok_or_else(|| Stop::failed(format!("Scalingo lists no drain to {host} for {app}")))?;
        simulator
            .remove_drain_behind(app, &url)
            .map_err(|error| Stop::failed(format!("the drain cannot be deleted: {error}")))?;
        self.screen
            .paragraph(&format!("Deleted {} of {app}, the drain of LogDrain {name}.", redact(&url)))?;
        let resync = RESYNC.as_secs();
        self.screen
            .line(&format!("  The operator compares every {resync} s here (every 10 minutes by default)."))?;
        let begun = Instant::now();
        self.wait("the drain that was deleted is not back", name, || find().is_some())?;
        self.screen.line(&format!("  It is back after {}.", seconds(begun)))?;
        self.event(name, "DriftHealed")
    }

    fn rotate(&mut self) -> Result<(), Stop> {
        let (name, app) = ROTATED;
        self.screen.heading("3. Change a token in its Secret")?;
        let simulator = self.setting.simulator.clone();
        let before = simulator.changes().len();
        self.screen.line(&format!("  $ kubectl apply -f {ROTATION}"))?;
        self.setting.kubectl(&["apply", "-f", ROTATION])?;
        let begun = Instant::now();
        self.screen.paragraph(
            "Secret betterstack now holds another token. The operator watches for this, and follows at once.",
        )?;
        let app_id = simulator.app_id(app).unwrap_or_default();
        let find = |kind| {
            let changes = simulator.changes();
            changes.into_iter().skip(before).find(|change| change.kind == kind && change.target.app == app_id)
        };
        self.wait("the drain with the old token is not replaced", name, || {
            find(ChangeKind::Removed).is_some()
        })?;
        let (Some(removed), Some(added)) = (find(ChangeKind::Removed), find(ChangeKind::Added)) else {
            return Err(self.explained("the drain with the old token is gone, and there is no new one", name));
        };
        if added.sequence > removed.sequence {
            return Err(
                self.explained("the drain with the old token was gone before the new one was there", name)
            );
        }
        let gap = removed.at.duration_since(added.at).as_millis();
        let took = begun.elapsed().as_secs_f32();
        self.screen.line(&format!("  Replaced after {took:.1} s, without a gap:"))?;
        self.screen.line(&format!("    + {}   new", redact(&added.url)))?;
        self.screen.line(&format!("    - {}   old, {gap} ms later", redact(&removed.url)))?;
        self.event(name, "Replaced")
    }

    fn list(&mut self) -> Result<(), Stop> {
        let Setting { simulator, fixture, .. } = self.setting;
        self.screen.heading("4. What Scalingo lists now (*** stands for what is secret)")?;
        for app in &fixture.apps {
            self.screen.line(&format!("  {}", app.name))?;
            let drains = simulator.drains(&app.name);
            if let Some(lost) = app.drains.iter().find(|url| !drains.contains(url)) {
                let lost = redact(lost);
                return Err(Stop::failed(format!(
                    "a drain that is not the operator's is no longer listed: {lost}"
                )));
            }
            for url in &drains {
                let foreign = if app.drains.contains(url) { "   foreign, left alone" } else { "" };
                self.screen.line(&format!("    {}{foreign}", redact(url)))?;
            }
            for addon in &app.addons {
                let id = addon.id.clone().unwrap_or_default();
                self.screen.line(&format!("  {}, addon {id} ({})", app.name, addon.provider))?;
                for url in simulator.drains((app.name.clone(), id)) {
                    self.screen.line(&format!("    {}", redact(&url)))?;
                }
            }
        }
        self.requests()
    }

    fn requests(&mut self) -> Result<(), Stop> {
        let simulator = &self.setting.simulator;
        let journal = simulator.journal();
        let requests = journal.iter().map(|entry| (entry.at, entry.method.as_str(), entry.path.as_str()));
        let requests = Requests::count(requests);
        let limit = simulator.settings().rate_limit.map_or(0, |limit| limit.per_minute);
        let busiest = requests.busiest_minute();
        self.screen.paragraph(&format!(
            "Scalingo saw {requests}. There were at most {busiest} within 60 s; it allows {limit}."
        ))?;
        if let Some(refused) = journal.iter().find(|entry| entry.status == Some(429)) {
            return Err(Stop::failed(format!("the operator met the request limit: {refused:?}")));
        }
        match simulator.complaints().first() {
            Some(complaint) => Err(Stop::failed(format!("the operator misused the API: {complaint}"))),
            None => Ok(()),
        }
    }

    /// How to go on, for people.
    pub fn by_hand(&mut self) -> Result<(), Stop> {
        let Setting { plane, operator, .. } = self.setting;
        let kubectl = kubectl_by_hand(plane);
        self.screen.heading("Go on by hand, in another terminal:")?;
        for line in [
            format!("export KUBECONFIG={}", plane.kubeconfig_admin().display()),
            format!("{kubectl} get logdrains -n {NAMESPACE} -o wide"),
            format!("{kubectl} describe logdrain elk -n {NAMESPACE}"),
            format!("{kubectl} explain logdrain.spec"),
            format!("{kubectl} delete logdrain elk -n {NAMESPACE}"),
            format!("tail -f {}", operator.log().display()),
        ] {
            self.screen.line(&format!("  {line}"))?;
        }
        self.screen.line(&format!("The drains at Scalingo: {}", self.setting.page()))?;
        self.screen.line("Ctrl-C here ends everything and leaves nothing behind.")?;
        Ok(())
    }

    /// Until Ctrl-C.
    pub fn stay(&self) -> Result<(), Stop> {
        loop {
            self.setting.go_on()?;
            thread::sleep(POLL);
        }
    }

    fn kubectl(&self, arguments: &[&str]) -> Result<String, Stop> {
        self.setting.kubectl(&[arguments, &["--namespace", NAMESPACE]].concat())
    }

    /// Waits for what the operator does at its next look.
    fn wait(&mut self, otherwise: &str, name: &str, is_so: impl Fn() -> bool) -> Result<(), Stop> {
        let begun = Instant::now();
        while !is_so() {
            self.setting.go_on()?;
            if begun.elapsed() > PATIENCE {
                return Err(self.explained(&format!("{otherwise} after {} s", PATIENCE.as_secs()), name));
            }
            self.screen.waiting(&format!("{} …", seconds(begun)))?;
            thread::sleep(POLL);
        }
        self.screen.wipe()?;
        Ok(())
    }

    /// Shows what the event of this reason says, if there is one soon: events are best effort.
    fn event(&mut self, name: &str, reason: &str) -> Result<(), Stop> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) {
            let events = json(&self.kubectl(&["get", "events.v1.events.k8s.io", "--output=json"])?);
            let mut events = events["items"].as_array().into_iter().flatten();
            let found = events.find(|event| event["regarding"]["name"] == name && event["reason"] == reason);
            if let Some(note) = found.and_then(|event| event["note"].as_str()) {
                return Ok(self.screen.paragraph(&format!("Its event says {reason}: {note}"))?);
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// A failure, with what the resource and the operator say of it.
    fn explained(&self, what: &str, name: &str) -> Stop {
        let object = self.kubectl(&["get", "logdrain", name, "--output=json"]);
        let object = object.map_or(Value::Null, |text| json(&text));
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let said = conditions.iter().find(|condition| condition["type"] == "Ready").map_or_else(
            || format!("LogDrain {name} has no condition yet."),
            |ready| {
                let text = |key: &str| ready[key].as_str().unwrap_or_default().to_owned();
                format!(
                    "LogDrain {name} says: Ready={}, {}: {}.",
                    text("status"),
                    text("reason"),
                    text("message")
                )
            },
        );
        let log = self.setting.operator.log_tail();
        Stop::failed(format!("{what}.\n{said}\nThe operator's log ends:\n{log}"))
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn seconds(since: Instant) -> String {
    format!("{:.0} s", since.elapsed().as_secs_f32())
}
