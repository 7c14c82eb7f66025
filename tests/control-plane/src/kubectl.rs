//! What tests do with a control plane.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::guard::Guard;
use crate::{AuditEntry, Binaries, ControlPlane, Error, kubeconfig};

/// Longer than anything that is going to happen takes.
const SOON: Duration = Duration::from_secs(120);

/// The files of `deploy/` that let the operator act, in the order of their dependence.
const PERMISSIONS: [&str; 3] = ["namespace.yaml", "service-account.yaml", "rbac.yaml"];

pub(crate) fn command(binaries: &Binaries, kubeconfig: &Path, guard: &Guard) -> Command {
    let mut command = Command::new(binaries.kubectl());
    command.env("KUBECONFIG", kubeconfig);
    // Neither the user's settings nor what was remembered of another server on the same port.
    command.env("KUBERC", "off").env("KUBECACHEDIR", guard.directory().join("kubectl-cache"));
    command
}

impl ControlPlane {
    /// A kubeconfig of the administrator (`system:masters`), usable by hand as long as this control plane lives.
    #[must_use]
    pub fn kubeconfig_admin(&self) -> PathBuf {
        self.admin.clone()
    }

    /// The absolute path of `kubectl`, to be used by hand.
    #[must_use]
    pub fn kubectl_path(&self) -> PathBuf {
        self.binaries.kubectl()
    }

    /// A `kubectl` command as administrator, arguments to follow; set `KUBECONFIG` for another user.
    #[must_use]
    pub fn kubectl(&self) -> Command {
        command(&self.binaries, &self.admin, &self.guard)
    }

    /// Runs `kubectl` as administrator and returns its standard output.
    ///
    /// # Errors
    /// [`Error::Kubectl`] with its standard error unless it exits with 0.
    pub fn kubectl_ok<I>(&self, arguments: I, stdin: Option<&str>) -> Result<String, Error>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = self.kubectl();
        command.args(arguments);
        run(&mut command, stdin)
    }

    /// `kubectl apply` of YAML.
    ///
    /// # Errors
    /// As [`kubectl_ok`](Self::kubectl_ok).
    pub fn apply(&self, yaml: &str) -> Result<String, Error> {
        self.kubectl_ok(["apply", "-f", "-"], Some(yaml))
    }

    /// `kubectl apply` of a file, or of all YAML and JSON files in a directory.
    ///
    /// # Errors
    /// As [`kubectl_ok`](Self::kubectl_ok).
    pub fn apply_path(&self, path: &Path) -> Result<String, Error> {
        self.kubectl_ok([OsStr::new("apply"), OsStr::new("-f"), path.as_os_str()], None)
    }

    /// Creates a namespace that no one else has, and returns its name.
    ///
    /// # Errors
    /// As [`kubectl_ok`](Self::kubectl_ok).
    pub fn namespace(&self) -> Result<String, Error> {
        let name = format!("test-{}", self.counter.fetch_add(1, Ordering::Relaxed));
        self.kubectl_ok(["create", "namespace", &name], None)?;
        Ok(name)
    }

    /// A kubeconfig with a fresh token of a service account, good for a day: its holder may do what RBAC lets it.
    ///
    /// # Errors
    /// As [`kubectl_ok`](Self::kubectl_ok), where there is no such service account.
    pub fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf, Error> {
        let token = self.kubectl_ok(["create", "token", name, "-n", namespace, "--duration=24h"], None)?;
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let path = self.guard.directory().join(format!("{namespace}-{name}-{number}.kubeconfig"));
        kubeconfig::write(&path, &self.server, &self.certificate_authority, (namespace, name), token.trim())?;
        Ok(path)
    }

    /// Applies the definitions in `crds_directory` and waits until they serve, then namespace, service account and RBAC of
    /// `deploy_directory`. May be called again, and at once from several threads.
    ///
    /// # Errors
    /// [`Error::Io`] for a directory or file that is not there, [`Error::Kubectl`] for one that the server refuses.
    pub fn install(&self, deploy_directory: &Path, crds_directory: &Path) -> Result<(), Error> {
        let _one_at_a_time = self.installing.lock().unwrap_or_else(PoisonError::into_inner);
        for path in definitions(crds_directory)? {
            let file = path.to_string_lossy();
            self.kubectl_ok(["apply", "--server-side", "-f", &file], None)?;
            let timeout = format!("--timeout={}s", SOON.as_secs());
            self.kubectl_ok(["wait", "--for=condition=Established", &timeout, "-f", &file], None)?;
            // Established is said a moment before it is served.
            for name in self.kubectl_ok(["get", "-o", "name", "-f", &file], None)?.lines() {
                let resource = name.rsplit('/').next().unwrap_or(name);
                self.wait_until(&format!("{resource} to be served"), SOON, || {
                    Ok(self.kubectl_ok(["get", resource, "--all-namespaces"], None).is_ok())
                })?;
            }
        }
        for file in PERMISSIONS {
            let path = deploy_directory.join(file);
            fs::metadata(&path).map_err(Error::io(format!("read {}", path.display())))?;
            self.apply_path(&path)?;
        }
        Ok(())
    }

    /// Every request that the server has answered since it started, refused ones too, in the order of the answers.
    ///
    /// # Caveats
    /// A request may be noted a moment after its client has the answer: see [`wait_for_audit`](Self::wait_for_audit).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn audit(&self) -> Result<Vec<AuditEntry>, Error> {
        let path = self.guard.directory().join("audit.log");
        let mut log = self.audit_log.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(log.read(&path).map_err(Error::io("read the audit log"))?.to_vec())
    }

    /// The audit entries, as soon as they are as `expected`.
    ///
    /// # Errors
    /// [`Error::Timeout`] after two minutes.
    pub fn wait_for_audit(
        &self,
        what: &str,
        expected: impl Fn(&[AuditEntry]) -> bool,
    ) -> Result<Vec<AuditEntry>, Error> {
        let mut entries = Vec::new();
        self.wait_until(&format!("the audit log to show {what}"), SOON, || {
            entries = self.audit()?;
            Ok(expected(&entries))
        })?;
        Ok(entries)
    }

    /// Looks again and again until `condition` holds.
    ///
    /// # Errors
    /// [`Error::Timeout`], naming `what`; that of `condition`, at once.
    pub fn wait_until(
        &self,
        what: &str,
        timeout: Duration,
        mut condition: impl FnMut() -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + timeout;
        while !condition()? {
            if Instant::now() >= deadline {
                return Err(Error::Timeout { what: what.to_owned(), seconds: timeout.as_secs() });
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// The YAML files of a directory.
fn definitions(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let reading = || format!("read the CRDs in {}", directory.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(Error::io(reading()))? {
        let path = entry.map_err(Error::io(reading()))?.path();
        if path.extension() == Some(OsStr::new("yaml")) {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        let nothing = std::io::Error::new(std::io::ErrorKind::NotFound, "no .yaml file");
        return Err(Error::io(reading())(nothing));
    }
    Ok(paths)
}

fn run(command: &mut Command, stdin: Option<&str>) -> Result<String, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |source| Error::Spawn { program: program.clone(), source };
    command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    let input = child.stdin.take();
    let output = thread::scope(|scope| {
        scope.spawn(move || {
            if let (Some(mut input), Some(text)) = (input, stdin) {
                // Broken by a command that ends without reading it all, which then says why.
                let _ = input.write_all(text.as_bytes());
            }
        });
        child.wait_with_output()
    })
    .map_err(failed)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    Err(Error::Kubectl {
        arguments: arguments.join(" "),
        status: output.status,
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}
