use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

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
            let (mut over, mut answer) = (pin!(self.leadership.over()), pin!(self.transport.send(request)));
            poll_fn(|task| {
                // The clock first: after a stop of the process its timers may come later than what it waits for.
                if !self.leadership.holds() || over.as_mut().poll(task).is_ready() {
                    return Poll::Ready(Err(TransportError::TimedOut));
                }
                answer.as_mut().poll(task)
            })
            .await
        }
        .boxed()
    }
}
