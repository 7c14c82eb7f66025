//! The manifests that the documents show are taken by the API server.

use std::collections::BTreeSet;

use documents::{page, pages};
use packaging::{Helm, chart, parse, repository};
use serde_json::Value;

use super::setting;

/// The kinds of others by which the chart is installed, and where they name it and its values.
const FOREIGN: [(&str, &str, &str); 2] = [
    ("HelmRelease", "/spec/chart/spec/chart", "/spec/values"),
    ("Application", "/spec/source/path", "/spec/source/helm/valuesObject"),
];

/// What the chart makes of these values.
fn rendered(values: &Value) -> Result<String, String> {
    let helm = Helm::new(None).unwrap_or_else(|error| panic!("{error}"));
    let values = helm.values(values).unwrap();
    let [chart, values] = [chart(), values.path().to_owned()].map(|path| path.display().to_string());
    helm.run(["template", "logdrain-operator", &chart, "--values", &values])
}

#[test]
fn gitops_tools_are_led_to_the_chart_with_values_that_it_takes() {
    let mut seen = BTreeSet::new();
    for (name, text) in setting::manifests(&page("docs/gitops.md").unwrap()) {
        let object = &parse(&text).unwrap()[0];
        let Some((kind, path, values)) = FOREIGN.iter().find(|(kind, _, _)| object["kind"] == *kind) else {
            panic!("nothing is known of {name}");
        };
        let path = object.pointer(path).and_then(Value::as_str).unwrap();
        assert_eq!(repository().join(path), chart(), "{kind}");
        let rendered = rendered(object.pointer(values).unwrap()).unwrap();
        assert!(rendered.contains("image: registry.example.com/logdrain-operator:"), "{kind}: {rendered}");
        seen.insert(*kind);
    }
    assert_eq!(seen.len(), FOREIGN.len());
}

#[test]
fn the_chart_takes_the_values_that_are_shown() {
    let render = |text: &str| rendered(&parse(text).unwrap()[0]);
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
            // The tests of the packaging build the first one; the server knows no others.
            if kind == "Kustomization" || FOREIGN.iter().any(|(foreign, _, _)| *foreign == kind) {
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
