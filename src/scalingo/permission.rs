//! Whether a request may still be sent.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Whether a request may still be sent: an extension of it, for a [`Transport`](super::Transport) whose requests wait
/// before they are written.
#[derive(Clone)]
pub struct Permission(Arc<dyn Fn() -> bool + Send + Sync>);

impl Permission {
    /// Given as long as this says so.
    #[must_use]
    pub fn new(is_given: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_given))
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Permission").field(&(self.0)()).finish()
    }
}

/// A body that asks again when it is read. A connection reads it before it writes anything of the request, on the thread
/// that writes.
pub(super) struct Permitted {
    bytes: Option<Bytes>,
    permission: Permission,
}

/// The permission has ended.
#[derive(Debug, thiserror::Error)]
#[error("this request may no longer be sent")]
pub(super) struct Withdrawn;

impl Permitted {
    pub(super) fn new(bytes: Bytes, permission: Permission) -> Self {
        Self { bytes: Some(bytes), permission }
    }
}

impl Body for Permitted {
    type Data = Bytes;
    type Error = Withdrawn;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Withdrawn>>> {
        let bytes = self.bytes.take();
        let is_given = (self.permission.0)();
        Poll::Ready(bytes.map(|bytes| if is_given { Ok(Frame::data(bytes)) } else { Err(Withdrawn) }))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
