//! What the simulator promises to the tests that rely on it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admin;
mod authentication;
mod binary;
mod drains;
mod faults;
mod feed;
mod journal;
mod judge;
mod lag;
mod limit;
mod server;
mod url_forms;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::BodyExt;
use scalingo_simulator::{Broken, Simulator};
use serde_json::{Value, json};

const TOKEN: &str = "tk-us-0123";
const START: &str = "2026-11-23T12:00:30Z";

/// A simulator at a fixed time, with one API token, the app `shop` and a client of it.
async fn shop() -> (Simulator, Client) {
    let simulator = Simulator::seeded(1, START.parse().unwrap());
    simulator.add_token("main", TOKEN);
    simulator.add_app("shop");
    let client = Client::of(&simulator).await;
    simulator.clear_journal();
    (simulator, client)
}

#[derive(Clone)]
struct Client {
    simulator: Simulator,
    authorization: String,
}

#[derive(Debug)]
struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The URLs of a list of drains.
    fn urls(&self) -> Vec<String> {
        assert_eq!(self.status, 200);
        let drains = self.json()["drains"].as_array().unwrap().clone();
        drains.iter().map(|drain| drain["url"].as_str().unwrap().to_owned()).collect()
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

impl Client {
    async fn of(simulator: &Simulator) -> Self {
        let mut client = Self { simulator: simulator.clone(), authorization: basic("", TOKEN) };
        let token = client.post("/v1/tokens/exchange", &json!({})).await.json()["token"].clone();
        client.authorization = format!("Bearer {}", token.as_str().unwrap());
        client
    }

    fn with(&self, authorization: &str) -> Self {
        Self { simulator: self.simulator.clone(), authorization: authorization.to_owned() }
    }

    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Request<Body> {
        let request = Request::builder().method(method).uri(path).header("host", "scalingo.test");
        let request = match self.authorization.as_str() {
            "" => request,
            value => request.header("authorization", value),
        };
        match body {
            None => request.body(Body::empty()).unwrap(),
            Some(body) => {
                request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap()
            }
        }
    }

    async fn send(&self, request: Request<Body>) -> Result<Answered, Broken> {
        let (parts, body) = self.simulator.answer(request).await?.into_parts();
        let body = body.collect().await.map_err(|_| Broken)?.to_bytes().to_vec();
        Ok(Answered { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    async fn get(&self, path: &str) -> Answered {
        self.send(self.request("GET", path, None)).await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Answered {
        self.send(self.request("POST", path, Some(body))).await.unwrap()
    }

    async fn delete(&self, path: &str, body: &Value) -> Answered {
        self.send(self.request("DELETE", path, Some(body))).await.unwrap()
    }

    /// Adds a drain to `shop` that is told from others by its port.
    async fn add(&self, port: u16) -> Result<Answered, Broken> {
        let body = json!({"drain": {"type": "papertrail", "host": "logs.example", "port": port.to_string()}});
        self.send(self.request("POST", "/v1/apps/shop/log_drains", Some(&body))).await
    }
}

/// The URL of the drain that [`Client::add`] adds.
fn added(port: u16) -> String {
    format!("tcp+tls://logs.example:{port}")
}
