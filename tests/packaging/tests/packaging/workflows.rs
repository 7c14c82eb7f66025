//! The workflows of `.github`, read by actionlint. What they do on GitHub cannot be tried here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use control_plane::GoProgram;
use packaging::{parse, repository};
use serde_json::{Value, json};

fn workflows() -> Vec<PathBuf> {
    let entries = fs::read_dir(repository().join(".github/workflows")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> Value {
    parse(&fs::read_to_string(path).unwrap()).unwrap().remove(0)
}

/// What actionlint has to say of a workflow; its own rules alone, whatever other linters this machine has.
fn lint(path: &Path) -> String {
    let program = GoProgram::ACTIONLINT.find().unwrap_or_else(|error| panic!("{error}"));
    let mut command = Command::new(program);
    command.args(["-no-color", "-shellcheck=", "-pyflakes="]).arg(path).current_dir(repository());
    let output = command.output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said
}

#[test]
fn actionlint_has_nothing_to_say_of_them() {
    let names: Vec<String> =
        workflows().iter().map(|path| path.file_name().unwrap().display().to_string()).collect();
    assert_eq!(names, ["ci.yml", "release.yml"]);
    for path in workflows() {
        assert_eq!(lint(&path), "");
    }
}

#[test]
fn it_would_speak_up() {
    let broken = tempfile::NamedTempFile::with_suffix(".yml").unwrap();
    let workflow = read(&workflows()[1])
        .to_string()
        .replace("needs.version.outputs.version", "needs.version.outputs.vesrion");
    fs::write(broken.path(), workflow).unwrap();
    assert!(lint(broken.path()).contains("vesrion"), "{}", lint(broken.path()));
}

#[test]
fn a_job_may_do_no_more_than_it_says() {
    for path in workflows() {
        let workflow = read(&path);
        assert_eq!(workflow["permissions"], json!({}), "{}", path.display());
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            let mut permissions = job["permissions"].as_object().unwrap().clone();
            assert_eq!(permissions.remove("contents"), Some(json!("read")), "{name}");
            let writes: Vec<&str> = permissions.keys().map(String::as_str).collect();
            match name.as_str() {
                "publish" => assert_eq!(writes, ["attestations", "id-token", "packages"]),
                _ => assert!(writes.is_empty(), "{name}: {writes:?}"),
            }
        }
    }
}

#[test]
fn what_they_use_is_of_a_version_and_what_they_run_is_there() {
    for path in workflows() {
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines() {
            if let Some((_, action)) = line.split_once("uses: ") {
                let version = action.split_once('@').map(|(_, version)| version);
                let is_fixed = version.is_some_and(|version| {
                    version
                        .strip_prefix('v')
                        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
                });
                assert!(is_fixed || repository().join(action).is_file(), "{line}");
            }
            for file in [".ci/run", "image/build", "tests/control-plane/tools/helm", "deploy/chart"] {
                assert!(!line.contains(file) || repository().join(file).exists(), "{line}");
            }
        }
        // What GitHub puts in place of an expression is the shell's to read: a tag may hold anything.
        for job in read(&path)["jobs"].as_object().unwrap().values() {
            for step in job["steps"].as_array().into_iter().flatten() {
                assert!(!step["run"].as_str().unwrap_or_default().contains("${{"), "{step}");
            }
        }
    }
}
