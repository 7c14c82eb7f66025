//! Six wanted drains, of three forms of URL and each on an app and on an addon, among drains of others.

use std::time::Duration;

use scalingo_simulator::{
    Action, Change, ChangeKind, Duplicates, Entry, Gate, Rule, Simulator, Target, UrlForm, When,
};
use serde_json::{Value, json};

use crate::{
    eventually::eventually,
    world::{World, ready},
};

/// Longer than a lost request is waited for, and all that comes after.
pub const LATER: Duration = Duration::from_secs(300);

/// Where the drains of apps and of addons are.
pub const DRAINS: [&str; 2] = ["/v1/apps/*/log_drains", "/v1/apps/*/addons/*/log_drains"];

/// One wanted drain. The app goes by the same name.
pub struct Wanted {
    pub name: &'static str,
    pub addon: Option<&'static str>,
    pub drain_type: &'static str,
}

/// Documented URLs, opaque ones that are the same for the same destination, and opaque ones that never are.
pub const WANTED: [Wanted; 6] = [
    Wanted { name: "documented", addon: None, drain_type: "datadog" },
    Wanted { name: "opaque", addon: None, drain_type: "syslog" },
    Wanted { name: "unique", addon: None, drain_type: "ovh-graylog" },
    Wanted {
        name: "documented-addon",
        addon: Some("ad-00000000-0000-4000-8000-000000000001"),
        drain_type: "datadog",
    },
    Wanted {
        name: "opaque-addon",
        addon: Some("ad-00000000-0000-4000-8000-000000000002"),
        drain_type: "syslog",
    },
    Wanted {
        name: "unique-addon",
        addon: Some("ad-00000000-0000-4000-8000-000000000003"),
        drain_type: "ovh-graylog",
    },
];

const TOKEN: &str = "tok-4b1d-wanted";
const FOREIGN_TOKEN: &str = "tok-9c2e-foreign";

impl Wanted {
    pub fn target(&self) -> Target {
        self.addon.map_or_else(|| self.name.into(), |addon| (self.name, addon).into())
    }

    /// The drains of others on this target: alike, of other types, and of unknown forms.
    fn foreign(&self) -> Vec<String> {
        vec![
            format!("datadog://{FOREIGN_TOKEN}?region=eu-west-1"),
            format!("syslog://:{FOREIGN_TOKEN}@logs-1.example.com:6514"),
            "tcp+tls://logs-1.example.com:6514".to_owned(),
            format!("https://intake.example/v1/foreign-{}", self.name),
        ]
    }

    /// The spec, whose destination depends on the version.
    fn spec(&self, version: u32) -> Value {
        let mut spec = self.destination(version);
        spec["app"] = json!(self.name);
        spec["tokenSecretRef"] = json!({"name": "service", "key": "token"});
        if let Some(addon) = self.addon {
            spec["addon"] = json!(addon);
        }
        spec
    }

    fn destination(&self, version: u32) -> Value {
        match self.drain_type {
            "datadog" => json!({"type": "datadog", "drainRegion": format!("eu-west-{version}")}),
            "syslog" => {
                json!({"type": "syslog", "host": format!("logs-{version}.example.com"), "port": 6514})
            }
            _ => json!({"type": "ovh-graylog", "host": format!("gra{version}.logs.ovh.com")}),
        }
    }

    /// The body of the POST that adds it.
    pub fn body(&self, version: u32) -> Value {
        let drain = match self.drain_type {
            "datadog" => {
                json!({"type": "datadog", "token": TOKEN, "drain_region": format!("eu-west-{version}")})
            }
            "syslog" => json!({
                "type": "syslog", "token": TOKEN, "host": format!("logs-{version}.example.com"), "port": "6514",
            }),
            _ => {
                json!({"type": "ovh-graylog", "token": TOKEN, "host": format!("gra{version}.logs.ovh.com")})
            }
        };
        json!({ "drain": drain })
    }
}

/// A world with the six.
pub struct Scene {
    pub world: World,
}

impl Scene {
    /// Makes the apps with the drains of others. The API takes the same drain twice, so that one too many shows.
    pub async fn set() -> Self {
        let world = World::new().await;
        world.secret("service", &[("token", TOKEN)]);
        world.is_secret(FOREIGN_TOKEN);
        let simulator = &world.simulator;
        simulator.keep_bodies(true);
        simulator.set(|settings| {
            settings.duplicates = Duplicates::Accepted;
            settings.url_forms.insert("syslog".into(), UrlForm::Opaque);
            settings.url_forms.insert("ovh-graylog".into(), UrlForm::Unique);
        });
        for wanted in &WANTED {
            simulator.add_app(wanted.name);
            if let Some(addon) = wanted.addon {
                simulator.add_addon_with_id(wanted.name, "postgresql", true, addon).expect("the app");
            }
            for url in wanted.foreign() {
                simulator.add_drain_behind(wanted.target(), &url).expect("the target");
            }
        }
        Self { world }
    }

    /// Applies all six with the destinations of this version.
    pub fn want(&self, version: u32) {
        let items: Vec<Value> = WANTED
            .iter()
            .map(|wanted| {
                json!({
                    "apiVersion": "logs.scalingo.com/v1",
                    "kind": "LogDrain",
                    "metadata": {"name": wanted.name},
                    "spec": wanted.spec(version),
                })
            })
            .collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.world
            .try_kubectl(&["apply", "-f", "-"], Some(&list.to_string()))
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Deletes all six, and does not wait for it.
    pub fn delete(&self) {
        self.world.kubectl(&["delete", "logdrains", "--all", "--wait=false"]);
    }

    /// All six as the API server has them.
    pub fn all(&self) -> Vec<Value> {
        self.world.all()
    }

    /// Waits until all that are there are as they should be.
    pub async fn until_all(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Vec<Value> {
        let describe = || {
            let others: Vec<_> = self.all().into_iter().filter(|object| !is_so(object)).collect();
            let (journal, output) = (self.world.simulator.journal(), self.world.operator_output());
            format!("not all become {what}: {others:#?}\n{journal:#?}\n{output}")
        };
        let are_so = |all: &Vec<Value>| all.iter().all(&is_so);
        eventually(LATER, describe, async || Some(self.all()).filter(are_so)).await
    }

    /// Waits until all six are there and `Ready` in their current form, with one record each.
    pub async fn until_synced(&self) -> Vec<Value> {
        let all = self
            .until_all("synced", |object| {
                ready(object)["reason"] == "Synced"
                    && object["status"]["observedGeneration"] == object["metadata"]["generation"]
            })
            .await;
        assert_eq!(all.len(), WANTED.len());
        for object in &all {
            let records = object["status"]["drains"].as_array().expect("records");
            assert_eq!(records.len(), 1, "{object:#}");
            assert_eq!(records[0]["state"], "Active", "{object:#}");
        }
        all
    }

    /// Waits until all six are gone.
    pub async fn until_gone(&self) {
        self.until_all("gone", |_| false).await;
        // An empty list is as it should be, whatever is asked of its members.
    }

    /// A gate at which the requests of this kind wait that concern drains.
    pub fn hold(&self, method: &str, when: When) -> Gate {
        self.hold_at(method, &DRAINS, when)
    }

    /// A gate at which the requests with this method and one of these paths wait.
    pub fn hold_at(&self, method: &str, paths: &[&str], when: When) -> Gate {
        let simulator = &self.world.simulator;
        let gate = format!("{method} {when:?} {}", simulator.journal().len());
        for path in paths {
            simulator.add_rule(Rule::new(method, path, Action::Hold { when, gate: gate.clone() }));
        }
        simulator.gate(&gate)
    }

    /// The requests about the drains of one target, of this method.
    pub fn requests(&self, method: &str, wanted: &Wanted) -> Vec<Entry> {
        requests(&self.world.simulator, method, wanted)
    }

    /// The drains on a target besides those of others, which are all there.
    pub fn own(&self, wanted: &Wanted) -> Vec<String> {
        own(&self.world.simulator, wanted)
    }

    /// Waits until the operator has listed each target anew.
    pub async fn until_listed(&self) {
        let simulator = &self.world.simulator;
        let before: Vec<usize> =
            WANTED.iter().map(|wanted| requests(simulator, "GET", wanted).len()).collect();
        let answered = |simulator: &Simulator, wanted: &Wanted| {
            requests(simulator, "GET", wanted).iter().filter(|entry| entry.status.is_some()).count()
        };
        let is_listed = |simulator: &Simulator| {
            WANTED.iter().zip(&before).all(|(wanted, before)| answered(simulator, wanted) > *before)
        };
        self.world.until_simulator("a new list of each target", is_listed).await;
    }

    /// What came and went on a target since then.
    pub fn changes_since(&self, sequence: u64, wanted: &Wanted) -> Vec<Change> {
        let target = wanted.target();
        let app = self.world.simulator.app_id(wanted.name).expect("the app");
        let mut changes = self.world.simulator.changes();
        changes.retain(|change| {
            change.sequence > sequence && change.target.app == app && change.target.addon == target.addon
        });
        changes
    }

    /// How many drains the operator has added, and how many were deleted.
    pub fn changes_count(&self) -> (usize, usize) {
        let changes = self.world.simulator.changes();
        let (added, removed): (Vec<_>, Vec<_>) = changes
            .iter()
            .filter(|change| change.by.is_some())
            .partition(|change| change.kind == ChangeKind::Added);
        (added.len(), removed.len())
    }

    /// The latest place in the journal.
    pub fn now(&self) -> u64 {
        let requests = self.world.simulator.journal().into_iter().map(|entry| entry.sequence);
        let changes = self.world.simulator.changes().into_iter().map(|change| change.sequence);
        requests.chain(changes).max().unwrap_or_default()
    }

    /// Makes sure that no drain of others was ever touched.
    pub fn assert_foreign_untouched(&self) {
        for wanted in &WANTED {
            let foreign = wanted.foreign();
            let gone = self
                .changes_since(0, wanted)
                .into_iter()
                .filter(|change| change.kind == ChangeKind::Removed && foreign.contains(&change.url));
            assert_eq!(gone.collect::<Vec<_>>(), [], "{}", wanted.name);
        }
    }

    /// Makes sure that there was a drain of ours at any time since then, of which there was one.
    pub fn assert_never_absent_since(&self, sequence: u64) {
        for wanted in &WANTED {
            let mut there = 1;
            for change in self.changes_since(sequence, wanted) {
                match change.kind {
                    ChangeKind::Added => there += 1,
                    ChangeKind::Removed => there -= 1,
                }
                assert!(there > 0, "{} was without a drain", wanted.name);
            }
        }
    }

    /// Makes sure that the drain that is there is the one that was asked for in this version.
    pub fn assert_is_version(&self, wanted: &Wanted, url: &str, version: u32) {
        // A request that was held before its change and never answered has made none.
        let mut added = self.requests("POST", wanted);
        added.retain(|entry| !(entry.fault == Some("hold before") && entry.status.is_none()));
        let mut changes = self.changes_since(0, wanted);
        changes.retain(|change| change.kind == ChangeKind::Added && change.by.is_some());
        assert_eq!(added.len(), changes.len(), "{}: {added:?} {changes:?}", wanted.name);
        let (request, _) =
            added.iter().zip(&changes).rfind(|(_, change)| change.url == url).expect("its addition");
        assert_eq!(request.body, Some(wanted.body(version)), "{}", wanted.name);
    }
}

fn requests(simulator: &Simulator, method: &str, wanted: &Wanted) -> Vec<Entry> {
    let app = simulator.app_id(wanted.name).expect("the app");
    let path = match wanted.addon {
        None => format!("/v1/apps/{app}/log_drains"),
        Some(addon) => format!("/v1/apps/{app}/addons/{addon}/log_drains"),
    };
    simulator.requests(method, &path)
}

/// Whether each of the six targets has this many drains besides those of others.
pub fn each_has(count: usize) -> impl Fn(&Simulator) -> bool {
    move |simulator| WANTED.iter().all(|wanted| own(simulator, wanted).len() == count)
}

fn own(simulator: &Simulator, wanted: &Wanted) -> Vec<String> {
    let mut drains = simulator.drains(wanted.target());
    for foreign in wanted.foreign() {
        let place = drains.iter().position(|url| *url == foreign).expect("the drains of others are there");
        drains.remove(place);
    }
    drains
}
