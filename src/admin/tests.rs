use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;

struct Served {
    address: SocketAddr,
    ready: Arc<AtomicBool>,
    stopping: CancellationToken,
    task: JoinHandle<io::Result<()>>,
}

async fn served() -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let ready = Arc::new(AtomicBool::new(false));
    let stopping = CancellationToken::new();
    let asked = ready.clone();
    let ready_now = Arc::new(move || asked.load(Ordering::SeqCst));
    let exposed = Arc::new(|| Ok("# EOF\n".to_owned()));
    let task = tokio::spawn(serve(listener, ready_now, exposed, stopping.clone()));
    Served { address, ready, stopping, task }
}

async fn ask(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn it_lives_before_it_is_ready() {
    let served = served().await;
    assert!(ask(served.address, "/livez").await.starts_with("HTTP/1.1 200 "));
    let answer = ask(served.address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("not synced yet."), "{answer}");

    served.ready.store(true, Ordering::SeqCst);
    let answer = ask(served.address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok\n"), "{answer}");

    served.ready.store(false, Ordering::SeqCst);
    assert!(ask(served.address, "/readyz").await.starts_with("HTTP/1.1 503 "));
    assert!(ask(served.address, "/elsewhere").await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn metrics_are_there_from_the_beginning_as_open_metrics() {
    let answer = ask(served().await.address, "/metrics").await.to_lowercase();
    assert!(answer.starts_with("http/1.1 200 ") && answer.ends_with("\r\n\r\n# eof\n"), "{answer}");
    let media_type = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(answer.contains(media_type), "{answer}");
}

#[tokio::test]
async fn it_ends_though_clients_hold_on() {
    let served = served().await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    let mut halfway = TcpStream::connect(served.address).await.unwrap();
    halfway.write_all(b"GET /livez HTTP/1.1\r\nHost: ").await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: admin\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");

    served.stopping.cancel();
    let ended = tokio::time::timeout(10 * LAST_ANSWERS, served.task).await;
    assert!(matches!(ended, Ok(Ok(Ok(())))), "{ended:?}");
    assert!(TcpStream::connect(served.address).await.is_err());
}

/// Accepts what connects to each of these addresses at the port of the listener.
async fn serves(listener: &TcpListener, addresses: &[&str]) {
    let port = listener.local_addr().unwrap().port();
    for address in addresses {
        let connected = TcpStream::connect(format!("{address}:{port}"));
        let (connected, accepted) = tokio::join!(connected, listener.accept());
        assert!(connected.is_ok() && accepted.is_ok(), "{address}");
    }
}

#[tokio::test]
async fn both_families_are_served_by_default() {
    let mut address: SocketAddr = DEFAULT_ADDRESS.parse().unwrap();
    address.set_port(0);
    let listener = bind(address, None).await.unwrap();
    serves(&listener, &["127.0.0.1", "[::1]"]).await;
}

#[tokio::test]
async fn without_ipv6_another_address_is_served_unless_the_port_is_taken() {
    // No machine has it: it is for documents.
    let missing: SocketAddr = "[2001:db8::1]:0".parse().unwrap();
    let near: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listener = bind(missing, Some(near)).await.unwrap();
    serves(&listener, &["127.0.0.1"]).await;
    assert!(bind(missing, None).await.is_err(), "an address that was given is used as it is");
    let taken = bind(listener.local_addr().unwrap(), Some(near)).await.unwrap_err();
    assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
}
