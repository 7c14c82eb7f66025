//! Carries requests with reqwest.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::{BoxFuture, FutureExt};
use http::response::Parts;

use super::authorities::CertificateAuthorities;
use super::endpoints::is_loopback;
use super::permission::{Permission, Permitted};
use super::transport::{BodyFailure, Transport, TransportError};

/// Shorter than what load balancers commonly allow.
const IDLE_CONNECTION: Duration = Duration::from_secs(20);

/// What one request may take.
#[derive(Clone, Copy, Debug)]
pub struct TransportLimits {
    /// Until a connection stands, TLS included.
    pub connect: Duration,
    /// From the start of the request to the end of the body.
    pub request: Duration,
    /// Bytes of a body.
    pub body: usize,
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), request: Duration::from_secs(30), body: 4 * 1024 * 1024 }
    }
}

/// Why no TLS client can be made.
#[derive(Clone, Debug, thiserror::Error)]
#[error("No client for HTTPS can be made, neither with the system's roots nor with the bundled ones: {0}.")]
pub struct TransportSetupError(String);

/// [`Transport`] over the network: reqwest with rustls, the proxy of the environment, and the system's roots
/// or, where it has none, Mozilla's as bundled; beside them those that are given.
///
/// A loopback host is reached without the proxy.
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    proxied: reqwest::Client,
    direct: reqwest::Client,
    limits: TransportLimits,
}

impl ReqwestTransport {
    /// Installs the process's TLS provider if there is none yet, and loads the roots.
    ///
    /// # Errors
    /// When neither the system's nor the bundled roots make a TLS client.
    pub fn new(
        limits: TransportLimits,
        authorities: &CertificateAuthorities,
    ) -> Result<Self, TransportSetupError> {
        install_crypto_provider();
        Ok(Self {
            proxied: build(limits, authorities, |builder| builder)?,
            direct: build(limits, authorities, reqwest::ClientBuilder::no_proxy)?,
            limits,
        })
    }
}

/// Makes ring the TLS provider of the process. Calling it again changes nothing.
pub fn install_crypto_provider() {
    // An error means that a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn build(
    limits: TransportLimits,
    authorities: &CertificateAuthorities,
    configure: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<reqwest::Client, TransportSetupError> {
    let builder = || {
        configure(reqwest::Client::builder())
            .connect_timeout(limits.connect)
            .timeout(limits.request)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // Over HTTP/2 a task of its own would write what `Permission` has let pass before.
            .http1_only()
            // A POST on a connection that the other side has just closed has an unknown outcome.
            .pool_idle_timeout(IDLE_CONNECTION)
    };
    let further = authorities.to_reqwest();
    let built = match builder().build() {
        Ok(client) if further.is_empty() => Ok(client),
        Ok(_) => builder().tls_certs_merge(further).build(),
        // Without the system's roots: with others merged in, nobody would notice that they are missing.
        Err(_) => builder().tls_certs_only(bundled_roots().into_iter().chain(further)).build(),
    };
    built.map_err(|error| {
        TransportSetupError(first_cause(&error).unwrap_or_else(|| "the TLS settings do not fit".to_owned()))
    })
}

fn bundled_roots() -> Vec<reqwest::Certificate> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .filter_map(|certificate| reqwest::Certificate::from_der(certificate).ok())
        .collect()
}

impl Transport for ReqwestTransport {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        async move {
            let client =
                if request.uri().host().is_some_and(is_loopback) { &self.direct } else { &self.proxied };
            let permission = request.extensions().get::<Permission>().cloned();
            let bytes = Some(request.body().clone()).filter(|bytes| !bytes.is_empty());
            let mut request = reqwest::Request::try_from(request)
                .map_err(|_| TransportError::NotSent("its URL cannot be used".to_owned()))?;
            // The task of the connection writes it, which may run later.
            if let (Some(bytes), Some(permission)) = (bytes, permission) {
                *request.body_mut() = Some(reqwest::Body::wrap(Permitted::new(bytes, permission)));
            }
            let response = client.execute(request).await.map_err(|error| no_answer(&error))?;
            read(response, self.limits.body).await
        }
        .boxed()
    }
}

async fn read(
    mut response: reqwest::Response,
    limit: usize,
) -> Result<http::Response<Bytes>, TransportError> {
    let mut head = http::Response::new(());
    *head.status_mut() = response.status();
    *head.headers_mut() = std::mem::take(response.headers_mut());
    let (head, ()) = head.into_parts();
    let failed = |head: Parts, failure| TransportError::Body { head: Box::new(head), failure };

    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(failed(head, BodyFailure::TooLarge));
    }
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => {
                return Err(failed(head, BodyFailure::TooLarge));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(http::Response::from_parts(head, body.freeze())),
            Err(error) if error.is_timeout() => return Err(failed(head, BodyFailure::TimedOut)),
            Err(_) => return Err(failed(head, BodyFailure::CutShort)),
        }
    }
}

fn no_answer(error: &reqwest::Error) -> TransportError {
    if error.is_builder() {
        return TransportError::NotSent("it cannot be built".to_owned());
    }
    if error.is_connect() {
        return TransportError::NoConnection(connect_reason(error));
    }
    if error.is_timeout() {
        return TransportError::TimedOut;
    }
    TransportError::Broken(first_cause(error).unwrap_or_else(|| "closed by the other side".to_owned()))
}

fn connect_reason(error: &reqwest::Error) -> String {
    if error.is_dns() {
        return "the name of the host is not known to DNS".to_owned();
    }
    if error.is_timeout() {
        return "no connection within the time allowed".to_owned();
    }
    first_cause(error).unwrap_or_else(|| "no connection".to_owned())
}

/// Words of the operating system or of rustls only: other errors of the chain may hold URLs, and a proxy's
/// holds its password.
fn first_cause(error: &reqwest::Error) -> Option<String> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return Some(tls.to_string());
        }
        if let Some(mut cause) = cause.downcast_ref::<io::Error>() {
            // An `io::Error` does not show what it wraps as its source; that may be one again.
            while let Some(inner) = cause.get_ref() {
                if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
                    return Some(tls.to_string());
                }
                let Some(inner) = inner.downcast_ref::<io::Error>() else { break };
                cause = inner;
            }
            if cause.get_ref().is_none() {
                return Some(cause.kind().to_string());
            }
        }
        source = cause.source();
    }
    None
}

#[cfg(test)]
mod tests;
