//! The programs that the documents tell people to have, built once for this machine.

use std::env;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use control_plane::GoProgram;
use tempfile::TempDir;

use super::commands::typed;

/// Encrypts Secrets for Git.
pub const SOPS: GoProgram = GoProgram {
    name: "sops",
    package: "github.com/getsops/sops/v3/cmd/sops",
    go_mod: include_str!("../../tools/sops/go.mod"),
    go_sum: include_str!("../../tools/sops/go.sum"),
    sources: &[],
    takes: "two minutes",
};

/// Makes the keys for it.
pub const AGE_KEYGEN: GoProgram =
    GoProgram { name: "age-keygen", package: "filippo.io/age/cmd/age-keygen", takes: "ten seconds", ..SOPS };

/// `tofu`, for Terraform.
pub const TOFU: GoProgram = GoProgram {
    name: "tofu",
    package: "github.com/opentofu/opentofu/cmd/tofu",
    go_mod: include_str!("../../tools/tofu/go.mod"),
    go_sum: include_str!("../../tools/tofu/go.sum"),
    sources: &[],
    takes: "four minutes",
};

const JUST_VERSION: &str = "1.59.0";

static JUST: LazyLock<PathBuf> = LazyLock::new(|| {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.unwrap_or_else(|| env::home_dir().unwrap().join(".cache"));
    let root = cache.join("logdrain-operator").join(format!("just-{JUST_VERSION}"));
    let program = root.join("bin/just");
    if !program.is_file() {
        eprintln!("just {JUST_VERSION} is not in {} yet: building it, in about two minutes.", root.display());
        let mut cargo = Command::new("cargo");
        cargo.args(["install", "--quiet", "--locked", "just", "--version", JUST_VERSION, "--root"]);
        let status = cargo.arg(&root).stdin(Stdio::null()).status().unwrap();
        assert!(status.success(), "just could not be built ({status}): see above");
    }
    program
});

/// `just`, which runs the recipes of the justfile.
pub fn just() -> &'static Path {
    &JUST
}

/// A shell of somebody who has some programs more than everybody, and no settings for any.
pub struct Shell {
    programs: TempDir,
    home: TempDir,
}

impl Shell {
    /// With each of these on `PATH`, by this name.
    pub fn with(programs: &[(&str, GoProgram)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, program) in programs {
            let path = program.find().unwrap_or_else(|error| panic!("{error}"));
            symlink(path, directory.path().join(name)).unwrap();
        }
        Self { programs: directory, home: tempfile::tempdir().unwrap() }
    }

    /// What the lines say that are typed in this directory; the first that fails ends it.
    ///
    /// # Errors
    /// What is said until then.
    pub fn types(&self, lines: &str, directory: &Path) -> Result<String, String> {
        let mut paths = vec![self.programs.path().to_owned()];
        paths.extend(env::split_paths(&env::var_os("PATH").unwrap()));
        let mut command = Command::new("bash");
        command.args(["-e", "-u", "-o", "pipefail", "-c", lines]);
        command.env_clear().env("PATH", env::join_paths(paths).unwrap()).env("HOME", self.home.path());
        typed(command, directory)
    }
}
