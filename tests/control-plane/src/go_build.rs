//! Building programs with Go, once for all who want them.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use blake2::{Blake2s256, Digest};

use crate::guard::Guard;
use crate::{Error, Supervised};

/// How often a wait says that it goes on.
const PROGRESS: Duration = Duration::from_secs(15);

/// What is built together, from one go.mod.
#[derive(Debug)]
pub(crate) struct GoBuild {
    /// Its directory in the cache, and who it says it is.
    pub(crate) name: &'static str,
    /// The programs, for sentences.
    pub(crate) title: &'static str,
    pub(crate) go_mod: &'static str,
    pub(crate) go_sum: &'static str,
    /// Path and text of each file beside go.mod.
    pub(crate) sources: &'static [(&'static str, &'static str)],
    pub(crate) link_flags: String,
    /// Name, Go package, how long it takes on two cores with an empty build cache.
    pub(crate) programs: Vec<(&'static str, &'static str, &'static str)>,
    /// How long all of it takes.
    pub(crate) takes: &'static str,
    /// What else would do, to end a sentence with.
    pub(crate) instead: &'static str,
}

/// Where it looks.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The build's own directory in the user's cache directory.
    pub(crate) cache: PathBuf,
    /// Where `go` is looked for.
    pub(crate) path: OsString,
}

impl Place {
    /// `logdrain-operator/<name>` in the user's cache directory (`XDG_CACHE_HOME`, else `~/.cache`), and `PATH`.
    pub(crate) fn of_user(name: &str) -> Option<Self> {
        let cache = directory_variable("XDG_CACHE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| directory_variable("HOME").map(|home| home.join(".cache")))?;
        let path = env::var_os("PATH").unwrap_or_default();
        Some(Self { cache: cache.join("logdrain-operator").join(name), path })
    }
}

/// A directory that a variable names.
pub(crate) fn directory_variable(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

impl GoBuild {
    /// The directory that holds the programs, built first where they are not there yet.
    pub(crate) fn find(&self, place: &Place) -> Result<PathBuf, Error> {
        let directory = place.cache.join(self.digest());
        if self.missing(&directory).is_some() {
            self.build(place, &directory)?;
        }
        Ok(directory)
    }

    /// The first of the programs that is not there.
    pub(crate) fn missing(&self, directory: &Path) -> Option<&'static str> {
        self.programs.iter().map(|(name, ..)| *name).find(|name| !directory.join(name).is_file())
    }

    /// Whatever changes what is built changes this.
    pub(crate) fn digest(&self) -> String {
        let mut parts = vec![self.go_mod, self.go_sum, &self.link_flags, env::consts::OS, env::consts::ARCH];
        parts.extend(self.sources.iter().flat_map(|(path, text)| [*path, *text]));
        let mut digest = Blake2s256::new();
        for part in parts {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        let mut half = [0; 16];
        half.copy_from_slice(&digest.finalize()[..16]);
        format!("{:032x}", u128::from_be_bytes(half))
    }

    /// The `go` line of `go.mod`.
    pub(crate) fn go_needed(&self) -> &'static str {
        self.go_mod.lines().find_map(|line| line.strip_prefix("go ")).unwrap_or_default()
    }

    /// Fills `directory`, at once or not at all.
    fn build(&self, place: &Place, directory: &Path) -> Result<(), Error> {
        let cache = &place.cache;
        fs::create_dir_all(cache).map_err(Error::io(format!("create {}", cache.display())))?;
        let _lock = self.lock(&cache.join("lock"))?;
        if self.missing(directory).is_none() {
            return Ok(());
        }
        let go = self.usable_go(place)?;

        clear(cache)?;
        // In the cache, since a rename does not cross file systems.
        let guard = Guard::new_in(cache, "building").map_err(Error::io("make a directory to build in"))?;
        let guard = Arc::new(guard);
        let workshop = guard.directory();
        self.write_sources(workshop)?;

        self.say(&format!(
            "{} {} not in {} yet: building with Go, once for this machine. Usually {} in all; later runs start in seconds.",
            self.title,
            if self.programs.len() == 1 { "is" } else { "are" },
            cache.display(),
            self.takes,
        ));
        let start = Instant::now();
        let mut list = go_command(&go, workshop);
        list.args(["list", "-mod=readonly", "-deps"]);
        list.args(self.programs.iter().map(|(_, package, _)| package));
        let (status, output) = self.run(&guard, "download", "downloading Go modules", "a minute", &list)?;
        if !status.success() {
            let (title, instead) = (self.title, self.instead);
            return Err(Error::Download { title, cache: cache.clone(), instead, output });
        }
        for &(program, package, usual) in &self.programs {
            let mut build = go_command(&go, workshop);
            build.args(["build", "-mod=readonly", "-trimpath", "-ldflags", &self.link_flags, "-o"]);
            build.arg(workshop.join("bin").join(program)).arg(package);
            let (status, output) =
                self.run(&guard, program, &format!("building {program}"), usual, &build)?;
            if !status.success() {
                return Err(Error::Build { program, status, output });
            }
        }
        if directory.exists() {
            fs::remove_dir_all(directory)
                .map_err(Error::io(format!("remove the incomplete {}", directory.display())))?;
        }
        fs::rename(workshop.join("bin"), directory)
            .map_err(Error::io(format!("move what was built to {}", directory.display())))?;
        self.say(&format!("built in {} s, kept in {}", start.elapsed().as_secs(), directory.display()));
        Ok(())
    }

    fn write_sources(&self, workshop: &Path) -> Result<(), Error> {
        let modules = [("go.mod", self.go_mod), ("go.sum", self.go_sum)];
        for (name, text) in modules.iter().chain(self.sources) {
            let path = workshop.join(name);
            let directory = path.parent().unwrap_or(workshop);
            fs::create_dir_all(directory).map_err(Error::io(format!("create {}", directory.display())))?;
            fs::write(&path, text).map_err(Error::io(format!("write {name}")))?;
        }
        Ok(())
    }

    /// One builder at a time; the lock goes when its holder does, however it ends.
    fn lock(&self, path: &Path) -> Result<File, Error> {
        let file = File::create(path).map_err(Error::io(format!("create {}", path.display())))?;
        let start = Instant::now();
        let mut said: Option<Instant> = None;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => {
                    if said.is_none_or(|at| at.elapsed() >= PROGRESS) {
                        let waited = start.elapsed().as_secs();
                        self.say(&format!(
                            "another process is building {}; waiting for it ({waited} s)",
                            self.title
                        ));
                        said = Some(Instant::now());
                    }
                    thread::sleep(Duration::from_millis(100));
                }
                Err(TryLockError::Error(source)) => {
                    return Err(Error::io(format!("lock {}", path.display()))(source));
                }
            }
        }
    }

    fn usable_go(&self, place: &Place) -> Result<PathBuf, Error> {
        let (title, needed, instead) = (self.title, self.go_needed(), self.instead);
        let go = env::split_paths(&place.path)
            .map(|directory| directory.join("go"))
            .find(|candidate| candidate.is_file())
            .ok_or_else(|| Error::NoGo { title, cache: place.cache.clone(), needed, instead })?;
        // Where no go.mod is near: an old Go would refuse to answer beside a newer one's.
        let answer = go_command(&go, &place.cache)
            .args(["env", "GOVERSION"])
            .output()
            .map_err(|source| Error::Spawn { program: go.display().to_string(), source })?;
        let found = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        if version(&found) < version(needed) {
            let found = if found.is_empty() { "of an unknown version".to_owned() } else { found };
            return Err(Error::GoTooOld { go, found, title, needed, instead });
        }
        Ok(go)
    }

    /// Runs to the end, with a line now and then; the end of what it wrote is for an error.
    fn run(
        &self,
        guard: &Arc<Guard>,
        name: &str,
        what: &str,
        usual: &str,
        command: &Command,
    ) -> Result<(ExitStatus, String), Error> {
        self.say(&format!("{what} (usually {usual}) …"));
        let start = Instant::now();
        let process = Supervised::spawn_under(Arc::clone(guard), name, command)?;
        loop {
            let exited = process.wait_exit(PROGRESS)?;
            let seconds = start.elapsed().as_secs();
            if let Some(status) = exited {
                self.say(&format!(
                    "{what}: {} after {seconds} s",
                    if status.success() { "done" } else { "failed" }
                ));
                return Ok((status, process.log_tail()));
            }
            self.say(&format!("{what}: {seconds} s so far"));
        }
    }

    /// Past the capture of test output, which would keep it until it is too late.
    fn say(&self, line: &str) {
        // Without a standard error there is nobody to tell.
        let _ = writeln!(io::stderr(), "[{}] {line}", self.name.replace('-', " "));
    }
}

/// A machine that is switched off while building leaves a directory, which nobody uses while the lock is held.
fn clear(cache: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(cache).map_err(Error::io(format!("read {}", cache.display())))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("building-") {
            // Perhaps the shell of a builder that has just been killed is removing it too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// `go1.26.8`, `1.26.0`, `go1.27rc1`, `devel go1.28-abcdef …`: major and minor and patch; nothing recognised is older than all.
pub(crate) fn version(text: &str) -> Option<[u32; 3]> {
    let text = text.split_whitespace().find(|word| *word != "devel")?;
    let mut parts = text.trim_start_matches("go").split('.').map(|part| {
        let digits =
            part.find(|character: char| !character.is_ascii_digit()).map_or(part, |end| &part[..end]);
        digits.parse().ok()
    });
    Some([parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0)])
}

fn go_command(go: &Path, directory: &Path) -> Command {
    let mut command = Command::new(go);
    command.current_dir(directory);
    // Neither another toolchain nor another machine's programs.
    command.env("GOTOOLCHAIN", "local").env("GOWORK", "off").env("CGO_ENABLED", "0");
    command.env_remove("GOOS").env_remove("GOARCH");
    command
}
