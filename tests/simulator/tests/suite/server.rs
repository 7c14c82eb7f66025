use std::time::Duration;

use scalingo_simulator::{Action, Answer, AnswerBody, Rule, Server, When};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Client, added, shop};

const PATH: &str = "/v1/apps/shop/log_drains";
const BODY: &str = r#"{"drain":{"type":"papertrail","host":"logs.example","port":"1"}}"#;

async fn send(server: &Server, client: &Client, method: &str, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: {}\r\ncontent-type: application/json\r\nconnection: close\r\n",
        server.address(),
        client.authorization,
    );
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// All that comes until the connection ends, whichever way.
async fn read(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn post(server: &Server, client: &Client) -> String {
    read(send(server, client, "POST", PATH, BODY).await).await
}

#[tokio::test]
async fn one_address_serves_everything() {
    let (simulator, client) = shop().await;
    let server = simulator.serve("127.0.0.1:0").await.unwrap();
    assert_eq!(server.url(), format!("http://{}", server.address()));
    let answer = post(&server, &client).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(answer.ends_with(&json!({"drain": {"url": added(1)}}).to_string()), "{answer}");
    let regions = read(send(&server, &client, "GET", "/v1/regions", "").await).await;
    assert!(regions.contains(&format!(r#""api":"{}""#, server.url())), "{regions}");
    let page = read(send(&server, &client, "GET", "/_simulator", "").await).await;
    assert!(page.contains("tcp+tls://logs.example:1"), "{page}");
    assert_eq!(simulator.complaints(), [""; 0]);
}

#[tokio::test]
async fn the_journal_tells_through_which_server_a_request_came() {
    let (simulator, client) = shop().await;
    let (one, other) = (simulator.serve("127.0.0.1:0").await, simulator.serve("127.0.0.1:0").await);
    let (one, other) = (one.unwrap(), other.unwrap());
    post(&other, &client).await;
    post(&one, &client).await;
    client.add(2).await.unwrap();
    let through: Vec<_> = simulator.journal().into_iter().map(|entry| entry.server).collect();
    assert_eq!(through, [Some(other.address()), Some(one.address()), None]);
}

#[tokio::test]
async fn a_reset_ends_the_connection_before_any_byte() {
    for (when, drains) in [(When::Before, vec![]), (When::After, vec![added(1)])] {
        let (simulator, client) = shop().await;
        let server = simulator.serve("127.0.0.1:0").await.unwrap();
        simulator.add_rule(Rule::new("POST", PATH, Action::Reset { when }));
        assert_eq!(post(&server, &client).await, "");
        assert_eq!(simulator.drains("shop"), drains);
    }
}

#[tokio::test]
async fn a_cut_body_ends_before_its_length() {
    let (simulator, client) = shop().await;
    let server = simulator.serve("127.0.0.1:0").await.unwrap();
    simulator.add_rule(Rule::new("POST", PATH, Action::Cut));
    let answer = post(&server, &client).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let whole = json!({"drain": {"url": added(1)}}).to_string();
    assert!(head.contains(&format!("content-length: {}", whole.len())), "{head}");
    assert_eq!(body, &whole[..whole.len() / 2]);
    assert_eq!(simulator.drains("shop"), [added(1)]);
}

#[tokio::test]
async fn a_huge_body_comes_whole() {
    let (simulator, client) = shop().await;
    let server = simulator.serve("127.0.0.1:0").await.unwrap();
    simulator.add_rule(Rule::new("GET", PATH, Action::respond(Answer::new(200, AnswerBody::Huge))));
    let answer = read(send(&server, &client, "GET", PATH, "").await).await;
    assert_eq!(answer.split_once("\r\n\r\n").unwrap().1.len(), 5 * 1024 * 1024);
}

#[tokio::test]
async fn a_request_held_at_a_gate_outlives_its_client() {
    for (when, release, drains) in [
        (When::Before, true, vec![added(1)]),
        (When::Before, false, vec![]),
        (When::After, true, vec![added(1)]),
        (When::After, false, vec![added(1)]),
    ] {
        let (simulator, client) = shop().await;
        let server = simulator.serve("127.0.0.1:0").await.unwrap();
        let held = simulator.hold("POST", PATH, when);
        let stream = send(&server, &client, "POST", PATH, BODY).await;
        held.gate.reached().await;
        drop(stream);
        if release {
            held.gate.release();
        } else {
            held.gate.break_off();
        }
        let other = read(send(&server, &client, "GET", PATH, "").await).await;
        assert!(other.starts_with("HTTP/1.1 200"), "{other}");
        if !drains.is_empty() {
            simulator.until(|simulator| simulator.drains("shop") == drains).await;
        }
        assert_eq!(simulator.drains("shop"), drains);
    }
}

#[tokio::test]
async fn a_dropped_server_ends_its_connections_and_frees_the_port() {
    let (simulator, client) = shop().await;
    let server = simulator.serve("127.0.0.1:0").await.unwrap();
    let address = server.address();
    let held = simulator.hold("POST", PATH, When::Before);
    let stream = send(&server, &client, "POST", PATH, BODY).await;
    held.gate.reached().await;
    drop(server);
    let ended = tokio::time::timeout(Duration::from_secs(10), read(stream)).await;
    assert_eq!(ended.unwrap(), "");
    assert!(TcpStream::connect(address).await.is_err());
    let again = simulator.serve(address).await.unwrap();
    let answer = read(send(&again, &client, "GET", PATH, "").await).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    again.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}
