//! The commands that the documents show can be typed: those of `kubectl` and Helm are run as far as a dry run goes, the operator's
//! own are parsed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use control_plane::Binaries;
use documents::{Page, commands, page, pages};
use logdrain_operator::config;
use packaging::{Helm, repository};

use super::{setting, tools};

/// Programs that are not typed here, each with the page that may show it.
const ELSEWHERE: [(&str, &str); 11] = [
    // One after the other, in a test of the page's own.
    ("age-keygen", "examples/gitops/flux/README.md"),
    ("sops", "examples/gitops/flux/README.md"),
    ("terraform", "docs/from-terraform.md"),
    ("git", "docs/releasing.md"),
    // By image/check-push, once there is an image.
    ("skopeo", "docs/getting-started.md"),
    // By nobody: they want Scalingo's own program, a container of Docker's, or what a release has published.
    ("scalingo", "docs/from-the-cli.md"),
    ("scalingo", "docs/getting-started.md"),
    ("scalingo", "docs/runbook.md"),
    ("docker", "docs/getting-started.md"),
    ("cosign", "docs/releasing.md"),
    ("gh", "docs/releasing.md"),
];

/// What every shell has.
const EVERYWHERE: [&str; 3] = ["grep", "read", "rm"];

/// Programs whose commands are typed where they stand in a sentence, too.
const INLINE: [&str; 5] = ["kubectl", "helm", "cargo", "just", "logdrain-operator"];

/// What a command says when it is typed in this directory.
pub fn typed(mut command: Command, directory: &Path) -> Result<String, String> {
    command.current_dir(directory).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    // Whoever does not read has ended.
    let _ = child.stdin.take().unwrap().write_all(b"typed-by-hand\n");
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    if status.success() { Ok(said) } else { Err(said) }
}

fn kubectl(words: &[String], directory: &Path) -> Result<String, String> {
    let mut command = setting::plane().kubectl();
    // The server knows no kind of Argo CD's.
    if let [verb, flag, path] = words
        && (verb.as_str(), flag.as_str(), path.as_str()) == ("apply", "-k", "platform")
    {
        command.args(["kustomize", path]);
        return typed(command, directory);
    }
    command.args(words);
    match words[0].as_str() {
        "get" | "describe" | "events" | "explain" | "auth" | "wait" | "kustomize" | "rollout" => {}
        // What is to be made is there already.
        "create" => _ = command.arg("--dry-run=client"),
        "apply" | "annotate" | "patch" | "delete" | "label" | "scale" => _ = command.arg("--dry-run=server"),
        // There are no pods: their words and flags are checked alone.
        "logs" | "port-forward" => _ = command.arg("--help"),
        other => return Err(format!("nothing is known here of kubectl {other}")),
    }
    typed(command, directory)
}

fn helm(words: &[String], directory: &Path) -> Result<String, String> {
    let kubeconfig = setting::plane().kubeconfig_admin();
    let helm = Helm::new(Some(&kubeconfig)).map_err(|error| error.to_string())?;
    let mut arguments = words.to_vec();
    match words[0].as_str() {
        // There is no release to upgrade yet.
        "upgrade" => arguments.extend(["--install".into(), "--dry-run=client".into()]),
        "install" => arguments.push("--dry-run=client".into()),
        // Nor one to take away.
        "uninstall" => arguments.extend(["--dry-run".into(), "--ignore-not-found".into()]),
        _ => arguments.push("--help".into()),
    }
    typed(helm.command(arguments), directory)
}

fn operator(words: &[String]) -> Result<(), String> {
    let words =
        std::iter::once("logdrain-operator").chain(words.iter().map(String::as_str)).map(OsString::from);
    config::parse(words).map(|_| ()).map_err(|error| error.to_string())
}

/// The names of the packages below `tests/`.
fn packages() -> Vec<String> {
    let directories = fs::read_dir(repository().join("tests")).unwrap().map(|entry| entry.unwrap().path());
    let manifests = directories.filter_map(|directory| fs::read_to_string(directory.join("Cargo.toml")).ok());
    let name = |manifest: String| {
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        name.unwrap().to_owned()
    };
    manifests.map(name).collect()
}

/// All that the Rust files of a directory, or a file, say.
fn source(path: &Path) -> String {
    if path.is_file() {
        return fs::read_to_string(path).unwrap();
    }
    let entries = fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.is_dir() || path.extension().is_some_and(|end| end == "rs"))
        .map(|path| source(&path))
        .collect()
}

/// The flags that a program of ours takes: the fields that clap makes flags of.
fn flags(source: &str) -> Vec<String> {
    let mut flags = vec!["--help".to_owned()];
    let mut is_next = false;
    for line in source.lines().map(str::trim) {
        is_next |= line.starts_with("#[arg(long");
        let name = line.trim_start_matches("pub ").split_once(": ").map_or("", |(name, _)| name);
        if is_next && !line.starts_with('#') && !line.starts_with('/') && !name.is_empty() {
            flags.push(format!("--{}", name.replace('_', "-")));
            is_next = false;
        }
    }
    flags
}

/// What a test program is told: its own flags, or a part of the name of a test.
fn test_words(words: &[String], test: &str) -> Result<(), String> {
    let root = repository().join("tests");
    let source = source(&root.join(test)) + &source(&root.join(format!("{test}.rs")));
    for word in words {
        let module = word.split("::").next().unwrap_or_default();
        let is_known = match word.strip_prefix("--") {
            Some(flag) => ["nocapture", "ignored", "test-threads"].contains(&flag),
            None if word.contains("::") => source.lines().any(|line| line.trim() == format!("mod {module};")),
            None => source.lines().any(|line| line.contains("fn ") && line.contains(word.as_str())),
        };
        if !is_known {
            return Err(format!("{test} has no {word}"));
        }
    }
    Ok(())
}

/// What comes after `--` is known to the program that is run.
fn program_words(words: &[String], kind: &str, name: &str) -> Result<(), String> {
    let root = repository();
    let source = match kind {
        "--test" => return test_words(words, name),
        "--example" => {
            source(&root.join(format!("examples/{name}")))
                + &source(&root.join(format!("examples/{name}.rs")))
        }
        "--bench" => source(&root.join("benches").join(name)),
        _ => {
            return if words.is_empty() {
                Ok(())
            } else {
                Err(format!("nothing is known here of what {name} takes"))
            };
        }
    };
    let known = flags(&source);
    let given = words
        .iter()
        .filter(|word| word.starts_with("--"))
        .map(|word| word.split('=').next().unwrap_or_default());
    match given.into_iter().find(|flag| !known.iter().any(|known| known == flag)) {
        None => Ok(()),
        Some(flag) => Err(format!("{name} has no {flag}, but {known:?}")),
    }
}

/// The examples, tests, benches and packages that a command line of cargo names are there, and take what they are told.
fn cargo(words: &[String]) -> Result<(), String> {
    let root = repository();
    let split = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let (own, program) = words.split_at(split);
    let mut is_ours = own.first().is_some_and(|verb| verb == "run");
    let packages = packages();
    for pair in own.windows(2) {
        let name = &pair[1];
        let is_there = match pair[0].as_str() {
            "--example" => [format!("examples/{name}.rs"), format!("examples/{name}/main.rs")]
                .iter()
                .any(|place| root.join(place).is_file()),
            "--test" => [format!("tests/{name}.rs"), format!("tests/{name}/main.rs")]
                .iter()
                .any(|place| root.join(place).is_file()),
            "--bench" => root.join(format!("benches/{name}/main.rs")).is_file(),
            "-p" => packages.contains(name),
            _ => continue,
        };
        is_ours = false;
        if !is_there {
            return Err(format!("there is no {name}"));
        }
        program_words(program.get(1..).unwrap_or_default(), &pair[0], name)?;
    }
    if is_ours && !program.is_empty() { operator(&program[1..]) } else { Ok(()) }
}

/// What `just` would run for this.
fn just(words: &[String]) -> Result<String, String> {
    let mut command = Command::new(tools::just());
    command.args(["--dry-run", "--color=never"]).args(words);
    typed(command, &repository())
}

/// Whether it can be typed: not, if nobody can say.
fn check(page: &Page, words: &[String], directory: &Path) -> Result<(), String> {
    let (program, rest) = words.split_first().unwrap();
    match program.as_str() {
        "kubectl" => kubectl(rest, directory).map(drop),
        "helm" => helm(rest, directory).map(drop),
        "logdrain-operator" => operator(rest),
        "cargo" => cargo(rest),
        "just" => just(rest).map(drop),
        path if repository().join(path).is_file() => Ok(()),
        other if EVERYWHERE.contains(&other) => Ok(()),
        other if ELSEWHERE.iter().any(|(name, at)| *name == other && Path::new(at) == page.path) => Ok(()),
        other => Err(format!("nothing is known here of {other}")),
    }
}

#[test]
fn every_command_that_is_shown_can_be_typed() {
    Binaries::find().unwrap_or_else(|error| panic!("{error}"));
    let mut failures = Vec::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut shown = BTreeSet::new();
    for page in pages().unwrap() {
        let place = setting::place(&page);
        for block in page.blocks() {
            assert!(!block.language.is_empty(), "{}:{}: of what language?", page.path.display(), block.line);
            if block.language != "sh" {
                continue;
            }
            for words in commands(&block.text).unwrap() {
                *counts.entry(words[0].clone()).or_default() += 1;
                shown.insert((words[0].clone(), page.path.clone()));
                if let Err(said) = check(&page, &words, &place.checkout()) {
                    failures.push(format!(
                        "{}:{}: {}\n{said}",
                        page.path.display(),
                        block.line,
                        words.join(" ")
                    ));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(counts["kubectl"] > 40 && counts["helm"] > 5 && counts["cargo"] > 3, "{counts:?}");
    let is_shown = |program: &str, at: &str| shown.contains(&(program.to_owned(), at.into()));
    let gone: Vec<_> = ELSEWHERE.iter().filter(|(program, at)| !is_shown(program, at)).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

/// The words of a command that stands in a sentence, as it would be typed; none of what only names a program.
fn aside(code: &str) -> Option<Vec<String>> {
    let mut words = commands(code).ok()?.into_iter().next()?;
    let program = words.first()?.clone();
    if words.len() < 2 || !INLINE.contains(&program.as_str()) {
        return None;
    }
    if ["kubectl", "helm"].contains(&program.as_str()) {
        if words.len() == 2 {
            // A verb alone.
            words.push("--help".to_owned());
        } else if words.iter().any(|word| word.starts_with("logdrain/"))
            && !words.iter().any(|word| word.contains("namespace"))
        {
            // It leaves out what goes without saying.
            words.extend(["--namespace".to_owned(), "shop".to_owned()]);
        }
    }
    Some(words)
}

#[test]
fn every_command_in_a_sentence_can_be_typed() {
    let mut failures = Vec::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for page in pages().unwrap() {
        let place = setting::place(&page);
        for (line, code) in page.inline_code() {
            let Some(words) = aside(code) else { continue };
            *counts.entry(words[0].clone()).or_default() += 1;
            if let Err(said) = check(&page, &words, &place.checkout()) {
                failures.push(format!("{}:{line}: {code}\n{said}", page.path.display()));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(counts["kubectl"] > 5 && counts["helm"] > 2 && counts["cargo"] > 15, "{counts:?}");
}

#[test]
fn the_variables_that_the_tests_are_given_are_read_by_them() {
    let source = source(&repository().join("tests"));
    let mut count = 0;
    for page in pages().unwrap() {
        let lines = page.text.lines().filter(|line| line.contains("cargo test"));
        let words = lines.flat_map(|line| line.split([' ', '`']));
        for name in
            words.filter_map(|word| Some(word.split_once('=')?.0)).filter(|name| !name.starts_with('-'))
        {
            assert!(source.contains(&format!("\"{name}\"")), "{}: {name}", page.path.display());
            count += 1;
        }
    }
    assert!(count > 5, "only {count} were found");
}

/// The namespace of Flux is there once Flux is; the cluster here has it from the beginning.
#[test]
fn nothing_is_put_into_flux_system_before_flux_bootstrap() {
    let page = page("examples/gitops/flux/README.md").unwrap();
    let (before, after) = page.text.split_once("`flux bootstrap`").unwrap();
    let is_there =
        |text: &str| text.lines().any(|line| line.starts_with("kubectl ") && line.contains("flux-system"));
    assert!(!is_there(before) && is_there(after));
}

#[test]
fn one_that_cannot_be_typed_is_told() {
    let page = page("README.md").unwrap();
    let place = setting::place(&page);
    for line in [
        "sops --encrypt --in-place somewhere.yaml",
        "kubectl get logdrain nobody --namespace shop",
        "kubectl get logdrains --all-namspaces",
        "kubectl logs deployment/logdrain-operator --prevoius",
        "kubectl rollout status deployment/operator --namespace logdrain-system",
        "kubectl annotate logdrain datadog --namespace shop logs.scalingo.com/requestedAt",
        "kubectl fly",
        "helm install logdrain-operator deploy/chart --set watchNamespace=shop",
        "helm uninstal logdrain-operator",
        "helm uninstall --namespace logdrain-system",
        "logdrain-operator run --resnyc=5m",
        "cargo run -- run --requests-per-minute=0",
        "cargo run --example quikstart",
        "cargo run --release --example histories -- --cuont 20000",
        "cargo run --release --example chaos -- --kill 1000",
        "cargo bench --bench requests -- --app 100",
        "cargo test --test e2e -- memroy:: --nocapture",
        "cargo test --test e2e -- memory:: --no-capture",
        "just nothing",
        "image/bild",
    ] {
        let words = commands(line).unwrap().remove(0);
        assert!(check(&page, &words, &place.checkout()).is_err(), "{line}");
    }
    for code in
        ["kubectl wiat", "kubectl delete crd logdrains.example.com", "helm pish", "cargo test -p nobody"]
    {
        assert!(check(&page, &aside(code).unwrap(), &place.checkout()).is_err(), "{code}");
    }
    for code in ["kubectl", "just", "image/build amd64", "it's"] {
        assert_eq!(aside(code), None);
    }
}

/// Each recipe is a command line that can be typed itself.
#[test]
fn what_just_runs_can_be_typed() {
    let page = page("CONTRIBUTING.md").unwrap();
    let place = setting::place(&page);
    let mut summary = Command::new(tools::just());
    summary.arg("--summary");
    let recipes = typed(summary, &repository()).unwrap();
    assert!(recipes.split_whitespace().count() > 5, "{recipes}");
    for recipe in recipes.split_whitespace() {
        let lines = just(&[recipe.to_owned()]).unwrap();
        for words in commands(&lines).unwrap() {
            if !["cp", "mv"].contains(&words[0].as_str()) {
                check(&page, &words, &place.checkout())
                    .unwrap_or_else(|said| panic!("{recipe}: {words:?}: {said}"));
            }
        }
    }
}
