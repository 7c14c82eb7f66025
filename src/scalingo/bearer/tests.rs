use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::{join_all, poll_immediate};
use serde_json::json;
use tokio::sync::Semaphore;

use super::*;
use crate::scalingo::scripted::{
    Answer as Sent, Scripted, answer, assert_text_hides, exchanged, is_exchange, jwt, ready, token,
};
use crate::scalingo::{ApiToken, Client, ErrorKind, Operation, TransportError};

const APPS: &str = r#"{"apps":[]}"#;

/// Virtual time, as the API would date it.
fn clock() -> crate::clock::Clock {
    let start = Instant::now();
    Arc::new(move || Timestamp::from_second(1_000_000).unwrap() + start.elapsed())
}

fn now() -> i64 {
    1_000_000
}

/// Numbers the bearer tokens and accepts those that `accepts` accepts.
fn numbered(accepts: impl Fn(usize) -> bool + Send + Sync + 'static) -> Arc<Scripted> {
    let made = AtomicUsize::new(0);
    Scripted::new(move |request| {
        if is_exchange(request) {
            let number = made.fetch_add(1, Ordering::SeqCst) + 1;
            return ready(Ok(exchanged(&format!("bearer-{number}"))));
        }
        let used = request.headers()["authorization"].to_str().unwrap();
        let number = used.strip_prefix("Bearer bearer-").unwrap().parse().unwrap();
        ready(Ok(if accepts(number) { answer(200, APPS) } else { answer(401, r#"{"error":"no"}"#) }))
    })
}

fn issuing(bearer: String) -> Arc<Scripted> {
    Scripted::new(move |request| {
        ready(Ok(if is_exchange(request) { exchanged(&bearer) } else { answer(200, APPS) }))
    })
}

async fn calls_until_second_exchange(transport: &Arc<Scripted>, client: &Client, step: Duration) -> u64 {
    let start = Instant::now();
    for _ in 0..10_000 {
        client.apps(&token(), "osc-fr1").await.unwrap();
        if transport.exchanges() == 2 {
            return start.elapsed().as_secs();
        }
        tokio::time::advance(step).await;
    }
    panic!("never exchanged again");
}

#[tokio::test(start_paused = true)]
async fn a_bearer_token_is_kept_until_five_minutes_before_its_end() {
    let transport = issuing(jwt(&json!({"exp": now() + 3_600})));
    let client = transport.client_at(clock());
    assert_eq!(calls_until_second_exchange(&transport, &client, Duration::from_secs(60)).await, 55 * 60);
}

#[tokio::test(start_paused = true)]
async fn an_end_with_a_fraction_is_read() {
    let transport = issuing(jwt(&json!({"exp": 1_001_200.75})));
    let client = transport.client_at(clock());
    assert_eq!(calls_until_second_exchange(&transport, &client, Duration::from_secs(60)).await, 15 * 60);
}

#[tokio::test(start_paused = true)]
async fn one_without_a_readable_end_is_kept_for_55_minutes() {
    let unreadable = ["opaque", "a.b.c", "..", "a.e30.c"].map(str::to_owned);
    let strange = [json!({"exp": "soon"}), json!({"exp": 1e300}), json!([1]), json!({"exp": null})];
    for bearer in unreadable.into_iter().chain(strange.iter().map(jwt)) {
        let transport = issuing(bearer.clone());
        let client = transport.client_at(clock());
        let kept = calls_until_second_exchange(&transport, &client, Duration::from_secs(60)).await;
        assert_eq!(kept, 55 * 60, "{bearer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_does_not_cost_an_exchange_for_each_request() {
    let transport = issuing(jwt(&json!({"exp": now() - 7_200})));
    let client = transport.client_at(clock());
    assert_eq!(calls_until_second_exchange(&transport, &client, Duration::from_secs(20)).await, 60);
}

/// Holds exchanges until told, and answers them from a list.
fn held(answers: Vec<Sent>) -> (Arc<Scripted>, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let (answers, opened) = (Mutex::new(VecDeque::from(answers)), Arc::clone(&gate));
    let transport = Scripted::new(move |request| {
        if !is_exchange(request) {
            return ready(Ok(answer(200, APPS)));
        }
        let answer = answers.lock().unwrap().pop_front().expect("an exchange more than expected");
        let gate = Arc::clone(&opened);
        async move {
            gate.acquire().await.unwrap().forget();
            answer
        }
        .boxed()
    });
    (transport, gate)
}

#[tokio::test(start_paused = true)]
async fn one_exchange_serves_all_who_wait() {
    let (transport, gate) = held(vec![Ok(exchanged("bearer"))]);
    let client = transport.client();
    let token = token();
    let mut waiting = Box::pin(join_all((0..100).map(|_| client.apps(&token, "osc-fr1"))));
    assert!(poll_immediate(&mut waiting).await.is_none());
    gate.add_permits(1);
    assert!(waiting.await.iter().all(Result::is_ok));
    assert_eq!((transport.exchanges(), transport.calls().len()), (1, 100));
}

#[tokio::test(start_paused = true)]
async fn two_tokens_share_nothing() {
    let (transport, gate) = held(vec![Ok(exchanged("one")), Ok(exchanged("two"))]);
    let client = transport.client();
    let (one, two) = (ApiToken::new("one").unwrap(), ApiToken::new("two").unwrap());
    gate.add_permits(2);
    client.apps(&one, "osc-fr1").await.unwrap();
    client.apps(&two, "osc-fr1").await.unwrap();
    client.apps(&one, "osc-fr1").await.unwrap();
    let used: Vec<String> = transport
        .calls()
        .iter()
        .map(|call| call.headers()["authorization"].to_str().unwrap().to_owned())
        .collect();
    assert_eq!(used, ["Bearer one", "Bearer two", "Bearer one"]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_goes_on_when_the_first_gives_up() {
    let (transport, gate) = held(vec![Ok(exchanged("bearer"))]);
    let (client, token) = (transport.client(), token());
    let mut first = Box::pin(client.apps(&token, "osc-fr1"));
    assert!(poll_immediate(&mut first).await.is_none());
    let waiting = tokio::spawn({
        let (client, token) = (client.clone(), token.clone());
        async move { client.apps(&token, "osc-fr1").await }
    });
    tokio::task::yield_now().await;
    drop(first);
    gate.add_permits(1);
    tokio::time::timeout(Duration::from_secs(1), waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(transport.exchanges(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_nobody_waits_for_is_given_up() {
    let (transport, gate) = held(vec![Ok(exchanged("lost")), Ok(exchanged("bearer"))]);
    let (client, token) = (transport.client(), token());
    let mut first = Box::pin(client.apps(&token, "osc-fr1"));
    assert!(poll_immediate(&mut first).await.is_none());
    drop(first);
    gate.add_permits(1);
    client.apps(&token, "osc-fr1").await.unwrap();
    assert_eq!(transport.exchanges(), 2);
    assert_eq!(transport.calls()[0].headers()["authorization"], "Bearer bearer");
}

#[tokio::test(start_paused = true)]
async fn a_failed_exchange_fails_all_who_wait_and_is_tried_again() {
    let (transport, gate) = held(vec![Ok(answer(429, "Retry later")), Ok(exchanged("bearer"))]);
    let (client, token) = (transport.client(), token());
    let mut waiting = Box::pin(join_all((0..3).map(|_| client.apps(&token, "osc-fr1"))));
    assert!(poll_immediate(&mut waiting).await.is_none());
    gate.add_permits(2);
    for result in waiting.await {
        let error = result.unwrap_err();
        assert_eq!(error.operation(), Operation::Exchange);
        assert_eq!(error.kind(), ErrorKind::RateLimited { retry_after: None });
    }
    assert_eq!((transport.exchanges(), transport.calls().len()), (1, 0));
    client.apps(&token, "osc-fr1").await.unwrap();
    assert_eq!(transport.exchanges(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_bearer_token_is_renewed_once() {
    let transport = numbered(|number| number == 2);
    let client = transport.client();
    client.apps(&token(), "osc-fr1").await.unwrap();
    assert_eq!((transport.exchanges(), transport.calls().len()), (2, 2));
    client.apps(&token(), "osc-fr1").await.unwrap();
    assert_eq!((transport.exchanges(), transport.calls().len()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn two_refused_bearer_tokens_are_unauthorized() {
    let transport = numbered(|_| false);
    let error = transport.client().apps(&token(), "osc-fr1").await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Unauthorized, Operation::ListApps));
    assert_eq!((transport.exchanges(), transport.calls().len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn many_refusals_at_once_lead_to_one_renewal() {
    let refusing = Arc::new(Semaphore::new(0));
    let (gate, made) = (Arc::clone(&refusing), AtomicUsize::new(0));
    let transport = Scripted::new(move |request| {
        if is_exchange(request) {
            return ready(Ok(exchanged(&format!("bearer-{}", made.fetch_add(1, Ordering::SeqCst) + 1))));
        }
        if request.headers()["authorization"] != "Bearer bearer-1" {
            return ready(Ok(answer(200, APPS)));
        }
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.unwrap().forget();
            Ok(answer(401, r#"{"error":"no"}"#))
        }
        .boxed()
    });
    let (client, token) = (transport.client(), token());
    let mut waiting = Box::pin(join_all((0..50).map(|_| client.apps(&token, "osc-fr1"))));
    assert!(poll_immediate(&mut waiting).await.is_none());
    // Some learn of the refusal only after the others have renewed.
    refusing.add_permits(25);
    assert!(poll_immediate(&mut waiting).await.is_none());
    refusing.add_permits(25);
    assert!(waiting.await.iter().all(Result::is_ok));
    assert_eq!((transport.exchanges(), transport.calls().len()), (2, 100));
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_is_exchanged_again() {
    let transport = numbered(|_| true);
    let client = transport.client();
    client.apps(&token(), "osc-fr1").await.unwrap();
    client.forget(&ApiToken::new("another").unwrap());
    client.apps(&token(), "osc-fr1").await.unwrap();
    assert_eq!(transport.exchanges(), 1);
    client.forget(&token());
    client.apps(&token(), "osc-fr1").await.unwrap();
    assert_eq!(transport.exchanges(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_on_its_way_is_not_kept() {
    let (transport, gate) = held(vec![Ok(exchanged("one")), Ok(exchanged("two"))]);
    let (client, token) = (transport.client(), token());
    let mut first = Box::pin(client.apps(&token, "osc-fr1"));
    assert!(poll_immediate(&mut first).await.is_none());
    client.forget(&token);
    gate.add_permits(2);
    first.await.unwrap();
    client.apps(&token, "osc-fr1").await.unwrap();
    assert_eq!(transport.exchanges(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_forgotten_does_not_replace_what_came_after() {
    let (transport, gate) = held(vec![Ok(exchanged("old")), Ok(exchanged("new"))]);
    let (client, token) = (transport.client(), token());
    let mut before = Box::pin(client.apps(&token, "osc-fr1"));
    assert!(poll_immediate(&mut before).await.is_none());
    client.forget(&token);
    let mut after = Box::pin(client.apps(&token, "osc-fr1"));
    assert!(poll_immediate(&mut after).await.is_none());
    gate.add_permits(1);
    before.await.unwrap();
    let mut later = Box::pin(client.apps(&token, "osc-fr1"));
    assert!(poll_immediate(&mut later).await.is_none(), "went on with the forgotten one");
    gate.add_permits(1);
    after.await.unwrap();
    later.await.unwrap();
    assert_eq!(transport.exchanges(), 2);
    assert_eq!(transport.calls()[2].headers()["authorization"], "Bearer new");
}

#[tokio::test(start_paused = true)]
async fn a_firewall_that_answers_401_has_no_bearer_token_renewed() {
    let transport = Scripted::new(|request| {
        ready(Ok(if is_exchange(request) { exchanged("bearer") } else { answer(401, "<html>") }))
    });
    let client = transport.client();
    for _ in 0..3 {
        let error = client.apps(&token(), "osc-fr1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    }
    assert_eq!((transport.exchanges(), transport.calls().len()), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn failed_exchanges_mean_what_they_say() {
    let timed_out = || Err(TransportError::TimedOut);
    let cases: Vec<(Sent, ErrorKind)> = vec![
        (Ok(answer(401, r#"{"error":"no"}"#)), ErrorKind::Unauthorized),
        (Ok(answer(401, "<html>")), ErrorKind::Transient),
        (Ok(answer(500, r#"{"error":"oops"}"#)), ErrorKind::Transient),
        (Ok(answer(502, "<html>")), ErrorKind::Transient),
        (Ok(answer(404, r#"{"error":"not found"}"#)), ErrorKind::Transient),
        (timed_out(), ErrorKind::Transient),
        (Err(TransportError::Broken("reset".to_owned())), ErrorKind::Transient),
        (Ok(answer(200, "{}")), ErrorKind::Protocol),
        (Ok(exchanged("")), ErrorKind::Protocol),
        (Ok(exchanged("two\nlines")), ErrorKind::Protocol),
    ];
    for (sent, expected) in cases {
        let (transport, gate) = held(vec![sent]);
        gate.add_permits(1);
        let error = transport.client().apps(&token(), "osc-fr1").await.unwrap_err();
        assert_eq!((error.operation(), error.kind()), (Operation::Exchange, expected), "{error}");
        assert_eq!(error.path(), "/v1/tokens/exchange");
        assert_eq!(transport.calls().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn slots_of_tokens_long_gone_are_dropped() {
    let transport = numbered(|_| true);
    let client = transport.client();
    for number in 0..10 {
        client.apps(&ApiToken::new(format!("tk-{number}")).unwrap(), "osc-fr1").await.unwrap();
    }
    tokio::time::advance(Duration::from_secs(3_600)).await;
    client.apps(&token(), "osc-fr1").await.unwrap();
    assert_eq!(client.kept_bearers(), 1);
}

#[test]
fn debug_shows_nothing() {
    let secret = jwt(&json!({"exp": now()}));
    let bearer = Bearer::new(SecretString::from(secret.clone()), Timestamp::UNIX_EPOCH);
    assert_text_hides(&format!("{bearer:?}"), &[&secret]);
}
