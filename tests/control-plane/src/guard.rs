//! A shell that outlives this process by a moment, to clean up after it.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The end of its input is the end of this process, in whatever way. Signals of the terminal go to another process group;
/// they are ignored too, for a shell that is sent them nevertheless.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
umask 077
mkdir -- "$1" || exit 1
echo made
exec >/dev/null 2>&1
watched=' '
while read -r verb process; do
    case $verb in
        watch) watched="$watched$process " ;;
        forget)
            case $watched in
                *" $process "*) watched="${watched%% $process *} ${watched#* $process }" ;;
            esac
            ;;
    esac
done
for process in $watched; do
    kill -9 "-$process"
    kill -9 "$process"
done
attempts=0
until rm -rf -- "$1" || [ "$attempts" -ge 100 ]; do
    attempts=$((attempts + 1))
    sleep 0.1 || sleep 1
done
"#;

/// Owns a directory and watches processes: when this value is dropped, or the process ends without dropping it, the processes and
/// their groups are killed and the directory is removed.
#[derive(Debug)]
pub(crate) struct Guard {
    directory: PathBuf,
    shell: Child,
    orders: Mutex<Option<ChildStdin>>,
}

impl Guard {
    /// Makes `<prefix>-<random>` in `parent`, for this user alone.
    pub(crate) fn new_in(parent: &Path, prefix: &str) -> io::Result<Self> {
        let directory = parent.join(format!("{prefix}-{}", crate::service_account_key::random_hex()?));
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "guard"])
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let orders = Mutex::new(shell.stdin.take());
        let mut answer = String::new();
        if let Some(stdout) = shell.stdout.take() {
            BufReader::new(stdout).read_line(&mut answer)?;
        }
        if answer != "made\n" {
            let output = shell.wait_with_output()?;
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        shell.stderr = None;
        Ok(Self { directory, shell, orders })
    }

    pub(crate) fn new(prefix: &str) -> io::Result<Self> {
        Self::new_in(&std::env::temp_dir(), prefix)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// From now on the process and its group end with this process.
    pub(crate) fn watch(&self, process: u32) -> io::Result<()> {
        self.order("watch", process)
    }

    /// The process has been waited for; its id may soon be another's.
    pub(crate) fn forget(&self, process: u32) -> io::Result<()> {
        self.order("forget", process)
    }

    fn order(&self, verb: &str, process: u32) -> io::Result<()> {
        match self.orders.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(orders) => orders.write_all(format!("{verb} {process}\n").as_bytes()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        *self.orders.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // Nobody could use the failure; the shell ends by itself.
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("300").process_group(0).spawn().unwrap()
    }

    #[test]
    fn ends_what_it_watches_and_nothing_else() {
        let guard = Guard::new("guard-test").unwrap();
        let directory = guard.directory().to_owned();
        std::fs::write(directory.join("file"), "").unwrap();
        let (mut watched, mut forgotten, mut also_watched) = (sleeper(), sleeper(), sleeper());
        for child in [&watched, &forgotten, &also_watched] {
            guard.watch(child.id()).unwrap();
        }
        guard.forget(forgotten.id()).unwrap();
        guard.forget(forgotten.id()).unwrap();
        drop(guard);
        assert!(!directory.exists());
        assert!(!watched.wait().unwrap().success());
        assert!(!also_watched.wait().unwrap().success());
        assert_eq!(forgotten.try_wait().unwrap(), None);
        forgotten.kill().unwrap();
        forgotten.wait().unwrap();
    }

    #[test]
    fn does_not_take_a_directory_that_is_not_its_own() {
        let error = Guard::new_in(Path::new("/nonexistent"), "guard-test").unwrap_err();
        assert!(error.to_string().contains("/nonexistent/guard-test-"), "{error}");
    }
}
