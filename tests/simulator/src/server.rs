use std::io;
use std::net::SocketAddr;

use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::task::{JoinHandle, JoinSet};

use crate::Simulator;
use crate::call::Through;

/// A simulator that listens. It ends, with all its connections, when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(simulator: Simulator, address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, task: tokio::spawn(accept(simulator, listener, address)) })
    }

    /// The base URL of both the API and the authentication, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it, and returns once the port is free.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// Returns when it has ended, which it does by itself never.
    pub async fn ended(&mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(simulator: Simulator, listener: TcpListener, address: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        // A failed accept is the peer's doing, or a want of file descriptors that passes.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let simulator = simulator.clone();
        connections.spawn(async move {
            // A service that fails makes hyper close the connection without an answer.
            let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
                let simulator = simulator.clone();
                request.extensions_mut().insert(Through(address));
                async move { simulator.answer(request.map(Body::new)).await }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}
