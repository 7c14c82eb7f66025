use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use http_body_util::BodyExt;
use logdrain_operator::scalingo::{BodyFailure, TokenKey, Transport, TransportError};
use scalingo_simulator::Simulator;
use tokio::time::sleep;

use super::{Life, Surroundings};

/// As reqwest is told in production.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// What Scalingo allows a token in a minute, unless an operator is told that it allows more.
const ALLOWED: usize = 60;

/// The way to Scalingo.
pub(super) struct Wire {
    pub(super) life: Arc<Life>,
    /// Of the process.
    pub(super) label: String,
    pub(super) surroundings: Surroundings,
}

impl Wire {
    /// Notes that the request has come to Scalingo, against the budget of its API token.
    fn arrival(&self, request: &http::Request<Bytes>) -> impl FnOnce() + Send + 'static {
        let token = request.extensions().get::<TokenKey>().copied();
        let (label, limit) = (self.label.clone(), self.life.requests_per_minute);
        let witness = Arc::clone(&self.surroundings.witness);
        let elects = self.surroundings.elects.load(Ordering::Relaxed);
        move || {
            if let Some(token) = token {
                witness.note_arrival(&label, token, limit);
                if elects {
                    witness.note_arrival("all who have led", token, ALLOWED.max(limit + limit / 5));
                }
            }
        }
    }
}

type Answer = Result<http::Response<Bytes>, TransportError>;

impl Transport for Wire {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Answer> {
        async move {
            let Surroundings { server, simulator, turns, witness, .. } = &self.surroundings;
            let label = &self.label;
            turns.turn(format!("{label} {} {} {:?}", request.method(), request.uri(), request.body())).await;
            if self.life.ended.load(Ordering::Relaxed) {
                return pending().await;
            }
            witness.look(server);
            witness.judge_removals(server, simulator);
            if request.method() == http::Method::DELETE {
                witness.judge_deletion(server, simulator, &request);
            }
            let last = self.life.burn();
            if last.is_some() {
                witness.count("killed at a request");
                self.life.end();
            }
            if last == Some(false) {
                return pending().await;
            }
            let (there, back) = (self.surroundings.latency(), self.surroundings.latency());
            let simulator = simulator.clone();
            let arrival = self.arrival(&request);
            // What has been sent arrives, whatever becomes of the sender.
            let travel = tokio::spawn(async move {
                sleep(there).await;
                arrival();
                let answer = answer(&simulator, request).await;
                sleep(back).await;
                answer
            });
            match tokio::time::timeout(REQUEST_TIMEOUT, travel).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(TransportError::Broken("closed by the other side".to_owned())),
                Err(_) => Err(TransportError::TimedOut),
            }
        }
        .boxed()
    }
}

async fn answer(simulator: &Simulator, request: http::Request<Bytes>) -> Answer {
    let broken = || TransportError::Broken("closed by the other side".to_owned());
    let response = simulator.answer(request.map(axum::body::Body::from)).await.map_err(|_| broken())?;
    let (head, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => Ok(http::Response::from_parts(head, body.to_bytes())),
        Err(_) => Err(TransportError::Body { head: Box::new(head), failure: BodyFailure::CutShort }),
    }
}
