//! A backup of etcd, and its restoration while clients go on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::plane::{Outcome, READY, until_etcd_serves};
use crate::{ControlPlane, Error};

/// All that was in etcd at one moment; it goes with its control plane.
#[derive(Debug)]
pub struct EtcdBackup(PathBuf);

impl ControlPlane {
    /// Copies the data of etcd, which is halted meanwhile.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn back_up_etcd(&self) -> Result<EtcdBackup, Error> {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let backup = self.guard.directory().join(format!("etcd-backup-{number}"));
        servers.etcd.process.pause()?;
        let copied = copy(&self.guard.directory().join(servers.etcd.name()), &backup);
        servers.etcd.process.resume()?;
        copied.map_err(Error::io("copy the data of etcd"))?;
        Ok(EtcdBackup(backup))
    }

    /// Ends both servers, does `meanwhile`, and starts them again at their addresses with the data of the backup. Resource
    /// versions go back.
    ///
    /// # Errors
    /// [`Error::Io`], and a server that does not get ready.
    pub fn restore_etcd(&self, backup: &EtcdBackup, meanwhile: impl FnOnce()) -> Result<(), Error> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        for program in [&servers.kube_apiserver, &servers.etcd] {
            program.process.kill()?;
            program.process.wait_exit(READY)?;
        }
        let data = self.guard.directory().join(servers.etcd.name());
        fs::remove_dir_all(&data)
            .and_then(|()| copy(&backup.0, &data))
            .map_err(Error::io("restore the data of etcd"))?;
        meanwhile();
        servers.etcd.again(&self.guard)?;
        if let Outcome::PortTaken(log) = until_etcd_serves(&servers.etcd.process)? {
            return Err(Error::PortTaken { component: "etcd", attempts: 1, log });
        }
        servers.kube_apiserver.again(&self.guard)?;
        self.wait_until("kube-apiserver to serve again", READY, || {
            if let Some(status) = servers.kube_apiserver.process.wait_exit(Duration::ZERO)? {
                let log = servers.kube_apiserver.process.log_tail();
                return Err(Error::Exited { component: "kube-apiserver", status, log });
            }
            Ok(self.kubectl_ok(["get", "--raw", "/readyz"], None).is_ok())
        })
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
