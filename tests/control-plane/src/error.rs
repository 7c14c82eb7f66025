use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why there is no control plane, or why it refused; the text says what to do about it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Programs have to be built, and there is no Go.
    #[error(
        "{title} must be built into {cache}, but there is no `go` on PATH. Install Go {needed} or newer (https://go.dev/dl){instead}"
    )]
    NoGo {
        /// What is to be built.
        title: &'static str,
        /// Where an earlier build would have been.
        cache: PathBuf,
        /// The oldest Go that will do.
        needed: &'static str,
        /// What else would do.
        instead: &'static str,
    },

    /// Programs have to be built, and the Go that is there cannot do it.
    #[error(
        "{go} is {found}, but building {title} needs Go {needed} or newer. Update Go (https://go.dev/dl){instead}"
    )]
    GoTooOld {
        /// The program asked.
        go: PathBuf,
        /// What it says of itself.
        found: String,
        /// What is to be built.
        title: &'static str,
        /// The oldest Go that will do.
        needed: &'static str,
        /// What else would do.
        instead: &'static str,
    },

    /// The Go modules could not be had.
    #[error(
        "the Go modules of {title} could not be downloaded, and no earlier build is in {cache}. Check the network, HTTPS_PROXY and \
         GOPROXY{instead}. Go said:\n{output}"
    )]
    Download {
        /// What is to be built.
        title: &'static str,
        /// Where an earlier build would have been.
        cache: PathBuf,
        /// What else would do.
        instead: &'static str,
        /// The end of what Go wrote.
        output: String,
    },

    /// Go could not build a program.
    #[error(
        "`go build` of {program} failed ({status}); memory and disk are the first suspects. Go said:\n{output}"
    )]
    Build {
        /// Which.
        program: &'static str,
        /// How Go ended.
        status: ExitStatus,
        /// The end of what Go wrote.
        output: String,
    },

    /// `KUBEBUILDER_ASSETS` is set and incomplete.
    #[error(
        "KUBEBUILDER_ASSETS is {directory}, but there is no {program} in it. Unset it to have the programs built, or complete the directory"
    )]
    AssetMissing {
        /// Its value.
        directory: PathBuf,
        /// What it lacks.
        program: &'static str,
    },

    /// There is nowhere to keep what is built.
    #[error("no cache directory: set XDG_CACHE_HOME or HOME{instead}")]
    NoCacheDirectory {
        /// What else would do.
        instead: &'static str,
    },

    /// Each port tried was taken by someone else before the server could have it.
    #[error(
        "{component} found its port taken in each of {attempts} attempts, with another port each time: something on this machine takes \
         ports of 127.0.0.1 faster than they can be used. Its log ends:\n{log}"
    )]
    PortTaken {
        /// `etcd` or `kube-apiserver`.
        component: &'static str,
        /// How often it was tried.
        attempts: usize,
        /// The end of its log.
        log: String,
    },

    /// A server ended instead of serving.
    #[error("{component} ended while starting ({status}). Its log ends:\n{log}")]
    Exited {
        /// `etcd` or `kube-apiserver`.
        component: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The end of its log.
        log: String,
    },

    /// The API server runs and does not get ready.
    #[error("kube-apiserver is not ready after {seconds} s ({last}). Its log ends:\n{log}")]
    NotReady {
        /// How long was waited.
        seconds: u64,
        /// What the last look at it answered.
        last: String,
        /// The end of its log.
        log: String,
    },

    /// A `kubectl` command failed.
    #[error("`kubectl {arguments}` failed ({status}): {stderr}")]
    Kubectl {
        /// The command line.
        arguments: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        stderr: String,
    },

    /// A condition was not met in time.
    #[error("waited {seconds} s for {what}")]
    Timeout {
        /// For what.
        what: String,
        /// How long.
        seconds: u64,
    },

    /// A program could not be run.
    #[error("cannot run {program}: {source}")]
    Spawn {
        /// Its name or path.
        program: String,
        /// Why.
        source: io::Error,
    },

    /// The system refused something.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// Why not.
        source: io::Error,
    },
}

/// The same text: `unwrap` in a test, and `main`, show this one.
impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Error {
    /// For `map_err`: the operation, then the cause.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing: doing.into(), source }
    }
}
