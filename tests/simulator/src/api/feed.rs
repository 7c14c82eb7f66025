use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::Call;
use crate::destination::Refusal;
use crate::reply::Reply;
use crate::state::{Event, State};

const PER_PAGE: usize = 20;
const MOST_PER_PAGE: usize = 100;

/// `GET /v1/events`: those of all apps that the token sees.
pub(super) fn of_all(state: &State, label: &str, call: &Call, now: Timestamp) -> Result<Reply, Refusal> {
    let apps = state.token(label).and_then(|token| token.apps.as_ref());
    page(state, call, now, |event| apps.is_none_or(|apps| apps.contains(&event.app_id)))
}

/// `GET /v1/apps/:app/events`: those of one app, of the last `from` hours.
pub(super) fn of_app(state: &State, app_id: &str, call: &Call, now: Timestamp) -> Result<Reply, Refusal> {
    let hours = number(call, "from")?;
    let oldest = hours.and_then(|hours| {
        let hours = SignedDuration::from_hours(i64::try_from(hours).ok()?.min(1_000_000));
        now.checked_sub(hours).ok()
    });
    page(state, call, now, |event| event.app_id == app_id && oldest.is_none_or(|oldest| event.at >= oldest))
}

fn page(
    state: &State,
    call: &Call,
    now: Timestamp,
    wanted: impl Fn(&Event) -> bool,
) -> Result<Reply, Refusal> {
    let number = |name| number(call, name);
    let current = number("page")?.unwrap_or(1).max(1);
    let size = number("per_page")?.unwrap_or(PER_PAGE).clamp(1, MOST_PER_PAGE);
    let delay = SignedDuration::from_secs(i64::from(state.settings.event_delay_seconds));
    let hidden = &state.settings.events_hidden_for;
    let shown = |event: &&Event| {
        now.duration_since(event.at) >= delay
            && !hidden.contains(&event.app_id)
            && !hidden.contains(&event.app_name)
            && wanted(event)
    };
    let newest_first: Vec<&Event> =
        if state.settings.events { state.events.iter().rev().filter(shown).collect() } else { Vec::new() };
    let total = newest_first.len();
    let pages = total.div_ceil(size).max(1);
    let events: Vec<&Value> = newest_first
        .into_iter()
        .skip((current - 1).saturating_mul(size))
        .take(size)
        .map(|event| &event.json)
        .collect();
    let pagination = json!({
        "current_page": current,
        "next_page": (current < pages).then(|| current + 1),
        "prev_page": (current > 1).then(|| current - 1),
        "total_pages": pages,
        "total_count": total,
    });
    Ok(Reply::json(200, &json!({ "events": events, "meta": { "pagination": pagination } })))
}

fn number(call: &Call, name: &str) -> Result<Option<usize>, Refusal> {
    let Some(text) = call.parameter(name) else { return Ok(None) };
    match text.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(Refusal::new(Reply::error(400, "not a number"), format!("{name} is not a number"))),
    }
}
