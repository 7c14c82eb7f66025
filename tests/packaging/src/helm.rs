//! Helm, apart from the settings of whoever runs the tests.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use control_plane::{Error, GoProgram};
use tempfile::TempDir;

/// Helm with a home of its own, as administrator of a cluster or without one.
#[derive(Debug)]
pub struct Helm {
    program: PathBuf,
    home: TempDir,
    kubeconfig: Option<PathBuf>,
}

impl Helm {
    /// Finds or builds Helm. Without a kubeconfig it knows no cluster.
    ///
    /// # Errors
    /// What [`GoProgram::find`] has to say, or that there is no temporary directory.
    pub fn new(kubeconfig: Option<&Path>) -> Result<Self, Error> {
        let program = GoProgram::HELM.find()?;
        let home = TempDir::new()
            .map_err(|source| Error::Io { doing: "make a temporary directory".to_owned(), source })?;
        Ok(Self { program, home, kubeconfig: kubeconfig.map(Path::to_owned) })
    }

    /// A command line of Helm.
    #[must_use]
    pub fn command<I>(&self, arguments: I) -> Command
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = Command::new(&self.program);
        command.args(arguments);
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(variable, self.home.path().join(variable));
        }
        // Without a file, rather than the user's own cluster.
        let nowhere = self.home.path().join("no-kubeconfig");
        command.env("KUBECONFIG", self.kubeconfig.as_ref().unwrap_or(&nowhere));
        command
    }

    /// What Helm writes to standard output, or else what it says on standard error.
    ///
    /// # Errors
    /// [`Outcome::Refused`] unless it exits with 0.
    pub fn run<I>(&self, arguments: I) -> Result<String, Outcome>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let output = self.command(arguments).output().map_err(Outcome::NotRun)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Outcome::Refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

/// Why Helm has no answer.
#[derive(Debug)]
pub enum Outcome {
    /// It could not be run.
    NotRun(io::Error),
    /// It failed, and said this.
    Refused(String),
}
