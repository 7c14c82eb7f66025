//! A server whose certificate is of an authority of its own, as a proxy that looks inside TLS has, and one behind a proxy: the API
//! server is both.

use std::{
    fs,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::world::{World, ready};

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_ones_own_is_accepted_once_it_is_named() {
    let world = World::new().await;
    world.start_operator_at(world.plane.server(), &[]);
    world.apply(
        "drain",
        &json!({"app": "shop-front", "type": "papertrail", "host": "logs.example.com", "port": 6514}),
    );
    let refused = world.until_reason("drain", "Unavailable").await;
    let message = ready(&refused)["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("UnknownIssuer"), "{message}");
    world.stop_operator();

    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), world.plane.certificate_authority()).expect("it is written");
    world.start_operator_at(world.plane.server(), &["--ca-file", &file.path().to_string_lossy()]);
    until_the_api_server_answers(&world).await;
    world.finish();
}

/// It knows nothing of API tokens, and says so in its own words.
async fn until_the_api_server_answers(world: &World) {
    let says = |object: &Value| {
        let message = ready(object)["message"].as_str().unwrap_or_default().to_owned();
        message.contains("something else than the Scalingo API answered")
    };
    let object = world.until("drain", "answered by the API server", says).await;
    assert_eq!(ready(&object)["reason"], "Unavailable");
}

/// A proxy that leads every tunnel to one server, whatever name is asked for.
struct Proxy {
    address: SocketAddr,
    /// What was asked for, such as `CONNECT scalingo.example:443 HTTP/1.1`.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(tunnel(client, server.clone(), Arc::clone(&log)));
            }
        });
        Self { address, asked }
    }

    fn tunnels_to(&self, host: &str) -> usize {
        let line = format!("CONNECT {host}:443 HTTP/1.1");
        self.asked.lock().expect("no panic").iter().filter(|asked| **asked == line).count()
    }
}

async fn tunnel(client: TcpStream, server: String, log: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if client.read_line(&mut head).await? == 0 {
            return Ok(());
        }
    }
    log.lock().expect("no panic").push(head.lines().next().unwrap_or_default().to_owned());
    let mut server = TcpStream::connect(server).await?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_is_reached_as_kubectl_reaches_it() {
    // Nothing but the proxy leads there, and the server's certificate is for this name.
    const HOST: &str = "kubernetes.default.svc";
    let world = World::new().await;
    let scalingo = world.scalingo();
    let server = world.plane.server().to_owned();
    let drain = |app| json!({"app": app, "type": "papertrail", "host": "logs.example.com", "port": 6514});

    let dead = [("HTTPS_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", "127.0.0.1,")];
    world.start_operator_in(&dead, &scalingo, &[]);
    world.apply("near", &drain("shop-front"));
    world.until_reason("near", "Synced").await;
    world.stop_operator();

    let proxy = Proxy::to(server.trim_start_matches("https://").to_owned()).await;
    let kubeconfig = fs::read_to_string(&world.kubeconfig).expect("the kubeconfig");
    let far = tempfile::NamedTempFile::new().expect("a file");
    fs::write(far.path(), kubeconfig.replace(&server, &format!("https://{HOST}"))).expect("it is written");
    let (proxy_url, far) = (format!("http://{}", proxy.address), far.path().to_string_lossy());
    world.start_operator_in(&[("HTTPS_PROXY", &proxy_url), ("KUBECONFIG", &far)], &scalingo, &[]);
    world.apply("far", &drain("shop-api"));
    world.until_reason("far", "Synced").await;
    assert!(proxy.tunnels_to(HOST) > 0);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn scalingo_is_reached_through_the_proxy_unless_it_is_named_as_near() {
    // Nothing but the proxy leads there, and the server's certificate is for this name.
    const HOST: &str = "kubernetes.default.svc";
    let world = World::new().await;
    let server = world.plane.server().trim_start_matches("https://").to_owned();
    let proxy = Proxy::to(server).await;
    let proxy_url = format!("http://{}", proxy.address);
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), world.plane.certificate_authority()).expect("it is written");
    let authority = ["--ca-file", &file.path().to_string_lossy()];
    let scalingo = format!("https://{HOST}");

    world.start_operator_in(&[("HTTPS_PROXY", &proxy_url), ("NO_PROXY", HOST)], &scalingo, &authority);
    world.apply(
        "drain",
        &json!({"app": "shop-front", "type": "papertrail", "host": "logs.example.com", "port": 6514}),
    );
    world.until_reason("drain", "Unavailable").await;
    assert_eq!(proxy.tunnels_to(HOST), 0);
    world.stop_operator();

    world.start_operator_in(&[("HTTPS_PROXY", &proxy_url)], &scalingo, &authority);
    until_the_api_server_answers(&world).await;
    assert!(proxy.tunnels_to(HOST) > 0);
    world.finish();
}
