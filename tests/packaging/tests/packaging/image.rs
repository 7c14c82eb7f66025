//! The scripts of `image/`, on machines that lack something: each program is one that the test has put there.

use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use packaging::repository;
use tempfile::TempDir;

/// A machine on which somebody who is not root has these programs.
struct Machine(TempDir);

impl Machine {
    fn with(programs: &[(&str, &str)]) -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        let path = env::var_os("PATH").unwrap();
        for program in ["bash", "cat", "cp", "dirname", "env", "head", "mkdir", "sed"] {
            let found = env::split_paths(&path).map(|directory| directory.join(program));
            symlink(found.into_iter().find(|file| file.is_file()).unwrap(), machine.0.path().join(program))
                .unwrap();
        }
        machine.put("id", "echo 1000");
        for (name, script) in programs {
            machine.put(name, script);
        }
        machine
    }

    fn put(&self, name: &str, script: &str) {
        let file = self.0.path().join(name);
        fs::write(&file, format!("#!/usr/bin/env bash\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn without(self, name: &str) -> Self {
        fs::remove_file(self.0.path().join(name)).unwrap();
        self
    }

    fn cargo_target(&self) -> PathBuf {
        self.0.path().join("target")
    }

    /// What a script says as it fails.
    fn refusal(&self, script: &str, arguments: &[&str]) -> String {
        let output = Command::new("bash")
            .arg(repository().join(script))
            .args(arguments)
            .env("PATH", self.0.path())
            .env("CARGO_TARGET_DIR", self.cargo_target())
            .output()
            .unwrap();
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }
}

/// Takes anything.
const FINE: &str = "exit 0";
/// A compiler without the headers of a C library.
const BARE: &str = "exit 1";

/// A machine that has all that an image needs but Rust.
fn complete(compiler: &'static str) -> Machine {
    Machine::with(&[("buildah", FINE), ("readelf", FINE), ("cc", FINE), (compiler, FINE)])
}

/// The row of the documents' table for an architecture, as words.
fn documented(architecture: &str) -> String {
    let page = fs::read_to_string(repository().join("docs/getting-started.md")).unwrap();
    let row = page.lines().find_map(|line| line.strip_prefix(&format!("| {architecture} | "))).unwrap();
    row.trim_end_matches(" |").replace([',', '`'], "")
}

#[test]
fn what_is_missing_for_an_image_is_told_as_the_documents_have_it() {
    for (architecture, compiler) in [("amd64", "musl-gcc"), ("arm64", "aarch64-linux-gnu-gcc")] {
        let advice = format!(
            "image/build: install {}, as Debian calls them, and start again.\n",
            documented(architecture)
        );
        let build = |machine: &Machine| machine.refusal("image/build", &[architecture]);
        for program in ["buildah", "readelf", "cc", compiler] {
            assert_eq!(build(&complete(compiler).without(program)), advice, "without {program}");
        }
        for program in ["cc", compiler] {
            let machine = complete(compiler);
            machine.put(program, BARE);
            assert_eq!(build(&machine), advice, "{program} without headers");
        }
        let said = build(&complete(compiler));
        assert!(said.starts_with("image/build: install Rust with rustup"), "{said}");
    }
}

#[test]
fn the_first_stage_of_the_dockerfile_wants_no_buildah() {
    let words = ["amd64", "--files", "files"];
    let complete = complete("musl-gcc").without("buildah");
    let said = complete.refusal("image/build", &words);
    assert!(said.starts_with("image/build: install Rust with rustup"), "{said}");
    let packages = documented("amd64").replace("buildah ", "");
    assert_eq!(
        complete.without("musl-gcc").refusal("image/build", &words),
        format!("image/build: install {packages}, as Debian calls them, and start again.\n")
    );
}

/// Shows in its file header that it is for a machine.
fn readelf(machine: &str) -> String {
    format!("echo '  Machine:                           {machine}'")
}

#[test]
fn a_binary_for_another_machine_comes_into_no_image() {
    for (architecture, compiler, other) in [
        ("amd64", "musl-gcc", "AArch64"),
        ("arm64", "aarch64-linux-gnu-gcc", "Advanced Micro Devices X86-64"),
    ] {
        let machine = complete(compiler);
        machine.put("rustup", FINE);
        machine.put("cargo", FINE);
        machine.put("readelf", &readelf(other));
        let said = machine.refusal("image/build", &[architecture]);
        assert!(said.contains(&format!("is for the machine '{other}', and the image for")), "{said}");
    }
}

#[test]
fn the_check_says_that_it_is_for_another_image() {
    let machine = Machine::with(&[("buildah", "[[ $* != *Architecture* ]] || echo arm64")]);
    assert_eq!(
        machine.refusal("image/check", &[]),
        "image/check: logdrain-operator:latest is for arm64, and only that for amd64 can be checked: run image/build amd64 first.\n"
    );
}
