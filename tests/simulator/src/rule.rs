use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::reply::Reply;

const HUGE: usize = 5 * 1024 * 1024;

/// Which requests go wrong, and how.
///
/// Of several rules that fit a request the one added first is applied, and the later ones do not count that request:
/// rules that are applied once each follow one another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// HTTP method; any when absent.
    #[serde(default)]
    pub method: Option<String>,
    /// Path, in which `*` stands for one segment and a last `**` for any rest, also none. An app may be given by name or id,
    /// whichever the request uses.
    pub path: String,
    /// The first of the fitting requests that it is applied to, counted from 1 as of when the rule was added.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many requests it is applied to; all when absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// What then happens.
    pub then: Action,
}

fn one() -> u32 {
    1
}

impl Rule {
    /// Every request with this method (`*` for any) and path.
    #[must_use]
    pub fn new(method: &str, path: &str, then: Action) -> Self {
        let method = (method != "*").then(|| method.to_owned());
        Self { method, path: path.to_owned(), nth: 1, times: None, then }
    }

    /// From the nth fitting request on, counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u32) -> Self {
        self.nth = nth;
        self
    }

    /// For so many requests only.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// For one request only.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    pub(crate) fn fits(&self, method: &str, paths: &[String]) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && paths.iter().any(|path| fits_path(&self.path, path))
    }
}

fn fits_path(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        match (wanted, segments.next()) {
            ("**", _) => return true,
            (_, None) => return false,
            (wanted, Some(segment)) if wanted != "*" && wanted != segment => return false,
            _ => {}
        }
    }
    segments.next().is_none()
}

/// A rule and how many requests fitted it so far.
pub(crate) struct ActiveRule {
    pub(crate) id: u64,
    pub(crate) rule: Rule,
    pub(crate) seen: u32,
}

impl ActiveRule {
    /// Counts a request that fits, and says whether the rule applies to it.
    pub(crate) fn count(&mut self) -> bool {
        self.seen = self.seen.saturating_add(1);
        let first = u64::from(self.rule.nth.max(1));
        let end = self.rule.times.map(|times| first + u64::from(times));
        let seen = u64::from(self.seen);
        seen >= first && end.is_none_or(|end| seen < end)
    }
}

/// Whether a fault strikes before the request had its effect or after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Before: with a fault that is no mere delay, the request has no effect.
    #[default]
    Before,
    /// After: the request has had its effect.
    After,
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// The answer comes late. The change is made even if the client has gone meanwhile.
    Delay {
        /// Whether the wait comes before the change or after.
        #[serde(default)]
        when: When,
        /// How long.
        milliseconds: u64,
    },
    /// The connection breaks before any byte of the answer.
    Reset {
        /// Whether the change was made.
        #[serde(default)]
        when: When,
    },
    /// The request waits at a gate, see [`crate::Simulator::hold`].
    Hold {
        /// Whether it waits before the change or after.
        #[serde(default)]
        when: When,
        /// The gate's name, see [`crate::Simulator::gate`].
        gate: String,
    },
    /// Another answer than the true one.
    Respond {
        /// Whether the change was made.
        #[serde(default)]
        when: When,
        /// The answer.
        answer: Answer,
    },
    /// The true answer, of which only the first half is sent before the connection breaks.
    Cut,
    /// The change is made only after a while; until then the client sees `answer`, or nothing, and then a broken connection.
    Late {
        /// After how long the change is made.
        milliseconds: u64,
        /// What the client is told at once.
        #[serde(default)]
        answer: Option<Answer>,
    },
}

impl Action {
    /// This answer, and no change.
    #[must_use]
    pub fn respond(answer: Answer) -> Self {
        Self::Respond { when: When::Before, answer }
    }

    /// This answer, although the change was made.
    #[must_use]
    pub fn respond_after(answer: Answer) -> Self {
        Self::Respond { when: When::After, answer }
    }

    /// 429 `Retry later`, with or without `Retry-After` in seconds.
    #[must_use]
    pub fn too_many_requests(retry_after: Option<u64>) -> Self {
        let answer = Answer::new(429, AnswerBody::Text("Retry later\n".to_owned()));
        Self::respond(match retry_after {
            Some(seconds) => answer.header("retry-after", &seconds.to_string()),
            None => answer,
        })
    }

    /// A redirect to `location`.
    #[must_use]
    pub fn redirect(location: &str) -> Self {
        Self::respond(Answer::new(302, AnswerBody::Empty).header("location", location))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Delay { when: When::Before, .. } => "delay before",
            Self::Delay { when: When::After, .. } => "delay after",
            Self::Reset { when: When::Before } => "reset before",
            Self::Reset { when: When::After } => "reset after",
            Self::Hold { when: When::Before, .. } => "hold before",
            Self::Hold { when: When::After, .. } => "hold after",
            Self::Respond { when: When::Before, .. } => "respond before",
            Self::Respond { when: When::After, .. } => "respond after",
            Self::Cut => "cut",
            Self::Late { .. } => "late",
        }
    }
}

/// An answer that a fault gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers besides the content type.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Body.
    #[serde(default)]
    pub body: AnswerBody,
    /// Whether only half of the body is sent before the connection breaks.
    #[serde(default)]
    pub cut: bool,
}

impl Answer {
    /// An answer with no further headers.
    #[must_use]
    pub fn new(status: u16, body: AnswerBody) -> Self {
        Self { status, headers: Vec::new(), body, cut: false }
    }

    /// An error as the API writes it: `{"error": text}`.
    #[must_use]
    pub fn error(status: u16, text: &str) -> Self {
        Self::new(status, AnswerBody::Json(json!({ "error": text })))
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with its body cut in the middle.
    #[must_use]
    pub fn cut(mut self) -> Self {
        self.cut = true;
        self
    }

    pub(crate) fn to_reply(&self) -> Reply {
        let html = "text/html; charset=utf-8";
        let json_type = "application/json; charset=utf-8";
        let mut reply = match &self.body {
            AnswerBody::Empty => Reply::empty(self.status),
            AnswerBody::Json(value) => Reply::json(self.status, value),
            AnswerBody::Text(text) => Reply::new(self.status, "text/plain", text.clone()),
            AnswerBody::Html => {
                let page = format!(
                    "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>",
                    self.status
                );
                Reply::new(self.status, html, page)
            }
            AnswerBody::NotUtf8 => {
                Reply::new(self.status, json_type, Bytes::from_static(b"{\"error\":\"\xff\xfe\xc3(\"}"))
            }
            AnswerBody::WrongType => Reply::json(
                self.status,
                &json!({"drains": 7, "drain": [], "apps": "none", "addons": {}, "token": 1, "events": true}),
            ),
            AnswerBody::Huge => {
                let frame = r#"{"drains":[],"apps":[],"error":""}"#.len();
                let filling = "x".repeat(HUGE - frame);
                Reply::new(
                    self.status,
                    json_type,
                    format!(r#"{{"drains":[],"apps":[],"error":"{filling}"}}"#),
                )
            }
        };
        reply.headers.extend(self.headers.iter().cloned());
        reply.cut = self.cut;
        reply
    }
}

/// The body of an [`Answer`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerBody {
    /// None.
    #[default]
    Empty,
    /// This JSON.
    Json(Value),
    /// This text, as `text/plain`.
    Text(String),
    /// A page of HTML, as proxies send it.
    Html,
    /// Declared as JSON, and not UTF-8.
    NotUtf8,
    /// JSON with the documented names and values of the wrong types.
    WrongType,
    /// 5 MiB of JSON.
    Huge,
}
