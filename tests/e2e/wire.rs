//! The wire between the operator and the API server, which can be held or cut.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use crate::world::{SOON, World};

/// Carries what operators that are started from now on and the API server say to each other.
pub struct Wire {
    state: watch::Sender<State>,
    waiting: watch::Sender<usize>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// What the operator sends waits.
    is_held: bool,
    /// Nobody is there.
    is_away: bool,
    /// How often all connections were cut.
    cuts: u32,
}

impl Wire {
    /// Lays it, in this world.
    pub async fn lay(world: &mut World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let server = world.plane.server().to_owned();
        let kubeconfig = std::fs::read_to_string(&world.kubeconfig).expect("the kubeconfig");
        world.kubeconfig = world.plane.directory().join(format!("wire-{}.kubeconfig", address.port()));
        let kubeconfig = kubeconfig.replace(&server, &format!("https://{address}"));
        std::fs::write(&world.kubeconfig, kubeconfig).expect("a kubeconfig");

        let server = server.trim_start_matches("https://").parse().expect("an address");
        let (state, waiting) = (watch::Sender::default(), watch::Sender::default());
        let task = tokio::spawn(accept(listener, server, state.clone(), waiting.clone()));
        Self { state, waiting, task }
    }

    /// Holds what the operator sends from now on.
    pub fn hold(&self) {
        self.waiting.send_replace(0);
        self.state.send_modify(|state| state.is_held = true);
    }

    /// Waits until something is held.
    pub async fn has_something(&self) {
        let mut waiting = self.waiting.subscribe();
        let held = tokio::time::timeout(SOON, waiting.wait_for(|waiting| *waiting > 0)).await;
        assert!(held.is_ok(), "the operator sends nothing to the API server");
    }

    /// Lets go on what was held.
    pub fn release(&self) {
        self.state.send_modify(|state| state.is_held = false);
    }

    /// Cuts all connections, with what was held, and takes no new ones.
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            *state = State { is_held: false, is_away: true, cuts: state.cuts + 1 };
        });
    }

    /// Takes connections again.
    pub fn mend(&self) {
        self.state.send_modify(|state| state.is_away = false);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    state: watch::Sender<State>,
    waiting: watch::Sender<usize>,
) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        if !state.borrow().is_away {
            tokio::spawn(carry(client, server, state.subscribe(), waiting.clone()));
        }
    }
}

async fn carry(
    mut client: TcpStream,
    server: SocketAddr,
    state: watch::Receiver<State>,
    waiting: watch::Sender<usize>,
) {
    let cuts = state.borrow().cuts;
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let mut held = state.clone();
    let up = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
            if held.borrow().is_held {
                waiting.send_modify(|waiting| *waiting += 1);
            }
            let _ = held.wait_for(|state| !state.is_held).await;
            if to_server.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
    };
    let mut state = state;
    tokio::select! {
        biased;
        _ = state.wait_for(|state| state.cuts != cuts) => {}
        () = up => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
    }
}
