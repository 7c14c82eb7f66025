use jiff::Timestamp;
use serde_json::{Value, json};

use super::authentication::json_body;
use crate::call::Call;
use crate::destination::{Destination, Refusal};
use crate::reply::Reply;
use crate::settings::{DeleteForm, Duplicates, Hosts, UnheededDelete, UrlForm};
use crate::state::{Drain, State, Target};
use crate::url_form;

/// List, add and delete, for an app that exists, named by its id, or one of its addons.
pub(super) fn answer(
    state: &mut State,
    call: &Call,
    label: &str,
    target: &Target,
    now: Timestamp,
) -> Result<Reply, Refusal> {
    if state.token(label).is_some_and(|token| token.limited) {
        return Ok(Reply::json(
            403,
            &json!({ "error": "you are not allowed to do this", "code": "forbidden" }),
        ));
    }
    if let Some(id) = &target.addon {
        let app = state.app(&target.app);
        match app.and_then(|app| app.addons.iter().find(|addon| addon.id == *id)) {
            None => return Ok(Reply::not_found("addon")),
            Some(addon) if !addon.supports_drains => {
                return Ok(Reply::error(400, "This addon doesn't support log drains"));
            }
            Some(_) => {}
        }
    }
    match call.method.as_str() {
        "POST" => add(state, call, label, target, now),
        "DELETE" => delete(state, call, label, target, now),
        _ => Ok(list(state, target, now)),
    }
}

fn list(state: &mut State, target: &Target, now: Timestamp) -> Reply {
    state.lists += 1;
    let turns = state.lists;
    let listed = state.listed(target, now);
    let drains = listed.iter().map(|drain| {
        let url = if drain.reordered { url_form::reordered(&drain.url, turns) } else { drain.url.clone() };
        json!({ "app_id": target.app, "url": url })
    });
    Reply::json(200, &json!({ "drains": drains.collect::<Vec<Value>>() }))
}

fn add(
    state: &mut State,
    call: &Call,
    label: &str,
    target: &Target,
    now: Timestamp,
) -> Result<Reply, Refusal> {
    let (destination, complaints) = Destination::judge(&json_body(call)?, &state.settings.other_types)?;
    for text in complaints {
        state.complain(&call.method, &call.path, &text);
    }
    let reordered = *state.settings.url_form(&destination.drain_type) == UrlForm::Reordered;
    let url = url_form::write(&destination, &state.settings, &mut state.random);
    let documented = url_form::documented(&destination, Hosts::Canonical);
    let identity = url_form::documented(&destination, state.settings.hosts);
    let mut drains = state.drains(target).into_iter().flatten();
    let known = drains
        .find(|drain| drain.identity == identity || drain.is_named(&url))
        .map(|drain| drain.url.clone());
    let url = match (known, state.settings.duplicates) {
        (Some(_), Duplicates::Refused) => return Ok(duplicate(state.settings.duplicate_status)),
        (Some(url), Duplicates::Merged) => url,
        (None, _) | (Some(_), Duplicates::Accepted) => {
            let drain = Drain { url: url.clone(), documented, identity, reordered };
            state.add_drain(target, drain, Some(label), now);
            url
        }
    };
    let mut drain = json!({ "url": url });
    if state.settings.created_shows_app_id {
        drain["app_id"] = json!(target.app);
    }
    Ok(Reply::json(201, &json!({ "drain": drain })))
}

fn duplicate(status: u16) -> Reply {
    if status == 422 {
        Reply::json(422, &json!({ "errors": { "url": ["has already been taken"] } }))
    } else {
        Reply::error(status, "This log drain already exists")
    }
}

fn delete(
    state: &mut State,
    call: &Call,
    label: &str,
    target: &Target,
    now: Timestamp,
) -> Result<Reply, Refusal> {
    let (form, url) = named_url(call)?;
    let heeded = match form {
        DeleteForm::Body => state.settings.delete_by_body,
        DeleteForm::Query => state.settings.delete_by_query,
    };
    if !heeded {
        return Ok(match state.settings.unheeded_delete {
            UnheededDelete::Ignored => Reply::empty(204),
            UnheededDelete::Refused400 => Reply::error(400, "url is missing"),
            UnheededDelete::Refused422 => {
                Reply::json(422, &json!({ "errors": { "url": ["can't be blank"] } }))
            }
        });
    }
    let all = state.settings.delete_removes_all;
    match state.remove_drain(target, &url, all, Some(label), now) {
        None | Some(0) => Ok(Reply::not_found("log_drain")),
        Some(_) => Ok(Reply::empty(204)),
    }
}

/// The URL that a DELETE names, and how.
fn named_url(call: &Call) -> Result<(DeleteForm, String), Refusal> {
    let refuse = |text: &str| Err(Refusal::new(Reply::error(400, text), text));
    match (call.body.is_empty(), call.parameter("url")) {
        (true, None) => refuse("a DELETE without url"),
        (false, Some(_)) => refuse("a DELETE with both a body and a query"),
        (true, Some(_)) if call.query.len() > 1 => refuse("a DELETE with several urls"),
        (true, Some(url)) => Ok((DeleteForm::Query, url.to_owned())),
        (false, None) => {
            let body = json_body(call)?;
            let Some(object) = body.as_object() else { return refuse("the body is not an object") };
            if object.keys().any(|key| key != "url") {
                return refuse("the body has an unknown field besides url");
            }
            match object.get("url").and_then(Value::as_str) {
                Some(url) if !url.is_empty() => Ok((DeleteForm::Body, url.to_owned())),
                _ => refuse("url is not a text"),
            }
        }
    }
}
