//! What is said to Terraform, typed at `tofu`. Its provider for Scalingo is not here: what reads the state alone is tried.

use std::fs;

use documents::page;

use super::tools::{Shell, TOFU};

/// What Terraform has written of one drain and of one app, with the attributes of the provider's documentation.
const STATE: &str = r#"{
  "version": 4,
  "terraform_version": "1.7.0",
  "serial": 1,
  "lineage": "2f4c1f5a-7a83-8bd0-9a0c-6c3e0ac0bd55",
  "outputs": {},
  "resources": [
    {
      "mode": "managed", "type": "scalingo_app", "name": "search",
      "provider": "provider[\"registry.terraform.io/scalingo/scalingo\"]",
      "instances": [{"schema_version": 0, "attributes": {"id": "5af97be7ff688d0001228ffb", "name": "search"}}]
    },
    {
      "mode": "managed", "type": "scalingo_log_drain", "name": "search",
      "provider": "provider[\"registry.terraform.io/scalingo/scalingo\"]",
      "instances": [{"schema_version": 0, "attributes": {
        "id": "syslog://:token@logs.example.com:6514", "app": "5af97be7ff688d0001228ffb",
        "type": "syslog", "host": "logs.example.com", "port": "6514", "token": "token"
      }}]
    }
  ]
}"#;

#[test]
fn a_drain_is_found_in_its_state_and_forgotten() {
    let page = page("docs/from-terraform.md").unwrap();
    let shell = Shell::with(&[("terraform", TOFU)]);
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("terraform.tfstate"), STATE).unwrap();

    let blocks = page.blocks();
    let list = blocks.iter().find(|block| block.text.starts_with("terraform ")).unwrap();
    assert_eq!(shell.types(&list.text, place.path()).unwrap(), "scalingo_log_drain.search\n");

    let (_, forget) = page.inline_code().find(|(_, code)| code.starts_with("terraform state rm ")).unwrap();
    shell.types(forget, place.path()).unwrap();
    assert_eq!(shell.types("terraform state list", place.path()).unwrap(), "scalingo_app.search\n");
    // With nothing left that `grep` could find, the first command fails.
    assert_eq!(shell.types(&list.text, place.path()).unwrap_err(), "");
}

#[test]
fn what_it_is_shown_is_in_its_language() {
    let page = page("docs/from-terraform.md").unwrap();
    let shell = Shell::with(&[("terraform", TOFU)]);
    let blocks: Vec<_> = page.blocks().into_iter().filter(|block| block.language == "hcl").collect();
    let place = tempfile::tempdir().unwrap();
    let typed = |text: &str, lines: &str| {
        fs::write(place.path().join("main.tf"), text).unwrap();
        shell.types(lines, place.path())
    };
    let [removed, resource] = &blocks[..] else { panic!("{blocks:?}") };
    for block in &blocks {
        assert_eq!(typed(&block.text, "terraform fmt -check -diff").unwrap(), "");
    }
    assert!(typed(&resource.text.replace("  host ", " host "), "terraform fmt -check").is_err());

    typed(&removed.text, "terraform init -input=false").unwrap();
    typed(&removed.text, "terraform validate").unwrap();
    let said = typed(&removed.text.replace("destroy =", "destory ="), "terraform validate").unwrap_err();
    assert!(said.contains("destory"), "{said}");
}
