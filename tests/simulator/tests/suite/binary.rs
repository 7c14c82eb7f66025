use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use scalingo_simulator::Fixture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_scalingo-simulator"))
}

/// Ends the process with the test, however that ends.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn it_prints_its_url_and_serves_the_fixture() {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixture.yaml");
    let mut command = binary();
    command.args(["--listen", "127.0.0.1:0", "--api-token", "tk-us-argument", "--fixture", fixture]);
    let mut running = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("http://").unwrap();
    let authorization = crate::basic("", "tk-us-argument");
    for (request, expected) in [
        ("GET /_simulator/state HTTP/1.1\r\n".to_owned(), r#""name":"shop-front""#),
        (format!("POST /v1/tokens/exchange HTTP/1.1\r\nauthorization: {authorization}\r\n"), r#"{"token":""#),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{request}host: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(expected), "{answer}");
    }
}

#[test]
fn what_cannot_work_is_one_sentence_and_status_2() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let mut bad = tempfile::NamedTempFile::new().unwrap();
    bad.write_all(b"apps:\n- nam: x\n").unwrap();
    let bad = bad.path().to_str().unwrap().to_owned();
    for (arguments, sentence) in [
        (["--listen", &taken], "cannot listen on 127.0.0.1:"),
        (["--listen", "nowhere"], "cannot listen on nowhere:"),
        (["--fixture", "/no/such/file"], "cannot read the fixture /no/such/file:"),
        (["--fixture", &bad], "bad fixture:"),
    ] {
        let output = binary().args(arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.starts_with(&format!("scalingo-simulator: {sentence}")), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_fixture_says_what_there_is() {
    let simulator = Fixture::from_yaml(include_str!("../../fixture.yaml")).unwrap().simulator();
    let drains = simulator.all_drains();
    let apps = drains.iter().filter(|(target, _)| target.addon.is_none()).count();
    assert_eq!((apps, drains.len()), (3, 5));
    assert_eq!(simulator.drains("shop-front"), ["syslog://:someone-elses@logs.example.com:6514"]);
    assert_eq!(simulator.app_id("shop-front").as_deref(), Some("5af97be7ff688d0001228ffb"));
    assert_eq!(simulator.settings().rate_limit.map(|limit| limit.per_minute), Some(60));
}

#[test]
fn a_fixture_that_makes_no_sense_is_refused() {
    for (text, reason) in [
        ("apps: [{name: a}, {name: a}]", "app a is there twice"),
        ("apps: [{name: ''}]", "app is empty"),
        ("tokens: [{label: a, token: x}, {label: a, token: s3cret}]", "token label a is there twice"),
        ("setings: {}", "setings"),
        ("apps: [", ""),
    ] {
        let error = Fixture::from_yaml(text).unwrap_err().to_string();
        assert!(error.contains(reason) && error.lines().count() == 1, "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
    assert!(
        !format!("{:?}", Fixture::from_yaml("tokens: [{label: a, token: s3cret}]").unwrap())
            .contains("s3cret")
    );
}
