//! Two electors over an API server in memory, in virtual time.

use std::{collections::HashSet, sync::Arc, time::Duration};

use in_memory_api_server::{ApiServer, Connection, Definition, Fault, Settings as ServerSettings};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::*;
use crate::{clock::Clock, metrics::Metrics};

const START: i64 = 1_800_000_000;

struct Candidate {
    leadership: Leadership,
    connection: Connection,
    task: JoinHandle<Lost>,
}

fn server() -> ApiServer {
    ApiServer::new(ServerSettings::default(), Definition::builtin())
}

fn elector(server: &ApiServer, name: &str, clock_off_by: i64) -> (Elector, Connection) {
    let connection = server.connection(name);
    let begun = Instant::now();
    let clock: Clock = Arc::new(move || {
        let passed = SignedDuration::try_from(begun.elapsed()).unwrap();
        Timestamp::from_second(START + clock_off_by).unwrap().checked_add(passed).unwrap()
    });
    let settings = Settings {
        namespace: "default".into(),
        name: "logdrain-operator".into(),
        identity: name.into(),
        duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(10),
        retry_period: Duration::from_secs(2),
    };
    let random = fastrand::Rng::with_seed(name.len() as u64);
    (Elector::new(connection.client("default"), settings, clock, random, Metrics::default()), connection)
}

fn candidate(server: &ApiServer, name: &str, clock_off_by: i64) -> Candidate {
    let (mut elector, connection) = elector(server, name, clock_off_by);
    let leadership = elector.leadership();
    Candidate { leadership, connection, task: tokio::spawn(async move { elector.lead().await }) }
}

async fn lease(server: &ApiServer) -> Lease {
    let api: Api<Lease> = Api::namespaced(server.client("default"), "default");
    api.get("logdrain-operator").await.unwrap()
}

async fn holder(server: &ApiServer) -> String {
    lease(server).await.spec.unwrap().holder_identity.unwrap()
}

fn second(begin: Instant) -> u64 {
    begin.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn one_leads_and_the_other_stands_by_whatever_their_clocks_show() {
    let server = server();
    let one = candidate(&server, "one", 0);
    one.leadership.begun().await;
    let other = candidate(&server, "other", 3_600);
    sleep(Duration::from_secs(600)).await;
    assert!(one.leadership.holds() && !other.leadership.holds());
    assert_eq!(one.leadership.handover(), None);
    assert_eq!(holder(&server).await, "one");
    assert!(!one.task.is_finished() && !other.task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn who_cannot_renew_stops_before_another_begins() {
    let server = server();
    let one = candidate(&server, "one", 0);
    one.leadership.begun().await;
    let other = candidate(&server, "other", -3_600);
    sleep(Duration::from_secs(60)).await;
    one.connection.set_faults(|_| Fault::Unreachable);
    let cut = Instant::now();
    one.leadership.over().await;
    assert!(!one.leadership.holds());
    assert!((8..=10).contains(&second(cut)), "{}", second(cut));
    assert_eq!(one.task.await.unwrap(), Lost::Expired(Duration::from_secs(10)));
    assert!(!other.leadership.holds());
    other.leadership.begun().await;
    assert!((13..=20).contains(&second(cut)), "{}", second(cut));
    let before = other.leadership.handover().unwrap();
    assert!(before.ago < Duration::from_secs(5) && (50..=62).contains(&before.led.as_secs()), "{before:?}");
    assert_eq!(lease(&server).await.spec.unwrap().lease_transitions, Some(1));
}

#[tokio::test(start_paused = true)]
async fn an_outage_shorter_than_the_deadline_changes_nothing() {
    let server = server();
    let one = candidate(&server, "one", 0);
    let _other = candidate(&server, "other", 0);
    one.leadership.begun().await;
    for fault in [Fault::Unreachable, Fault::NeverAnswer, Fault::NeverAnswerThoughMade, Fault::Status(500)] {
        let until = Instant::now() + Duration::from_secs(5);
        one.connection.set_faults(move |_| if Instant::now() < until { fault } else { Fault::None });
        sleep(Duration::from_secs(60)).await;
        assert!(one.leadership.holds(), "{fault:?}");
    }
    assert_eq!(lease(&server).await.spec.unwrap().lease_transitions, Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_taken_for_whatever_reason_ends_the_leader_at_once() {
    let server = server();
    let one = candidate(&server, "one", 0);
    one.leadership.begun().await;
    let mut taken = lease(&server).await;
    taken.spec.as_mut().unwrap().holder_identity = Some("a person".into());
    let api: Api<Lease> = Api::namespaced(server.client("default"), "default");
    api.replace("logdrain-operator", &kube::api::PostParams::default(), &taken).await.unwrap();
    let begin = Instant::now();
    assert_eq!(one.task.await.unwrap(), Lost::Taken("a person".into()));
    assert!(second(begin) <= 2);
    assert!(!one.leadership.holds());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_deleted_stays_with_its_holder() {
    let server = server();
    let one = candidate(&server, "one", 0);
    one.leadership.begun().await;
    let other = candidate(&server, "other", 0);
    sleep(Duration::from_secs(10)).await;
    for _ in 0..5 {
        server.delete("Lease", "default", "logdrain-operator").unwrap();
        sleep(Duration::from_secs(30)).await;
        assert!(one.leadership.holds() && !other.leadership.holds());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_taken_without_waiting() {
    let server = server();
    let (mut one, _) = elector(&server, "one", 0);
    let leadership = one.leadership();
    let other = tokio::select! {
        lost = one.lead() => panic!("{lost}"),
        () = leadership.begun() => candidate(&server, "other", 0),
    };
    tokio::select! {
        lost = one.lead() => panic!("{lost}"),
        () = sleep(Duration::from_secs(30)) => {}
    }
    one.release().await;
    assert!(!leadership.holds());
    assert_eq!(holder(&server).await, "");
    let begin = Instant::now();
    other.leadership.begun().await;
    assert!(second(begin) <= 4, "{}", second(begin));
    let before = other.leadership.handover().unwrap();
    assert!(before.ago < Duration::from_secs(5) && (25..=32).contains(&before.led.as_secs()), "{before:?}");
}

#[tokio::test(start_paused = true)]
async fn of_many_that_begin_at_once_one_leads() {
    let server = server();
    let candidates: Vec<_> = ('a'..='h').map(|name| candidate(&server, &name.to_string(), 0)).collect();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(candidates.iter().filter(|candidate| candidate.leadership.holds()).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn never_two_lead_whoever_is_cut_off_when() {
    let mut random = fastrand::Rng::with_seed(7);
    let server = server();
    let mut leaders = HashSet::new();
    let mut candidates: Vec<Candidate> =
        (0..3).map(|number| candidate(&server, &format!("first-{number}"), number * 400)).collect();
    for round in 0..20_000 {
        sleep(Duration::from_millis(random.u64(1..400))).await;
        let leading: Vec<usize> =
            (0..candidates.len()).filter(|index| candidates[*index].leadership.holds()).collect();
        assert!(leading.len() <= 1, "round {round}: {leading:?}");
        leaders.extend(leading.iter().map(|_| lease_holder(&server)));
        if random.u8(..10) > 0 {
            continue;
        }
        let index = random.usize(..candidates.len());
        if candidates[index].task.is_finished() {
            candidates[index] = candidate(&server, &format!("later-{round}"), random.i64(-600..600));
            continue;
        }
        let until = Instant::now() + Duration::from_millis(random.u64(1..30_000));
        let fault = [Fault::Unreachable, Fault::NeverAnswerThoughMade, Fault::Delay(Duration::from_secs(7))]
            [random.usize(..3)];
        candidates[index]
            .connection
            .set_faults(move |_| if Instant::now() < until { fault } else { Fault::None });
    }
    assert!(leaders.len() > 50, "{}", leaders.len());
}

fn lease_holder(server: &ApiServer) -> String {
    let object = server.get("Lease", "default", "logdrain-operator").unwrap_or_default();
    object["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}
