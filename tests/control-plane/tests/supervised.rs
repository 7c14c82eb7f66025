//! What a supervised program promises, seen from outside.
#![expect(clippy::unwrap_used, reason = "a test may panic in the functions it shares, too")]

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use control_plane::{Error, Supervised};

const SOON: Duration = Duration::from_secs(120);

fn shell(script: &str) -> Supervised {
    Supervised::spawn(Command::new("sh").args(["-c", script])).unwrap()
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Command lines by process id, without zombies, which are gone but for their parent's look.
fn processes() -> Vec<(u32, String)> {
    let Ok(entries) = fs::read_dir("/proc") else { return processes_by_ps() };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter_map(|id| Some((id, fs::read_to_string(format!("/proc/{id}/cmdline")).ok()?)))
        .filter(|(_, arguments)| !arguments.is_empty())
        .collect()
}

/// For systems other than Linux.
fn processes_by_ps() -> Vec<(u32, String)> {
    let output = Command::new("ps").args(["-A", "-o", "pid=,stat=,args="]).output().unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = output.lines().filter_map(|line| line.trim_start().split_once(' '));
    lines
        .filter(|(_, rest)| !rest.trim_start().starts_with('Z'))
        .map(|(id, rest)| (id.parse().unwrap(), rest.to_owned()))
        .collect()
}

fn gone(pid: u32) -> bool {
    processes().iter().all(|(id, _)| *id != pid)
}

#[test]
fn reports_the_exit_code_and_the_output() {
    let program = shell("echo out; echo err >&2; exit 7");
    assert_eq!(program.wait_exit(SOON).unwrap().unwrap().code(), Some(7));
    assert_eq!(program.wait_exit(Duration::ZERO).unwrap().unwrap().code(), Some(7));
    assert_eq!((program.stdout().as_str(), program.stderr().as_str()), ("out\n", "err\n"));
    assert_eq!(fs::read_to_string(program.stdout_path()).unwrap(), "out\n");
    program.kill().unwrap();
}

#[test]
fn is_the_program_itself() {
    let program = shell("echo $$; exec sleep 300");
    wait_until("its id", || program.stdout().ends_with('\n'));
    assert_eq!(program.stdout().trim(), program.pid().to_string());
}

#[test]
fn reports_the_signal_that_ended_it() {
    ends_by(Supervised::kill, 9);
    ends_by(Supervised::terminate, 15);
    ends_by(Supervised::interrupt, 2);
}

fn ends_by(send: impl Fn(&Supervised) -> Result<(), Error>, signal: i32) {
    let program = shell("echo up; exec sleep 300");
    wait_until("the program", || program.stdout() == "up\n");
    assert_eq!(program.wait_exit(Duration::ZERO).unwrap(), None);
    send(&program).unwrap();
    assert_eq!(program.wait_exit(SOON).unwrap().unwrap().signal(), Some(signal));
}

#[test]
fn lets_a_program_end_in_its_own_way() {
    let program = shell("trap 'echo ending; exit 3' TERM; echo up; while :; do sleep 0.01; done");
    wait_until("the program", || program.stdout() == "up\n");
    program.terminate().unwrap();
    assert_eq!(program.wait_exit(SOON).unwrap().unwrap().code(), Some(3));
    assert_eq!(program.stdout(), "up\nending\n");
}

#[test]
fn halts_and_resumes() {
    let program = shell("echo up; exec sleep 300");
    wait_until("the program", || program.stdout() == "up\n");
    program.pause().unwrap();
    program.terminate().unwrap();
    assert_eq!(program.wait_exit(Duration::from_millis(200)).unwrap(), None);
    program.resume().unwrap();
    assert_eq!(program.wait_exit(SOON).unwrap().unwrap().signal(), Some(15));
    program.pause().unwrap();
}

#[test]
fn takes_over_the_environment_and_the_working_directory() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().canonicalize().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "echo \"$ADDED|${HOME-removed}|$1\"; pwd -P", "name", "an argument with 'quotes'"]);
    command.env("ADDED", "a value").env_remove("HOME").current_dir(&directory);
    let program = Supervised::spawn(&command).unwrap();
    assert!(program.wait_exit(SOON).unwrap().unwrap().success());
    assert_eq!(
        program.stdout(),
        format!("a value|removed|an argument with 'quotes'\n{}\n", directory.display())
    );
}

#[test]
fn names_a_program_that_is_not_there() {
    let error = Supervised::spawn(&Command::new("/nonexistent/operator")).unwrap_err();
    assert!(error.to_string().starts_with("cannot run /nonexistent/operator: "), "{error}");
}

#[test]
fn ends_with_its_owner_and_takes_its_children_along() {
    let program = shell("sleep 300 & echo $!; wait");
    wait_until("the child's id", || program.stdout().ends_with('\n'));
    let (pid, child) = (program.pid(), program.stdout().trim().parse().unwrap());
    let files = program.stdout_path().parent().unwrap().to_owned();
    assert!(!gone(pid) && !gone(child));
    drop(program);
    wait_until("both to end", || gone(pid) && gone(child));
    assert!(!files.exists());
}

/// A control plane in a process of its own, which gets the signal, alone or with its group as from a terminal.
fn leaves_nothing_behind_after(signal: &str, group: bool) {
    let holder = Supervised::spawn(&Command::new(env!("CARGO_BIN_EXE_control-plane"))).unwrap();
    wait_until("the control plane", || {
        assert_eq!(holder.wait_exit(Duration::ZERO).unwrap(), None, "{}", holder.stderr());
        holder.stdout().contains("export PATH=")
    });
    let output = holder.stdout();
    let kubeconfig = output.lines().find_map(|line| line.strip_prefix("export KUBECONFIG=")).unwrap();
    let directory = Path::new(kubeconfig).parent().unwrap();
    let servers = || {
        processes().iter().filter(|(_, arguments)| arguments.contains(directory.to_str().unwrap())).count()
    };
    assert_eq!(servers(), 3, "etcd, kube-apiserver and the shell that watches");

    let target = if group { format!("-{}", holder.pid()) } else { holder.pid().to_string() };
    // The shell's own: not every Debian has the program.
    let kill =
        Command::new("sh").args(["-c", r#"kill -s "$1" -- "$2""#, "sh", signal, &target]).status().unwrap();
    assert!(kill.success());
    assert!(holder.wait_exit(SOON).unwrap().unwrap().signal().is_some());
    wait_until("the servers to end", || servers() == 0);
    wait_until("the files to go", || !directory.exists());
}

#[test]
fn nothing_stays_behind_after_kill_9() {
    leaves_nothing_behind_after("KILL", false);
}

#[test]
fn nothing_stays_behind_after_control_c() {
    leaves_nothing_behind_after("INT", true);
}

#[test]
fn an_interrupted_build_leaves_nothing_and_lets_the_next_begin() {
    let cache = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/go-waiting");
    let mut path = fixture.into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_control-plane"));
    command.env("PATH", path).env("XDG_CACHE_HOME", cache.path()).env_remove("KUBEBUILDER_ASSETS");

    let first = Supervised::spawn(&command).unwrap();
    wait_until("the first to build", || first.stderr().contains("building etcd (usually"));
    let workshops = || {
        let entries = fs::read_dir(cache.path().join("logdrain-operator/control-plane")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("building-")).collect::<Vec<_>>()
    };
    let abandoned = workshops();
    assert_eq!(abandoned.len(), 1);
    let second = Supervised::spawn(&command).unwrap();
    wait_until("the second to wait", || second.stderr().contains("another process is building"));
    assert!(!second.stderr().contains("building etcd (usually"));

    first.kill().unwrap();
    wait_until("the second to build", || second.stderr().contains("building etcd (usually"));
    wait_until("what the first left to go", || !workshops().contains(&abandoned[0]));
    let uses = |name: &str| processes().iter().any(|(_, arguments)| arguments.contains(name));
    wait_until("what the first had started to end", || !uses(&abandoned[0]));
    assert!(uses(&workshops()[0]));
    assert_eq!(second.wait_exit(Duration::ZERO).unwrap(), None);
}
