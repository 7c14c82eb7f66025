//! Keeps what the operator really wrote as the data that health checks are tried with: `tests/gitops` reads it.

use std::{
    collections::{BTreeSet, HashMap},
    env, fs,
    path::{Path, PathBuf},
};

use regex::{Captures, Regex};
use serde_json::{Value, json};

use super::World;
use crate::emitted::assert_free_of;

/// Set to anything, the files are written instead of compared.
const WRITE: &str = "WRITE_TESTDATA";

/// What differs from run to run, and what stands for it. Where several can be told apart, a number takes the place of `#`.
const CHANCE: [(&str, &str); 6] = [
    (r"\btest-[0-9]+\b", "shop"),
    (r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z", "2026-11-23T12:00:00Z"),
    (r"\bv1:[0-9a-f]{32}\b", "v1:0000000000000000000000000000000#"),
    (r"\bad-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ad-00000000-0000-4000-8000-00000000000#"),
    (r"\b[0-9a-f]{24}\b", "5af97be7ff688d000122800#"),
    (r#""secretVersion":"[0-9]+""#, r#""secretVersion":"48211""#),
];

impl World {
    /// Compares an object, but for what is chance in it, with the file of this name.
    pub fn record(&self, name: &str, object: &Value) {
        let text = serde_saphyr::to_string(&normalised(object)).expect("YAML");
        assert_free_of(&self.secrets.borrow(), &[(name.to_owned(), text.clone())]);
        let path = testdata().join(format!("{name}.yaml"));
        if env::var_os(WRITE).is_some() {
            fs::write(&path, text).expect("the file is written");
            return;
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            text,
            kept,
            "{} is not what the operator writes; {WRITE}=1 writes it anew",
            path.display()
        );
    }
}

fn testdata() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("deploy/argocd/resource_customizations/logs.scalingo.com/LogDrain/testdata")
}

/// The object with nothing in it that another run would have otherwise.
fn normalised(object: &Value) -> Value {
    let mut object = object.clone();
    let metadata = object["metadata"].as_object_mut().expect("an object of Kubernetes");
    metadata.insert("uid".into(), json!("00000000-0000-4000-8000-000000000000"));
    metadata.insert("resourceVersion".into(), json!("1000"));
    metadata.remove("managedFields");
    // It says the spec a second time, and only where kubectl has applied it.
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    let mut text = object.to_string();
    for (pattern, stand_in) in CHANCE {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let pattern = Regex::new(pattern).expect("a pattern");
        let replaced = pattern.replace_all(&text, |found: &Captures<'_>| {
            let next = seen.len() + 1;
            let number = *seen.entry(found[0].to_owned()).or_insert(next);
            stand_in.replace('#', &format!("{number:x}"))
        });
        text = replaced.into_owned();
    }
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn what_is_chance_is_taken_out_and_what_can_be_told_apart_stays_apart() {
    let [digest, other] = ["v1:9c56cc51b374c3ba189210d5b6d4bf57", "v1:c3ab8ff13720e8ad9047dd39466b3c89"];
    let object = json!({
        "metadata": {
            "name": "drain", "namespace": "test-7", "uid": "5c1d", "resourceVersion": "433", "generation": 2,
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
            "creationTimestamp": "2025-01-02T03:04:05Z",
        },
        "status": {
            "message": "LogDrain test-7/older; goes on at about 2025-01-02T03:04:05Z",
            "digests": [digest, other, digest],
            "appId": "abcdefabcdefabcdefabcdef",
            "secretVersion": "433",
        },
    });
    let expected = json!({
        "metadata": {
            "name": "drain", "namespace": "shop", "uid": "00000000-0000-4000-8000-000000000000",
            "resourceVersion": "1000", "generation": 2, "creationTimestamp": "2026-11-23T12:00:00Z",
        },
        "status": {
            "message": "LogDrain shop/older; goes on at about 2026-11-23T12:00:00Z",
            "digests": [
                "v1:00000000000000000000000000000001", "v1:00000000000000000000000000000002",
                "v1:00000000000000000000000000000001",
            ],
            "appId": "5af97be7ff688d0001228001",
            "secretVersion": "48211",
        },
    });
    assert_eq!(normalised(&object), expected);
}

/// All that the tests of this directory and those below say, in Rust.
fn sources(directory: &Path) -> String {
    let entries = fs::read_dir(directory).expect("the tests").map(|entry| entry.expect("an entry").path());
    let texts = entries.map(|path| match path.extension() {
        None => sources(&path),
        Some(_) => fs::read_to_string(&path).expect("a text"),
    });
    texts.collect()
}

#[test]
fn each_file_is_recorded_by_one_test_and_nothing_is_kept_that_none_records() {
    let sources = sources(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/e2e"));
    let call = Regex::new(r#"\.record\(\s*"([^"]+)""#).expect("a pattern");
    let recorded: Vec<&str> = call.captures_iter(&sources).map(|found| found.extract::<1>().1[0]).collect();
    let names: BTreeSet<String> = recorded.iter().map(|name| format!("{name}.yaml")).collect();
    assert_eq!(names.len(), recorded.len(), "two tests write the same file: {recorded:?}");
    let kept = fs::read_dir(testdata()).expect("the recorded objects");
    let kept: BTreeSet<String> =
        kept.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(names, kept);
}
