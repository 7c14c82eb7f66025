use std::path::PathBuf;

use crate::Error;
use crate::go_build::{GoBuild, Place, directory_variable};

#[cfg(test)]
mod tests;

/// What `kubectl version` and the API server call themselves, as the releases do.
const VERSION: &str = "v1.37.2";

const CONTROLLER_MANAGER: &str = "kube-controller-manager";

/// The build starts from the texts, so that it does not need the sources of this crate at run time.
fn control_plane() -> GoBuild {
    GoBuild {
        name: "control-plane",
        title: "etcd, kube-apiserver and kubectl",
        go_mod: include_str!("../go.mod"),
        go_sum: include_str!("../go.sum"),
        sources: &[],
        link_flags: format!("-s -w -X k8s.io/component-base/version.gitVersion={VERSION}"),
        programs: vec![
            ("etcd", "go.etcd.io/etcd/server/v3", "half a minute"),
            ("kubectl", "k8s.io/kubernetes/cmd/kubectl", "a minute"),
            ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", "two to five minutes"),
        ],
        takes: "3 to 6 minutes",
        instead: ", or set KUBEBUILDER_ASSETS to a directory that holds the three",
    }
}

/// Built apart, since few need it: from the same modules and with the same version.
fn controller_manager() -> GoBuild {
    GoBuild {
        name: "controller-manager",
        title: CONTROLLER_MANAGER,
        programs: vec![(
            CONTROLLER_MANAGER,
            "k8s.io/kubernetes/cmd/kube-controller-manager",
            "two to five minutes, half of it where kube-apiserver has just been built",
        )],
        takes: "2 to 5 minutes",
        instead: ", or put it into the directory that KUBEBUILDER_ASSETS names",
        ..control_plane()
    }
}

/// The path of `kube-controller-manager`, which is built at the first call.
pub(crate) fn find_controller_manager() -> Result<PathBuf, Error> {
    Ok(Search::from_environment(&controller_manager()).find_controller_manager()?.join(CONTROLLER_MANAGER))
}

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
        Search::from_environment(&control_plane()).find()
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
    /// Not needed where there are assets.
    place: Option<Place>,
}

impl Search {
    fn from_environment(build: &GoBuild) -> Self {
        Self { assets: directory_variable("KUBEBUILDER_ASSETS"), place: Place::of_user(build.name) }
    }

    fn find(&self) -> Result<Binaries, Error> {
        let build = control_plane();
        if let Some(assets) = &self.assets {
            return match build.missing(assets) {
                None => Ok(Binaries { directory: assets.clone() }),
                Some(program) => Err(Error::AssetMissing { directory: assets.clone(), program }),
            };
        }
        Ok(Binaries { directory: self.find_or_build(&build)? })
    }

    /// Other assets than these lack it: it is built then, as the three are.
    fn find_controller_manager(&self) -> Result<PathBuf, Error> {
        let build = controller_manager();
        let assets = self.assets.as_ref().filter(|assets| build.missing(assets).is_none());
        assets.map_or_else(|| self.find_or_build(&build), |assets| Ok(assets.clone()))
    }

    fn find_or_build(&self, build: &GoBuild) -> Result<PathBuf, Error> {
        build.find(self.place.as_ref().ok_or(Error::NoCacheDirectory { instead: build.instead })?)
    }
}
