use std::sync::Arc;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};

use super::Leadership;
use crate::scalingo::{Transport, TransportError};

/// Lets requests through as long as this process leads, and cuts off what is under way when that ends.
pub struct Guarded {
    transport: Arc<dyn Transport>,
    leadership: Leadership,
}

impl Guarded {
    /// In front of this transport.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, leadership: Leadership) -> Self {
        Self { transport, leadership }
    }
}

impl Transport for Guarded {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        async move {
            if !self.leadership.holds() {
                return Err(TransportError::NotSent("this operator does not lead".to_owned()));
            }
            tokio::select! {
                // After a stop of the process, both may be due.
                biased;
                () = self.leadership.over() => Err(TransportError::TimedOut),
                answer = self.transport.send(request) => answer,
            }
        }
        .boxed()
    }
}
