//! The manifests that the documents show are taken by the API server.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use documents::{page, pages};
use packaging::{Helm, chart, parse, repository};
use serde_json::{Value, json};

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

/// What `docs/gitops.md` shows, one of each kind.
fn of_gitops() -> BTreeMap<String, Value> {
    let manifests = setting::manifests(&page("docs/gitops.md").unwrap()).into_iter();
    let objects = manifests.map(|(_, text)| parse(&text).unwrap().remove(0));
    objects.map(|object| (object["kind"].as_str().unwrap().to_owned(), object)).collect()
}

#[test]
fn gitops_tools_are_led_to_the_chart_with_values_that_it_takes() {
    let objects = of_gitops();
    let kinds: Vec<&str> = objects.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["Application", "HelmRelease", "Kustomization"]);
    for (kind, path, values) in FOREIGN {
        let object = &objects[kind];
        let path = object.pointer(path).and_then(Value::as_str).unwrap();
        assert_eq!(repository().join(path), chart(), "{kind}");
        let rendered = rendered(object.pointer(values).unwrap()).unwrap();
        assert!(rendered.contains("image: registry.example.com/logdrain-operator:"), "{kind}: {rendered}");
    }
    assert_eq!(gitops::fields::unknown(&objects["Application"]), Some(Vec::new()));
    let of_flux = [objects["HelmRelease"].clone(), objects["Kustomization"].clone()];
    assert_eq!(gitops::flux::faults(&of_flux).unwrap(), ["", ""]);
}

/// The objects of a file of Flux's sample.
fn of_the_sample(file: &str) -> Vec<Value> {
    let path = repository().join("examples/gitops/flux/clusters/production").join(file);
    parse(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn flux_is_led_to_the_helm_release_by_a_kustomization_in_the_place_of_the_samples() {
    let objects = of_gitops();
    let (release, kustomization) = (&objects["HelmRelease"], &objects["Kustomization"]);
    let replaced = of_the_sample("operator.yaml").remove(0);
    assert_eq!(kustomization["metadata"], replaced["metadata"], "the teams depend on it");
    for field in ["prune", "wait", "interval"] {
        assert_eq!(kustomization["spec"][field], replaced["spec"][field], "{field}");
    }
    // The reader's own repository, which `flux bootstrap` makes a source of.
    assert_eq!(kustomization["spec"]["sourceRef"], json!({"kind": "GitRepository", "name": "flux-system"}));
    for field in ["components", "images"] {
        assert_eq!(kustomization["spec"][field], Value::Null, "a HelmRelease has no image and no Deployment");
    }
    let source = &release["spec"]["chart"]["spec"]["sourceRef"]["name"];
    let sources = of_the_sample("sources.yaml");
    assert!(sources.iter().any(|other| other["metadata"]["name"] == *source), "{source}");

    // What Flux makes of a directory without a kustomization of its own.
    let text = page("docs/gitops.md").unwrap().text;
    let (_, file) = text.split_once("save the HelmRelease as `").unwrap();
    let (file, _) = file.split_once('`').unwrap();
    let (directory, file) = file.split_once('/').unwrap();
    assert_eq!(kustomization["spec"]["path"], format!("./{directory}"));
    let repository = tempfile::tempdir().unwrap();
    fs::write(repository.path().join(file), release.to_string()).unwrap();
    fs::write(repository.path().join("kustomization.yaml"), json!({"resources": [file]}).to_string())
        .unwrap();
    let mut command = setting::plane().kubectl();
    let built = command.arg("kustomize").arg(repository.path()).output().unwrap();
    let built = parse(&String::from_utf8_lossy(&built.stdout)).unwrap();
    assert_eq!(built.iter().collect::<Vec<_>>(), [release]);
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
