//! What Helm says after an install, done by somebody who copies it.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

use control_plane::ControlPlane;
use serde_json::json;

/// Gives each paragraph with a command to a shell as it stands there, in the place of the operator and of whoever has a token.
pub fn follow(plane: &ControlPlane, notes: &str) {
    let mut done = Vec::new();
    for paragraph in notes.split("\n\n").map(|paragraph| paragraph.trim_matches('\n')) {
        let Some(command) = paragraph.trim_start().strip_prefix("kubectl ") else { continue };
        let words: Vec<&str> = command.split_whitespace().collect();
        let what = if words[0].starts_with("--") { words[2] } else { words[0] };
        match what {
            // No pod ever runs.
            "rollout" => paste(plane, &format!("{paragraph} --watch=false")),
            "wait" => {
                say_ready(plane, words[2], words.last().unwrap());
                paste(plane, paragraph);
            }
            _ => paste(plane, paragraph),
        }
        done.push(what);
    }
    assert_eq!(done, ["rollout", "create", "apply", "wait"], "{notes}");
}

/// Has a shell read these lines, and whatever asks for a token be given one.
fn paste(plane: &ControlPlane, lines: &str) {
    let kubectl = plane.kubectl();
    let directory = plane.kubectl_path().parent().unwrap().to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(std::iter::once(directory).chain(env::split_paths(&path))).unwrap();
    let mut shell = Command::new("bash");
    shell.args(["-e", "-c", lines]).env("PATH", path);
    shell.envs(kubectl.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    // Whoever does not read has ended.
    let _ = child.stdin.take().unwrap().write_all(b"tk-us-notes\n");
    let output = child.wait_with_output().unwrap();
    // A shell that looks in vain for the end of a document says so, and goes on.
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{lines}");
    assert!(output.status.success(), "{lines}");
}

/// Writes that a `LogDrain` is Ready, as the operator does.
fn say_ready(plane: &ControlPlane, namespace: &str, name: &str) {
    let condition = json!({
        "type": "Ready", "status": "True", "reason": "Synced", "message": "",
        "lastTransitionTime": "2026-11-23T12:00:00Z",
    });
    let status = json!({"observedGeneration": 1, "conditions": [condition]});
    let patch = json!({"status": status}).to_string();
    let arguments = ["patch", name, "--namespace", namespace, "--subresource=status", "--type=merge"];
    plane.kubectl_ok(arguments.into_iter().chain(["--patch", &patch]), None).unwrap();
}
