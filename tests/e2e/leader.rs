//! Leader election: who leads works, who stands by sends nothing.

use std::time::Duration;

use control_plane::Supervised;
use scalingo_simulator::{Entry, Simulator, When};
use serde_json::Value;

use crate::{
    eventually::until,
    few_requests::{papertrail, url},
    scene::LATER,
    wire::Wire,
    world::{SOON, World},
};

const NAMESPACE: &str = "logdrain-system";
/// With what is the default: also the namespace, which is that of the operator's account.
const ELECTED: [&str; 2] = ["--lease-name", "logdrain-operator"];
/// A leader keeps its Lease although the machine stands still for half a minute.
pub const PATIENT: [&str; 3] = ["--lease-duration=45s", "--renew-deadline=30s", "--retry-period=2s"];
const DRAINS: usize = 3;

impl World {
    fn lease(&self) -> Value {
        let lease = ["get", "lease", "logdrain-operator", "--namespace", NAMESPACE, "--output=json"];
        serde_json::from_str(&self.kubectl(&lease)).expect("JSON")
    }

    fn holder(&self) -> String {
        self.lease()["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the one that was started last leads, after the Lease of another has expired.
    async fn until_leading(&self) {
        let describe = || format!("it does not lead: {}", self.operator_output());
        until(LATER, describe, || self.operator_output().contains("leading")).await;
    }

    async fn until_standing_by(&self, holder: &str) {
        let said = format!("standing by: {holder} leads");
        self.until_output(&said, |output| output.contains(&said)).await;
    }
}

fn each_once(simulator: &Simulator) -> bool {
    let mut drains = simulator.drains("shop-front");
    drains.sort();
    drains == (1..=DRAINS).map(url).collect::<Vec<_>>()
}

async fn leading(arguments: &[&str]) -> World {
    let world = World::alone().await;
    for port in 1..DRAINS {
        world.apply(&format!("drain-{port}"), &papertrail("shop-front", port));
    }
    world.start_operator_with(arguments);
    for port in 1..DRAINS {
        world.until_reason(&format!("drain-{port}"), "Synced").await;
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_stopped_for_a_minute_sends_nothing_when_it_wakes() {
    let world = leading(&ELECTED).await;
    let first = world.holder();
    // By a way of its own, so that it can be told who has sent what, answered or not.
    let of_second = world.simulator.serve("127.0.0.1:0").await.expect("a port");
    let sent = |by_first: bool| {
        let is_of_first = |entry: &&Entry| entry.server != Some(of_second.address());
        world.simulator.journal().iter().filter(|entry| is_of_first(entry) == by_first).count()
    };
    world.start_operator_at(&of_second.url(), &ELECTED);
    world.until_standing_by(&first).await;
    world.until_ready().await;
    let had_sent = sent(true);
    world.until_simulator("the leader at work", |_| sent(true) > had_sent).await;
    assert_eq!(sent(false), 0, "{:#?}", world.simulator.journal());

    let held = world.simulator.hold("POST", "/v1/apps/*/log_drains", When::Before);
    world.apply(&format!("drain-{DRAINS}"), &papertrail("shop-front", DRAINS));
    world.until_held(&held).await;
    let stopped = tokio::time::Instant::now();
    world.with_first_operator(|operator| operator.pause().expect("a signal"));
    world.simulator.remove_rule(held.rule);
    held.gate.release();
    world.until_leading().await;
    assert_ne!(world.holder(), first);
    world.until_simulator_within(LATER, "each drain once", each_once).await;
    world.until_reason(&format!("drain-{DRAINS}"), "Synced").await;
    tokio::time::sleep_until(stopped + Duration::from_secs(60)).await;

    let had_sent = sent(true);
    assert!(sent(false) > 0);
    world.with_first_operator(|operator| operator.resume().expect("a signal"));
    let (status, output) = world.first_operator_exit().await;
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("of the Lease logdrain-system/logdrain-operator"), "{output}");
    assert_eq!(sent(true), had_sent, "{:#?}", world.simulator.journal());
    assert_eq!(world.simulator.requests("POST", "/v1/apps/*/log_drains").len(), DRAINS);
    assert!(each_once(&world.simulator));
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_is_left_to_others_only_once_the_work_that_runs_has_ended() {
    let world = leading(&ELECTED).await;
    let holder = world.holder();
    let held = world.simulator.hold("POST", "/v1/apps/*/log_drains", When::After);
    world.apply(&format!("drain-{DRAINS}"), &papertrail("shop-front", DRAINS));
    world.until_held(&held).await;
    world.with_operator(Supervised::terminate).expect("a signal");
    world.until_output("that it stops", |output| output.contains("stopping: running steps may end")).await;
    let renewed = || world.lease()["spec"]["renewTime"].clone();
    let before = renewed();
    until(SOON, || format!("not renewed since {before}"), || renewed() != before).await;
    assert_eq!(world.holder(), holder);
    held.gate.release();
    let (status, output) = world.operator_exit().await;
    assert!(status.success(), "{status}: {output}");
    assert!(output.contains("left the Lease to others"), "{output}");
    assert_eq!(world.holder(), "");
    assert!(each_once(&world.simulator));
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lead_passes_on_when_the_leader_ends_is_killed_or_does_not_reach_the_api_server() {
    let elected = [&ELECTED[..], &PATIENT].concat();
    let mut world = leading(&elected).await;
    let direct = world.kubeconfig.clone();
    let first = world.holder();

    // It ends in good order: nobody waits for the Lease to expire.
    world.start_operator_with(&elected);
    world.until_standing_by(&first).await;
    assert!(world.metrics().await.get("logdrain_leader") < 0.5);
    let output = world.stop_first_operator();
    assert!(output.contains("left the Lease to others"), "{output}");
    world.until_leading().await;
    let second = world.holder();
    let metrics = world.metrics().await;
    assert!(metrics.get("logdrain_leader") > 0.5);
    assert!(metrics.get("logdrain_kubernetes_writes_total{kind=\"lease\"}") >= 1.0);

    // It is killed.
    let wire = Wire::lay(&mut world).await;
    world.start_operator_with(&elected);
    world.until_standing_by(&second).await;
    world.kill_first_operator();
    world.until_leading().await;
    let third = world.holder();
    assert_eq!(world.lease()["spec"]["leaseTransitions"], 2);

    // It reaches Scalingo, but the API server no more.
    world.kubeconfig = direct;
    world.start_operator_with(&elected);
    world.until_standing_by(&third).await;
    wire.cut();
    let (status, output) = world.first_operator_exit().await;
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("it could not be renewed for 30s, and another may lead"), "{output}");
    world.until_leading().await;
    world.simulator.remove_drain_behind("shop-front", &url(1)).expect("the drain");
    world.apply(&format!("drain-{DRAINS}"), &papertrail("shop-front", DRAINS));
    world.until_simulator_within(LATER, "each drain once", each_once).await;
    assert_eq!(world.simulator.changes().len(), DRAINS + 2, "{:#?}", world.simulator.changes());
    world.finish();
}
