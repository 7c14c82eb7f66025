//! What is shipped is built without the deliberate bugs that the random histories are tried on.

use std::process::Command;

use packaging::repository;

/// The features of the operator where this package is built without its tests, as Cargo would turn them on.
fn features_of_the_operator(package: &str) -> Vec<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}|{f}", "--package", package])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let of_operator = tree.lines().find(|line| line.starts_with("logdrain-operator ")).unwrap();
    let (_, features) = of_operator.split_once('|').unwrap();
    let features = features.trim_end_matches("(*)").trim();
    features.split(',').filter(|feature| !feature.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_operator_alone_has_no_feature_and_the_histories_turn_on_their_own() {
    assert_eq!(features_of_the_operator("logdrain-operator"), Vec::<String>::new());
    assert_eq!(features_of_the_operator("histories"), ["sabotage"]);
}

#[test]
fn the_image_is_built_of_the_operator_alone() {
    let script = std::fs::read_to_string(repository().join("image/build")).unwrap();
    let builds: Vec<&str> = script.lines().filter(|line| line.contains("cargo build")).collect();
    let [build] = builds.as_slice() else { panic!("{builds:?}") };
    assert!(build.contains(" --package logdrain-operator "), "{build}");
    for other in ["features", "workspace", "tests", "all-targets", "--package histories"] {
        assert!(!build.contains(other), "{build}");
    }
    // It leaves the work to that script.
    let dockerfile = std::fs::read_to_string(repository().join("Dockerfile")).unwrap();
    let runs: Vec<&str> = dockerfile.lines().filter(|line| line.starts_with("RUN ")).collect();
    let [run] = runs.as_slice() else { panic!("{runs:?}") };
    assert!(run.starts_with("RUN image/build ") && run.ends_with(" --files /files"), "{run}");
}
