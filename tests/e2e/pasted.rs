//! Values of Secrets as people paste them: what is meant is used, and what cannot be is refused without a word of it.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::{
    duplicates::{papertrail, with},
    errors::{PERSON, assert_failing, assert_synced},
    world::{API_TOKEN, World, ready},
};

const TOKEN: &str = "5e8f-pasted-token";

fn datadog(app: &str) -> Value {
    json!({
        "app": app, "type": "datadog", "drainRegion": "eu", "tokenSecretRef": {"name": app, "key": "value"},
    })
}

fn elk(app: &str) -> Value {
    json!({"app": app, "type": "elk", "urlSecretRef": {"name": app, "key": "value"}})
}

/// Applies a `LogDrain` on an app of its name, with a Secret of that name.
fn give(world: &World, name: &str, value: &str, spec: &Value) {
    world.simulator.add_app(name);
    world.secret(name, &[("value", value)]);
    world.apply(name, spec);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_used_without_what_was_pasted_around_it() {
    let world = World::running().await;
    let cases = [
        ("byte-order-mark", "\u{feff}", ""),
        ("space", "", " "),
        ("no-break-space", "\u{a0}", "\u{a0}"),
        ("zero-width-space", "", "\u{200b}"),
        ("ideographic-space", "", "\u{3000}\r\n\r\n"),
    ];
    world.is_secret(TOKEN);
    for (name, before, after) in cases {
        give(&world, name, &format!("{before}{TOKEN}{after}"), &datadog(name));
    }
    for (name, ..) in cases {
        assert_synced(&world.until_reason(name, "Synced").await);
        assert_eq!(world.simulator.drains(name), [format!("datadog://{TOKEN}?region=eu")], "{name}");
    }
    // Written without it: the same drain.
    world.secret("space", &[("value", TOKEN)]);
    world.apply("space", &with(datadog("space"), "deletionPolicy", &json!("Retain")));
    world.until_reason("space", "Synced").await;
    assert_eq!(world.simulator.changes().len(), cases.len());
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_cannot_be_meant_is_refused_and_one_that_may_be_is_added_with_a_warning() {
    let world = World::running().await;
    let character = "and only visible ASCII characters can stand there: write it without that, and in a URL percent-encoded";
    let long = "x".repeat(1024 * 1024);
    let cases = [
        ("inner-space", "5e8f-in ner", format!("has a space at position 8, {character}")),
        (
            "inner-zero",
            "5e8f-in\u{200b}ner",
            format!("has a zero-width character at position 8, {character}"),
        ),
        (
            "inner-nbsp",
            "\u{feff}5e8f-in\u{a0}ner",
            format!("has a no-break space at position 8, {character}"),
        ),
        ("accent", "5e8f-caf\u{e9}", format!("has a character outside of ASCII at position 9, {character}")),
        ("quotes", "\"5e8f-quoted\"", "stands in quotes: put it there without them".to_owned()),
        (
            "assignment",
            "DD_API_KEY=5e8f-assigned",
            "is a line such as KEY=value: put the value alone there".to_owned(),
        ),
        (
            "bearer",
            "Bearer 5e8f-bearer",
            "begins as a header does, such as with Bearer: put the credential alone there".to_owned(),
        ),
        (
            "scalingo",
            "tk-us-5e8f-not-of-the-service",
            "is an API token of Scalingo, which the service would see: put the token of the service there"
                .to_owned(),
        ),
        (
            "mebibyte",
            &long,
            "has 1048576 bytes, and a value of more than 4096 is not used: put the credential alone there"
                .to_owned(),
        ),
    ];
    for (name, value, _) in &cases {
        if *name == "mebibyte" {
            // An annotation of what was applied would be too long.
            world.simulator.add_app(name);
            let file = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), value).expect("it is written");
            let from = format!("--from-file=value={}", file.path().display());
            world.kubectl(&["create", "secret", "generic", name, &from]);
            world.apply(name, &datadog(name));
        } else {
            give(&world, name, value, &datadog(name));
        }
    }
    for part in ["5e8f-in", "5e8f-caf", "5e8f-quoted", "5e8f-assigned", "5e8f-bearer"] {
        world.is_secret(part);
    }
    for (name, _, said) in &cases {
        let object = world.until_reason(name, "Rejected").await;
        let message = format!("spec.tokenSecretRef: key value of Secret {name} {said}");
        assert_failing(&object, "Rejected", PERSON, &message);
        assert_eq!(world.simulator.drains(*name), Vec::<String>::new(), "{name}");
    }

    give(&world, "perhaps", "token=5e8f-perhaps", &datadog("perhaps"));
    world.is_secret("5e8f-perhaps");
    assert_synced(&world.until_reason("perhaps", "Synced").await);
    let told = [
        "Normal Added: added the drain datadog://***?region=eu",
        "Warning SuspiciousToken: spec.tokenSecretRef: key value of Secret perhaps is a line such as KEY=value; the drain was added \
         with it as it is; if logs do not arrive, put the value alone there",
    ];
    world.until_events("perhaps", &told).await;
    // Another look is no other event.
    world.apply("perhaps", &with(datadog("perhaps"), "deletionPolicy", &json!("Retain")));
    world.until_reason("perhaps", "Synced").await;
    world.until_events("perhaps", &told).await;
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_can_be_read_in_two_ways_is_refused_and_nothing_of_it_is_shown() {
    let world = World::new().await;
    let parts = ["shipper5e8f", "19283", "rest5e8f"];
    for part in parts {
        world.is_secret(part);
    }
    let good = "https://shipper5e8f:19283%2Frest5e8f@elk.example.com:9200/in";
    give(&world, "elk", good, &elk("elk"));
    world.start_operator();
    assert_synced(&world.until_reason("elk", "Synced").await);
    let message = "spec.urlSecretRef: key value of Secret elk is a URL that can be read in two ways: percent-encode its user and \
                   password (/ as %2F, ? as %3F, # as %23, \\ as %5C, @ as %40), and any @ behind the host";
    for delimiter in ["/", "?", "#", "\\", "@"] {
        let url = format!("https://shipper5e8f:19283{delimiter}rest5e8f@elk.example.com:9200/in");
        world.secret("elk", &[("value", &url)]);
        let refused = world.until_reason("elk", "Rejected").await;
        assert_failing(&refused, "Rejected", PERSON, message);
        assert_eq!(
            refused["status"]["drains"][0]["url"],
            Value::Null,
            "an earlier version might have shown it"
        );
        assert_eq!(world.simulator.drains("elk"), [good], "the former drain stays");
        world.secret("elk", &[("value", good)]);
        assert_synced(&world.until_reason("elk", "Synced").await);
    }
    world.delete_until_gone(&["logdrain", "elk"]);
    assert_eq!(world.simulator.changes().len(), 2, "added and deleted once");
    world.finish();
}

/// Types the command of a message, and then this text.
fn type_command(world: &World, message: &str, typed: &str) {
    let command = message.split('`').nth(1).expect("a command");
    let kubectl = world.plane.kubectl();
    let directory = Path::new(kubectl.get_program()).parent().expect("a directory");
    let mut shell = Command::new("sh");
    shell.args(["-ec", command]).stdin(Stdio::piped());
    shell.envs(kubectl.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PATH", format!("{}:/usr/bin:/bin", directory.display()));
    let status = block_in_place(|| {
        let mut child = shell.spawn().expect("a shell");
        child.stdin.take().expect("its input").write_all(typed.as_bytes()).expect("it reads");
        child.wait().expect("it ends")
    });
    assert!(status.success(), "{command}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_token_that_was_pasted_badly_is_refused_with_the_command_that_mends_it() {
    let world = World::running().await;
    let twice = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{API_TOKEN}\n"));
    world.is_secret(&twice);
    let cases = [
        ("quoted", format!("'{API_TOKEN}'"), "stands in quotes: put it there without them", false),
        (
            "twice",
            twice.clone(),
            "is encoded in base64 twice: put the value itself there; `kubectl create secret` and `stringData` encode it by \
             themselves",
            true,
        ),
    ];
    for (name, value, said, immutable) in cases {
        let reference = json!({"name": name, "key": "value"});
        let spec = with(papertrail(name), "apiTokenSecretRef", &reference);
        give(&world, name, &value, &spec);
        if immutable {
            world.kubectl(&["patch", "secret", name, "--type=merge", "--patch", r#"{"immutable":true}"#]);
            world.kubectl(&["annotate", "logdrain", name, "logs.scalingo.com/requestedAt=now"]);
        }
        let says = |object: &Value| {
            let message = ready(object)["message"].as_str().unwrap_or_default();
            message.contains(said) && message.contains("is immutable: ") == immutable
        };
        let refused = world.until(name, said, says).await;
        assert_eq!(ready(&refused)["reason"], "Rejected");
        let message = ready(&refused)["message"].as_str().expect("a message");
        let command = message.rsplit_once("; `kubectl create").expect("a command").1;
        type_command(&world, &format!("`kubectl create{command}"), &format!("{API_TOKEN}\n"));
        assert_synced(&world.until_reason(name, "Synced").await);
    }
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_secret_is_used_by_the_keys_of_its_type() {
    let world = World::running().await;
    let manifest = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/basic-auth",
        "metadata": {"name": "typed"}, "stringData": {"username": "someone", "password": TOKEN},
    });
    world.is_secret(TOKEN);
    world.try_kubectl(&["apply", "-f", "-"], Some(&manifest.to_string())).expect("a Secret");
    world.simulator.add_app("typed");
    world.apply("typed", &datadog("typed"));
    let message = "spec.tokenSecretRef: Secret typed has no key value; a Secret of type kubernetes.io/basic-auth has username and \
                   password: set spec.tokenSecretRef.key to the one that holds the value; this goes on by itself once you have \
                   put it there";
    assert_eq!(ready(&world.until_reason("typed", "SecretNotFound").await)["message"], message);
    world.apply(
        "typed",
        &with(datadog("typed"), "tokenSecretRef", &json!({"name": "typed", "key": "password"})),
    );
    assert_synced(&world.until_reason("typed", "Synced").await);
    assert_eq!(world.simulator.drains("typed"), [format!("datadog://{TOKEN}?region=eu")]);
    world.finish();
}
