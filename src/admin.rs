//! The admin address: whether the process lives, whether it is ready, and what it has counted.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::MEDIA_TYPE;

/// How long an answer that is under way may take once the operator stops.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
const OK: (StatusCode, &str) = (StatusCode::OK, "ok\n");
const NOT_READY: (StatusCode, &str) =
    (StatusCode::SERVICE_UNAVAILABLE, "The operator is not ready: its caches have not synced yet.\n");
const NOT_FOUND: (StatusCode, &str) =
    (StatusCode::NOT_FOUND, "Here are only /livez, /readyz and /metrics.\n");

/// Where it is served unless another address is given: at all addresses of both families.
pub const DEFAULT_ADDRESS: &str = "[::]:8080";

/// Listens at this address. The default means `0.0.0.0` where there is no IPv6.
///
/// # Errors
/// When it cannot be listened on.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let is_default = DEFAULT_ADDRESS.parse() == Ok(address);
    let without_ipv6 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
    bind(address, is_default.then_some(without_ipv6)).await
}

async fn bind(address: SocketAddr, otherwise: Option<SocketAddr>) -> io::Result<TcpListener> {
    match (TcpListener::bind(address).await, otherwise) {
        (Err(error), Some(otherwise)) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind(otherwise).await
        }
        (listener, _) => listener,
    }
}

/// What gives the text of `/metrics`.
pub type Exposed = dyn Fn() -> Result<String, fmt::Error> + Send + Sync;

/// Serves `/livez` (200 as long as it answers), `/readyz` (200 once `ready` says so, 503 until then) and `/metrics`,
/// and ends within a second of `stopping`, whatever its clients do.
///
/// # Errors
/// When the listener cannot be served.
pub async fn serve(
    listener: TcpListener,
    ready: Arc<dyn Fn() -> bool + Send + Sync>,
    exposed: Arc<Exposed>,
    stopping: CancellationToken,
) -> io::Result<()> {
    let router = Router::new()
        .route("/livez", get(async || OK))
        .route("/readyz", get(async move || if ready() { OK } else { NOT_READY }))
        .route("/metrics", get(async move || metrics(&*exposed)))
        .fallback(async || NOT_FOUND);
    let stopped = stopping.clone();
    let serving = axum::serve(listener, router).with_graceful_shutdown(stopping.cancelled_owned());
    tokio::select! {
        result = serving => result,
        () = async { stopped.cancelled().await; tokio::time::sleep(LAST_ANSWERS).await } => Ok(()),
    }
}

fn metrics(exposed: &Exposed) -> Response {
    match exposed() {
        Ok(text) => ([(CONTENT_TYPE, MEDIA_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests;
