//! The Secrets that the sample for Flux keeps in Git, encrypted as its page says.

use std::fs;
use std::path::Path;
use std::process::Command;

use documents::{commands, page};
use packaging::{parse, repository};
use serde_json::{Value, json};

use super::commands::typed;
use super::setting;
use super::tools::{AGE_KEYGEN, SOPS, Shell};

const FILES: [&str; 2] = ["teams/search/scalingo.secret.yaml", "teams/search/logstash.secret.yaml"];

fn secret(text: &str) -> Value {
    parse(text).unwrap().remove(0)
}

/// The plain Secret that the reader puts in the place of one that is encrypted.
fn plain(encrypted: &Value) -> Value {
    let mut plain = encrypted.clone();
    plain.as_object_mut().unwrap().remove("sops").unwrap();
    for (key, value) in plain["stringData"].as_object_mut().unwrap() {
        *value = json!(format!("plain-{key}"));
    }
    plain
}

/// What Git would take in.
fn committed(shell: &Shell, directory: &Path) -> String {
    let lines = "git init --quiet . && git add --all && git ls-files --cached && git grep --cached --text ''";
    shell.types(lines, directory).unwrap()
}

#[test]
fn what_git_is_given_is_read_by_nobody_without_the_key_and_by_flux_with_it() {
    let sample = page("examples/gitops/flux/README.md").unwrap();
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("repository");
    let mut cp = Command::new("cp");
    cp.arg("-R").arg(repository().join("examples/gitops/flux")).arg(&copy);
    typed(cp, place.path()).unwrap();
    let shell = Shell::with(&[("sops", SOPS), ("age-keygen", AGE_KEYGEN)]);
    let shown: Vec<_> = sample
        .blocks()
        .into_iter()
        .filter(|block| ["age-keygen", "sops"].contains(&commands(&block.text).unwrap()[0][0].as_str()))
        .collect();
    let [make_a_key, encrypt] = &shown[..] else { panic!("{shown:?}") };

    let said = shell.types(&make_a_key.text, &copy).unwrap();
    let recipient = said.lines().find_map(|line| line.strip_prefix("Public key: ")).unwrap();
    let rules = fs::read_to_string(copy.join(".sops.yaml")).unwrap();
    let thrown_away = parse(&rules).unwrap()[0]["creation_rules"][0]["age"].as_str().unwrap().to_owned();
    fs::write(copy.join(".sops.yaml"), rules.replace(&thrown_away, recipient)).unwrap();

    let mut secrets = Vec::new();
    for file in FILES {
        let plain = plain(&secret(&fs::read_to_string(copy.join(file)).unwrap()));
        fs::write(copy.join(file), plain.to_string()).unwrap();
        secrets.push(plain);
    }
    assert!(committed(&shell, &copy).contains("plain-api_token"), "nothing is encrypted yet");

    shell.types(&encrypt.text, &copy).unwrap();
    let committed = committed(&shell, &copy);
    for file in FILES {
        assert!(committed.lines().any(|line| line == file), "{committed}");
    }
    assert!(!committed.contains("plain-") && !committed.contains("AGE-SECRET-KEY"), "{committed}");

    // Flux has the key from the cluster, as the page says.
    let create = sample.blocks().into_iter().find(|block| block.text.starts_with("kubectl create")).unwrap();
    let mut kubectl = setting::plane().kubectl();
    kubectl.args(&commands(&create.text).unwrap()[0][1..]);
    typed(kubectl, &copy).unwrap();
    let get = ["get", "secret", "sops-age", "--namespace=flux-system", "--output=go-template"];
    let template = "--template={{index .data \"age.agekey\" | base64decode}}";
    let key = setting::plane().kubectl_ok(get.into_iter().chain([template]), None).unwrap();
    for (file, plain) in FILES.iter().zip(secrets) {
        let decrypt = format!("sops --decrypt {file}");
        let refused = shell.types(&decrypt, &copy).unwrap_err();
        assert!(refused.contains("age"), "{refused}");
        fs::write(place.path().join("key"), &key).unwrap();
        let decrypted = shell.types(&format!("SOPS_AGE_KEY_FILE=../key {decrypt}"), &copy).unwrap();
        assert_eq!(secret(&decrypted), plain);
    }
}
