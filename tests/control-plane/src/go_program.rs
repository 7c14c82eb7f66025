use std::path::PathBuf;

use crate::Error;
use crate::go_build::{GoBuild, Place};

/// A Go program with a go.mod of its own, built once for this machine, as the control plane's programs are.
///
/// ```no_run
/// # use control_plane::GoProgram;
/// const JUDGE: GoProgram = GoProgram {
///     name: "judge",
///     package: ".",
///     go_mod: "module logdrain.test/judge\n\ngo 1.26.0\n", // include_str!("../judge/go.mod")
///     go_sum: "",
///     sources: &[("main.go", "package main\n\nfunc main() {}\n")],
///     takes: "half a minute",
/// };
/// let path = JUDGE.find()?;
/// # Ok::<(), control_plane::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GoProgram {
    /// What it is called, and its directory in the cache.
    pub name: &'static str,
    /// What is built: a package that is pinned as a tool in `go_mod`, or `.` for that of `sources`.
    pub package: &'static str,
    /// The text of go.mod. Its `go` line says which Go is needed.
    pub go_mod: &'static str,
    /// The text of go.sum.
    pub go_sum: &'static str,
    /// Path and text of each source file of the program's own.
    pub sources: &'static [(&'static str, &'static str)],
    /// How long the build takes on two cores with an empty build cache, for whoever waits for it.
    pub takes: &'static str,
}

impl GoProgram {
    /// Helm, as its releases are.
    pub const HELM: Self = Self {
        name: "helm",
        package: "helm.sh/helm/v4/cmd/helm",
        go_mod: include_str!("../tools/helm/go.mod"),
        go_sum: include_str!("../tools/helm/go.sum"),
        sources: &[],
        takes: "two minutes",
    };

    /// Helm 3, which most clusters still use.
    pub const HELM_3: Self = Self {
        name: "helm3",
        package: "helm.sh/helm/v3/cmd/helm",
        go_mod: include_str!("../tools/helm3/go.mod"),
        go_sum: include_str!("../tools/helm3/go.sum"),
        sources: &[],
        takes: "two minutes",
    };

    /// actionlint, which reads the workflows of GitHub Actions.
    pub const ACTIONLINT: Self = Self {
        name: "actionlint",
        package: "github.com/rhysd/actionlint/cmd/actionlint",
        go_mod: include_str!("../tools/actionlint/go.mod"),
        go_sum: include_str!("../tools/actionlint/go.sum"),
        sources: &[],
        takes: "half a minute",
    };

    /// Finds the program, or builds it, with progress on standard error.
    ///
    /// It looks in `logdrain-operator/<name>/<digest>` of the user's cache directory (`XDG_CACHE_HOME`, else `~/.cache`), the digest
    /// being that of go.mod, go.sum, the sources and the machine's kind; then it builds it there, once, whoever else asks at the
    /// same time.
    ///
    /// # Errors
    /// All that keep the program from being found or built, each saying what to do.
    pub fn find(&self) -> Result<PathBuf, Error> {
        let build = self.build();
        let place = Place::of_user(self.name).ok_or(Error::NoCacheDirectory { instead: build.instead })?;
        self.find_in(&place)
    }

    fn find_in(&self, place: &Place) -> Result<PathBuf, Error> {
        Ok(self.build().find(place)?.join(self.name))
    }

    fn build(&self) -> GoBuild {
        GoBuild {
            name: self.name,
            title: self.name,
            go_mod: self.go_mod,
            go_sum: self.go_sum,
            sources: self.sources,
            link_flags: "-s -w".to_owned(),
            programs: vec![(self.name, self.package, self.takes)],
            takes: self.takes,
            instead: "",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;

    const JUDGE: GoProgram = GoProgram {
        name: "judge",
        package: ".",
        go_mod: "module logdrain.test/judge\n\ngo 1.26.0\n",
        go_sum: "",
        sources: &[("main.go", "package main"), ("verdict/verdict.go", "package verdict")],
        takes: "no time",
    };

    fn place(cache: &TempDir, go: &str) -> Place {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(go);
        Place { cache: cache.path().join("judge"), path: path.into_os_string() }
    }

    #[test]
    fn is_built_once_from_its_sources_and_anew_when_they_change() {
        let cache = TempDir::new().unwrap();
        let place = place(&cache, "go-working");
        let first = JUDGE.find_in(&place).unwrap();
        assert!(first.is_file() && first.ends_with("judge"), "{first:?}");
        assert_eq!(JUDGE.find_in(&place).unwrap(), first);
        let changed = GoProgram { sources: &[("main.go", "package main // changed")], ..JUDGE };
        assert_ne!(changed.find_in(&place).unwrap(), first);
        let builds = fs::read_to_string(place.cache.join("builds")).unwrap();
        assert_eq!(builds, ".\n.\n");
    }

    #[test]
    fn a_digest_tells_each_part_from_the_next() {
        let digest = |program: GoProgram| program.build().digest();
        let named_otherwise = GoProgram {
            sources: &[("main.g", "opackage main"), ("verdict/verdict.go", "package verdict")],
            ..JUDGE
        };
        assert_ne!(digest(named_otherwise), digest(JUDGE));
        assert_ne!(digest(GoProgram { go_sum: "x", ..JUDGE }), digest(JUDGE));
    }

    #[test]
    fn says_what_is_missing_by_its_own_name() {
        let cache = TempDir::new().unwrap();
        let error = JUDGE.find_in(&place(&cache, "go-offline")).unwrap_err().to_string();
        assert!(error.starts_with("the Go modules of judge could not be downloaded"), "{error}");
        let error = JUDGE.find_in(&place(&cache, "no-go")).unwrap_err().to_string();
        assert!(error.ends_with("Install Go 1.26.0 or newer (https://go.dev/dl)"), "{error}");
        assert!(!error.contains("KUBEBUILDER_ASSETS"), "{error}");
    }
}
