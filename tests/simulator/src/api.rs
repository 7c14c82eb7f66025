//! The documented API: judging, answering, and the faults on the way.

mod authentication;
mod drains;
mod feed;

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use serde_json::{Value, json};

use crate::Simulator;
use crate::call::Call;
use crate::destination::Refusal;
use crate::gate::Verdict;
use crate::journal::Entry;
use crate::reply::{Broken, Reply};
use crate::rule::{Action, When};
use crate::state::{App, State};

pub(crate) async fn serve(simulator: Simulator, request: Request<Body>) -> Result<Response, Broken> {
    let call = Call::read(request).await.ok_or(Broken)?;
    let (sequence, limited, action) = arrive(&simulator, &call);
    simulator.notify();
    let reply = match (limited, action) {
        (Some(reply), _) => finish(&simulator, sequence, Ok(reply)),
        (None, None) => finish(&simulator, sequence, Ok(apply(&simulator, &call))),
        // Held up requests have their effect even if the client leaves, which drops this future.
        (None, Some(action)) => {
            let task = tokio::spawn(async move {
                let reply = carry_out(&simulator, &call, action).await;
                finish(&simulator, sequence, reply)
            });
            task.await.unwrap_or(Err(Broken))
        }
    };
    reply.map(Reply::into_response)
}

/// Writes the journal, counts against the limit and looks for a fault.
fn arrive(simulator: &Simulator, call: &Call) -> (u64, Option<Reply>, Option<Action>) {
    let now = simulator.now();
    let mut state = simulator.state();
    let sequence = state.next_sequence();
    let token = authentication::label(&state, &call.credential());
    let limit = state.over_limit(token.as_deref().unwrap_or_default(), now);
    let paths = spellings(&state, call);
    let action = if limit.is_none() {
        // A rule counts only what no earlier one took, so that rules of one request each follow one another.
        let mut fitting = state.rules.iter_mut().filter(|rule| rule.rule.fits(&call.method, &paths));
        fitting.find_map(|rule| rule.count().then(|| rule.rule.then.clone()))
    } else {
        None
    };
    let body = if state.keep_bodies { serde_json::from_slice(&call.body).ok() } else { None };
    state.journal.push(Entry {
        sequence,
        at: now,
        method: call.method.clone(),
        path: call.path.clone(),
        parameters: call.query.iter().map(|(name, _)| name.clone()).collect(),
        token,
        status: None,
        fault: action.as_ref().map(Action::name),
        server: call.server,
        body,
    });
    let limited = limit.map(|(limit, seconds)| {
        let mut reply = Reply::new(429, "text/plain", "Retry later\n");
        if limit.retry_after {
            reply.headers.push(("retry-after".to_owned(), seconds.to_string()));
        }
        reply
    });
    (sequence, limited, action)
}

/// The path as it was sent, and with the app's id and its name.
fn spellings(state: &State, call: &Call) -> Vec<String> {
    let mut paths = vec![call.path.clone()];
    if let [version, apps, key, rest @ ..] = call.segments.as_slice()
        && let Some(app) = state.app(key)
    {
        for key in [&app.id, &app.name] {
            let segments: Vec<&str> =
                [version, apps, key].into_iter().chain(rest).map(String::as_str).collect();
            paths.push(format!("/{}", segments.join("/")));
        }
    }
    paths
}

fn finish(simulator: &Simulator, sequence: u64, reply: Result<Reply, Broken>) -> Result<Reply, Broken> {
    let mut state = simulator.state();
    // From the end: a request that is answered came a short time ago.
    if let Some(entry) = state.journal.iter_mut().rev().find(|entry| entry.sequence == sequence) {
        entry.status = reply.as_ref().ok().map(|reply| reply.status);
    }
    drop(state);
    simulator.notify();
    reply
}

async fn carry_out(simulator: &Simulator, call: &Call, action: Action) -> Result<Reply, Broken> {
    let wait = |milliseconds| tokio::time::sleep(Duration::from_millis(milliseconds));
    match action {
        Action::Delay { when: When::Before, milliseconds } => {
            wait(milliseconds).await;
            Ok(apply(simulator, call))
        }
        Action::Delay { when: When::After, milliseconds } => {
            let reply = apply(simulator, call);
            simulator.notify();
            wait(milliseconds).await;
            Ok(reply)
        }
        Action::Reset { when } => {
            if when == When::After {
                apply(simulator, call);
            }
            Err(Broken)
        }
        Action::Hold { when, gate } => {
            let reply = (when == When::After).then(|| apply(simulator, call));
            simulator.notify();
            let gate = simulator.gate(&gate);
            match gate.pass().await {
                Verdict::BreakOff => Err(Broken),
                Verdict::Release => Ok(reply.unwrap_or_else(|| apply(simulator, call))),
            }
        }
        Action::Respond { when, answer } => {
            if when == When::After {
                apply(simulator, call);
            }
            Ok(answer.to_reply())
        }
        Action::Cut => {
            let mut reply = apply(simulator, call);
            reply.cut = true;
            if reply.body.is_empty() { Err(Broken) } else { Ok(reply) }
        }
        Action::Late { milliseconds, answer: Some(answer) } => {
            let (simulator, call) = (simulator.clone(), call.clone());
            tokio::spawn(async move {
                wait(milliseconds).await;
                apply(&simulator, &call);
                simulator.notify();
            });
            Ok(answer.to_reply())
        }
        Action::Late { milliseconds, answer: None } => {
            wait(milliseconds).await;
            apply(simulator, call);
            Err(Broken)
        }
    }
}

/// Answers as documented, and makes the change.
fn apply(simulator: &Simulator, call: &Call) -> Reply {
    let now = simulator.now();
    let mut state = simulator.state();
    route(&mut state, call, now).unwrap_or_else(|Refusal { reply, complaints }| {
        for text in complaints {
            state.complain(&call.method, &call.path, &text);
        }
        reply
    })
}

fn route(state: &mut State, call: &Call, now: jiff::Timestamp) -> Result<Reply, Refusal> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let Some((&"v1", path)) = segments.split_first() else { return Err(unknown_path()) };
    if path.iter().any(|segment| is_no_name(segment)) {
        return Err(unknown_path());
    }
    if let ("POST", ["tokens", "exchange"]) = (call.method.as_str(), path) {
        return authentication::exchange(state, call, now);
    }
    let known: &[&str] = match (call.method.as_str(), path) {
        ("GET", ["events"]) => &["page", "per_page"],
        ("GET", ["apps", _, "events"]) => &["page", "per_page", "from"],
        ("GET", ["users", "self"] | ["regions" | "apps"] | ["apps", _] | ["apps", _, "addons"])
        | ("GET" | "POST", ["apps", _, "log_drains"] | ["apps", _, "addons", _, "log_drains"]) => &[],
        ("DELETE", ["apps", _, "log_drains"] | ["apps", _, "addons", _, "log_drains"]) => &["url"],
        _ => return Err(unknown_path()),
    };
    let label = authentication::user(state, call, now)?;
    if let Some((name, _)) = call.query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        let text = format!("unknown parameter {}", name.chars().take(40).collect::<String>());
        return Err(Refusal::new(Reply::error(400, "unknown parameter"), text));
    }
    if call.method == "GET" && !call.body.is_empty() {
        let text = "a GET has a body";
        return Err(Refusal::new(Reply::error(400, text), text));
    }
    match path {
        ["users", "self"] => {
            let user =
                json!({ "id": "us-simulated", "username": label, "email": format!("{label}@example.com") });
            Ok(Reply::json(200, &json!({ "user": user })))
        }
        ["regions"] => Ok(regions(call)),
        ["apps"] => {
            let apps: Vec<Value> =
                state.apps.iter().filter(|app| sees(state, &label, app)).map(app_json).collect();
            Ok(Reply::json(200, &json!({ "apps": apps })))
        }
        ["events"] => feed::of_all(state, &label, call, now),
        ["apps", key, rest @ ..] => {
            let Some(app) = state.app(key).filter(|app| sees(state, &label, app)) else {
                return Ok(Reply::not_found("app"));
            };
            let id = app.id.clone();
            match rest {
                [] => Ok(Reply::json(200, &json!({ "app": app_json(app) }))),
                ["addons"] => Ok(addons(app)),
                ["events"] => feed::of_app(state, &id, call, now),
                ["addons", addon, _] => drains::answer(state, call, &label, &(&id, addon).into(), now),
                _ => drains::answer(state, call, &label, &(&id).into(), now),
            }
        }
        _ => Err(unknown_path()),
    }
}

fn unknown_path() -> Refusal {
    Refusal::new(Reply::error(404, "not found"), "unknown path or method")
}

/// No app or addon has such a name, so that a client that sends it has lost its way.
fn is_no_name(segment: &str) -> bool {
    matches!(segment, "" | "." | "..") || segment.contains(|c: char| c.is_control() || "/\\?#".contains(c))
}

fn sees(state: &State, label: &str, app: &App) -> bool {
    let apps = state.token(label).and_then(|token| token.apps.as_ref());
    apps.is_none_or(|apps| apps.contains(&app.id))
}

fn app_json(app: &App) -> Value {
    json!({
        "id": app.id, "name": app.name, "region": "osc-fr1", "status": "running",
        "project": { "id": "prj-simulated", "name": "default" },
    })
}

fn addons(app: &App) -> Reply {
    let addons = app.addons.iter().map(|addon| {
        json!({
            "id": addon.id, "app_id": app.id, "status": "running", "resource_id": format!("{}-1", app.name),
            "addon_provider": { "id": addon.provider, "name": addon.provider },
            "plan": { "name": "starter-512" },
        })
    });
    Reply::json(200, &json!({ "addons": addons.collect::<Vec<_>>() }))
}

fn regions(call: &Call) -> Reply {
    let host =
        call.headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let url = format!("http://{host}");
    let region = json!({
        "name": "osc-fr1", "display_name": "Simulated", "api": url, "database_api": url, "ssh": "", "default": true,
    });
    Reply::json(200, &json!({ "regions": [region] }))
}
