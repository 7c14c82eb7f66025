use std::time::Duration;

use scalingo_simulator::{Action, Answer, AnswerBody, Broken, Rule, When};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::{Client, added, shop};

const PATH: &str = "/v1/apps/shop/log_drains";
const ANY: &str = "/v1/apps/*/log_drains";

fn post(then: Action) -> Rule {
    Rule::new("POST", ANY, then)
}

#[tokio::test(start_paused = true)]
async fn a_delay_lies_before_the_change_or_after_it() {
    for (when, during) in [(When::Before, vec![]), (When::After, vec![added(1)])] {
        let (simulator, client) = shop().await;
        simulator.add_rule(post(Action::Delay { when, milliseconds: 3000 }));
        let begin = Instant::now();
        let request = tokio::spawn(async move { client.add(1).await.unwrap().status });
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(simulator.drains("shop"), during);
        assert_eq!(request.await.unwrap(), 201);
        assert_eq!(begin.elapsed(), Duration::from_secs(3));
        assert_eq!(simulator.drains("shop"), [added(1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_delayed_change_is_made_although_the_client_has_gone() {
    let (simulator, client) = shop().await;
    simulator.add_rule(post(Action::Delay { when: When::Before, milliseconds: 50_000 }));
    assert!(timeout(Duration::from_secs(30), client.add(1)).await.is_err());
    assert_eq!(simulator.drains("shop"), [""; 0]);
    let begin = Instant::now();
    simulator.until(|simulator| simulator.drains("shop") == [added(1)]).await;
    assert_eq!(begin.elapsed(), Duration::from_secs(20));
}

#[tokio::test]
async fn a_reset_breaks_the_connection_before_or_after_the_change() {
    for (when, drains) in [(When::Before, vec![]), (When::After, vec![added(1)])] {
        let (simulator, client) = shop().await;
        simulator.add_rule(post(Action::Reset { when }).once());
        assert_eq!(client.add(1).await.unwrap_err(), Broken);
        assert_eq!(simulator.drains("shop"), drains);
        assert_eq!(simulator.journal().last().unwrap().status, None);
        assert_eq!(client.add(2).await.unwrap().status, 201);
    }
}

#[tokio::test]
async fn a_router_says_that_the_connection_broke_by_an_extension_and_a_failing_body() {
    use http_body_util::BodyExt;
    use tower_service::Service;
    let (simulator, client) = shop().await;
    simulator.add_rule(Rule::new("GET", "/v1/**", Action::Reset { when: When::Before }));
    let response = simulator.router().call(client.request("GET", PATH, None)).await.unwrap();
    assert_eq!(response.extensions().get::<Broken>(), Some(&Broken));
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn a_request_is_held_before_or_after_its_change_until_it_is_released() {
    for (when, during) in [(When::Before, vec![]), (When::After, vec![added(1)])] {
        let (simulator, client) = shop().await;
        let held = simulator.hold("POST", ANY, when);
        assert_eq!(held.gate.arrived(), 0);
        let waiting = client.clone();
        let request = tokio::spawn(async move { waiting.add(1).await.unwrap().status });
        held.gate.reached().await;
        assert_eq!((held.gate.arrived(), simulator.drains("shop")), (1, during));
        assert!(!request.is_finished());
        assert_eq!(client.get(PATH).await.status, 200, "others are not held");
        held.gate.release();
        assert_eq!(request.await.unwrap(), 201);
        assert_eq!(simulator.drains("shop"), [added(1)]);
        assert_eq!(client.add(2).await.unwrap().status, 201, "an open gate holds no one");
    }
}

#[tokio::test]
async fn a_held_change_is_made_after_its_client_was_killed_or_never() {
    for (release, drains) in [(true, vec![added(1)]), (false, vec![])] {
        let (simulator, client) = shop().await;
        let held = simulator.hold("POST", ANY, When::Before);
        let request = tokio::spawn(async move { client.add(1).await });
        held.gate.reached().await;
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());
        assert_eq!(simulator.drains("shop"), [""; 0]);
        if release {
            held.gate.release();
            simulator.until(|simulator| simulator.journal().last().unwrap().status == Some(201)).await;
        } else {
            held.gate.break_off();
            tokio::task::yield_now().await;
        }
        assert_eq!(simulator.drains("shop"), drains);
    }
}

#[tokio::test]
async fn a_removed_rule_holds_no_more_requests() {
    let (simulator, client) = shop().await;
    let held = simulator.hold("POST", ANY, When::Before);
    let waiting = client.clone();
    let request = tokio::spawn(async move { waiting.add(1).await });
    held.gate.reached().await;
    assert_eq!(simulator.rule_seen(held.rule), 1);
    simulator.remove_rule(held.rule);
    assert_eq!(client.add(2).await.unwrap().status, 201);
    held.gate.break_off();
    assert_eq!(request.await.unwrap().unwrap_err(), Broken);
    assert_eq!(simulator.drains("shop"), [added(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_late_change_comes_after_a_timeout_or_an_answer() {
    let (simulator, client) = shop().await;
    simulator.add_rule(post(Action::Late { milliseconds: 50_000, answer: None }).once());
    let gateway = Some(Answer::new(504, AnswerBody::Html));
    simulator.add_rule(post(Action::Late { milliseconds: 50_000, answer: gateway }).once());
    assert!(timeout(Duration::from_secs(30), client.add(1)).await.is_err());
    assert_eq!(client.add(2).await.unwrap().status, 504);
    assert_eq!(simulator.drains("shop"), [""; 0]);
    simulator.until(|simulator| simulator.drains("shop") == [added(1)]).await;
    simulator.until(|simulator| simulator.drains("shop") == [added(1), added(2)]).await;
}

#[tokio::test]
async fn too_many_requests_comes_with_and_without_retry_after() {
    let (simulator, client) = shop().await;
    simulator.add_rule(post(Action::too_many_requests(Some(7))).once());
    simulator.add_rule(post(Action::too_many_requests(None)).once());
    let with = client.add(1).await.unwrap();
    assert_eq!((with.status, with.headers["retry-after"].to_str().unwrap()), (429, "7"));
    let without = client.add(1).await.unwrap();
    assert_eq!((without.status, without.body.as_slice()), (429, &b"Retry later\n"[..]));
    assert!(!without.headers.contains_key("retry-after"));
    assert_eq!(simulator.drains("shop"), [""; 0]);
    assert_eq!(client.add(1).await.unwrap().status, 201);
}

async fn answered(client: &Client, answer: Answer) -> crate::Answered {
    client.simulator.clear_rules();
    client.simulator.add_rule(Rule::new("GET", ANY, Action::respond(answer)));
    client.get(PATH).await
}

#[tokio::test]
async fn answers_have_any_status_and_body() {
    let (_, client) = shop().await;
    let error = answered(&client, Answer::error(503, "down")).await;
    assert_eq!((error.status, error.json()), (503, json!({"error": "down"})));
    let html = answered(&client, Answer::new(502, AnswerBody::Html)).await;
    assert_eq!(
        (html.status, html.headers["content-type"].to_str().unwrap()),
        (502, "text/html; charset=utf-8")
    );
    assert!(html.body.starts_with(b"<html>"));
    let empty = answered(&client, Answer::new(500, AnswerBody::Empty)).await;
    assert_eq!((empty.status, empty.body.len()), (500, 0));
    let binary = answered(&client, Answer::new(200, AnswerBody::NotUtf8)).await;
    assert!(String::from_utf8(binary.body).is_err());
    let wrong = answered(&client, Answer::new(200, AnswerBody::WrongType)).await;
    assert!(wrong.json()["drains"].is_number());
    let huge = answered(&client, Answer::new(200, AnswerBody::Huge)).await;
    assert_eq!(huge.body.len(), 5 * 1024 * 1024);
    assert_eq!(huge.json()["drains"], json!([]));
    let payment = json!({"name": "trial", "error": "x", "url": "https://x"});
    let payment_required = answered(&client, Answer::new(402, AnswerBody::Json(payment.clone()))).await;
    assert_eq!((payment_required.status, payment_required.json()), (402, payment));
}

#[tokio::test]
async fn a_redirect_names_its_location() {
    let (simulator, client) = shop().await;
    simulator.add_rule(Rule::new("*", "/v1/**", Action::redirect("http://elsewhere.example/")));
    let answer = client.get(PATH).await;
    assert_eq!(
        (answer.status, answer.headers["location"].to_str().unwrap()),
        (302, "http://elsewhere.example/")
    );
}

#[tokio::test]
async fn an_answer_is_replaced_before_or_after_the_change() {
    let (simulator, client) = shop().await;
    simulator.add_rule(post(Action::respond(Answer::error(500, "x"))).once());
    assert_eq!(client.add(1).await.unwrap().status, 500);
    assert_eq!(simulator.drains("shop"), [""; 0]);
    simulator.add_rule(post(Action::respond_after(Answer::error(500, "x"))).once());
    assert_eq!(client.add(1).await.unwrap().status, 500);
    assert_eq!(simulator.drains("shop"), [added(1)]);
}

#[tokio::test]
async fn a_cut_body_is_shorter_than_it_says_and_the_change_was_made() {
    let (simulator, client) = shop().await;
    simulator.add_rule(Rule::new("*", ANY, Action::Cut));
    assert_eq!(client.add(1).await.unwrap_err(), Broken);
    assert_eq!(simulator.drains("shop"), [added(1)]);
    let cut = Answer::error(500, "x").cut();
    simulator.clear_rules();
    simulator.add_rule(Rule::new("*", ANY, Action::respond(cut)));
    assert_eq!(client.add(2).await.unwrap_err(), Broken);
    assert_eq!(simulator.drains("shop"), [added(1)]);
}

#[tokio::test]
async fn a_rule_fits_by_method_path_number_and_times() {
    let (simulator, client) = shop().await;
    simulator.add_app("other");
    let id = simulator.app_id("shop").unwrap();
    let teapot = || Action::respond(Answer::new(418, AnswerBody::Empty));
    simulator.add_rule(Rule::new("GET", PATH, teapot()).nth(2).times(2));
    let mut statuses = Vec::new();
    for path in
        [PATH, &format!("/v1/apps/{id}/log_drains"), "/v1/apps/other/log_drains", "/v1/apps/shop", PATH, PATH]
    {
        statuses.push(client.get(path).await.status);
    }
    assert_eq!(statuses, [200, 418, 200, 200, 418, 200]);
    assert_eq!(client.add(1).await.unwrap().status, 201, "another method");
    let paths = [PATH, "/v1/apps/shop", "/v1/apps", "/v1/events"];
    for (pattern, expected) in [
        ("/v1/apps/*/log_drains", [418, 200, 200, 200]),
        (&format!("/v1/apps/{id}"), [200, 418, 200, 200]),
        ("/v1/apps/**", [418, 418, 418, 200]),
        ("/v1/**", [418, 418, 418, 418]),
        ("/v1/*", [200, 200, 418, 418]),
    ] {
        simulator.clear_rules();
        simulator.add_rule(Rule::new("*", pattern, teapot()));
        let mut statuses = Vec::new();
        for path in paths {
            statuses.push(client.get(path).await.status);
        }
        assert_eq!(statuses, expected, "{pattern}");
    }
}
