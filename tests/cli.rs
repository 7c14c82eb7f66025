//! The binary as it is used from a shell.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test may panic in the functions it shares, too"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use logdrain_operator::crd::{Reason, Remedy, conditions};
use logdrain_operator::metrics::FAMILIES;
use strum::IntoEnumIterator as _;

/// Without the variables of whoever runs the tests.
fn operator(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logdrain-operator"));
    command.env_clear().args(arguments).timeout(Duration::from_secs(60));
    command
}

/// The one line that bad configuration leaves, and nothing else.
fn refusal(command: &mut Command) -> String {
    let output = command.assert().code(2).stdout("").get_output().clone();
    let text = String::from_utf8(output.stderr).unwrap();
    let line = text.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "{text}");
    let sentence = line.strip_prefix("logdrain-operator: ").unwrap();
    assert!(sentence.ends_with('.'), "{text}");
    sentence.to_owned()
}

fn printed(arguments: &[&str]) -> String {
    let output = operator(arguments).assert().success().stderr("").get_output().clone();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bad_flags_end_with_two_and_a_sentence() {
    assert_eq!(
        refusal(&mut operator(&[])),
        "Say what to do: `logdrain-operator run` or `logdrain-operator crd`."
    );
    assert_eq!(refusal(&mut operator(&["run", "--resync=0s"])), "--resync must be from 1s to 24h.");
    assert_eq!(refusal(&mut operator(&["run", "--resnyc=1m"])), "There is no flag --resnyc: use --resync.");
}

#[test]
fn a_bad_variable_is_named_beside_its_flag() {
    let cases = [
        ("SCALINGO_REGION", "a.b", "--region (SCALINGO_REGION) must be"),
        ("WATCH_NAMESPACE", "shop,Blog", "--watch-namespace (WATCH_NAMESPACE) must be"),
        ("WATCH_NAMESPACE", "", "--watch-namespace (WATCH_NAMESPACE) holds an empty name"),
        ("SCALINGO_API_URL", "http://api.internal", "The API URL (--api-url) sends credentials unencrypted"),
        ("SCALINGO_AUTH_URL", "auth", "The auth URL (--auth-url) is not a URL"),
        ("RUST_LOG", "logdrain_operator=loud", "RUST_LOG cannot be read"),
    ];
    for (variable, value, expected) in cases {
        let sentence = refusal(operator(&["run"]).env(variable, value));
        assert!(sentence.starts_with(expected), "{variable}={value}: {sentence}");
    }
}

#[test]
fn http_is_refused_unless_it_is_local_or_permitted() {
    let remote = ["run", "--api-url=http://api.internal", "--auth-url=http://auth.internal"];
    assert!(refusal(&mut operator(&remote)).contains("--allow-http"));
    let local = ["run", "--api-url=http://127.0.0.1:1", "--auth-url=http://localhost:1"];
    let permitted = [&remote[..], &["--allow-http"]].concat();
    for arguments in [&local[..], &permitted] {
        without_a_cluster(arguments);
    }
}

/// There is no cluster to run on, so it gets as far as looking for one.
fn without_a_cluster(arguments: &[&str]) -> String {
    with_kubeconfig(Path::new("/nonexistent/kubeconfig"), arguments)
}

fn with_kubeconfig(path: &Path, arguments: &[&str]) -> String {
    let output = operator(arguments)
        .arg("--admin-address=127.0.0.1:0")
        .env("KUBECONFIG", path)
        .envs([("HOME", "/nonexistent"), ("RUST_LOG", "off")])
        .assert()
        .code(1)
        .stdout("")
        .get_output()
        .clone();
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn without_a_cluster_it_ends_with_one_and_a_sentence() {
    let text = without_a_cluster(&["run"]);
    assert!(text.starts_with("logdrain-operator: "), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_kubeconfig_that_cannot_be_read_is_not_quoted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kubeconfig");
    let secret = "s3cr3t-bearer";
    std::fs::write(&path, format!("users:\n- name: a\n  user: {{token: {secret}, exec: 5}}\n")).unwrap();
    let text = with_kubeconfig(&path, &["run"]);
    assert!(text.starts_with("logdrain-operator: ") && text.contains("KUBECONFIG"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.contains(secret), "{text}");
}

#[test]
fn credentials_in_the_wrong_place_are_not_repeated() {
    let secret = "tk-us-bJ2k9Q";
    let url = format!("https://user:{secret}@api.scalingo.com");
    for arguments in [
        vec![secret],
        vec!["run", secret],
        vec!["run", "--api-url", &url],
        vec!["run", "--api-token", secret],
        vec!["run", "--region", secret],
        vec!["run", "--admin-address", secret],
        vec!["run", "--log-format", secret],
    ] {
        let sentence = refusal(&mut operator(&arguments));
        assert!(!sentence.contains(secret), "{sentence}");
    }
}

#[test]
fn the_definition_is_what_the_repository_holds() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/crds/logs.scalingo.com_logdrains.yaml");
    assert_eq!(printed(&["crd"]), std::fs::read_to_string(path).unwrap());
}

#[test]
fn help_names_commands_flags_variables_and_defaults() {
    let text = printed(&["--help"]);
    for expected in ["Usage: logdrain-operator <COMMAND>", "run  Watch LogDrain", "crd  Print the"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let text = printed(&["run", "--help"]);
    for expected in [
        "--api-url <URL>",
        "[env: SCALINGO_API_URL]",
        "[default: https://api.{region}.scalingo.com]",
        "--auth-url <URL>",
        "[env: SCALINGO_AUTH_URL]",
        "[default: https://auth.scalingo.com]",
        "--allow-http",
        "--region <REGION>",
        "[env: SCALINGO_REGION]",
        "[default: osc-fr1]",
        "--watch-namespace <NAMESPACE>",
        "[env: WATCH_NAMESPACE]",
        "--resync <DURATION>",
        "[default: 10m]",
        "--admin-address <ADDRESS>",
        "[default: [::]:8080]",
        "--log-format <FORMAT>",
        "[default: text]",
        "RUST_LOG",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    assert!(!text.contains('`'), "markup of the source in {text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn the_version_is_the_package_s() {
    assert_eq!(printed(&["--version"]), format!("logdrain-operator {}\n", env!("CARGO_PKG_VERSION")));
}

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// The cells of the README's table row that begins with this one.
fn row(readme: &str, first: &str) -> Vec<String> {
    let begin = format!("| `{first}` |");
    let line = readme.lines().find(|line| line.starts_with(&begin)).expect(first);
    line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
}

#[test]
fn the_readme_has_each_flag_with_its_variable_and_default() {
    let readme = readme();
    let help = printed(&["run", "--help"]);
    let (_, flags) = help.split_once("Options:\n").unwrap();
    let blocks = flags.split("\n      --").map(|block| block.trim_start_matches(['-', ' ']));
    let mut seen = 0;
    for block in blocks.filter(|block| !block.starts_with("h, --help")) {
        let bracketed = |name: &str| {
            let (_, rest) = block.split_once(&format!("[{name}: "))?;
            rest.lines().next()?.strip_suffix(']')
        };
        let flag = block.split_whitespace().next().unwrap();
        let cells = row(&readme, &format!("--{flag}"));
        assert_eq!(cells[1], bracketed("env").unwrap_or_default(), "{flag}");
        let absent = match flag {
            "allow-http" | "no-leader-election" => "off",
            "lease-namespace" => "the operator's own",
            "ca-file" => "none",
            _ => "all",
        };
        assert_eq!(cells[2], bracketed("default").unwrap_or(absent), "{flag}");
        seen += 1;
    }
    assert_eq!(seen, readme.lines().filter(|line| line.starts_with("| `--")).count());
}

#[test]
fn the_readme_has_each_reason_with_its_conditions() {
    let readme = readme();
    for reason in Reason::iter() {
        let set = conditions(&[], reason, "", None, jiff::Timestamp::UNIX_EPOCH);
        let cells = row(&readme, reason.as_ref());
        for condition in set {
            match condition.type_.as_str() {
                "Ready" => assert_eq!(cells[1], condition.status, "{reason}"),
                other => {
                    assert_eq!((cells[2].as_str(), "True"), (other, condition.status.as_str()), "{reason}");
                }
            }
        }
        assert_eq!(cells[2].is_empty(), reason.remedy() == Remedy::None, "{reason}");
    }
}

#[test]
fn the_readme_names_metrics_that_there_are() {
    let readme = readme();
    let is_part = |character: char| character.is_ascii_lowercase() || character == '_';
    let named: BTreeSet<&str> =
        readme.split(|character| !is_part(character)).filter(|word| word.starts_with("logdrain_")).collect();
    let there: BTreeSet<&str> = FAMILIES.iter().map(|family| family.name).collect();
    // The crate, in the value of RUST_LOG.
    let unknown: Vec<_> = named.difference(&there).filter(|name| **name != "logdrain_operator").collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(named.len() > 10, "{named:?}");
}

#[test]
fn the_readme_shows_the_example() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/datadog.yaml");
    let example = std::fs::read_to_string(path).unwrap();
    let manifest: String =
        example.lines().filter(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    assert!(readme().contains(&format!("```yaml\n{manifest}```\n")), "{manifest}");
}
