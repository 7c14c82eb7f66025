//! Building the three programs with Go, once for all who want them.

use std::env;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::{GO_MOD, GO_SUM, PROGRAMS, Search, VERSION, go_needed, missing};
use crate::guard::Guard;
use crate::{Error, Supervised};

/// How often a wait says that it goes on.
const PROGRESS: Duration = Duration::from_secs(15);

pub(super) fn link_flags() -> String {
    format!("-s -w -X k8s.io/component-base/version.gitVersion={VERSION}")
}

/// Fills `directory`, at once or not at all.
pub(super) fn build(search: &Search, directory: &Path) -> Result<(), Error> {
    fs::create_dir_all(&search.cache).map_err(Error::io(format!("create {}", search.cache.display())))?;
    let _lock = lock(&search.cache.join("lock"))?;
    if missing(directory).is_none() {
        return Ok(());
    }
    let go = usable_go(search)?;

    clear(&search.cache)?;
    // In the cache, since a rename does not cross file systems.
    let guard =
        Guard::new_in(&search.cache, "building").map_err(Error::io("make a directory to build in"))?;
    let guard = Arc::new(guard);
    let workshop = guard.directory();
    fs::write(workshop.join("go.mod"), GO_MOD).map_err(Error::io("write go.mod"))?;
    fs::write(workshop.join("go.sum"), GO_SUM).map_err(Error::io("write go.sum"))?;

    say(&format!(
        "etcd, kube-apiserver and kubectl ({VERSION}) are not in {} yet: building them with Go, once for this machine. \
         Usually 3 to 6 minutes in all; later runs start in seconds.",
        search.cache.display()
    ));
    let start = Instant::now();
    let mut list = go_command(&go, workshop);
    list.args(["list", "-mod=readonly", "-deps"]).args(PROGRAMS.map(|(_, package, _)| package));
    let (status, output) = run(&guard, "download", "downloading Go modules", "a minute", &list)?;
    if !status.success() {
        return Err(Error::Download { cache: search.cache.clone(), output });
    }
    for (program, package, usual) in PROGRAMS {
        let mut build = go_command(&go, workshop);
        build.args(["build", "-mod=readonly", "-trimpath", "-ldflags", &link_flags(), "-o"]);
        build.arg(workshop.join("bin").join(program)).arg(package);
        let (status, output) = run(&guard, program, &format!("building {program}"), usual, &build)?;
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
    say(&format!("built in {} s, kept in {}", start.elapsed().as_secs(), directory.display()));
    Ok(())
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

/// One builder at a time; the lock goes when its holder does, however it ends.
fn lock(path: &Path) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::io(format!("create {}", path.display())))?;
    let start = Instant::now();
    let mut said: Option<Instant> = None;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if said.is_none_or(|at| at.elapsed() >= PROGRESS) {
                    let waited = start.elapsed().as_secs();
                    say(&format!(
                        "another process is building the control plane; waiting for it ({waited} s)"
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

fn usable_go(search: &Search) -> Result<PathBuf, Error> {
    let needed = go_needed().to_owned();
    let go = env::split_paths(&search.path)
        .map(|directory| directory.join("go"))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| Error::NoGo { cache: search.cache.clone(), needed: needed.clone() })?;
    // Where no go.mod is near: an old Go would refuse to answer beside a newer one's.
    let answer = go_command(&go, &search.cache)
        .args(["env", "GOVERSION"])
        .output()
        .map_err(|source| Error::Spawn { program: go.display().to_string(), source })?;
    let found = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    if version(&found) < version(&needed) {
        let found = if found.is_empty() { "of an unknown version".to_owned() } else { found };
        return Err(Error::GoTooOld { go, found, needed });
    }
    Ok(go)
}

/// `go1.26.8`, `1.26.0`, `go1.27rc1`, `devel go1.28-abcdef …`: major and minor and patch; nothing recognised is older than all.
pub(super) fn version(text: &str) -> Option<[u32; 3]> {
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

/// Runs to the end, with a line now and then; the end of what it wrote is for an error.
fn run(
    guard: &Arc<Guard>,
    name: &str,
    what: &str,
    usual: &str,
    command: &Command,
) -> Result<(ExitStatus, String), Error> {
    say(&format!("{what} (usually {usual}) …"));
    let start = Instant::now();
    let process = Supervised::spawn_under(Arc::clone(guard), name, command)?;
    loop {
        let exited = process.wait_exit(PROGRESS)?;
        let seconds = start.elapsed().as_secs();
        if let Some(status) = exited {
            say(&format!("{what}: {} after {seconds} s", if status.success() { "done" } else { "failed" }));
            return Ok((status, process.log_tail()));
        }
        say(&format!("{what}: {seconds} s so far"));
    }
}

/// Past the capture of test output, which would keep it until it is too late.
fn say(line: &str) {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "[control plane] {line}");
}
