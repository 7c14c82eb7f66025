//! What a real API server makes of the definition.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::Path,
    process::{Output, Stdio},
    sync::OnceLock,
    thread,
    time::Duration,
};

use control_plane::ControlPlane;
use logdrain_operator::crd::LogDrainStatus;
use serde_json::{Value, json};

use super::{cases, checker::Checker};

#[path = "server/frozen.rs"]
mod frozen;
#[path = "server/shown.rs"]
mod shown;

/// Longer than anything that is going to happen takes.
const SOON: Duration = Duration::from_secs(60);

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The control plane, with the definition of `crds/` served.
fn plane() -> &'static ControlPlane {
    static INSTALLED: OnceLock<&ControlPlane> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let plane = ControlPlane::shared().unwrap_or_else(|error| panic!("{error}"));
        plane.kubectl_ok(apply_definition(), None).unwrap_or_else(|error| panic!("{error}"));
        plane
            .kubectl_ok(
                ["wait", "--for=condition=Established", "--timeout=60s", "crd/logdrains.logs.scalingo.com"],
                None,
            )
            .unwrap_or_else(|error| panic!("{error}"));
        // The API is served a moment after it is established.
        plane
            .wait_until("logdrains to be served", SOON, || {
                Ok(plane.kubectl_ok(["get", "logdrains", "--all-namespaces"], None).is_ok())
            })
            .unwrap_or_else(|error| panic!("{error}"));
        plane
    })
}

fn apply_definition() -> [String; 4] {
    let file = repository().join("crds/logs.scalingo.com_logdrains.yaml");
    ["apply".to_owned(), "--server-side".to_owned(), "-f".to_owned(), file.to_string_lossy().into_owned()]
}

fn kubectl(arguments: &[&str], stdin: &str) -> String {
    plane().kubectl_ok(arguments, Some(stdin)).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

fn kubectl_json(arguments: &[&str]) -> Value {
    serde_json::from_str(&kubectl(&[arguments, &["-o", "json"]].concat(), "")).expect("JSON")
}

fn namespace() -> String {
    plane().namespace().unwrap_or_else(|error| panic!("{error}"))
}

fn manifest(name: &str, spec: &Value) -> String {
    json!({"apiVersion": "logs.scalingo.com/v1", "kind": "LogDrain", "metadata": {"name": name}, "spec": spec})
        .to_string()
}

/// `kubectl` with anything that it says and any way that it ends.
fn kubectl_output(arguments: &[&str], stdin: &str) -> Output {
    let mut child = plane()
        .kubectl()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    thread::scope(|scope| {
        scope.spawn(move || pipe.write_all(stdin.as_bytes()));
        child.wait_with_output().expect("kubectl ends")
    })
}

/// What `kubectl apply` answers to each spec: nothing where it is accepted, else what speaks against it.
///
/// Nothing is kept. One `kubectl` tries many specs, and several run at once: it takes seconds and not minutes.
fn answers(namespace: &str, specs: &[Value]) -> Vec<String> {
    thread::scope(|scope| {
        let chunks: Vec<_> = specs
            .chunks(specs.len().div_ceil(4))
            .map(|chunk| scope.spawn(move || answers_of_one(namespace, chunk)))
            .collect();
        chunks.into_iter().flat_map(|chunk| chunk.join().expect("no panic")).collect()
    })
}

fn answers_of_one(namespace: &str, specs: &[Value]) -> Vec<String> {
    let name = |index: usize| format!("case-{index:04}");
    let mut manifests = String::new();
    for (index, spec) in specs.iter().enumerate() {
        writeln!(manifests, "{}", manifest(&name(index), spec)).expect("memory");
    }
    let output =
        kubectl_output(&["apply", "--namespace", namespace, "--dry-run=server", "-f", "-"], &manifests);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    specs
        .iter()
        .enumerate()
        .map(|(index, spec)| {
            let name = name(index);
            let accepted = stdout.contains(&format!("/{name} created (server dry run)"));
            let refusal = stderr.split_once(&format!("{name:?} is invalid: ")).map(|(_, rest)| {
                rest.split("\nError from server").next().unwrap_or_default().trim().to_owned()
            });
            assert_ne!(accepted, refusal.is_some(), "{spec}: no clear answer\n{stdout}\n{stderr}");
            refusal.unwrap_or_default()
        })
        .collect()
}

#[test]
fn the_definition_is_accepted_and_stays_as_it_is() {
    let definition = || kubectl_json(&["get", "crd", "logdrains.logs.scalingo.com"]);
    let before = definition();
    let conditions = before["status"]["conditions"].as_array().expect("conditions");
    let status_of = |kind: &str| {
        conditions
            .iter()
            .find(|condition| condition["type"] == kind)
            .map(|condition| condition["status"].clone())
    };
    assert_eq!(status_of("Established"), Some("True".into()), "{conditions:?}");
    assert_eq!(status_of("NamesAccepted"), Some("True".into()), "{conditions:?}");
    assert_eq!(status_of("NonStructuralSchema"), None, "{conditions:?}");

    // What the server has added or changed would be a difference for ever to a tool that compares.
    let arguments = apply_definition();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = kubectl_output(&arguments, "");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(definition()["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
}

#[test]
fn every_type_with_every_subset_of_fields_gets_exactly_its_messages() {
    let cases = cases::types_and_fields();
    let specs: Vec<Value> = cases.iter().map(|case| case.spec.clone()).collect();
    for (case, answer) in cases.iter().zip(answers(&namespace(), &specs)) {
        let mut messages: Vec<&str> = answer
            .trim_matches(['[', ']'])
            .split(", ")
            .filter_map(|cause| cause.split_once(": "))
            .map(|(_, cause)| {
                cause
                    .strip_prefix("Forbidden: ")
                    .or_else(|| cause.strip_prefix("Required value: "))
                    .unwrap_or(cause)
            })
            .collect();
        messages.sort_unstable();
        assert_eq!(messages, case.messages, "{}: {answer}", case.spec);
    }
}

#[test]
fn good_values_are_accepted_and_bad_ones_are_answered_with_the_field() {
    let cases: Vec<(Value, Option<&str>)> = cases::values()
        .iter()
        .flat_map(|values| {
            let good = values.good.iter().map(|value| (values.spec_with(value), None));
            let bad = values.bad.iter().map(|value| (values.spec_with(value), Some(values.answer)));
            good.chain(bad).collect::<Vec<_>>()
        })
        .collect();
    let specs: Vec<Value> = cases.iter().map(|(spec, _)| spec.clone()).collect();
    for ((spec, expected), answer) in cases.iter().zip(answers(&namespace(), &specs)) {
        match expected {
            None => assert_eq!(answer, "", "{spec}"),
            Some(expected) => assert!(answer.contains(expected), "{spec}: {answer}"),
        }
    }
}

#[test]
fn what_people_get_wrong_is_answered_with_what_to_do() {
    let host = "spec.host must be a DNS name, an IPv4 address or an IPv6 address without brackets; \
                no scheme, port or path";
    let url = "spec.url must be a URL with a scheme and a host, such as https://logstash.example.com";
    let user = "spec.url may not hold '@': a URL with a password comes through urlSecretRef";
    let name = "spec.customType must be the name of a type at Scalingo, such as opensearch";
    let cases = [
        ("papertrail", "host", "https://logs.example.com", host),
        ("papertrail", "host", "logs.example.com:6514", host),
        ("papertrail", "host", "192.0.2.999", host),
        ("elk", "url", "logstash.example.com", url),
        ("elk", "url", "https://:8443/", url),
        ("elk", "url", "https://user:password@example.com", user),
        ("custom", "customType", "open search", name),
    ];
    let specs = cases.map(|(drain_type, field, value, _)| {
        let mut spec = cases::full_spec(drain_type);
        spec[field] = value.into();
        spec
    });
    for ((.., message), answer) in cases.iter().zip(answers(&namespace(), &specs)) {
        assert!(answer.contains(message), "{answer}");
    }
}

#[test]
fn app_and_type_must_be_there_and_unknown_fields_must_not() {
    let namespace = namespace();
    let answers = answers(&namespace, &[json!({"type": "elk"}), json!({"app": "shop-front"})]);
    assert!(answers[0].contains("spec.app: Required value"), "{}", answers[0]);
    assert!(answers[1].contains("spec.type: Required value"), "{}", answers[1]);

    let mut spec = cases::full_spec("datadog");
    spec["apiUrl"] = "https://elsewhere.example.com".into();
    let output = kubectl_output(&["apply", "-n", &namespace, "-f", "-"], &manifest("unknown", &spec));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && stderr.contains(r#"unknown field "spec.apiUrl""#), "{stderr}");
}

/// By the documents, ids want quotes.
#[test]
fn an_id_that_yaml_reads_as_a_number_is_refused_with_its_field_unless_it_is_quoted() {
    let namespace = namespace();
    let manifest = |app: &str| {
        format!(
            "apiVersion: logs.scalingo.com/v1\nkind: LogDrain\nmetadata: {{name: number}}\nspec:\n  app: {app}\n  \
             type: papertrail\n  host: logs.example.com\n  port: 6514\n"
        )
    };
    let digits = "512345678901234567890123";
    for (app, kind) in [("5e10", "integer"), ("12345", "integer"), (digits, "number")] {
        let output = kubectl_output(&["apply", "-n", &namespace, "-f", "-"], &manifest(app));
        let stderr = String::from_utf8_lossy(&output.stderr);
        let expected =
            format!("spec.app: Invalid value: \"{kind}\": spec.app in body must be of type string");
        assert!(!output.status.success() && stderr.contains(&expected), "{app}: {stderr}");
        kubectl(&["apply", "-n", &namespace, "-f", "-"], &manifest(&format!("\"{app}\"")));
        let there = kubectl_json(&["get", "logdrain", "number", "-n", &namespace]);
        assert_eq!(there["spec"]["app"], app);
    }
}

#[test]
fn the_type_may_be_changed_in_place() {
    let namespace = namespace();
    let types = [
        "datadog",
        "syslog",
        "elk",
        "papertrail",
        "custom",
        "ovh-graylog",
        "appsignal",
        "betterstack",
        "datadog",
    ];
    for (change, drain_type) in types.into_iter().enumerate() {
        let spec = cases::full_spec(drain_type);
        kubectl(&["apply", "-n", &namespace, "-f", "-"], &manifest("changing", &spec));
        let there = kubectl_json(&["get", "logdrain", "changing", "-n", &namespace]);
        assert_eq!(there["metadata"]["generation"], change + 1);
        for field in
            ["type", "customType", "tokenSecretRef", "host", "port", "drainRegion", "url", "urlSecretRef"]
        {
            assert_eq!(there["spec"][field], spec[field], "{field} of {drain_type}");
        }
    }
}

#[test]
fn defaults_are_filled_in() {
    let namespace = namespace();
    let get = |name: &str, api_token_secret_ref: Option<Value>| {
        let mut spec = cases::full_spec("datadog");
        if let Some(reference) = api_token_secret_ref {
            spec["apiTokenSecretRef"] = reference;
        }
        kubectl(&["apply", "-n", &namespace, "-f", "-"], &manifest(name, &spec));
        kubectl_json(&["get", "logdrain", name, "-n", &namespace])["spec"].clone()
    };
    let spec = get("bare", None);
    assert_eq!(spec["apiTokenSecretRef"], json!({"name": "scalingo", "key": "api_token"}));
    assert_eq!(spec["deletionPolicy"], "Delete");
    assert_eq!(spec["suspend"], false);
    for (name, given, expected) in [
        ("empty", json!({}), json!({"name": "scalingo", "key": "api_token"})),
        ("name", json!({"name": "other"}), json!({"name": "other", "key": "api_token"})),
        ("key", json!({"key": "other"}), json!({"name": "scalingo", "key": "other"})),
    ] {
        assert_eq!(get(name, Some(given))["apiTokenSecretRef"], expected, "{name}");
    }
}

#[test]
fn a_null_is_as_if_the_field_were_not_there() {
    let mut spec = cases::full_spec("datadog");
    for field in ["addon", "region", "host", "port", "url", "urlSecretRef", "deletionPolicy", "suspend"] {
        spec[field] = Value::Null;
    }
    assert_eq!(answers(&namespace(), &[spec]), [""]);
}

#[test]
fn a_status_is_held_to_its_bounds() {
    let namespace = namespace();
    kubectl(&["apply", "-n", &namespace, "-f", "-"], &manifest("bounded", &cases::full_spec("datadog")));
    let condition = |kind: &str, reason: &str| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": "",
            "lastTransitionTime": "2026-11-23T15:44:00Z",
        })
    };
    let drain = |state: &str| {
        json!({
            "region": "osc-fr1", "app": "shop-front", "appId": "5af97be7ff688d0001228ffb",
            "type": "datadog", "destinationDigest": "2b", "state": state,
        })
    };
    for (status, expected) in [
        (
            json!({"conditions": [condition("Ready", "Synced"), condition("Ready", "Synced")]}),
            "Duplicate value",
        ),
        (json!({"conditions": [condition("Ready", "not a reason")]}), "status.conditions[0].reason"),
        (json!({"conditions": [{"type": "Ready"}]}), "status.conditions[0].message: Required value"),
        (json!({"drains": [drain("Gone")]}), "status.drains[0].state: Unsupported value"),
        (json!({"drains": vec![drain("Active"); 65]}), "status.drains: Too many: 65"),
        (json!({"observedGeneration": -2}), "status.observedGeneration"),
    ] {
        let patch = json!({"status": status}).to_string();
        let output = kubectl_output(
            &[
                "patch",
                "ld",
                "bounded",
                "-n",
                &namespace,
                "--subresource=status",
                "--type=merge",
                "-p",
                &patch,
            ],
            "",
        );
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains(expected), "{patch}: {stderr}");
    }
}

#[test]
fn the_examples_are_accepted() {
    let examples = repository().join("examples");
    // A dry run makes no namespace that the other files could be in.
    plane().apply_path(&examples.join("secrets.yaml")).unwrap_or_else(|error| panic!("{error}"));
    let accepted = kubectl(&["apply", "--dry-run=server", "-f", &examples.to_string_lossy()], "");
    assert_eq!(accepted.matches("logdrain.logs.scalingo.com/").count(), 9, "{accepted}");
}
