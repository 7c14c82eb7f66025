//! The manifests that the documents show are taken by the API server.

use std::collections::BTreeSet;

use documents::pages;
use packaging::{Helm, chart, parse};

use super::setting;

#[test]
fn the_chart_takes_the_values_that_are_shown() {
    let helm = Helm::new(None).unwrap_or_else(|error| panic!("{error}"));
    let render = |text: &str| {
        let values = helm.values(&parse(text).unwrap()[0]).unwrap();
        let [chart, values] = [chart(), values.path().to_owned()].map(|path| path.display().to_string());
        helm.run(["template", "logdrain-operator", &chart, "--values", &values])
    };
    let mut count = 0;
    for page in pages().unwrap() {
        for block in page.blocks() {
            let Some(whose) = block.text.strip_prefix(setting::VALUES) else { continue };
            // Nothing is known here of other charts.
            if whose.starts_with("this chart") {
                count += 1;
                let rendered = render(&block.text);
                assert!(rendered.is_ok(), "{}:{}: {rendered:?}", page.path.display(), block.line);
            }
        }
    }
    assert!(count > 0, "no values were found");
    assert!(render("metrics: {serviceMonitr: {enabled: true}}").is_err());
}

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
