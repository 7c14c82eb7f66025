//! Prometheus' own judge of rules.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

use super::Error;

/// One at a time gets it.
static GETTING: Mutex<()> = Mutex::new(());

/// The program.
#[derive(Clone, Debug)]
pub struct Promtool(PathBuf);

impl Promtool {
    /// That of `PATH`; else the one of Debian's package, unpacked into the cache directory: nothing is installed, and no
    /// Prometheus starts.
    ///
    /// # Errors
    /// There is none and apt cannot get it; says what to do.
    pub fn find() -> Result<Self, Error> {
        let path = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&path).map(|folder| folder.join("promtool")).find(|file| file.is_file());
        match found {
            Some(program) => Ok(Self(program)),
            None => Self::cached(&cache()?),
        }
    }

    /// That of a directory, got first if need be.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn cached(directory: &Path) -> Result<Self, Error> {
        let _one = GETTING.lock().unwrap_or_else(PoisonError::into_inner);
        let program = directory.join("usr/bin/promtool");
        if !program.is_file() {
            get(directory)?;
        }
        Ok(Self(program))
    }

    /// What it says on standard output, or else all that it says.
    ///
    /// # Errors
    /// It cannot be started. What it refuses is the inner error.
    pub fn run<I>(&self, directory: &Path, arguments: I) -> Result<Result<String, String>, Error>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = Command::new(&self.0);
        let output = command.args(arguments).current_dir(directory).output().map_err(Error::Run)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(Ok(said));
        }
        Ok(Err(format!("{said}{}", String::from_utf8_lossy(&output.stderr))))
    }
}

fn cache() -> Result<PathBuf, Error> {
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    let cache = cache.ok_or_else(|| Error::NoPromtool("neither HOME nor XDG_CACHE_HOME is set".into()))?;
    Ok(cache.join("logdrain-operator/promtool"))
}

fn get(directory: &Path) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::NoPromtool(error.to_string());
    fs::create_dir_all(directory).map_err(failed)?;
    let download = || apt(directory, "apt-get", &["download", "--quiet", "prometheus"]);
    // Where the lists of packages are missing or old; only root may renew them.
    download().or_else(|_| {
        apt(directory, "apt-get", &["update", "--quiet"])?;
        download()
    })?;
    let entries = fs::read_dir(directory).map_err(failed)?;
    let mut files = entries.filter_map(Result::ok).map(|entry| entry.path());
    let package = files.find(|file| file.extension() == Some(OsStr::new("deb")));
    let package = package.ok_or_else(|| Error::NoPromtool("there is no package".into()))?;
    let path = package.to_string_lossy().into_owned();
    apt(directory, "dpkg-deb", &["--extract", &path, "."])?;
    fs::remove_file(package).map_err(failed)
}

fn apt(directory: &Path, program: &str, arguments: &[&str]) -> Result<(), Error> {
    let output = Command::new(program).args(arguments).current_dir(directory).output();
    let output = output.map_err(|error| Error::NoPromtool(format!("{program}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::NoPromtool(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())))
}
