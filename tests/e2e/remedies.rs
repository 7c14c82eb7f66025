//! What a person has to mend, or time: Secrets, API tokens, addons, a server that is down. Each is told with the
//! field and the object to look at, holds nobody else up, and needs no hand but the one that mends it.

use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::{
    duplicates::{URL, after_lists, papertrail, with},
    errors::{PERSON, TIME, assert_failing, assert_synced},
    world::{API_TOKEN, World},
};

fn datadog(name: &str) -> Value {
    json!({
        "app": name, "type": "datadog", "drainRegion": "eu",
        "tokenSecretRef": {"name": format!("{name}-secret"), "key": "value"},
    })
}

fn elk(name: &str) -> Value {
    json!({"app": name, "type": "elk", "urlSecretRef": {"name": format!("{name}-secret"), "key": "value"}})
}

fn own_token(name: &str) -> Value {
    let reference = json!({"name": format!("{name}-secret"), "key": "value"});
    with(papertrail(name), "apiTokenSecretRef", &reference)
}

/// What the Secret of a case holds under the key `value`.
enum First {
    NoSecret,
    NoKey,
    Bytes(&'static [u8]),
}

use First::{Bytes, NoKey, NoSecret};

/// The Secret `NAME-secret`.
fn give(world: &World, name: &str, first: &First) {
    let secret = format!("{name}-secret");
    let value = match first {
        NoSecret => return,
        NoKey => return world.secret(&secret, &[("another", "unrelated-value")]),
        Bytes(value) => *value,
    };
    if let Ok(text) = std::str::from_utf8(value) {
        return world.secret(&secret, &[("value", text)]);
    }
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, value);
    let manifest = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": secret, "namespace": world.namespace()}, "data": {"value": encoded},
    });
    world.try_kubectl(&["apply", "-f", "-"], Some(&manifest.to_string())).expect("a Secret");
}

/// What there is at first, what is said of it, and the value that mends it.
struct Case {
    name: &'static str,
    spec: fn(&str) -> Value,
    first: First,
    reason: &'static str,
    remedy: &'static str,
    message: &'static str,
    then: &'static str,
}

const LONG: [u8; 5000] = [b'x'; 5000];
const KEY: &str = "datadog-key-8d1f";
const LOGSTASH: &str = "https://shipper:logstash-pass-91c2@logstash.example.com";

const fn case(
    name: &'static str,
    spec: fn(&str) -> Value,
    first: First,
    said: (&'static str, &'static str, &'static str),
    then: &'static str,
) -> Case {
    let (reason, remedy, message) = said;
    Case { name, spec, first, reason, remedy, message, then }
}

/// What is said of a character that cannot be used, and how another API token is put there.
const CHARACTER: &str = ", and only visible ASCII characters can stand there: write it without that, and in a URL percent-encoded";
const COMMAND: &str = "; `kubectl create secret generic NAME-secret --namespace=NAMESPACE --from-file=value=/dev/stdin \
                       --dry-run=client --output=yaml | kubectl apply --filename=-` does it: paste the token, Enter, Ctrl-D";

/// `{key}` stands for `key value of Secret NAME-secret`, `{secret}` for `Secret NAME-secret`.
const CASES: [Case; 15] = [
    case(
        "no-secret",
        datadog,
        NoSecret,
        (
            "SecretNotFound",
            TIME,
            "spec.tokenSecretRef: {secret} is not there; this goes on by itself once you have put it there",
        ),
        KEY,
    ),
    case(
        "no-key",
        datadog,
        NoKey,
        (
            "SecretNotFound",
            TIME,
            "spec.tokenSecretRef: {secret} has no key value; this goes on by itself once you have put it there",
        ),
        KEY,
    ),
    case(
        "no-url",
        elk,
        NoSecret,
        (
            "SecretNotFound",
            TIME,
            "spec.urlSecretRef: {secret} is not there; this goes on by itself once you have put it there",
        ),
        LOGSTASH,
    ),
    case(
        "no-token",
        own_token,
        NoSecret,
        (
            "ApiTokenNotFound",
            TIME,
            "spec.apiTokenSecretRef: {secret} is not there; this goes on by itself once you have put it there",
        ),
        API_TOKEN,
    ),
    case(
        "no-token-key",
        own_token,
        NoKey,
        (
            "ApiTokenNotFound",
            TIME,
            "spec.apiTokenSecretRef: {secret} has no key value; this goes on by itself once you have put it there",
        ),
        API_TOKEN,
    ),
    case(
        "empty",
        datadog,
        Bytes(b""),
        ("Rejected", PERSON, "spec.tokenSecretRef: {key} is empty: put the value there"),
        KEY,
    ),
    case(
        "newline-only",
        datadog,
        Bytes(b"\n"),
        (
            "Rejected",
            PERSON,
            "spec.tokenSecretRef: {key} holds only line breaks and white space: put the value there",
        ),
        KEY,
    ),
    case(
        "control",
        datadog,
        Bytes(b"first-line\nsecond-line"),
        ("Rejected", PERSON, "spec.tokenSecretRef: {key} has a line break at position 11{character}"),
        KEY,
    ),
    case(
        "not-utf8",
        datadog,
        Bytes(b"secret\xff\x00secret"),
        (
            "Rejected",
            PERSON,
            "spec.tokenSecretRef: {key} has a byte that is not UTF-8 text at position 7{character}",
        ),
        KEY,
    ),
    case(
        "long",
        datadog,
        Bytes(&LONG),
        (
            "Rejected",
            PERSON,
            "spec.tokenSecretRef: {key} has 5000 bytes, and a value of more than 4096 is not used: put the credential \
             alone there",
        ),
        KEY,
    ),
    case(
        "token-empty",
        own_token,
        Bytes(b""),
        ("Rejected", PERSON, "spec.apiTokenSecretRef: {key} is empty: put the value there{command}"),
        API_TOKEN,
    ),
    case(
        "token-control",
        own_token,
        Bytes(b"tk-us-one\ntk-us-two"),
        (
            "Rejected",
            PERSON,
            "spec.apiTokenSecretRef: {key} has a line break at position 10{character}{command}",
        ),
        API_TOKEN,
    ),
    case(
        "url-none",
        elk,
        Bytes(b"shipper-pass-77aa-at-logstash"),
        (
            "Rejected",
            PERSON,
            "spec.urlSecretRef: {key} is not a URL such as https://user:password@elk.example.com",
        ),
        LOGSTASH,
    ),
    case(
        "url-space",
        elk,
        Bytes(b"https://shipper:pass-77aa word@logstash.example.com"),
        ("Rejected", PERSON, "spec.urlSecretRef: {key} has a space at position 26{character}"),
        LOGSTASH,
    ),
    case(
        "url-hostless",
        elk,
        Bytes(b"mailto:shipper-pass-77aa@logstash.example.com"),
        (
            "Rejected",
            PERSON,
            "spec.urlSecretRef: {key} is not a URL such as https://user:password@elk.example.com",
        ),
        LOGSTASH,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_are_missing_or_unusable_are_told_and_taken_up_once_they_are_not() {
    let world = World::new().await;
    world.is_secret("logstash-pass-91c2");
    for case in &CASES {
        world.simulator.add_app(case.name);
        give(&world, case.name, &case.first);
        world.apply(case.name, &(case.spec)(case.name));
    }
    world.start_operator();
    world.apply("healthy", &papertrail("shop-front"));
    let healthy = world.until_reason("healthy", "Synced").await;
    for case in &CASES {
        let message = case
            .message
            .replace("{key}", "key value of {secret}")
            .replace("{secret}", &format!("Secret {}-secret", case.name))
            .replace("{character}", CHARACTER)
            .replace("{command}", &COMMAND.replace("NAME-", &format!("{}-", case.name)))
            .replace("NAMESPACE", world.namespace());
        let object = world.until_reason(case.name, case.reason).await;
        assert_failing(&object, case.reason, case.remedy, &message);
        assert_eq!(object["status"]["drains"], Value::Null, "{}", case.name);
    }
    assert_eq!(world.get("healthy"), healthy, "it is not held up, nor written to");
    assert_eq!(world.writes().len(), 1, "nothing is asked for that is not known");
    let kinds = ["api_token_not_found", "secret_not_found", "secret_unusable"];
    world.metrics().await.assert_errors(&kinds);

    for case in &CASES {
        // As `kubectl create secret --from-file` leaves it: the line break is not part of the value.
        let text: &str = format!("{}\n", case.then).leak();
        give(&world, case.name, &Bytes(text.as_bytes()));
    }
    for case in &CASES {
        assert_synced(&world.until_reason(case.name, "Synced").await);
        let expected = match case.then {
            KEY => format!("datadog://{KEY}?region=eu"),
            LOGSTASH => LOGSTASH.to_owned(),
            _ => URL.to_owned(),
        };
        assert_eq!(world.simulator.drains(case.name), [expected], "{}", case.name);
    }
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_api_token_holds_up_nobody_elses_and_is_taken_up_when_it_is_restored() {
    const OTHERS: &str = "tk-us-e2e-b60d2c94e1f8";
    let world = World::running().await;
    world.simulator.add_token("other", OTHERS);
    world.secret("other-secret", &[("value", OTHERS)]);
    world.apply("mine", &papertrail("shop-front"));
    // The same app, with another token.
    world.apply("theirs", &with(with(own_token("other"), "app", &json!("shop-front")), "port", &json!(7514)));
    let mine = world.until_reason("mine", "Synced").await;
    let drains = world.until_reason("theirs", "Synced").await["status"]["drains"].clone();

    world.simulator.revoke_token("other");
    world.simulator.revoke_bearers("other");
    let refused = world.until_reason("theirs", "Unauthorized").await;
    let message =
        "Scalingo refuses the API token: unauthorized; look at the Secret that spec.apiTokenSecretRef names";
    assert_failing(&refused, "Unauthorized", PERSON, message);
    world.record("unauthorized", &refused);
    assert_eq!(refused["status"]["drains"], drains, "a refused token says nothing of the drain");
    after_lists(&world, 3).await;
    assert_eq!(world.get("mine"), mine);
    world.simulator.restore_token("other");
    assert_synced(&world.until_reason("theirs", "Synced").await);

    // A bearer token that is refused alone is renewed, and nobody hears of it.
    let version = world.get("theirs")["metadata"]["resourceVersion"].clone();
    world.simulator.revoke_bearers("other");
    world.simulator.revoke_bearers("operator");
    after_lists(&world, 6).await;
    assert_eq!(world.get("theirs")["metadata"]["resourceVersion"], version);
    assert_eq!(world.get("mine"), mine);

    world.simulator.set_limited("other", true);
    let message = "the user of the API token that spec.apiTokenSecretRef names may not manage the drains of this app: \
                   you are not allowed to do this; a collaborator with the limited role cannot";
    let refused = world.until_reason("theirs", "NotPermitted").await;
    assert_failing(&refused, "NotPermitted", PERSON, message);
    world.record("not-permitted", &refused);
    world.simulator.set_limited("other", false);
    assert_synced(&world.until_reason("theirs", "Synced").await);
    assert_eq!(world.simulator.changes().len(), 2, "both drains stood all the time");
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addon_that_is_missing_or_has_no_drains_is_told_and_taken_up() {
    const MISSING: &str = "ad-11111111-2222-4333-a444-555555555555";
    let world = World::running().await;
    let mailer = world.simulator.add_addon("shop-front", "mailer", false).expect("the app");
    world.apply("missing", &with(papertrail("shop-front"), "addon", &json!(MISSING)));
    world.apply("mailer", &with(papertrail("shop-front"), "addon", &json!(mailer)));
    world.apply("healthy", &papertrail("shop-front"));
    let message = format!(
        "spec.addon: app shop-front has no addon {MISSING}; its id is shown by `scalingo --app shop-front addons`"
    );
    let object = world.until_reason("missing", "AddonNotFound").await;
    assert_failing(&object, "AddonNotFound", PERSON, &message);
    world.record("addon-not-found", &object);
    let message = format!(
        "spec.addon: addon {mailer} does not support log drains: only databases do; name a database, or delete this LogDrain"
    );
    let object = world.until_reason("mailer", "AddonUnsupported").await;
    assert_failing(&object, "AddonUnsupported", PERSON, &message);
    world.record("addon-unsupported", &object);
    assert_synced(&world.until_reason("healthy", "Synced").await);

    world.simulator.add_addon_with_id("shop-front", "postgresql", true, MISSING).expect("the app");
    world.simulator.delete_addon("shop-front", &mailer).expect("the addon");
    world.simulator.add_addon_with_id("shop-front", "redis", true, &mailer).expect("the app");
    assert_synced(&world.until_reason("missing", "Synced").await);
    assert_synced(&world.until_reason("mailer", "Synced").await);
    for addon in [MISSING, mailer.as_str()] {
        assert_eq!(world.simulator.drains(("shop-front", addon)), [URL]);
    }
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_waited_for() {
    let world = World::new().await;
    // Bound and not listening: the port is refused, and nobody else gets it.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an option");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let address = socket.local_addr().expect("an address");
    let url = format!("http://{address}");
    world.start_operator_with(&["--api-url", &url, "--auth-url", &url]);
    world.apply("drain", &papertrail("shop-front"));
    let message = format!(
        "exchange failed: POST /v1/tokens/exchange: the request was not sent: connection refused (host {address}); this is \
         tried again by itself"
    );
    assert_failing(&world.until_reason("drain", "Unavailable").await, "Unavailable", TIME, &message);
    let server = world.simulator.serve(address).await.expect("the port");
    let synced = world.until_reason("drain", "Synced").await;
    assert_synced(&synced);

    drop(server);
    let down = world.until_reason("drain", "Unavailable").await;
    assert_eq!(down["status"]["drains"], synced["status"]["drains"]);
    let _server = world.simulator.serve(address).await.expect("the port");
    assert_synced(&world.until_reason("drain", "Synced").await);
    assert_eq!(world.simulator.changes().len(), 1);
    world.finish();
}
