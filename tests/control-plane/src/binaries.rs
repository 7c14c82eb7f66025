use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use blake2::{Blake2s256, Digest};

use crate::Error;

mod build;
#[cfg(test)]
mod tests;

/// The build starts from these, so that it does not need the sources of this crate at run time.
const GO_MOD: &str = include_str!("../go.mod");
const GO_SUM: &str = include_str!("../go.sum");

/// What `kubectl version` and the API server call themselves, as the releases do.
const VERSION: &str = "v1.37.2";

/// Name, Go package, how long it takes on two cores with an empty build cache.
const PROGRAMS: [(&str, &str, &str); 3] = [
    ("etcd", "go.etcd.io/etcd/server/v3", "half a minute"),
    ("kubectl", "k8s.io/kubernetes/cmd/kubectl", "a minute"),
    ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", "two to five minutes"),
];

/// Where the three programs are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    pub(crate) directory: PathBuf,
}

impl Binaries {
    /// Finds the programs, or builds them, with progress on standard error.
    ///
    /// It looks in the directory that `KUBEBUILDER_ASSETS` names, and nowhere else where that is set; then in
    /// `logdrain-operator/control-plane/<digest>` of the user's cache directory (`XDG_CACHE_HOME`, else `~/.cache`), the digest being that of
    /// what is built and for which machine; then it builds them there, once, whoever else asks at the same time.
    ///
    /// # Errors
    /// All that keep the programs from being found or built, each saying what to do.
    pub fn find() -> Result<Self, Error> {
        Search::from_environment()?.find()
    }

    /// The path of `etcd`.
    #[must_use]
    pub fn etcd(&self) -> PathBuf {
        self.directory.join("etcd")
    }

    /// The path of `kube-apiserver`.
    #[must_use]
    pub fn kube_apiserver(&self) -> PathBuf {
        self.directory.join("kube-apiserver")
    }

    /// The path of `kubectl`.
    #[must_use]
    pub fn kubectl(&self) -> PathBuf {
        self.directory.join("kubectl")
    }
}

/// What of the environment decides.
struct Search {
    assets: Option<PathBuf>,
    /// `logdrain-operator/control-plane` in the user's cache directory.
    cache: PathBuf,
    /// Where `go` is looked for.
    path: OsString,
}

impl Search {
    fn from_environment() -> Result<Self, Error> {
        let directory = |variable| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
        let assets = directory("KUBEBUILDER_ASSETS");
        let cache = directory("XDG_CACHE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| directory("HOME").map(|home| home.join(".cache")));
        let cache = match (cache, &assets) {
            (Some(cache), _) => cache.join("logdrain-operator").join("control-plane"),
            (None, Some(_)) => PathBuf::new(),
            (None, None) => return Err(Error::NoCacheDirectory),
        };
        Ok(Self { assets, cache, path: env::var_os("PATH").unwrap_or_default() })
    }

    fn find(&self) -> Result<Binaries, Error> {
        if let Some(assets) = &self.assets {
            return match missing(assets) {
                None => Ok(Binaries { directory: assets.clone() }),
                Some(program) => Err(Error::AssetMissing { directory: assets.clone(), program }),
            };
        }
        let directory = self.cache.join(digest());
        if missing(&directory).is_some() {
            build::build(self, &directory)?;
        }
        Ok(Binaries { directory })
    }
}

fn missing(directory: &Path) -> Option<&'static str> {
    PROGRAMS.iter().map(|(name, ..)| *name).find(|name| !directory.join(name).is_file())
}

/// Whatever changes what is built changes this.
fn digest() -> String {
    let mut digest = Blake2s256::new();
    for part in [GO_MOD, GO_SUM, &build::link_flags(), env::consts::OS, env::consts::ARCH] {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&digest.finalize()[..16]);
    format!("{:032x}", u128::from_be_bytes(half))
}

/// The `go` line of `go.mod`.
fn go_needed() -> &'static str {
    GO_MOD.lines().find_map(|line| line.strip_prefix("go ")).unwrap_or_default()
}
