//! Helm, apart from the settings of whoever runs the tests.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use control_plane::{Error, GoProgram};
use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};

/// Helm with a home of its own, as administrator of a cluster or without one.
#[derive(Debug)]
pub struct Helm {
    program: PathBuf,
    home: TempDir,
    kubeconfig: Option<PathBuf>,
}

impl Helm {
    /// Finds or builds the newest Helm. Without a kubeconfig it knows no cluster.
    ///
    /// # Errors
    /// What [`GoProgram::find`] has to say, or that there is no temporary directory.
    pub fn new(kubeconfig: Option<&Path>) -> Result<Self, Error> {
        Self::of(GoProgram::HELM, kubeconfig)
    }

    /// The same of Helm 3.
    ///
    /// # Errors
    /// As [`Helm::new`].
    pub fn three(kubeconfig: Option<&Path>) -> Result<Self, Error> {
        Self::of(GoProgram::HELM_3, kubeconfig)
    }

    fn of(program: GoProgram, kubeconfig: Option<&Path>) -> Result<Self, Error> {
        let program = program.find()?;
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

    /// Both Helms, with what to call them: the newest and Helm 3.
    ///
    /// # Errors
    /// As [`Helm::new`].
    pub fn both(kubeconfig: Option<&Path>) -> Result<[(&'static str, Self); 2], Error> {
        Ok([("Helm 4", Self::new(kubeconfig)?), ("Helm 3", Self::three(kubeconfig)?)])
    }

    /// What Helm writes to standard output, or else what it says on standard error.
    ///
    /// # Errors
    /// What Helm says, unless it exits with 0.
    pub fn run<I>(&self, arguments: I) -> Result<String, String>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let output =
            self.command(arguments).output().map_err(|error| format!("Helm cannot be run: {error}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }

    /// A file in Helm's home with these values, to be named by `--values`.
    ///
    /// # Errors
    /// Those of writing it.
    pub fn values(&self, values: &Value) -> io::Result<NamedTempFile> {
        let file = NamedTempFile::with_suffix_in(".json", self.home.path())?;
        fs::write(file.path(), values.to_string())?;
        Ok(file)
    }
}
