//! Counts and times requests to Scalingo.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use tokio::time::Instant;

use super::{Metrics, StatusClass};
use crate::scalingo::{Operation, Transport, TransportError};

/// A [`Transport`] that counts what another one carries, and how long that takes.
///
/// A request that is given up counts as one without an answer.
pub struct Measured<T> {
    inner: T,
    metrics: Metrics,
}

impl<T: Transport> Measured<T> {
    /// Counts what `inner` carries.
    #[must_use]
    pub fn new(inner: T, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self { inner, metrics })
    }
}

impl<T: Transport> Transport for Measured<T> {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        let operation = request.extensions().get::<Operation>().copied();
        let sent = Instant::now();
        async move {
            let mut under_way =
                UnderWay { metrics: &self.metrics, operation, sent, status: StatusClass::None };
            let answer = self.inner.send(request).await;
            under_way.status = match &answer {
                Ok(response) => response.status().into(),
                Err(TransportError::Body { head, .. }) => head.status.into(),
                Err(_) => StatusClass::None,
            };
            answer
        }
        .boxed()
    }
}

/// Counts when it is dropped, so that a request which is given up is counted too.
struct UnderWay<'a> {
    metrics: &'a Metrics,
    operation: Option<Operation>,
    sent: Instant,
    status: StatusClass,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(operation) = self.operation {
            self.metrics.scalingo_request(operation, self.status, self.sent.elapsed());
        }
    }
}
