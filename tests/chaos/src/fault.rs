//! What goes wrong at Scalingo, as data.

use fastrand::Rng;
use scalingo_simulator::{Action, Answer, AnswerBody, Entry, Rule, When};

/// The rules of one random fault: some requests of one kind meet it.
pub fn random(random: &mut Rng) -> Vec<Rule> {
    const LIST: &[(&str, &str)] =
        &[("GET", "/v1/apps/*/log_drains"), ("GET", "/v1/apps/*/addons/*/log_drains")];
    let places: &[(&str, &str)] = match random.u8(..12) {
        0..5 => &[("POST", "/v1/apps/**")],
        5..8 => &[("DELETE", "/v1/apps/**")],
        8 => LIST,
        9 => &[("GET", "/v1/apps")],
        10 => &[("POST", "/v1/tokens/exchange")],
        _ => &[("*", "/v1/**")],
    };
    let action = action(random);
    let times = random.u32(1..4);
    places.iter().map(|(method, path)| Rule::new(method, path, action.clone()).times(times)).collect()
}

fn action(random: &mut Rng) -> Action {
    let html = |status| Answer::new(status, AnswerBody::Html);
    match random.u8(..20) {
        0 => Action::Reset { when: When::Before },
        1..4 => Action::Reset { when: When::After },
        4 => Action::Cut,
        5 => Action::Delay { when: When::Before, milliseconds: random.u64(50..2_000) },
        6 | 7 => Action::Delay { when: When::After, milliseconds: random.u64(50..2_000) },
        8 => Action::Late { milliseconds: random.u64(100..5_000), answer: None },
        9 | 10 => Action::Late { milliseconds: random.u64(100..30_000), answer: Some(html(504)) },
        // Without Retry-After nothing is sent for up to a minute.
        11 => Action::too_many_requests((random.u8(..8) > 0).then(|| random.u64(1..4))),
        12 => Action::respond(Answer::error(500, "internal")),
        13 => Action::respond_after(Answer::error(500, "internal")),
        14 => Action::respond(html(502)),
        15 => Action::respond_after(html(502)),
        16 => Action::respond(html(503)),
        17 => Action::respond(html(404)),
        18 => Action::respond(match random.u8(..2) {
            0 => Answer::error(401, "unauthorized"),
            _ => Answer::error(403, "forbidden"),
        }),
        _ => Action::respond_after(Answer::new(200, AnswerBody::WrongType)),
    }
}

/// What a request has met, for the summary.
pub fn met(entry: &Entry) -> Option<String> {
    let fault = entry.fault?;
    let status = || entry.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    Some(match fault {
        "respond before" => format!("{} instead", status()),
        "respond after" => format!("{} though done", status()),
        "late" => format!("done late, {}", status()),
        "reset before" => "connection reset".to_owned(),
        "reset after" => "connection reset though done".to_owned(),
        "cut" => "answer cut in the middle".to_owned(),
        other => other.to_owned(),
    })
}
