//! Against real sockets: a server that says exactly what a test tells it to.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use super::*;
use crate::scalingo::scripted::{assert_no_secret, token};
use crate::scalingo::{Client, DeleteForm, Endpoints, ErrorKind};

const LIMITS: TransportLimits = TransportLimits {
    connect: Duration::from_secs(5),
    request: Duration::from_secs(20),
    body: 4 * 1024 * 1024,
};

/// Enough for a loopback connection, short for a test.
const SHORT: Duration = Duration::from_millis(300);

/// What the server does once it has read a request.
#[derive(Clone)]
enum Reply {
    /// Writes this and closes.
    Bytes(Vec<u8>),
    /// Writes this and keeps the connection open.
    Hang(Vec<u8>),
    /// Closes with a reset.
    Reset,
}

struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

async fn serve(reply: Reply) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            noted.lock().await.push(read_request(&mut stream).await);
            match &reply {
                Reply::Bytes(bytes) => {
                    // The client may hang up before the end of a body that is too long.
                    let _ = stream.write_all(bytes).await;
                    let _ = stream.shutdown().await;
                }
                Reply::Hang(bytes) => {
                    stream.write_all(bytes).await.unwrap();
                    open.push(stream);
                }
                Reply::Reset => {
                    stream.set_zero_linger().unwrap();
                    drop(stream);
                }
            }
        }
    });
    Server { address, seen }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            break;
        }
        request.push(byte[0]);
    }
    String::from_utf8(request).unwrap()
}

fn post(address: SocketAddr) -> http::Request<Bytes> {
    http::Request::builder()
        .method(Method::POST)
        .uri(format!("http://{address}/v1/apps?url=query-secret"))
        .header("authorization", "Bearer header-secret")
        .body(Bytes::new())
        .unwrap()
}

async fn sent_within(limits: TransportLimits, reply: Reply) -> Result<http::Response<Bytes>, TransportError> {
    let server = serve(reply).await;
    let result = ReqwestTransport::new(limits, &CertificateAuthorities::default())
        .unwrap()
        .send(post(server.address))
        .await;
    if let Err(error) = &result {
        assert_no_secret(error, &["query-secret", "header-secret"]);
    }
    result
}

async fn sent(reply: Reply) -> Result<http::Response<Bytes>, TransportError> {
    sent_within(LIMITS, reply).await
}

fn http(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\n\r\n").as_bytes(), body].concat()
}

fn body_failure(result: Result<http::Response<Bytes>, TransportError>) -> (u16, BodyFailure) {
    match result.unwrap_err() {
        TransportError::Body { head, failure } => (head.status.as_u16(), failure),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_answer_comes_as_it_is() {
    let reply = http("422 No\r\nretry-after: 7\r\ncontent-length: 4", b"\xff\0ab");
    let response = sent(Reply::Bytes(reply)).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(response.body().as_ref(), b"\xff\0ab");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = serve(Reply::Bytes(http("200 OK\r\ncontent-length: 0", b""))).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let head = format!("{status}\r\nlocation: http://{}/\r\ncontent-length: 0", elsewhere.address);
        let response = sent(Reply::Bytes(http(&head, b""))).await.unwrap();
        assert!(response.status().is_redirection());
    }
    assert_eq!(elsewhere.seen.lock().await.len(), 0);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    let limit = LIMITS.body;
    let announced = http("200 OK\r\ncontent-length: 5242880", b"");
    assert_eq!(body_failure(sent(Reply::Hang(announced)).await), (200, BodyFailure::TooLarge));
    // Of unknown length, until the connection closes.
    let endless = http("500 No", &vec![b'x'; limit + 1]);
    assert_eq!(body_failure(sent(Reply::Bytes(endless)).await), (500, BodyFailure::TooLarge));
    let most = http("200 OK", &vec![b'x'; limit]);
    assert_eq!(sent(Reply::Bytes(most)).await.unwrap().body().len(), limit);
}

#[tokio::test]
async fn a_body_that_ends_early_keeps_its_status() {
    let short = http("201 Created\r\ncontent-length: 100", b"{\"drain\":");
    assert_eq!(body_failure(sent(Reply::Bytes(short)).await), (201, BodyFailure::CutShort));
    let chunked = http("404 No\r\ntransfer-encoding: chunked", b"5\r\n{\"err");
    assert_eq!(body_failure(sent(Reply::Bytes(chunked)).await), (404, BodyFailure::CutShort));
}

#[tokio::test]
async fn what_takes_too_long_is_told_apart() {
    let limits = TransportLimits { request: SHORT, ..LIMITS };
    let silent = sent_within(limits, Reply::Hang(Vec::new())).await;
    assert!(matches!(silent, Err(TransportError::TimedOut)), "{silent:?}");
    // The head must have come by then, on a busy machine too.
    let limits = TransportLimits { request: 5 * SHORT, ..LIMITS };
    let slow = http("201 Created\r\ncontent-length: 100", b"{");
    assert_eq!(body_failure(sent_within(limits, Reply::Hang(slow)).await), (201, BodyFailure::TimedOut));
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_not_taken_for_unsent() {
    let reset = sent(Reply::Reset).await;
    assert!(matches!(reset, Err(TransportError::Broken(_))), "{reset:?}");
    let closed = sent(Reply::Bytes(Vec::new())).await;
    assert!(matches!(closed, Err(TransportError::Broken(_))), "{closed:?}");
    let nonsense = sent(Reply::Bytes(b"220 mail.example.com ESMTP\r\n".to_vec())).await;
    assert!(matches!(nonsense, Err(TransportError::Broken(_))), "{nonsense:?}");
}

#[tokio::test]
async fn a_request_without_a_connection_was_never_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let transport = ReqwestTransport::new(LIMITS, &CertificateAuthorities::default()).unwrap();
    let error = transport.send(post(address)).await.unwrap_err();
    let TransportError::NoConnection(reason) = &error else { panic!("{error}") };
    assert_eq!(reason, "connection refused");
    assert_no_secret(&error, &["query-secret", "header-secret"]);
}

#[tokio::test]
async fn a_tls_handshake_that_fails_was_never_sent() {
    let server = serve(Reply::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())).await;
    let mut request = post(server.address);
    *request.uri_mut() = format!("https://localhost:{}/", server.address.port()).parse().unwrap();
    let limits = TransportLimits { connect: SHORT, ..LIMITS };
    let error = ReqwestTransport::new(limits, &CertificateAuthorities::default())
        .unwrap()
        .send(request)
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::NoConnection(_)), "{error}");
}

#[tokio::test]
async fn a_connect_time_out_was_never_sent() {
    // Accepts the connection by its backlog, but never answers the TLS handshake.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut request = post(listener.local_addr().unwrap());
    *request.uri_mut() =
        format!("https://127.0.0.1:{}/", listener.local_addr().unwrap().port()).parse().unwrap();
    let limits = TransportLimits { connect: SHORT, ..LIMITS };
    let error = ReqwestTransport::new(limits, &CertificateAuthorities::default())
        .unwrap()
        .send(request)
        .await
        .unwrap_err();
    let TransportError::NoConnection(reason) = &error else { panic!("{error}") };
    assert_eq!(reason, "no connection within the time allowed");
}

#[tokio::test]
async fn the_client_works_over_it() {
    let body = br#"{"token":"bearer","apps":[{"id":"1","name":"shop"}],"drains":[]}"#;
    let head = format!("200 OK\r\nconnection: close\r\ncontent-length: {}", body.len());
    let server = serve(Reply::Bytes(http(&head, body))).await;
    let base = format!("http://{}", server.address);
    let endpoints = Endpoints::parse(&base, &base, false).unwrap();
    let transport = Arc::new(ReqwestTransport::new(LIMITS, &CertificateAuthorities::default()).unwrap());
    let client = Client::new(transport, endpoints, Arc::new(jiff::Timestamp::now), 1_000);
    assert_eq!(client.apps(&token(), "osc-fr1").await.unwrap()[0].name, "shop");
    let seen = server.seen.lock().await.clone();
    let agent = concat!("user-agent: logdrain-operator/", env!("CARGO_PKG_VERSION"), "\r\n");
    assert!(seen[0].starts_with("POST /v1/tokens/exchange HTTP/1.1\r\n") && seen[0].contains(agent));
    assert!(seen[1].starts_with("GET /v1/apps HTTP/1.1\r\n") && seen[1].contains(agent));
    assert!(seen[1].contains("authorization: Bearer bearer\r\n"), "{}", seen[1]);
}

#[tokio::test]
async fn a_delete_that_gets_no_answer_has_an_unknown_outcome() {
    let exchange = serve(Reply::Bytes(http("200 OK\r\ncontent-length: 14", br#"{"token":"bb"}"#))).await;
    let api = serve(Reply::Reset).await;
    let (api, auth) = (format!("http://{}", api.address), format!("http://{}", exchange.address));
    let endpoints = Endpoints::parse(&api, &auth, false).unwrap();
    let transport = Arc::new(ReqwestTransport::new(LIMITS, &CertificateAuthorities::default()).unwrap());
    let client = Client::new(transport, endpoints, Arc::new(jiff::Timestamp::now), 1_000);
    let target = crate::drain::Target { region: "r".to_owned(), app_id: "a".to_owned(), addon: None };
    let url = crate::drain::DrainUrl::new("datadog://delete-secret?region=eu".to_owned());
    let error = client.delete_drain(&token(), &target, &url, DeleteForm::Query).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    assert_no_secret(&error, &["delete-secret"]);
}

/// Set in the process that a test starts of itself, since the environment of a running one cannot be changed.
const WITH_PROXY: &str = "LOGDRAIN_TEST_WITH_PROXY";

#[tokio::test]
async fn the_proxy_of_the_environment_is_used_but_not_for_loopback() {
    if let Ok(loopback) = std::env::var(WITH_PROXY) {
        let transport = ReqwestTransport::new(LIMITS, &CertificateAuthorities::default()).unwrap();
        let mut request = post(loopback.parse().unwrap());
        let response = transport.send(request.clone()).await.unwrap();
        assert_eq!(response.body().as_ref(), b"loopback");
        *request.uri_mut() = http::Uri::from_static("http://api.example.invalid/v1/apps");
        let response = transport.send(request).await.unwrap();
        assert_eq!(response.body().as_ref(), b"by-proxy");
        return;
    }
    let loopback = serve(Reply::Bytes(http("200 OK\r\ncontent-length: 8", b"loopback"))).await;
    let proxy = serve(Reply::Bytes(http("200 OK\r\ncontent-length: 8", b"by-proxy"))).await;
    let name =
        "scalingo::reqwest_transport::tests::the_proxy_of_the_environment_is_used_but_not_for_loopback";
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(WITH_PROXY, loopback.address.to_string())
        .env("http_proxy", format!("http://{}", proxy.address))
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let seen = proxy.seen.lock().await;
    assert_eq!(seen.len(), 1);
    assert!(seen[0].starts_with("POST http://api.example.invalid/v1/apps HTTP/1.1\r\n"), "{}", seen[0]);
}

#[test]
fn the_provider_is_installed_as_often_as_asked() {
    install_crypto_provider();
    install_crypto_provider();
    assert!(rustls::crypto::CryptoProvider::get_default().is_some());
    assert!(ReqwestTransport::new(TransportLimits::default(), &CertificateAuthorities::default()).is_ok());
}

#[test]
fn the_bundled_roots_make_a_client() {
    install_crypto_provider();
    let bundled = bundled_roots();
    assert!(bundled.len() > 50);
    assert!(reqwest::Client::builder().tls_certs_only(bundled).build().is_ok());
}
