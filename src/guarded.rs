//! Only who leads speaks to Scalingo: neither the Lease nor the client knows of the other.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};

use crate::{
    lease::Leadership,
    scalingo::{Permission, Transport, TransportError},
};

/// Lets requests through as long as this process leads, and cuts off what is under way when that ends.
///
/// A request with a body, as all are that add and most that delete, is asked about once more where it is written: the
/// process may be halted between here and there, and another may lead when it goes on.
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
        mut request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        let leadership = self.leadership.clone();
        request.extensions_mut().insert(Permission::new(move || leadership.holds()));
        async move {
            if !self.leadership.holds() {
                return Err(TransportError::NotSent("this operator does not lead".to_owned()));
            }
            let mut over = pin!(self.leadership.over());
            let mut answer = self.transport.send(request);
            poll_fn(|context| {
                // By the clock, each time: after a halt of the process, what was ready before is polled before timers.
                let is_over = !self.leadership.holds() || over.as_mut().poll(context).is_ready();
                if is_over {
                    Poll::Ready(Err(TransportError::TimedOut))
                } else {
                    answer.as_mut().poll(context)
                }
            })
            .await
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    use futures::poll;
    use http::Method;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::mpsc::{UnboundedReceiver, unbounded_channel},
        time::{Instant, sleep},
    };

    use super::*;
    use crate::scalingo::{CertificateAuthorities, ReqwestTransport, TransportLimits};

    /// Counts how often it may go on, and never answers.
    #[derive(Default)]
    struct Steps(AtomicU32);

    impl Transport for Steps {
        fn send(
            &self,
            _: http::Request<Bytes>,
        ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
            poll_fn(|_| {
                self.0.fetch_add(1, Ordering::Relaxed);
                Poll::Pending
            })
            .boxed()
        }
    }

    /// Answers after twenty seconds, and counts.
    #[derive(Default)]
    struct Slow(AtomicU32);

    impl Transport for Slow {
        fn send(
            &self,
            _: http::Request<Bytes>,
        ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
            async {
                self.0.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_secs(20)).await;
                Ok(http::Response::new(Bytes::new()))
            }
            .boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_sent_only_by_who_leads_and_cut_off_when_that_ends() {
        let slow = Arc::new(Slow::default());
        let leadership = Leadership::none();
        let guarded = Guarded::new(Arc::clone(&slow) as Arc<dyn Transport>, leadership.clone());
        let refused = guarded.send(http::Request::default()).await;
        assert!(matches!(refused, Err(TransportError::NotSent(_))), "{refused:?}");
        assert_eq!(slow.0.load(Ordering::Relaxed), 0);
        let term = Duration::from_secs(10);
        leadership.begins(Instant::now() + term, None);
        let renewed = async {
            for _ in 0..4 {
                sleep(term / 2).await;
                leadership.goes_on_until(Instant::now() + term);
            }
        };
        let (answer, ()) = tokio::join!(guarded.send(http::Request::default()), renewed);
        assert!(answer.is_ok(), "it may take longer than a term: {answer:?}");
        let begin = Instant::now();
        let cut = guarded.send(http::Request::default()).await;
        assert!(matches!(cut, Err(TransportError::TimedOut)), "{cut:?}");
        assert!(begin.elapsed() <= term);
        assert_eq!(slow.0.load(Ordering::Relaxed), 2);
        let always = Guarded::new(slow, Leadership::always());
        assert!(always.send(http::Request::default()).await.is_ok());
    }

    #[tokio::test]
    async fn after_a_halt_nothing_goes_on_before_the_timers_have_run() {
        let transport = Arc::new(Steps::default());
        let leadership = Leadership::none();
        leadership.begins(Instant::now() + Duration::from_secs(1), None);
        let guarded = Guarded::new(Arc::clone(&transport) as Arc<dyn Transport>, leadership.clone());
        let mut sent = guarded.send(http::Request::default());
        assert!(poll!(&mut sent).is_pending());
        assert_eq!(transport.0.load(Ordering::Relaxed), 1);
        // Nothing else runs on this thread meanwhile, as little as in a halted process.
        while leadership.holds() {
            std::thread::yield_now();
        }
        let end = poll!(&mut sent);
        assert_eq!(transport.0.load(Ordering::Relaxed), 1, "{end:?}");
        assert!(matches!(end, Poll::Ready(Err(TransportError::TimedOut))), "{end:?}");
    }

    /// Answers on each connection whatever comes, and tells of it.
    async fn server() -> (String, UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (told, seen) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = [0; 4_096];
                while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                    told.send(String::from_utf8_lossy(&bytes[..count]).into_owned()).unwrap();
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
                }
            }
        });
        (url, seen)
    }

    fn request(method: Method, url: &str, body: &'static str) -> http::Request<Bytes> {
        http::Request::builder().method(method).uri(url).body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    /// What a halt of the process may bring about: the leadership ends while a request waits for the task of its
    /// connection, which runs first when the process goes on.
    async fn sent_after_the_end(method: Method, body: &'static str) -> Option<String> {
        let (url, mut seen) = server().await;
        let limits = TransportLimits::default();
        let transport = ReqwestTransport::new(limits, &CertificateAuthorities::default()).unwrap();
        let leadership = Leadership::none();
        leadership.begins(Instant::now() + Duration::from_secs(3_600), None);
        let guarded = Guarded::new(Arc::new(transport), leadership.clone());
        guarded.send(request(Method::GET, &url, "")).await.unwrap();
        seen.recv().await.unwrap();
        // The connection goes back to where the next request finds it.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let mut waiting = guarded.send(request(method, &url, body));
        assert!(poll!(&mut waiting).is_pending());
        leadership.ends();
        tokio::time::timeout(Duration::from_millis(500), seen.recv()).await.unwrap_or_default()
    }

    #[tokio::test]
    async fn a_write_that_waits_for_its_connection_is_not_sent_when_the_leadership_has_ended() {
        for method in [Method::POST, Method::DELETE] {
            assert_eq!(sent_after_the_end(method, r#"{"url": "x://y"}"#).await, None);
        }
    }
}
