use std::cell::Cell;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::{ControlPlane, free_port};
use crate::{Binaries, Error};

/// Ports, of which the ones asked for at these turns are taken.
fn ports(taken: &TcpListener, turns: &[usize]) -> impl Fn() -> io::Result<u16> {
    let turn = Cell::new(0);
    let taken = taken.local_addr().unwrap().port();
    move || {
        turn.set(turn.get() + 1);
        if turns.contains(&turn.get()) { Ok(taken) } else { free_port() }
    }
}

#[test]
fn takes_another_port_where_one_is_taken() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    // etcd asks for two at a time: its first attempt fails by the clients' port, its second by the peers', then the API server's first.
    let plane = ControlPlane::start_with(Binaries::find().unwrap(), ports(&taken, &[1, 4, 7])).unwrap();
    assert_eq!(plane.kubectl_ok(["get", "--raw", "/readyz"], None).unwrap(), "ok");
    let directory = plane.directory().to_owned();
    assert!(directory.join("etcd-3").exists() && directory.join("certificates-2").exists());
    drop(plane);
    assert!(!directory.exists());
}

#[test]
fn gives_up_when_every_port_is_taken() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = ControlPlane::start_with(Binaries::find().unwrap(), || Ok(port)).unwrap_err();
    assert!(matches!(error, Error::PortTaken { component: "etcd", attempts: 5, .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("address already in use") && text.contains(&port.to_string()), "{text}");
}

#[test]
fn shows_the_log_of_a_server_that_ends_at_once() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let binaries = Binaries { directory: fixtures.join("etcd-failing") };
    let error = ControlPlane::start_with(binaries, free_port).unwrap_err();
    let text = error.to_string();
    assert_eq!(text, "etcd ended while starting (exit status: 3). Its log ends:\nno space left on device");

    // A real etcd, and an API server that knows none of its options.
    let mixed = TempDir::new().unwrap();
    let real = Binaries::find().unwrap();
    symlink(real.etcd(), mixed.path().join("etcd")).unwrap();
    symlink(real.kubectl(), mixed.path().join("kube-apiserver")).unwrap();
    let error =
        ControlPlane::start_with(Binaries { directory: mixed.path().to_owned() }, free_port).unwrap_err();
    assert!(matches!(error, Error::Exited { component: "kube-apiserver", .. }), "{error:?}");
    assert!(error.to_string().contains("unknown flag: --etcd-servers"), "{error}");
}
