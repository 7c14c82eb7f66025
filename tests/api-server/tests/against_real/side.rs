//! One of the two servers, and what has been seen of it.

use std::collections::BTreeMap;

use futures::{AsyncBufReadExt, TryStreamExt};
use http::{Request, header};
use http_body_util::BodyExt;
use kube::{Client, client::Body};
use serde_json::{Value, json};

use crate::compare::Transcript;
use crate::operation::{Change, Kind, Operation, Uid, Version};

const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const MERGE: &str = "application/merge-patch+json";
const KINDS: [Kind; 3] = [Kind::LogDrain, Kind::Secret, Kind::Lease];
/// Created last, so that a watch knows that it has seen everything.
const LAST: &str = "last";

pub struct Side {
    client: Client,
    namespace: String,
    /// The forms of each object, as answered.
    seen: BTreeMap<(Kind, String), Vec<Value>>,
    /// Versions of lists, per kind, from which watches begin.
    listed: BTreeMap<Kind, Vec<String>>,
    transcript: Transcript,
}

impl Side {
    pub fn new(client: Client, namespace: &str) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
            seen: BTreeMap::new(),
            listed: BTreeMap::new(),
            transcript: Transcript::default(),
        }
    }

    /// Makes the namespace, and notes where watches begin.
    pub async fn begin(&mut self) {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}});
        let (code, body) = self.ask("POST", "/api/v1/namespaces", "", &namespace).await;
        assert_eq!(code, 201, "{body}");
        for kind in KINDS {
            self.list(kind, false, Version::None).await;
        }
    }

    pub async fn perform(&mut self, operation: &Operation) {
        match *operation {
            Operation::Create { kind, name, first, second, version, uid, kept } => {
                let name = name_of(name);
                let mut object = template(kind, &name);
                change(&mut object, first, kind);
                change(&mut object, second, kind);
                if kept {
                    change(&mut object, Change::Finalizers(&["logs.scalingo.com/drain"]), kind);
                }
                if version {
                    object["metadata"]["resourceVersion"] = "1".into();
                }
                if uid {
                    change(&mut object, Change::Uid, kind);
                }
                let (code, body) = self.ask("POST", &self.path(kind, ""), "", &object).await;
                self.saw(kind, &name, code, &body);
                self.transcript.note(code, body);
            }
            Operation::Get { kind, name, metadata } => {
                let accept = if metadata { METADATA } else { "" };
                let (code, body) =
                    self.ask("GET", &self.path(kind, &name_of(name)), accept, &Value::Null).await;
                self.transcript.note(code, body);
            }
            Operation::List { kind, metadata, version } => self.list(kind, metadata, version).await,
            Operation::Patch { kind, name, change: wanted, version, status, metadata } => {
                let name = name_of(name);
                let latest = self.seen.get(&(kind, name.clone())).and_then(|seen| seen.last());
                let mut body = json!({});
                change(&mut body, if is_in_vain(wanted, latest) { Change::Nothing } else { wanted }, kind);
                if let Some(version) = self.version(kind, &name, version) {
                    body["metadata"]["resourceVersion"] = version;
                }
                let path = self.path(kind, &name) + if status { "/status" } else { "" };
                let accept = if metadata { METADATA } else { "" };
                let (code, body) = self.ask("PATCH", &path, accept, &body).await;
                if !metadata {
                    self.saw(kind, &name, code, &body);
                }
                self.transcript.note(code, body);
            }
            Operation::Replace { kind, name, first, second, version, uid, status } => {
                let name = name_of(name);
                let latest = self.seen.get(&(kind, name.clone())).and_then(|seen| seen.last());
                let mut object = latest.cloned().unwrap_or_else(|| template(kind, &name));
                object["metadata"].as_object_mut().unwrap().remove("managedFields");
                object["metadata"]["resourceVersion"] =
                    self.version(kind, &name, version).unwrap_or(Value::Null);
                match uid {
                    Uid::Right => {}
                    Uid::Wrong => change(&mut object, Change::Uid, kind),
                    Uid::None => object["metadata"]["uid"] = Value::Null,
                }
                for wanted in [first, second].into_iter().filter(|wanted| !is_in_vain(*wanted, latest)) {
                    change(&mut object, wanted, kind);
                }
                let path = self.path(kind, &name) + if status { "/status" } else { "" };
                let (code, body) = self.ask("PUT", &path, "", &object).await;
                self.saw(kind, &name, code, &body);
                self.transcript.note(code, body);
            }
            Operation::Delete { kind, name, uid, version } => {
                let name = name_of(name);
                let mut preconditions = json!({});
                if let Some(version) = self.version(kind, &name, version) {
                    preconditions["resourceVersion"] = version;
                }
                let latest = self.seen.get(&(kind, name.clone())).and_then(|seen| seen.last());
                match (uid, latest) {
                    (Uid::Right, Some(latest)) => preconditions["uid"] = latest["metadata"]["uid"].clone(),
                    (Uid::Wrong, _) => preconditions["uid"] = WRONG_UID.into(),
                    _ => {}
                }
                let empty = preconditions == json!({});
                let options = if empty { Value::Null } else { json!({"preconditions": preconditions}) };
                let (code, body) = self.ask("DELETE", &self.path(kind, &name), "", &options).await;
                self.saw(kind, &name, code, &body);
                self.transcript.note(code, body);
            }
        }
    }

    async fn list(&mut self, kind: Kind, metadata: bool, version: Version) {
        let accept = if metadata { METADATA_LIST } else { "" };
        // Not from version 0: what is in the real one's cache by now could not be told.
        let query = match version {
            Version::Latest => "",
            Version::Earlier => "?limit=500",
            Version::None => "?resourceVersion=&limit=500",
        };
        let path = format!("{}{query}", self.path(kind, ""));
        let (code, mut body) = self.ask("GET", &path, accept, &Value::Null).await;
        let metadata = body.as_object_mut().unwrap().remove("metadata").unwrap();
        let version = metadata["resourceVersion"].as_str().unwrap().to_owned();
        let newest = self.transcript.newest();
        assert!(version.parse::<u64>().unwrap() >= newest, "a list as of {version}, after {newest}");
        self.listed.entry(kind).or_default().push(version);
        self.transcript.note(code, body);
    }

    /// Watches each kind from each of its lists, to the end.
    pub async fn finish(mut self) -> Transcript {
        for kind in KINDS {
            let (code, body) = self.ask("POST", &self.path(kind, ""), "", &template(kind, LAST)).await;
            assert_eq!(code, 201, "{body}");
        }
        for kind in KINDS {
            for (number, version) in self.listed[&kind].clone().into_iter().enumerate() {
                let accept = if number % 2 == 0 { "" } else { METADATA };
                let query = format!("resourceVersion={version}");
                let is_last = |events: &[Value]| events.last().unwrap()["object"]["metadata"]["name"] == LAST;
                for event in self.watch(kind, &query, accept, is_last).await {
                    self.transcript.note(0, event);
                }
            }
        }
        for kind in KINDS {
            let (_, list) = self.ask("GET", &self.path(kind, ""), "", &Value::Null).await;
            let items = list["items"].as_array().unwrap().len();
            for (version, accept) in [("0", ""), ("", METADATA)] {
                let query = format!("resourceVersion={version}");
                let events = self.watch(kind, &query, accept, |events| events.len() == items).await;
                self.transcript.note_events(events);
            }
            let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
            let is_bookmark = |events: &[Value]| events.last().unwrap()["type"] == "BOOKMARK";
            let mut events = self.watch(kind, query, "", is_bookmark).await;
            let bookmark = events.last_mut().unwrap();
            assert!(bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true");
            // Which version that is depends on others, and how empty the rest is on the kind.
            *bookmark = Value::Null;
            self.transcript.note_events(events);
        }
        self.transcript
    }

    /// Both servers have been there for a while.
    pub async fn watch_the_forgotten(&mut self) {
        for event in self.watch(Kind::LogDrain, "resourceVersion=1", "", |_| true).await {
            self.transcript.note(0, event);
        }
    }

    pub async fn get_the_future(&mut self) {
        let future = "?resourceVersion=1000000000&resourceVersionMatch=NotOlderThan";
        let path = self.path(Kind::LogDrain, "") + future;
        let (code, body) = self.ask("GET", &path, "", &Value::Null).await;
        self.transcript.note(code, body);
    }

    async fn watch(
        &self,
        kind: Kind,
        query: &str,
        accept: &str,
        is_enough: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        let path = format!("{}?watch=true&{query}&timeoutSeconds=60", self.path(kind, ""));
        let mut request = Request::get(path).header(header::ACCEPT_ENCODING, "identity");
        if !accept.is_empty() {
            request = request.header(header::ACCEPT, accept);
        }
        let lines = self.client.request_stream(request.body(Vec::new()).unwrap()).await.unwrap().lines();
        futures::pin_mut!(lines);
        let mut events = Vec::new();
        while let Some(line) = lines.try_next().await.unwrap() {
            events.push(serde_json::from_str(&line).unwrap());
            if is_enough(&events) {
                break;
            }
        }
        events
    }

    async fn ask(&self, method: &str, path: &str, accept: &str, body: &Value) -> (u16, Value) {
        let content = if method == "PATCH" { MERGE } else { "application/json" };
        let mut request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, content);
        if !accept.is_empty() {
            request = request.header(header::ACCEPT, accept);
        }
        let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
        let response = self.client.send(request.body(Body::from(bytes)).unwrap()).await.unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes);
        (code, body.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&bytes))))
    }

    fn path(&self, kind: Kind, name: &str) -> String {
        let (group, plural) = match kind {
            Kind::LogDrain => ("apis/logs.scalingo.com/v1", "logdrains"),
            Kind::Secret => ("api/v1", "secrets"),
            Kind::Lease => ("apis/coordination.k8s.io/v1", "leases"),
        };
        let name = if name.is_empty() { String::new() } else { format!("/{name}") };
        format!("/{group}/namespaces/{}/{plural}{name}", self.namespace)
    }

    fn saw(&mut self, kind: Kind, name: &str, code: u16, body: &Value) {
        if code < 300 && body["kind"] != "Status" {
            self.seen.entry((kind, name.to_owned())).or_default().push(body.clone());
        }
    }

    fn version(&self, kind: Kind, name: &str, version: Version) -> Option<Value> {
        let seen = self.seen.get(&(kind, name.to_owned()))?;
        let back = match version {
            Version::None => return None,
            Version::Latest => 1,
            Version::Earlier => 2,
        };
        let form = seen.get(seen.len().checked_sub(back)?)?;
        Some(form["metadata"]["resourceVersion"].clone())
    }
}

const WRONG_UID: &str = "00000000-0000-4000-8000-000000000000";

fn name_of(name: u8) -> String {
    format!("object-{name}")
}

fn template(kind: Kind, name: &str) -> Value {
    match kind {
        Kind::LogDrain => json!({
            "apiVersion": "logs.scalingo.com/v1", "kind": "LogDrain", "metadata": {"name": name},
            "spec": {"app": "shop-front", "type": "syslog", "host": "logs.example.com", "port": 6514},
        }),
        Kind::Secret => json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {"key": "dmFsdWU="},
        }),
        Kind::Lease => json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name},
            "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15},
        }),
    }
}

/// The real server undoes it, but has by then noted in `managedFields` who tried, which makes a new version.
fn is_in_vain(wanted: Change, latest: Option<&Value>) -> bool {
    let deleting = latest.is_some_and(|latest| latest["metadata"].get("deletionTimestamp").is_some());
    matches!(wanted, Change::DeletionTimestamp) && deleting
}

fn change(object: &mut Value, change: Change, kind: Kind) {
    match change {
        Change::Nothing => {}
        Change::Content(number) => match (kind, number) {
            (Kind::LogDrain, 0) => object["spec"]["suspend"] = true.into(),
            (Kind::LogDrain, 1) => object["spec"]["apiTokenSecretRef"] = json!({"name": "other"}),
            (Kind::LogDrain, _) => object["spec"]["deletionPolicy"] = Value::Null,
            (Kind::Secret, 0) => object["data"]["other"] = "YQ==".into(),
            (Kind::Secret, 1) => object["stringData"] = json!({"key": "text"}),
            (Kind::Secret, _) if object.get("kind").is_some() => object["data"] = json!({}),
            (Kind::Secret, _) => object["data"] = json!({"key": null}),
            (Kind::Lease, number) => object["spec"]["holderIdentity"] = format!("holder-{number}").into(),
        },
        Change::Labels(number) => object["metadata"]["labels"]["label"] = format!("value-{number}").into(),
        Change::NoLabels => object["metadata"]["labels"] = Value::Null,
        Change::Finalizers(finalizers) => object["metadata"]["finalizers"] = json!(finalizers),
        Change::Status(number) => {
            if kind == Kind::LogDrain {
                object["status"]["observedGeneration"] = number.into();
            }
        }
        Change::ContentAndStatus(number) => {
            self::change(object, Change::Content(number), kind);
            self::change(object, Change::Status(number), kind);
        }
        Change::Unknown => {
            object["unknown"] = json!({"field": 1});
            object["metadata"]["unknown"] = json!({"field": 1});
        }
        Change::Uid => object["metadata"]["uid"] = WRONG_UID.into(),
        Change::Name => object["metadata"]["name"] = "another".into(),
        Change::DeletionTimestamp => object["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:00Z".into(),
        Change::Generation => object["metadata"]["generation"] = 17.into(),
        Change::Created => object["metadata"]["creationTimestamp"] = "2026-11-23T10:00:00Z".into(),
    }
}
