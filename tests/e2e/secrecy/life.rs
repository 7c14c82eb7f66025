//! A life with every type, and every failure in turn, in which Scalingo repeats the secrets that it was sent.

use std::fmt::Write as _;

use base64::Engine as _;
use control_plane::Supervised;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use scalingo_simulator::{Action, Answer, AnswerBody, Rule, UrlForm};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::{
    scene::LATER,
    world::{API_TOKEN, World, ready},
};

/// Statuses of refusals whose words are the API's own and for people.
pub const SHOWN_REFUSALS: [u16; 5] = [400, 402, 403, 409, 422];

/// What each drain meets when it is to be added, one after the other.
const FAULTS: [(&str, [u16; 2]); 9] = [
    ("appsignal", [422, 500]),
    ("betterstack", [400, 401]),
    ("datadog", [422, 403]),
    ("ovh-graylog", [409, 429]),
    ("papertrail", [503, 400]),
    ("syslog", [402, 500]),
    ("elk", [422, 409]),
    ("custom", [400, 500]),
    ("addon", [404, 403]),
];

const ADOPTED: &str = "s3cret-adopted:\"/+-9";
const SECOND_TOKEN: &str = "tk-us-e2e-second-7a61c5e0";

/// All states of these resources from now on.
pub fn watch(world: &World, kind: &str) -> Supervised {
    let mut command = world.plane.kubectl();
    command.args(["get", kind, "--watch", "--output=yaml", "--show-managed-fields"]);
    command.args(["--namespace", world.namespace()]);
    block_in_place(|| Supervised::spawn(&command)).expect("kubectl starts")
}

/// A secret that is written differently in every encoding.
fn odd(name: &str, generation: u32) -> String {
    format!("s3cret-{name}-{generation}/+:@\"%41?&=~x")
}

fn percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn url(generation: u32) -> String {
    let secret = percent(&odd("elk", generation));
    format!(
        "https://user-{generation}-of-elk:{secret}@elk.example.com:9200/path-{generation}-of-elk?key={secret}"
    )
}

/// The target of a drain: an app of its own, or an addon of that.
fn path(world: &World, name: &str) -> String {
    match name {
        "addon" => format!("/v1/apps/app-addon/addons/{}/log_drains", addon(world)),
        name => format!("/v1/apps/app-{name}/log_drains"),
    }
}

fn addon(world: &World) -> String {
    let all = world.simulator.all_drains();
    all.into_iter().find_map(|(target, _)| target.addon).expect("an addon")
}

fn drains(world: &World, name: &str) -> Vec<String> {
    match name {
        "addon" => world.simulator.drains(("app-addon", addon(world))),
        name => world.simulator.drains(format!("app-{name}").as_str()),
    }
}

fn spec(world: &World, name: &str) -> Value {
    let app = format!("app-{name}");
    let token = json!({"name": name, "key": "value"});
    let host = "logs.example.com";
    match name {
        "appsignal" => json!({"app": app, "type": name, "tokenSecretRef": token}),
        "betterstack" | "ovh-graylog" => {
            json!({"app": app, "type": name, "tokenSecretRef": token, "host": host})
        }
        "papertrail" => json!({"app": app, "type": name, "host": host, "port": 514}),
        "syslog" => json!({"app": app, "type": name, "tokenSecretRef": token, "host": host, "port": 6514}),
        "elk" => json!({"app": app, "type": name, "urlSecretRef": token}),
        "custom" => json!({
            "app": app, "type": name, "customType": "logtail", "tokenSecretRef": token, "host": host, "port": 6514,
            "drainRegion": "eu",
        }),
        "addon" => json!({
            "app": app, "addon": addon(world), "type": "datadog", "tokenSecretRef": token, "drainRegion": "eu",
        }),
        _ => json!({"app": app, "type": "datadog", "tokenSecretRef": token, "drainRegion": "eu"}),
    }
}

fn write_secret(world: &World, name: &str, generation: u32) {
    if name == "papertrail" {
        return;
    }
    let value = if name == "elk" { url(generation) } else { odd(name, generation) };
    world.secret(name, &[("value", &value)]);
    world.is_secret(&odd(name, generation));
}

/// The secret as an API might repeat it.
fn repeated(secret: &str, way: usize) -> String {
    match way % 5 {
        0 => secret.to_owned(),
        1 => percent(secret),
        2 => percent(secret).to_lowercase(),
        3 => base64::engine::general_purpose::STANDARD.encode(secret),
        _ => Value::from(secret).to_string(),
    }
}

fn refusal(status: u16, secrets: &[String], way: usize) -> Answer {
    let mut text = format!("refusal-{status}");
    for secret in secrets {
        let _ = write!(text, " {}", repeated(secret, way));
    }
    let body = match status {
        404 => AnswerBody::Json(json!({"resource": "app", "error": text})),
        402 => AnswerBody::Json(json!({"name": "x", "error": text, "url": text})),
        422 => AnswerBody::Json(json!({"errors": {"url": [text]}})),
        429 | 503 => AnswerBody::Text(format!("<html>{text}</html>")),
        _ => AnswerBody::Json(json!({"error": text, "code": text})),
    };
    Answer::new(status, body)
}

async fn until_synced(world: &World, name: &str) {
    let synced = |object: &Value| ready(object)["reason"] == "Synced";
    world.until_within(LATER, world.namespace(), name, "Synced", synced).await;
}

pub async fn live(world: &World) {
    prepare(world);
    for (name, _) in FAULTS {
        world.apply(name, &spec(world, name));
    }
    for (name, _) in FAULTS {
        until_synced(world, name).await;
    }
    rotate(world).await;
    meet_wrong_values(world).await;
    change_the_api_token(world).await;
    adopt_and_be_two(world).await;
    meet_other_forms(world).await;
    // They are kept, and searched: without a resource nothing would be shown of its token.
    world.metrics().await;
    delete(world).await;
}

fn prepare(world: &World) {
    world.secret("scalingo", &[("api_token", API_TOKEN)]);
    for (name, _) in FAULTS {
        world.simulator.add_app(&format!("app-{name}"));
    }
    world.simulator.add_addon("app-addon", "postgresql", true).expect("the app is there");
    for (way, (name, statuses)) in FAULTS.into_iter().enumerate() {
        write_secret(world, name, 1);
        let mut known = vec![API_TOKEN.to_owned()];
        match name {
            "papertrail" => {}
            "elk" => known.extend([url(1), odd(name, 1)]),
            name => known.push(odd(name, 1)),
        }
        for status in statuses {
            // A refused bearer token is renewed once.
            let times = if status == 401 { 2 } else { 1 };
            let action = Action::respond(refusal(status, &known, way));
            world.simulator.add_rule(Rule::new("POST", &path(world, name), action).times(times));
        }
    }
}

/// New secrets; the old drains cannot be deleted at first.
async fn rotate(world: &World) {
    for (way, (name, _)) in FAULTS.into_iter().enumerate().filter(|(_, (name, _))| *name != "papertrail") {
        let old = drains(world, name).pop().expect("a drain");
        world.is_secret(&old);
        let action = Action::respond(refusal(500, std::slice::from_ref(&old), way));
        world.simulator.add_rule(Rule::new("DELETE", &path(world, name), action).once());
        // The URL stands in no request for a list.
        let action = Action::respond(refusal(500, &[old], [0, 1, 2, 4][way % 4]));
        world.simulator.add_rule(Rule::new("GET", &path(world, name), action).once());
        write_secret(world, name, 2);
    }
    for (name, _) in FAULTS {
        let is_new =
            |urls: &[String]| urls.len() == 1 && !urls[0].contains("-1%2F") && !urls[0].contains("-1-");
        let replaced = || is_new(&drains(world, name));
        world.until_simulator(&format!("{name} replaced"), |_| replaced()).await;
        until_synced(world, name).await;
    }
}

/// Values of Secrets that cannot be used are not repeated in saying so.
async fn meet_wrong_values(world: &World) {
    let long = "s3cret-long".repeat(500);
    let wrong = [
        ("datadog", "s3cret-first-line\ns3cret-second-line"),
        ("datadog", long.as_str()),
        ("elk", "s3cret is not a url"),
        ("elk", "https://s3cret-user:s3cret pass word@elk.example.com"),
        ("elk", "s3cret-scheme:s3cret-path"),
        ("elk", "https://user:s3cret-port@elk.example.com:s3cret-port"),
        ("elk", "https://s3cret-user-of-elk:6514/s3cret-rest-of-elk@elk.example.com:9200/in"),
        ("elk", "https://s3cret-token-of-elk?s3cret-rest-of-elk@elk.example.com:9200/in"),
        ("datadog", "\"s3cret-in-quotes\""),
    ];
    for (name, value) in wrong {
        world.secret(name, &[("value", value)]);
        for part in
            value.split(['\n', ' ', ':', '@', '/', '?', '"']).filter(|part| part.starts_with("s3cret-"))
        {
            world.is_secret(part);
        }
        world.until_reason(name, "Rejected").await;
        write_secret(world, name, 2);
        until_synced(world, name).await;
    }
    let not_utf8 = json!({"data": {"value": base64::engine::general_purpose::STANDARD.encode(b"s3cret-\xff\xfe-bytes")}});
    world.kubectl(&["patch", "secret", "datadog", "--type=merge", "--patch", &not_utf8.to_string()]);
    world.until_reason("datadog", "Rejected").await;
    write_secret(world, "datadog", 2);
    until_synced(world, "datadog").await;
}

async fn change_the_api_token(world: &World) {
    world.secret("scalingo", &[("api_token", "tk-us-e2e-first-line\ntk-us-e2e-second-line")]);
    world.is_secret("tk-us-e2e-first-line");
    world.is_secret("tk-us-e2e-second-line");
    world.until_reason("datadog", "Rejected").await;
    let bearers = world.simulator.bearers("operator");
    assert!(!bearers.is_empty());
    for bearer in &bearers {
        world.is_secret(bearer);
    }
    world.simulator.revoke_bearers("operator");
    world.simulator.revoke_token("operator");
    let known = [bearers[0].clone(), API_TOKEN.to_owned()];
    let action = Action::respond(refusal(401, &known, 0));
    let rule = world.simulator.add_rule(Rule::new("POST", "/v1/tokens/exchange", action).times(3));
    world.secret("scalingo", &[("api_token", API_TOKEN)]);
    world.until_reason("datadog", "Unauthorized").await;
    world.simulator.remove_rule(rule);
    world.simulator.add_token("operator", SECOND_TOKEN);
    world.secret("scalingo", &[("api_token", SECOND_TOKEN)]);
    for (name, _) in FAULTS {
        until_synced(world, name).await;
    }
}

async fn adopt_and_be_two(world: &World) {
    world.simulator.add_app("app-adopted");
    world.secret("adopted", &[("value", ADOPTED)]);
    let adopted = format!("datadog://{}?region=eu", percent(ADOPTED));
    let foreign = "syslog://:s3cret-foreign@logs.example.com:1";
    world.is_secret("s3cret-foreign");
    for url in [adopted.as_str(), foreign] {
        world.simulator.add_drain_behind("app-adopted", url).expect("the app is there");
    }
    world.apply("adopted", &spec(world, "adopted"));
    until_synced(world, "adopted").await;
    world.apply("second", &spec(world, "adopted"));
    // Which of two that were created within one second owns the drain, their uids decide.
    let is_duplicate = |object: &Value| ready(object)["reason"] == "Duplicate";
    let either = |object: &Value| is_duplicate(object) || is_duplicate(&world.get("adopted"));
    world.until("second", "Duplicate, or its elder", either).await;
    assert_eq!(drains(world, "adopted"), [adopted.as_str(), foreign]);
    world.simulator.remove_drain_behind("app-adopted", &adopted).expect("it is there");
    world.until_simulator("the drain once more", |_| drains(world, "adopted").len() == 2).await;
}

/// URLs with the secrets where nobody expects them.
async fn meet_other_forms(world: &World) {
    let template = "x-{token}://{token}.{host}/{token}/{url}?{token}={drain_region}&r={token}#{token}";
    world.simulator.set(|settings| {
        settings.url_forms.insert("*".to_owned(), UrlForm::Template(template.to_owned()));
    });
    for (name, _) in FAULTS {
        let url = drains(world, name).pop().expect("a drain");
        let removed = match name {
            "addon" => world.simulator.remove_drain_behind(("app-addon", addon(world)), &url),
            name => world.simulator.remove_drain_behind(format!("app-{name}").as_str(), &url),
        };
        removed.expect("it is there");
    }
    for (name, _) in FAULTS {
        world.until_simulator(&format!("{name} once more"), |_| drains(world, name).len() == 1).await;
        until_synced(world, name).await;
        if name != "papertrail" {
            world.is_secret(&drains(world, name)[0]);
        }
    }
}

/// The URL goes into a query here, after a body was refused in words that repeat it.
async fn delete(world: &World) {
    world.simulator.set(|settings| settings.delete_by_body = false);
    for (way, (name, _)) in FAULTS.into_iter().enumerate() {
        let known = drains(world, name);
        for status in [503, 403] {
            let action = Action::respond(refusal(status, &known, way));
            world.simulator.add_rule(Rule::new("DELETE", &path(world, name), action).once());
        }
    }
    world.kubectl(&["delete", "logdrains", "--all", "--wait=false"]);
    for name in FAULTS.iter().map(|(name, _)| *name).chain(["adopted", "second"]) {
        world.until_within(LATER, world.namespace(), name, "gone", Value::is_null).await;
    }
    for (name, _) in FAULTS {
        assert_eq!(drains(world, name), Vec::<String>::new(), "{name}");
    }
    assert_eq!(drains(world, "adopted"), ["syslog://:s3cret-foreign@logs.example.com:1"]);
}
