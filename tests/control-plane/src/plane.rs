use std::fmt;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::guard::Guard;
use crate::service_account_key::{ServiceAccountKey, random_hex};
use crate::{Binaries, Error, Supervised, audit::AuditLog, binaries, kubeconfig};

#[cfg(test)]
mod tests;

/// A port found free can be taken by the time it is used.
const ATTEMPTS: usize = 5;

/// It takes two seconds on an idle machine.
pub(crate) const READY: Duration = Duration::from_secs(120);

const POLL: Duration = Duration::from_millis(50);

/// What `kube-controller-manager` runs of all that it has.
const CONTROLLERS: [&str; 3] =
    ["namespace-controller", "garbage-collector-controller", "clusterrole-aggregation-controller"];

/// Who did what and how it was answered, without bodies, once per stage after the request was read.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
";

/// A running etcd and kube-apiserver; dropping it ends them and removes all their files.
pub struct ControlPlane {
    // Dropped in this order.
    controller_manager: OnceLock<Result<Supervised, Error>>,
    pub(crate) servers: Mutex<Servers>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) binaries: Binaries,
    pub(crate) server: String,
    pub(crate) certificate_authority: Vec<u8>,
    pub(crate) admin: PathBuf,
    pub(crate) counter: AtomicUsize,
    pub(crate) installing: Mutex<()>,
    pub(crate) audit_log: Mutex<AuditLog>,
}

/// Dropped in this order.
pub(crate) struct Servers {
    pub(crate) kube_apiserver: Program,
    pub(crate) etcd: Program,
}

/// A program that can be started again as it was.
pub(crate) struct Program {
    pub(crate) process: Supervised,
    name: String,
    command: Command,
}

impl Program {
    fn start(guard: &Arc<Guard>, name: String, command: Command) -> Result<Self, Error> {
        let process = Supervised::spawn_under(Arc::clone(guard), &name, &command)?;
        Ok(Self { process, name, command })
    }

    /// Starts it again, once it has ended.
    pub(crate) fn again(&mut self, guard: &Arc<Guard>) -> Result<(), Error> {
        self.process = Supervised::spawn_under(Arc::clone(guard), &self.name, &self.command)?;
        Ok(())
    }

    /// Its output, and of etcd its data, have this name in the directory of the control plane.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl ControlPlane {
    /// The one of this process, started at the first call.
    ///
    /// # Errors
    /// As [`start`](Self::start); the first failure is every caller's.
    pub fn shared() -> Result<&'static Self, &'static Error> {
        static SHARED: OnceLock<Result<ControlPlane, Error>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Starts one, and returns when it is ready: a few seconds, or a few minutes where the programs have to be built first.
    ///
    /// # Errors
    /// Those of [`Binaries::find`], and a server that ends at once or does not get ready, with the end of its log.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(Binaries::find()?, free_port)
    }

    /// `port` names a port to try, which may turn out to be taken.
    fn start_with(binaries: Binaries, port: impl Fn() -> io::Result<u16>) -> Result<Self, Error> {
        let guard = Guard::new("control-plane").map_err(Error::io("make a temporary directory"))?;
        let guard = Arc::new(guard);
        let directory = guard.directory();
        let key = ServiceAccountKey::generate().map_err(Error::io("generate a service account key"))?;
        let token = random_hex().map_err(Error::io("make a token"))?;
        for (name, text) in [
            ("service-account.key", key.private),
            ("service-account.pub", key.public),
            ("tokens.csv", format!("{token},admin,admin,system:masters\n")),
            ("audit-policy.yaml", AUDIT_POLICY.to_owned()),
        ] {
            fs::write(directory.join(name), text).map_err(Error::io(format!("write {name}")))?;
        }

        let (etcd, etcd_url) = start_etcd(&guard, &binaries, &port)?;
        let start = Start { guard: &guard, binaries: &binaries, etcd_url: &etcd_url, token: &token };
        let (kube_apiserver, server, certificate_authority) = start.kube_apiserver(&port)?;
        Ok(Self {
            controller_manager: OnceLock::new(),
            servers: Mutex::new(Servers { kube_apiserver, etcd }),
            admin: start.admin(),
            binaries,
            server,
            certificate_authority,
            counter: AtomicUsize::new(1),
            installing: Mutex::new(()),
            audit_log: Mutex::default(),
            guard: Arc::clone(&guard),
        })
    }

    /// Has namespaces deleted, garbage collected and roles aggregated from now on, by a `kube-controller-manager` that runs as
    /// long as this control plane does. The first call starts it, and builds it first where it is not there yet.
    ///
    /// # Errors
    /// Those of a build, and a program that ends or deletes no namespace; the first failure is every caller's.
    pub fn controller_manager(&self) -> Result<(), &Error> {
        self.controller_manager.get_or_init(|| self.start_controller_manager()).as_ref().map(drop)
    }

    fn start_controller_manager(&self) -> Result<Supervised, Error> {
        let mut command = Command::new(binaries::find_controller_manager()?);
        command.arg(format!("--kubeconfig={}", self.admin.display()));
        command.arg(format!("--controllers={}", CONTROLLERS.join(",")));
        command.args(["--leader-elect=false", "--use-service-account-credentials=false", "--secure-port=0"]);
        // One server, and nobody else who asks.
        command.args(["--kube-api-qps=200", "--kube-api-burst=400"]);
        let name = "kube-controller-manager";
        let process = Supervised::spawn_under(Arc::clone(&self.guard), name, &command)?;
        let probe = self.namespace()?;
        self.kubectl_ok(["delete", "namespace", &probe, "--wait=false"], None)?;
        let deadline = Instant::now() + READY;
        while self.kubectl_ok(["get", "namespace", &probe], None).is_ok() {
            if let Some(status) = process.wait_exit(Duration::ZERO)? {
                return Err(Error::Exited { component: name, status, log: process.log_tail() });
            }
            if Instant::now() >= deadline {
                let what = format!("{name} to delete a namespace; its log ends:\n{}", process.log_tail());
                return Err(Error::Timeout { what, seconds: READY.as_secs() });
            }
            thread::sleep(POLL);
        }
        Ok(process)
    }

    /// `https://127.0.0.1:<port>`.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// What clients verify the server against, in PEM.
    #[must_use]
    pub fn certificate_authority(&self) -> &[u8] {
        &self.certificate_authority
    }

    /// A directory for files that shall go when this control plane does; for this user alone.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.guard.directory()
    }
}

impl fmt::Debug for ControlPlane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ControlPlane").field("server", &self.server).finish_non_exhaustive()
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// What a server that is starting turned out to be.
pub(crate) enum Outcome<T> {
    Ready(T),
    PortTaken(String),
}

/// Tries again, with another port, where a port was taken.
fn with_ports<T>(
    component: &'static str,
    mut attempt: impl FnMut(usize) -> Result<Outcome<T>, Error>,
) -> Result<T, Error> {
    let mut last = String::new();
    for number in 1..=ATTEMPTS {
        match attempt(number)? {
            Outcome::Ready(ready) => return Ok(ready),
            Outcome::PortTaken(log) => last = log,
        }
    }
    Err(Error::PortTaken { component, attempts: ATTEMPTS, log: last })
}

/// `Some` when the process has ended: a port to try again with, or an error.
fn ended<T>(component: &'static str, process: &Supervised) -> Result<Option<Outcome<T>>, Error> {
    let Some(status) = process.wait_exit(Duration::ZERO)? else { return Ok(None) };
    let log = process.log_tail();
    if log.contains("address already in use") {
        return Ok(Some(Outcome::PortTaken(log)));
    }
    Err(Error::Exited { component, status, log })
}

fn start_etcd(
    guard: &Arc<Guard>,
    binaries: &Binaries,
    port: impl Fn() -> io::Result<u16>,
) -> Result<(Program, String), Error> {
    with_ports("etcd", |attempt| {
        let url = || Ok(format!("http://127.0.0.1:{}", port().map_err(Error::io("find a free port"))?));
        let (clients, peers) = (url()?, url()?);
        let mut command = Command::new(binaries.etcd());
        let name = format!("etcd-{attempt}");
        command.arg("--data-dir").arg(guard.directory().join(&name));
        command.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
        command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
        command.args(["--initial-cluster", &format!("default={peers}"), "--unsafe-no-fsync"]);
        // Whatever the environment says: what follows reads its log.
        command.arg("--log-level=info");
        let etcd = Program::start(guard, name, command)?;
        Ok(match until_etcd_serves(&etcd.process)? {
            Outcome::Ready(()) => Outcome::Ready((etcd, clients)),
            Outcome::PortTaken(log) => Outcome::PortTaken(log),
        })
    })
}

pub(crate) fn until_etcd_serves(process: &Supervised) -> Result<Outcome<()>, Error> {
    let deadline = Instant::now() + READY;
    // It says so once both ports are its own.
    while !process.stderr().contains("ready to serve client requests") {
        if let Some(outcome) = ended("etcd", process)? {
            return Ok(outcome);
        }
        if Instant::now() >= deadline {
            let what = format!("etcd to serve; its log ends:\n{}", process.log_tail());
            return Err(Error::Timeout { what, seconds: READY.as_secs() });
        }
        thread::sleep(POLL);
    }
    Ok(Outcome::Ready(()))
}

struct Start<'a> {
    guard: &'a Arc<Guard>,
    binaries: &'a Binaries,
    etcd_url: &'a str,
    token: &'a str,
}

impl Start<'_> {
    fn admin(&self) -> PathBuf {
        self.guard.directory().join("admin.kubeconfig")
    }

    fn kube_apiserver(
        &self,
        port: impl Fn() -> io::Result<u16>,
    ) -> Result<(Program, String, Vec<u8>), Error> {
        with_ports("kube-apiserver", |attempt| {
            let port = port().map_err(Error::io("find a free port"))?;
            let certificates = self.guard.directory().join(format!("certificates-{attempt}"));
            let command = self.kube_apiserver_command(port, &certificates);
            let program = Program::start(self.guard, format!("kube-apiserver-{attempt}"), command)?;
            let server = format!("https://127.0.0.1:{port}");
            let mut last = "no certificate yet".to_owned();
            let deadline = Instant::now() + READY;
            while Instant::now() < deadline {
                if let Some(outcome) = ended("kube-apiserver", &program.process)? {
                    return Ok(outcome);
                }
                // Its own certificate, followed by the one that signed it.
                if let Ok(authority) = fs::read(certificates.join("apiserver.crt")) {
                    kubeconfig::write(&self.admin(), &server, &authority, ("default", "admin"), self.token)?;
                    match self.ready() {
                        Ok(()) => return Ok(Outcome::Ready((program, server, authority))),
                        Err(answer) => last = answer,
                    }
                }
                thread::sleep(POLL);
            }
            Err(Error::NotReady { seconds: READY.as_secs(), last, log: program.process.log_tail() })
        })
    }

    fn kube_apiserver_command(&self, port: u16, certificates: &Path) -> Command {
        let directory = self.guard.directory();
        let option = |name: &str, file: &str| format!("--{name}={}", directory.join(file).display());
        let mut command = Command::new(self.binaries.kube_apiserver());
        command.arg(format!("--etcd-servers={}", self.etcd_url));
        command.arg(format!("--cert-dir={}", certificates.display()));
        command.arg(format!("--secure-port={port}"));
        command.arg("--bind-address=127.0.0.1");
        // Else it looks for an address of another kind, which a machine without a network does not have.
        command.args(["--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none"]);
        command.arg("--service-account-issuer=https://kubernetes.default.svc");
        command.arg(option("service-account-key-file", "service-account.pub"));
        command.arg(option("service-account-signing-key-file", "service-account.key"));
        command.arg(option("token-auth-file", "tokens.csv"));
        command.args(["--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount"]);
        command.arg("--service-cluster-ip-range=10.0.0.0/24");
        command.arg(option("audit-policy-file", "audit-policy.yaml"));
        command.arg(option("audit-log-path", "audit.log"));
        // In MiB; above it the log would begin a new file.
        command.arg("--audit-log-maxsize=16384");
        command
    }

    /// Ready, and the namespaces that every cluster has are there; `kubectl` verifies the certificate on the way.
    fn ready(&self) -> Result<(), String> {
        for arguments in [["get", "--raw", "/readyz"], ["get", "namespace", "default"]] {
            let output = crate::kubectl::command(self.binaries, &self.admin(), self.guard)
                .args(arguments)
                .arg("--request-timeout=10s")
                .output()
                .map_err(|error| error.to_string())?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
            }
        }
        Ok(())
    }
}
