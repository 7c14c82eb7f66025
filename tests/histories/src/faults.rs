//! What befalls requests to the Kubernetes API and to Scalingo, as steps ask for it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use in_memory_api_server::{Fault, RequestInfo, Verb};
use scalingo_simulator::{Action, Answer, AnswerBody, Rule, When};
use serde_json::json;

use crate::step::{KubernetesFault, Requests, ScalingoFault};

/// The faults that requests to the Kubernetes API will meet.
#[derive(Default)]
pub struct KubernetesFaults(Mutex<VecDeque<(KubernetesFault, u8)>>);

impl KubernetesFaults {
    /// So many requests meet this.
    pub fn add(&self, fault: KubernetesFault, times: u8) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back((fault, times));
    }

    /// No request meets anything.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What this request meets.
    pub fn take(&self, request: &RequestInfo) -> Option<Fault> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = faults.iter().position(|(fault, _)| fault.concerns(request))?;
        let (fault, left) = faults.get_mut(index)?;
        let fault = fault.befall();
        *left = left.saturating_sub(1);
        if *left == 0 {
            faults.remove(index);
        }
        Some(fault)
    }
}

impl KubernetesFault {
    fn concerns(self, request: &RequestInfo) -> bool {
        match self {
            Self::Unreachable | Self::Status(_) => true,
            // A list that is never answered would have to be given up by the client's read time-out (kube's
            // `Config::read_timeout`), which is part of the connection and not in these wires.
            Self::NeverAnswer => !matches!(request.verb, Verb::List | Verb::Watch),
            // Creation cannot meet one.
            Self::Conflict | Self::Forbidden => {
                matches!(request.verb, Verb::Update | Verb::Patch) && request.kind == "LogDrain"
            }
            Self::LoseAnswer | Self::NeverAnswerThoughMade | Self::Delay { .. } => {
                request.is_write() && matches!(request.kind.as_str(), "LogDrain" | "Lease")
            }
        }
    }

    fn befall(self) -> Fault {
        match self {
            Self::Unreachable => Fault::Unreachable,
            Self::Status(code) => Fault::Status(code),
            Self::Forbidden => Fault::Status(403),
            Self::Conflict => Fault::Conflict,
            Self::LoseAnswer => Fault::LoseAnswer,
            Self::NeverAnswer => Fault::NeverAnswer,
            Self::NeverAnswerThoughMade => Fault::NeverAnswerThoughMade,
            Self::Delay { seconds } => Fault::Delay(Duration::from_secs(seconds.into())),
        }
    }
}

impl ScalingoFault {
    /// The simulator's rules for it.
    #[must_use]
    pub fn rules(self, requests: Requests, times: u8) -> Vec<Rule> {
        let of_app;
        let places: &[(&str, &str)] = match requests {
            Requests::ListOf(app) => {
                of_app = format!("/v1/apps/{}/log_drains", app.names()[0]);
                &[("GET", of_app.as_str())]
            }
            Requests::Any => &[("*", "/v1/**")],
            Requests::List => &[("GET", "/v1/apps/*/log_drains"), ("GET", "/v1/apps/*/addons/*/log_drains")],
            Requests::Add => &[("POST", "/v1/apps/**")],
            Requests::Delete => &[("DELETE", "/v1/apps/**")],
            Requests::Apps => &[("GET", "/v1/apps")],
            Requests::Exchange => &[("POST", "/v1/tokens/exchange")],
        };
        let rule =
            |(method, path): &(&str, &str)| Rule::new(method, path, self.action()).times(u32::from(times));
        places.iter().map(rule).collect()
    }

    /// For the summary.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ResetBefore => "reset before",
            Self::ResetAfter => "reset after",
            Self::Cut => "cut body",
            Self::DelayBefore { .. } => "delayed",
            Self::DelayAfter { .. } => "answer delayed",
            Self::Late { .. } => "late, and never answered",
            Self::LateGateway { .. } => "late, after 504",
            Self::TooMany { .. } => "429",
            Self::Error500Before => "500",
            Self::Error500After => "500, though made",
            Self::Html502Before => "502 in HTML",
            Self::Html502After => "502 in HTML, though made",
            Self::Html503 => "503 in HTML",
            Self::Html404 => "404 in HTML",
            Self::Conflict409 => "409",
            Self::Locked423 => "423",
            Self::Html400 => "400 in HTML",
            Self::Html401 => "401 in HTML",
            Self::Html403 => "403 in HTML",
            Self::Html403After => "403 in HTML, though made",
            Self::LateHtml403 { .. } => "late, after 403 in HTML",
            Self::ForeignJson404 => "404 in foreign JSON",
            Self::Unauthorized => "401",
            Self::Forbidden => "403",
            Self::WrongTypeAfter => "200 that holds something else",
        }
    }

    fn action(self) -> Action {
        let milliseconds = |seconds: u8| u64::from(seconds) * 1000;
        let html = |status| Answer::new(status, AnswerBody::Html);
        match self {
            Self::ResetBefore => Action::Reset { when: When::Before },
            Self::ResetAfter => Action::Reset { when: When::After },
            Self::Cut => Action::Cut,
            Self::DelayBefore { seconds } => {
                Action::Delay { when: When::Before, milliseconds: milliseconds(seconds) }
            }
            Self::DelayAfter { seconds } => {
                Action::Delay { when: When::After, milliseconds: milliseconds(seconds) }
            }
            Self::Late { seconds } => Action::Late { milliseconds: milliseconds(seconds), answer: None },
            Self::LateGateway { seconds } => {
                Action::Late { milliseconds: milliseconds(seconds), answer: Some(html(504)) }
            }
            Self::TooMany { retry_after } => Action::too_many_requests(retry_after.map(u64::from)),
            Self::Error500Before => Action::respond(Answer::error(500, "internal")),
            Self::Error500After => Action::respond_after(Answer::error(500, "internal")),
            Self::Html502Before => Action::respond(html(502)),
            Self::Html502After => Action::respond_after(html(502)),
            Self::Html503 => Action::respond(html(503)),
            Self::Html404 => Action::respond(html(404)),
            Self::Conflict409 => Action::respond(Answer::error(409, "busy")),
            Self::Locked423 => Action::respond(Answer::error(423, "locked")),
            Self::Html400 => Action::respond(html(400)),
            Self::Html401 => Action::respond(html(401)),
            Self::Html403 => Action::respond(html(403)),
            Self::Html403After => Action::respond_after(html(403)),
            Self::LateHtml403 { seconds } => {
                Action::Late { milliseconds: milliseconds(seconds), answer: Some(html(403)) }
            }
            Self::ForeignJson404 => {
                let body = json!({"status": 404, "error": "Not Found", "path": "/"});
                Action::respond(Answer::new(404, AnswerBody::Json(body)))
            }
            Self::Unauthorized => Action::respond(Answer::error(401, "unauthorized")),
            Self::Forbidden => Action::respond(Answer::error(403, "forbidden")),
            Self::WrongTypeAfter => Action::respond_after(Answer::new(200, AnswerBody::WrongType)),
        }
    }
}
