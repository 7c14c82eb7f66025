//! Every way in which the API answers otherwise than it should: what the conditions then say, that nobody else is
//! held up, and that all is well again without a hand once the answers are.

use futures::future::join_all;
use scalingo_simulator::{Action, Answer, AnswerBody, Entry, Rule, When};
use serde_json::{Value, json};

use crate::{
    duplicates::papertrail,
    scene::LATER,
    world::{World, condition, ready},
};

pub const PERSON: &str = "Stalled";
pub const TIME: &str = "Reconciling";

/// What the message ends with where Scalingo refuses something.
const MEND: &str = "; mend what it names in the spec, in its Secret or at Scalingo";
/// And where a request failed.
const AGAIN: &str = "; this is tried again by itself";

/// And where a proxy or a firewall has answered.
const ELSEWHERE: &str =
    " (something else than the Scalingo API answered: check the proxy, the firewall and --api-url)";

/// One answer, and what is made of it. `{list}` and `{add}` in the message stand for the request; what to do follows from the reason.
struct Case {
    name: &'static str,
    action: Action,
    reason: &'static str,
    remedy: &'static str,
    message: &'static str,
}

fn case(
    name: &'static str,
    action: Action,
    reason: &'static str,
    remedy: &'static str,
    message: &'static str,
) -> Case {
    Case { name, action, reason, remedy, message }
}

fn elsewhere(name: &'static str, action: Action, answered: &str) -> Case {
    let message = format!("{{list}}answered {answered}{{elsewhere}}").leak();
    case(name, action, "Unavailable", TIME, message)
}

fn refuse(status: u16, text: &str) -> Action {
    Action::respond(Answer::error(status, text))
}

fn answer(status: u16, body: AnswerBody) -> Action {
    Action::respond(Answer::new(status, body))
}

fn fields() -> Action {
    let errors = json!({"errors": {"host": ["is not reachable", "is too long"], "port": ["is closed"]}});
    answer(422, AnswerBody::Json(errors))
}

fn payment() -> Action {
    let body =
        json!({"name": "payment", "error": "a payment method is needed", "url": "https://scalingo.com"});
    answer(402, AnswerBody::Json(body))
}

/// `Ready` is False for this reason, `remedy` is True, the other is absent, and all speak of this generation.
pub fn assert_failing(object: &Value, reason: &str, remedy: &str, message: &str) {
    let name = &object["metadata"]["name"];
    for (type_, status) in [("Ready", "False"), (remedy, "True")] {
        let condition = condition(object, type_);
        assert_eq!(condition["status"], status, "{name}: {type_}: {object:#}");
        assert_eq!(condition["reason"], reason, "{name}: {type_}");
        assert_eq!(condition["message"], message, "{name}: {type_}");
        assert_eq!(condition["observedGeneration"], object["metadata"]["generation"], "{name}: {type_}");
    }
    assert_eq!(object["status"]["conditions"].as_array().map(Vec::len), Some(2), "{name}: {object:#}");
    assert_eq!(object["status"]["observedGeneration"], object["metadata"]["generation"], "{name}");
}

/// `Ready` is True, alone.
pub fn assert_synced(object: &Value) {
    assert_eq!(object["status"]["conditions"].as_array().map(Vec::len), Some(1), "{object:#}");
    assert_eq!(ready(object)["status"], "True");
    assert_eq!(ready(object)["reason"], "Synced");
    assert_eq!(ready(object)["observedGeneration"], object["metadata"]["generation"]);
}

/// Each case on an app of its own, all at once, beside one that nothing happens to.
/// Errors of these kinds are counted.
async fn try_all(world: &World, method: &str, cases: &[Case], kinds: &[&str]) {
    for case in cases {
        world.simulator.add_app(case.name);
        let path = format!("/v1/apps/{}/log_drains", case.name);
        world.simulator.add_rule(Rule::new(method, &path, case.action.clone()));
        world.apply(case.name, &papertrail(case.name));
    }
    world.start_operator();
    world.apply("healthy", &papertrail("shop-front"));
    let healthy = world.until_reason("healthy", "Synced").await;
    for case in cases {
        let object = world.until_reason(case.name, case.reason).await;
        let id = world.simulator.app_id(case.name).expect("the app");
        let request = |operation, method| format!("{operation} failed: {method} /v1/apps/{id}/log_drains: ");
        let message = case
            .message
            .replace("{elsewhere}", ELSEWHERE)
            .replace("{host}", world.scalingo().trim_start_matches("http://"))
            .replace("{list}", &request("list_drains", "GET"))
            .replace("{add}", &request("add_drain", "POST"));
        let advice = match case.reason {
            "Rejected" => MEND,
            "Unavailable" if case.message.starts_with('{') => AGAIN,
            _ => "",
        };
        assert_failing(&object, case.reason, case.remedy, &(message + advice));
    }
    assert_eq!(world.get("healthy"), healthy, "it is not held up, nor written to");
    world.metrics().await.assert_errors(kinds);

    world.simulator.clear_rules();
    for case in cases {
        assert_synced(&world.until_reason(case.name, "Synced").await);
        assert_eq!(world.simulator.drains(case.name), ["tcp+tls://logs.example.com:6514"], "{}", case.name);
    }
    assert_eq!(world.simulator.changes().len(), cases.len() + 1, "each drain is added once, and none goes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_refused_is_told_and_mended_by_itself() {
    let world = World::new().await;
    let vanished = "app {app} was there a moment ago and is not found any more: looking for it again";
    let missing = |body| answer(404, AnswerBody::Json(body));
    let cases = [
        case("c400", refuse(400, "no such thing"), "Rejected", PERSON, "{list}answered 400: no such thing"),
        case(
            "c401",
            refuse(401, "go away"),
            "Unauthorized",
            PERSON,
            "Scalingo refuses the API token: go away; look at the Secret that spec.apiTokenSecretRef names",
        ),
        case("c402", payment(), "Rejected", PERSON, "{list}answered 402: a payment method is needed"),
        case(
            "c403",
            refuse(403, "not for you"),
            "NotPermitted",
            PERSON,
            "the user of the API token that spec.apiTokenSecretRef names may not manage the drains of this app: not \
             for you; a collaborator with the limited role cannot",
        ),
        case(
            "c404",
            missing(json!({"resource": "app", "error": "not found"})),
            "Unavailable",
            TIME,
            vanished.replace("{app}", "c404").leak(),
        ),
        case(
            "c404-bare",
            missing(json!({"error": "not found"})),
            "Unavailable",
            TIME,
            vanished.replace("{app}", "c404-bare").leak(),
        ),
        case("c409", refuse(409, "busy"), "Unavailable", TIME, "{list}answered 409: busy"),
        case("c423", refuse(423, "locked"), "Unavailable", TIME, "{list}answered 423: locked"),
        case("c425", refuse(425, "too early"), "Unavailable", TIME, "{list}answered 425: too early"),
        case("c408", refuse(408, "too late"), "Unavailable", TIME, "{list}answered 408: too late"),
        case(
            "c422",
            fields(),
            "Rejected",
            PERSON,
            "{list}answered 422: host: is not reachable, is too long; port: is closed",
        ),
        case(
            "c404-html",
            answer(404, AnswerBody::Html),
            "Unavailable",
            TIME,
            "{list}answered 404, and the body is HTML{elsewhere}",
        ),
        case(
            "c302",
            Action::redirect("https://elsewhere.example/"),
            "Unavailable",
            TIME,
            "{list}answered 302, and the body is empty{elsewhere}",
        ),
        elsewhere("c400-html", answer(400, AnswerBody::Html), "400, and the body is HTML"),
        elsewhere("c401-html", answer(401, AnswerBody::Html), "401, and the body is HTML"),
        elsewhere("c403-text", answer(403, AnswerBody::Text("access denied".into())), "403: access denied"),
        elsewhere(
            "c401-json",
            answer(401, AnswerBody::Json(json!({"error": {"code": 401, "message": "no"}}))),
            "401, and the body is not one of the documented errors",
        ),
        elsewhere(
            "c403-json",
            answer(403, AnswerBody::Json(json!({"error": "Forbidden", "statusCode": 403}))),
            "403, and the body is not one of the documented errors",
        ),
    ];
    let kinds = [
        "app_vanished",
        "scalingo_forbidden",
        "scalingo_refused",
        "scalingo_transient",
        "scalingo_unauthorized",
    ];
    try_all(&world, "GET", &cases, &kinds).await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_fails_is_told_and_mended_by_itself() {
    let world = World::new().await;
    let unavailable = |name, action, message| case(name, action, "Unavailable", TIME, message);
    let undocumented = "{list}answered 200, but the body is not what is documented";
    let of_a_proxy = "{list}answered 200, but the body is HTML, which a proxy or a firewall sends";
    let cases = [
        unavailable("c500", refuse(500, "boom"), "{list}answered 500: boom"),
        unavailable("c502", answer(502, AnswerBody::Html), "{list}answered 502, and the body is HTML"),
        unavailable(
            "c503",
            answer(503, AnswerBody::Text("down for maintenance".into())),
            "{list}answered 503: down for maintenance",
        ),
        unavailable("c504", answer(504, AnswerBody::Empty), "{list}answered 504, and the body is empty"),
        unavailable("html", answer(200, AnswerBody::Html), of_a_proxy),
        unavailable("empty", answer(200, AnswerBody::Empty), undocumented),
        unavailable("not-utf8", answer(200, AnswerBody::NotUtf8), undocumented),
        unavailable("wrong-type", answer(200, AnswerBody::WrongType), undocumented),
        unavailable("huge", answer(200, AnswerBody::Huge), "{list}answered 200, but the body is too large"),
        unavailable("cut", Action::Cut, "{list}answered 200, but the body was cut short"),
        unavailable(
            "c500-huge",
            answer(500, AnswerBody::Huge),
            "{list}answered 500, and the body is too large",
        ),
        unavailable(
            "c500-not-utf8",
            answer(500, AnswerBody::NotUtf8),
            "{list}answered 500, and the body is not text",
        ),
        unavailable(
            "reset",
            Action::Reset { when: When::Before },
            "{list}the connection broke before an answer came: closed by the other side (host {host})",
        ),
    ];
    try_all(&world, "GET", &cases, &["scalingo_protocol", "scalingo_transient"]).await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addition_that_is_refused_is_told_and_made_once_it_is_not() {
    let world = World::new().await;
    let cases = [
        case("c400", refuse(400, "no thanks"), "Rejected", PERSON, "Scalingo refuses the drain: no thanks"),
        case(
            "c401",
            refuse(401, "go away"),
            "Unauthorized",
            PERSON,
            "Scalingo refuses the API token: go away; look at the Secret that spec.apiTokenSecretRef names",
        ),
        case("c402", payment(), "Rejected", PERSON, "Scalingo refuses the drain: a payment method is needed"),
        case(
            "c403",
            refuse(403, "read only"),
            "NotPermitted",
            PERSON,
            "the user of the API token that spec.apiTokenSecretRef names may not manage the drains of this app: read \
             only; a collaborator with the limited role cannot",
        ),
        case("c409", refuse(409, "busy"), "Unavailable", TIME, "{add}answered 409: busy"),
        case("c423", refuse(423, "locked"), "Unavailable", TIME, "{add}answered 423: locked"),
        case(
            "c422",
            fields(),
            "Rejected",
            PERSON,
            "Scalingo refuses the drain: host: is not reachable, is too long; port: is closed",
        ),
        case("c500", refuse(500, "boom"), "Unavailable", TIME, "{add}answered 500: boom"),
        case("c503", refuse(503, "down"), "Unavailable", TIME, "{add}answered 503: down"),
    ];
    let kinds = ["scalingo_forbidden", "scalingo_refused", "scalingo_transient", "scalingo_unauthorized"];
    try_all(&world, "POST", &cases, &kinds).await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_429_nothing_is_sent_with_the_token_until_it_may_go_on() {
    let cases = [
        ("GET", Some(30), 30.0, true),
        ("POST", Some(30), 30.0, true),
        ("POST", Some(2), 2.0, false),
        ("GET", None, 60.0, true),
    ];
    let each = cases.map(|(method, asked, expected, is_told)| async move {
        let world = World::new().await;
        world.start_operator();
        world.apply("other", &papertrail("shop-api"));
        assert_synced(&world.until_reason("other", "Synced").await);
        let version = world.get("other")["metadata"]["resourceVersion"].clone();
        let path = "/v1/apps/shop-front/log_drains";
        world.simulator.add_rule(Rule::new(method, path, Action::too_many_requests(asked)).once());
        world.apply("limited", &papertrail("shop-front"));
        if is_told {
            let object = world.until_reason("limited", "RateLimited").await;
            let message = ready(&object)["message"].as_str().expect("a message").to_owned();
            assert_failing(&object, "RateLimited", TIME, &message);
            assert!(message.contains("; goes on at about 20"), "{message}");
            if (method, asked) == ("GET", Some(30)) {
                world.record("rate-limited", &object);
            }
        }
        let is_synced = |object: &Value| ready(object)["reason"] == "Synced";
        world.until_within(LATER, world.namespace(), "limited", "Synced", is_synced).await;

        let journal = world.simulator.journal();
        let place = journal.iter().position(|entry| entry.status == Some(429)).expect("a 429");
        let after = |entry: &Entry| entry.at.duration_since(journal[place].at).as_secs_f64();
        // A check of the other may have been on its way already, and nothing else.
        let others = world.simulator.app_id("shop-api").expect("the app");
        let on_its_way = journal[place + 1].path.contains(&others);
        let waited = after(&journal[place + 1 + usize::from(on_its_way)]);
        assert!(waited >= expected, "{method}, {asked:?}: waited {waited} s: {journal:#?}");
        assert_eq!(world.simulator.drains("shop-front").len(), 1);
        let other = world.get("other");
        assert_eq!(other["metadata"]["resourceVersion"], version, "nobody waits for a check: {other:#}");
        world.finish();
    });
    join_all(each).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_and_exchanges_that_fail_are_told_and_mended_by_themselves() {
    let apps = "list_apps failed: GET /v1/apps: ";
    let exchange = "exchange failed: POST /v1/tokens/exchange: ";
    let elsewhere = "and the body is HTML (something else than the Scalingo API answered: check the proxy, the firewall and";
    let at = |status: u16, option| format!("answered {status}, {elsewhere} {option})");
    let html = |status| answer(status, AnswerBody::Html);
    let exchange_path = "/v1/tokens/exchange";
    let cases = [
        ("GET", "/v1/apps", html(404), apps.to_owned() + &at(404, "--api-url")),
        ("GET", "/v1/apps", html(401), apps.to_owned() + &at(401, "--api-url")),
        ("POST", exchange_path, html(404), exchange.to_owned() + &at(404, "--auth-url")),
        ("POST", exchange_path, html(403), exchange.to_owned() + &at(403, "--auth-url")),
        (
            "GET",
            "/v1/apps",
            answer(503, AnswerBody::Empty),
            format!("{apps}answered 503, and the body is empty"),
        ),
        (
            "POST",
            "/v1/tokens/exchange",
            answer(200, AnswerBody::WrongType),
            format!("{exchange}answered 200, but the body is not what is documented"),
        ),
        (
            "POST",
            "/v1/tokens/exchange",
            answer(200, AnswerBody::Json(json!({"token": ""}))),
            format!("{exchange}answered 200, but the body holds no usable bearer token"),
        ),
    ];
    let each = cases.map(|(method, path, action, message)| async move {
        let world = World::new().await;
        world.apply("drain", &papertrail("shop-front"));
        world.simulator.add_rule(Rule::new(method, path, action));
        world.start_operator();
        let failing = world.until_reason("drain", "Unavailable").await;
        assert_failing(&failing, "Unavailable", TIME, &(message + AGAIN));
        world.simulator.clear_rules();
        assert_synced(&world.until_reason("drain", "Synced").await);
        assert_eq!(world.simulator.changes().len(), 1);
        world.finish();
    });
    for world in each {
        world.await;
    }
}
