//! The interface under `/_simulator`, for tests in other processes and for people. It is not judged, limited or journalled.

mod page;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::rule::Rule;
use crate::settings::Settings;
use crate::simulator::is_database;
use crate::state::{App, Drain, Target, redact};
use crate::{Simulator, Unknown};

/// What the paths of this interface begin with.
pub(crate) const PREFIX: &str = "/_simulator";

pub(crate) fn router(simulator: Simulator) -> Router {
    Router::new()
        .route(
            "/_simulator",
            get(|State(simulator): State<Simulator>| async move { Html(page::write(&simulator)) }),
        )
        .route("/_simulator/state", get(state))
        .route("/_simulator/journal", get(journal).delete(clear_journal))
        .route("/_simulator/changes", get(changes))
        .route("/_simulator/complaints", get(complaints))
        .route("/_simulator/settings", get(settings).post(change_settings))
        .route("/_simulator/app", post(add_app).delete(delete_app))
        .route("/_simulator/addon", post(add_addon).delete(delete_addon))
        .route("/_simulator/drain", post(add_drain).delete(delete_drain))
        .route("/_simulator/rename", post(rename))
        .route("/_simulator/token", post(add_token).delete(revoke_token))
        .route("/_simulator/rule", post(add_rule).delete(clear_rules))
        .route("/_simulator/gate", post(open_gate))
        .with_state(simulator)
}

/// What went wrong with a request to this interface.
enum Failure {
    Unreadable(String),
    Unknown(Unknown),
}

impl From<Unknown> for Failure {
    fn from(unknown: Unknown) -> Self {
        Self::Unknown(unknown)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Unreadable(text) => (StatusCode::BAD_REQUEST, text),
            Self::Unknown(unknown) => (StatusCode::NOT_FOUND, unknown.to_string()),
        };
        (status, Json(json!({ "error": text }))).into_response()
    }
}

/// Reads JSON whatever the content type, so that a plain `curl -d` will do.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::Unreadable(error.to_string()))
}

#[derive(Deserialize)]
struct Reveal {
    #[serde(default)]
    reveal: bool,
}

async fn state(State(simulator): State<Simulator>, Query(Reveal { reveal }): Query<Reveal>) -> Json<Value> {
    let state = simulator.state();
    let urls = |drains: &[Drain]| -> Vec<String> {
        drains.iter().map(|drain| if reveal { drain.url.clone() } else { redact(&drain.url) }).collect()
    };
    let of_app = |app: &App| {
        let addons = app.addons.iter().map(|addon| {
            json!({
                "id": addon.id, "provider": addon.provider, "supports_drains": addon.supports_drains,
                "drains": urls(&addon.drains),
            })
        });
        json!({ "id": app.id, "name": app.name, "drains": urls(&app.drains), "addons": addons.collect::<Vec<_>>() })
    };
    let apps: Vec<Value> = state.apps.iter().map(of_app).collect();
    Json(json!({ "apps": apps, "settings": state.settings, "now": simulator.now().to_string() }))
}

async fn journal(State(simulator): State<Simulator>, Query(Reveal { reveal }): Query<Reveal>) -> Json<Value> {
    let entries = simulator.journal().into_iter().map(|entry| {
        let mut json = json!(entry);
        if reveal && entry.body.is_some() {
            json["body"] = json!(entry.body);
        }
        json
    });
    Json(json!({ "journal": entries.collect::<Vec<_>>() }))
}

async fn clear_journal(State(simulator): State<Simulator>) -> StatusCode {
    simulator.clear_journal();
    StatusCode::NO_CONTENT
}

async fn changes(State(simulator): State<Simulator>, Query(Reveal { reveal }): Query<Reveal>) -> Json<Value> {
    let changes: Vec<Value> = simulator.changes().iter().map(|change| change.to_json(reveal)).collect();
    Json(json!({ "changes": changes }))
}

async fn complaints(State(simulator): State<Simulator>) -> Json<Value> {
    Json(json!({ "complaints": simulator.complaints() }))
}

async fn settings(State(simulator): State<Simulator>) -> Json<Settings> {
    Json(simulator.settings())
}

/// Takes the settings that are given and leaves the others.
async fn change_settings(State(simulator): State<Simulator>, body: Bytes) -> Result<Json<Settings>, Failure> {
    let given: serde_json::Map<String, Value> = read(&body)?;
    let mut all = json!(simulator.settings());
    for (name, value) in given {
        all[name] = value;
    }
    let changed: Settings =
        serde_json::from_value(all).map_err(|error| Failure::Unreadable(error.to_string()))?;
    simulator.set(|settings| *settings = changed.clone());
    Ok(Json(changed))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewApp {
    name: String,
    id: Option<String>,
}

async fn add_app(State(simulator): State<Simulator>, body: Bytes) -> Result<Response, Failure> {
    let NewApp { name, id } = read(&body)?;
    let id = if let Some(id) = id {
        simulator.add_app_with_id(&name, &id);
        id
    } else {
        simulator.add_app(&name)
    };
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppName {
    app: String,
}

async fn delete_app(State(simulator): State<Simulator>, body: Bytes) -> Result<StatusCode, Failure> {
    let AppName { app } = read(&body)?;
    simulator.delete_app(&app)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAddon {
    app: String,
    provider: String,
    supports_drains: Option<bool>,
}

async fn add_addon(State(simulator): State<Simulator>, body: Bytes) -> Result<Response, Failure> {
    let NewAddon { app, provider, supports_drains } = read(&body)?;
    let id =
        simulator.add_addon(&app, &provider, supports_drains.unwrap_or_else(|| is_database(&provider)))?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddonName {
    app: String,
    addon: String,
}

async fn delete_addon(State(simulator): State<Simulator>, body: Bytes) -> Result<StatusCode, Failure> {
    let AddonName { app, addon } = read(&body)?;
    simulator.delete_addon(&app, &addon)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DrainName {
    app: String,
    addon: Option<String>,
    url: Option<String>,
    /// Place in the list, from 0, instead of the URL.
    index: Option<usize>,
}

async fn add_drain(State(simulator): State<Simulator>, body: Bytes) -> Result<StatusCode, Failure> {
    let DrainName { app, addon, url, .. } = read(&body)?;
    let url = url.ok_or_else(|| Failure::Unreadable("url is missing".to_owned()))?;
    simulator.add_drain_behind(Target { app, addon }, &url)?;
    Ok(StatusCode::CREATED)
}

async fn delete_drain(State(simulator): State<Simulator>, body: Bytes) -> Result<StatusCode, Failure> {
    let DrainName { app, addon, url, index } = read(&body)?;
    let target = Target { app, addon };
    let url = match (url, index) {
        (Some(url), None) => url,
        (None, Some(index)) => {
            simulator.drains(target.clone()).get(index).cloned().ok_or(Unknown("drain"))?
        }
        _ => return Err(Failure::Unreadable("either url or index".to_owned())),
    };
    simulator.remove_drain_behind(target, &url)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renaming {
    app: String,
    name: String,
}

async fn rename(State(simulator): State<Simulator>, body: Bytes) -> Result<StatusCode, Failure> {
    let Renaming { app, name } = read(&body)?;
    simulator.rename_app(&app, &name)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    label: String,
    token: String,
}

async fn add_token(State(simulator): State<Simulator>, body: Bytes) -> Result<StatusCode, Failure> {
    let NewToken { label, token } = read(&body)?;
    simulator.add_token(&label, &token);
    Ok(StatusCode::CREATED)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenName {
    label: String,
}

/// Revokes the API token and its bearer tokens.
async fn revoke_token(State(simulator): State<Simulator>, body: Bytes) -> Result<StatusCode, Failure> {
    let TokenName { label } = read(&body)?;
    simulator.revoke_token(&label);
    simulator.revoke_bearers(&label);
    Ok(StatusCode::NO_CONTENT)
}

async fn add_rule(State(simulator): State<Simulator>, body: Bytes) -> Result<Response, Failure> {
    let rule: Rule = read(&body)?;
    let id = simulator.add_rule(rule);
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))).into_response())
}

async fn clear_rules(State(simulator): State<Simulator>) -> StatusCode {
    simulator.clear_rules();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GateName {
    gate: String,
    /// Break the connections instead.
    #[serde(default)]
    break_off: bool,
}

/// Lets the requests at a gate go on, and says how many had come there.
async fn open_gate(State(simulator): State<Simulator>, body: Bytes) -> Result<Json<Value>, Failure> {
    let GateName { gate, break_off } = read(&body)?;
    let gate = simulator.gate(&gate);
    if break_off {
        gate.break_off();
    } else {
        gate.release();
    }
    Ok(Json(json!({ "arrived": gate.arrived() })))
}
