use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use crate::Error;
use crate::guard::Guard;

/// Waits for the guard to know the process, which then becomes the real program: there is no moment at which the program runs
/// unwatched, and its id and exit status are the real ones.
const GATE: &str = r#"read -r go || exit 1; exec "$@" </dev/null"#;

const POLL: Duration = Duration::from_millis(5);

/// A program that cannot outlive the process that started it.
///
/// # Guarantees
/// - When this value is dropped, the program is killed, with all that it started in its process group, and waited for. When the
///   owner's process ends without dropping it (end of `main`, a panic, Ctrl-C, `kill -9`), the same is done by a small shell that
///   notices it.
/// - [`pid`](Self::pid), the signals and the exit status are those of the program itself; no shell stands between.
/// - Ctrl-C in the terminal does not reach it: it is in a process group of its own.
#[derive(Debug)]
pub struct Supervised {
    child: Mutex<Child>,
    pid: u32,
    stdout: PathBuf,
    stderr: PathBuf,
    guard: Arc<Guard>,
}

impl Supervised {
    /// Starts the program of `command` with its arguments, environment changes and working directory; what it writes goes to files.
    ///
    /// # Caveats
    /// `command` is read, not run: its standard streams and `env_clear` (which cannot be read) are not taken over.
    ///
    /// # Errors
    /// [`Error::Spawn`], also when the program is given by a path and is not there. A bare name that is not on `PATH` exits with 127, as in a shell.
    pub fn spawn(command: &Command) -> Result<Self, Error> {
        let guard = Guard::new("supervised").map_err(Error::io("make a temporary directory"))?;
        Self::spawn_under(Arc::new(guard), "output", command)
    }

    /// As [`spawn`](Self::spawn), in the directory of a guard that others share.
    pub(crate) fn spawn_under(guard: Arc<Guard>, name: &str, command: &Command) -> Result<Self, Error> {
        let program = command.get_program();
        let failed = |source| Error::Spawn { program: program.to_string_lossy().into_owned(), source };
        let path = Path::new(program);
        if path.components().count() > 1 && command.get_current_dir().is_none() {
            fs::metadata(path).map_err(failed)?;
        }
        let stdout = guard.directory().join(format!("{name}.stdout"));
        let stderr = guard.directory().join(format!("{name}.stderr"));

        // By its path: `command` may have a PATH of its own.
        let mut gated = Command::new("/bin/sh");
        gated.args(["-c", GATE, "gate"]).arg(program).args(command.get_args());
        for (variable, value) in command.get_envs() {
            match value {
                Some(value) => gated.env(variable, value),
                None => gated.env_remove(variable),
            };
        }
        if let Some(directory) = command.get_current_dir() {
            gated.current_dir(directory);
        }
        gated
            .stdin(Stdio::piped())
            .stdout(File::create(&stdout).map_err(failed)?)
            .stderr(File::create(&stderr).map_err(failed)?)
            .process_group(0);
        let mut child = gated.spawn().map_err(failed)?;
        let mut gate = child.stdin.take();
        let pid = child.id();
        let supervised = Self { child: Mutex::new(child), pid, stdout, stderr, guard };
        supervised.guard.watch(pid).map_err(failed)?;
        if let Some(gate) = &mut gate {
            gate.write_all(b"go\n").map_err(failed)?;
        }
        Ok(supervised)
    }

    /// The process id of the program itself.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Ends the program at once (SIGKILL): nothing in it gets to run. Does nothing if it has ended.
    ///
    /// # Errors
    /// [`Error::Io`], as for all signals.
    pub fn kill(&self) -> Result<(), Error> {
        self.signal(Signal::KILL)
    }

    /// Asks the program to end (SIGTERM).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn terminate(&self) -> Result<(), Error> {
        self.signal(Signal::TERM)
    }

    /// What Ctrl-C would send (SIGINT).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn interrupt(&self) -> Result<(), Error> {
        self.signal(Signal::INT)
    }

    /// Halts the program where it is (SIGSTOP), until [`resume`](Self::resume); returns when it has halted or ended.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn pause(&self) -> Result<(), Error> {
        self.signal(Signal::STOP)?;
        let child = self.lock();
        // Leaves the state for whoever waits for the program.
        let changes = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(Pid::from_child(&child)), changes) {
            // It had ended, and been waited for.
            Ok(_) | Err(Errno::CHILD) => Ok(()),
            Err(error) => Err(Error::io(format!("wait for process {} to halt", self.pid))(error.into())),
        }
    }

    /// Lets a halted program go on (SIGCONT).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn resume(&self) -> Result<(), Error> {
        self.signal(Signal::CONT)
    }

    /// How the program ended (a code or a signal), or `None` if it still runs after `timeout`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn wait_exit(&self, timeout: Duration) -> Result<Option<ExitStatus>, Error> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.exited().map_err(Error::io("wait for a program"))? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(POLL);
        }
    }

    /// The file that holds what the program has written to standard output, as long as this value lives.
    #[must_use]
    pub fn stdout_path(&self) -> &Path {
        &self.stdout
    }

    /// The file that holds what the program has written to standard error, as long as this value lives.
    #[must_use]
    pub fn stderr_path(&self) -> &Path {
        &self.stderr
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// The last lines of both, for an error.
    pub(crate) fn log_tail(&self) -> String {
        let log = self.stdout() + &self.stderr();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn signal(&self, signal: Signal) -> Result<(), Error> {
        // The lock keeps anyone from waiting for it meanwhile, so the id is still its own.
        let mut child = self.lock();
        let sent = match child.try_wait() {
            Ok(Some(_)) => Ok(()),
            Ok(None) => kill_process(Pid::from_child(&child), signal).map_err(io::Error::from),
            Err(error) => Err(error),
        };
        sent.map_err(Error::io(format!("send {signal:?} to process {}", self.pid)))
    }

    fn exited(&self) -> io::Result<Option<ExitStatus>> {
        let status = self.lock().try_wait()?;
        if status.is_some() {
            self.guard.forget(self.pid)?;
        }
        Ok(status)
    }

    fn lock(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        // Failures leave the rest to the guard.
        let mut child = self.lock();
        if let Ok(None) = child.try_wait() {
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = self.guard.forget(self.pid);
    }
}

fn read(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
