use std::borrow::Cow;
use std::fmt;
use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use kube::{Client, client::Body};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    answer,
    call::Call,
    fault::{Fault, Hook, RequestInfo},
    journal::Entry,
    refusal::Refusal,
    server::Shared,
    write::Place,
};

pub(crate) type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// The way in of one process; a clone is the same way in.
///
/// What is said of requests holds for all clients made by [`client`](Self::client), those made before included.
#[derive(Clone)]
pub struct Connection {
    pub(crate) shared: Arc<Shared>,
    pub(crate) line: Arc<Line>,
}

pub(crate) struct Line {
    label: String,
    hook: Mutex<Hook>,
    pub ended: AtomicBool,
    pub paused: AtomicBool,
}

impl Connection {
    pub(crate) fn new(shared: Arc<Shared>, label: &str) -> Self {
        let hook: Hook = Arc::new(|_: &RequestInfo| Fault::None);
        let line = Line {
            label: label.to_owned(),
            hook: Mutex::new(hook),
            ended: AtomicBool::new(false),
            paused: AtomicBool::new(false),
        };
        Self { shared, line: Arc::new(line) }
    }

    /// A client with this default namespace. Must be called inside of a tokio runtime, as [`Client::new`] must.
    #[must_use]
    pub fn client(&self, namespace: &str) -> Client {
        let connection = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let connection = connection.clone();
            async move { connection.answer(request).await }
        });
        Client::new(service, namespace)
    }

    /// From now on this decides what befalls each request.
    pub fn set_faults(&self, hook: impl Fn(&RequestInfo) -> Fault + Send + Sync + 'static) {
        *self.line.hook.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(hook);
    }

    /// As when the process is gone: its watches end, and further requests fail. What is on its way still arrives.
    pub fn end(&self) {
        self.line.ended.store(true, Ordering::Relaxed);
        self.shared.wake();
    }

    /// While paused, watches stay open and silent, bookmarks and time-outs included; later they tell what was missed.
    pub fn pause_watches(&self, paused: bool) {
        self.line.paused.store(paused, Ordering::Relaxed);
        self.shared.wake();
    }

    async fn answer(&self, request: Request<Body>) -> Result<Answer, io::Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let call = {
            let state = self.shared.state();
            Call::parse(&state.store.definitions, &parts, &body)
        };
        match call {
            Ok(call) => self.befall(call).await,
            Err(refusal) => Ok(answer::refused(&refusal)),
        }
    }

    async fn befall(&self, call: Call) -> Result<Answer, io::Error> {
        if let Some(turns) = &self.shared.turns {
            turns.turn(self.name_turn(&call)).await;
        }
        let request = self.describe(&call);
        if self.line.ended.load(Ordering::Relaxed) {
            return Err(self.unreachable(request, Fault::Unreachable));
        }
        let hook = self.line.hook.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fault = hook(&request);
        match fault {
            Fault::None => Ok(self.handle(call, request, fault)),
            Fault::Delay(time) => {
                let connection = self.clone();
                let arrival = tokio::spawn(async move {
                    sleep(time).await;
                    connection.handle(call, request, fault)
                });
                arrival.await.map_err(io::Error::other)
            }
            Fault::DelayAnswer(time) => {
                let answer = self.handle(call, request, fault);
                sleep(time).await;
                Ok(answer)
            }
            Fault::Unreachable => Err(self.unreachable(request, fault)),
            Fault::Status(code) => Ok(self.refuse(request, fault, &Refusal::of_code(code))),
            Fault::Conflict => {
                let refusal = Refusal::modified(&call.place.definition, &call.place.name);
                Ok(self.refuse(request, fault, &refusal))
            }
            Fault::LoseAnswer => {
                drop(self.handle(call, request, fault));
                Err(io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer"))
            }
            Fault::NeverAnswer => {
                self.note(Entry { request, fault, handled: None, changed: false, answered: None });
                pending().await
            }
            Fault::NeverAnswerThoughMade => {
                drop(self.handle(call, request, fault));
                pending().await
            }
        }
    }

    /// Tells a request from others of the same instant, whoever is polled first.
    fn name_turn(&self, call: &Call) -> String {
        let Place { definition, namespace, name, .. } = &call.place;
        let (label, kind) = (&self.line.label, &definition.kind);
        let (name, body) = if kind == "Event" {
            without_time(name, &call.body)
        } else {
            (name.as_str(), Cow::Borrowed(&call.body))
        };
        format!("{label} {kind} {namespace} {name} {:?} {} {body}", call.verb, call.of_status)
    }

    fn describe(&self, call: &Call) -> RequestInfo {
        let mut state = self.shared.state();
        state.requests += 1;
        RequestInfo {
            number: state.requests,
            at: state.store.now(),
            client: self.line.label.clone(),
            verb: call.verb,
            kind: call.place.definition.kind.clone(),
            namespace: call.place.namespace.clone(),
            name: call.place.name.clone(),
            subresource: if call.of_status { "status".to_owned() } else { String::new() },
        }
    }

    fn handle(&self, call: Call, request: RequestInfo, fault: Fault) -> Answer {
        let before = self.shared.state().store.version;
        let answer = answer::answer(self, call);
        let changed = self.shared.state().store.version != before;
        let code = Some(answer.status().as_u16());
        let answered =
            if matches!(fault, Fault::LoseAnswer | Fault::NeverAnswerThoughMade) { None } else { code };
        if changed {
            self.shared.state().changes += 1;
            self.shared.wake();
        }
        self.note(Entry { request, fault, handled: code, changed, answered });
        answer
    }

    fn refuse(&self, request: RequestInfo, fault: Fault, refusal: &Refusal) -> Answer {
        let answered = Some(refusal.code);
        self.note(Entry { request, fault, handled: None, changed: false, answered });
        answer::refused(refusal)
    }

    fn unreachable(&self, request: RequestInfo, fault: Fault) -> io::Error {
        self.note(Entry { request, fault, handled: None, changed: false, answered: None });
        io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused")
    }

    fn note(&self, entry: Entry) {
        self.shared.state().journal.push(entry);
    }
}

/// An event's name and body without the wall clock's time, which kube's recorder writes into both.
fn without_time<'call>(name: &'call str, body: &'call Value) -> (&'call str, Cow<'call, Value>) {
    let mut body = body.clone();
    for (place, field) in [("", "eventTime"), ("/series", "lastObservedTime"), ("/metadata", "name")] {
        if let Some(fields) = body.pointer_mut(place).and_then(Value::as_object_mut) {
            fields.remove(field);
        }
    }
    (name.rsplit_once('.').map_or(name, |(object, _)| object), Cow::Owned(body))
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").field("label", &self.line.label).finish_non_exhaustive()
    }
}
