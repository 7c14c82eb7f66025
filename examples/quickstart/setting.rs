//! What the tour needs around it: a control plane, Scalingo, and the operator between them.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use control_plane::{ControlPlane, build_program};
use scalingo_simulator::{Fixture, Server, Simulator};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

use crate::{operator::Operator, screen::Screen, stop::Stop};

/// Soon enough for a tour, and seldom enough for 9 `LogDrain`s to stay within 60 requests a minute.
pub const RESYNC: Duration = Duration::from_secs(20);

const FIXTURE: &str = include_str!("fixture.yaml");
const NAMESPACE: &str = "logdrain-system";
const SERVICE_ACCOUNT: &str = "logdrain-operator";
/// Ended by a second Ctrl-C, as a shell says it.
const INTERRUPTED: i32 = 130;

/// All that runs. It is ended and removed when this is dropped, and also when this process ends without dropping it.
pub struct Setting {
    // Dropped in this order.
    pub operator: Operator,
    server: Server,
    pub simulator: Simulator,
    pub fixture: Fixture,
    pub plane: ControlPlane,
    pub repository: PathBuf,
    is_interrupted: Arc<AtomicBool>,
}

impl Setting {
    /// Brings everything up, saying what takes long.
    pub fn start(runtime: &Runtime, screen: &mut Screen) -> Result<Self, Stop> {
        let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        screen.line("Building the operator, if it has changed …")?;
        let binary = build_program(&repository, "logdrain-operator", "quickstart")?;

        screen.line("Starting a Kubernetes control plane: etcd and kube-apiserver …")?;
        let begun = Instant::now();
        let plane = ControlPlane::start()?;
        // Until here Ctrl-C has ended this process at once; from here on it ends the tour in good order.
        let is_interrupted = listen(runtime)?;
        plane.install(&repository.join("deploy"), &repository.join("crds"))?;
        let kubeconfig = plane.service_account_kubeconfig(NAMESPACE, SERVICE_ACCOUNT)?;
        let seconds = begun.elapsed().as_secs_f32();
        screen.line(&format!(
            "  up after {seconds:.0} s at {}, with crds/ and the RBAC of deploy/",
            plane.server()
        ))?;

        let fixture = Fixture::from_yaml(FIXTURE)
            .map_err(|error| Stop::failed(format!("examples/quickstart/fixture.yaml: {error}")))?;
        let simulator = fixture.simulator();
        let server = runtime.block_on(simulator.serve("127.0.0.1:0")).map_err(|error| {
            Stop::failed(format!("no port of 127.0.0.1 is to be had for the simulated Scalingo: {error}"))
        })?;
        screen.line("Starting a simulated Scalingo: 3 apps, a database, one foreign log drain …")?;
        screen.line(&format!("  up at {}", server.url()))?;

        screen.line("Starting the operator …")?;
        let resync = format!("{}s", RESYNC.as_secs());
        let operator = Operator::start(&binary, &kubeconfig, &server.url(), &resync)?;
        screen.line(&format!("  running as the service account {NAMESPACE}/{SERVICE_ACCOUNT}"))?;
        Ok(Self { operator, server, simulator, fixture, plane, repository, is_interrupted })
    }

    /// Where the simulator shows what it holds.
    pub fn page(&self) -> String {
        format!("{}/_simulator", self.server.url())
    }

    /// What people would type, from the top of the repository; gives what it prints.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, Stop> {
        let output = self.plane.kubectl().current_dir(&self.repository).args(arguments).output();
        let command = || format!("kubectl {}", arguments.join(" "));
        let output =
            output.map_err(|error| Stop::failed(format!("`{}` cannot be run: {error}", command())))?;
        self.go_on()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Stop::failed(format!("`{}` failed ({}): {}", command(), output.status, said.trim())))
    }

    /// An error once Ctrl-C was pressed or the operator has ended.
    pub fn go_on(&self) -> Result<(), Stop> {
        if self.is_interrupted.load(Ordering::Relaxed) {
            return Err(Stop::Interrupted);
        }
        self.operator.is_running()
    }

    /// Ends the operator as Kubernetes does, then the rest.
    pub fn stop(self) -> Result<(), Stop> {
        self.operator.stop()
    }
}

/// What a person types for `kubectl`: its path, unless there is one on `PATH`.
pub fn kubectl_by_hand(plane: &ControlPlane) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_on_path = std::env::split_paths(&path).any(|directory| directory.join("kubectl").is_file());
    if is_on_path { "kubectl".to_owned() } else { plane.kubectl_path().display().to_string() }
}

/// Whether Ctrl-C was pressed, from now on. The second time it ends this process at once.
fn listen(runtime: &Runtime) -> Result<Arc<AtomicBool>, Stop> {
    let is_interrupted = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&is_interrupted);
    let _inside = runtime.enter();
    let failed = |error| Stop::failed(format!("signals cannot be received: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    runtime.spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if set.swap(true, Ordering::Relaxed) {
                std::process::exit(INTERRUPTED);
            }
        }
    });
    Ok(is_interrupted)
}
