//! The manifests that the documents show are taken by the API server.

use std::collections::BTreeSet;

use documents::pages;
use packaging::parse;

use super::setting;

#[test]
fn the_server_takes_every_one_that_is_shown() {
    let mut kinds = BTreeSet::new();
    for page in pages().unwrap() {
        for (name, text) in setting::manifests(&page) {
            let objects = parse(&text).unwrap();
            let kind =
                objects[0]["kind"].as_str().unwrap_or_else(|| panic!("{}: {text}", page.path.display()));
            kinds.insert(kind.to_owned());
            // The tests of the packaging build this one.
            if kind == "Kustomization" {
                continue;
            }
            let arguments = ["apply", "--dry-run=server", "--validate=strict", "--filename=-"];
            let said = setting::plane().kubectl_ok(arguments, Some(&text));
            let said = said.unwrap_or_else(|error| panic!("{}: {name}: {error}", page.path.display()));
            assert_eq!(said.lines().count(), objects.len(), "{said}");
        }
    }
    for kind in ["LogDrain", "Role", "ValidatingAdmissionPolicy"] {
        assert!(kinds.contains(kind), "none of kind {kind} was found");
    }
}
