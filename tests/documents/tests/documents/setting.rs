//! A cluster in which all is there that the documents speak of, and a directory to type their commands in.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::LazyLock;

use control_plane::ControlPlane;
use documents::{Block, Page, page};
use packaging::{parse, repository};
use tempfile::TempDir;

/// The objects that the commands name, beside those of `deploy/` and `examples/`.
const OBJECTS: &str = "
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: logdrain-operator, namespace: logdrain-system}
spec: {holderIdentity: someone}
---
apiVersion: logs.scalingo.com/v1
kind: LogDrain
metadata: {name: search-logs, namespace: shop}
spec: {app: shop-front, type: papertrail, host: logs.example.com, port: 6514}
---
apiVersion: v1
kind: Namespace
metadata: {name: flux-system}
---
apiVersion: v1
kind: Namespace
metadata: {name: argocd}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, namespace: argocd}
data: {url: 'https://argocd.example.com'}
";

/// What the operator would say of a resource.
const READY: &str = r#"{"status":{"observedGeneration":1,"conditions":[{"type":"Ready","status":"True","reason":"Synced","message":"in sync",
    "lastTransitionTime":"2026-11-23T15:44:00Z"}]}}"#;

/// What a cluster's controller would say of the operator's Deployment.
const ROLLED_OUT: &str = r#"{"status":{"observedGeneration":1,"replicas":1,"updatedReplicas":1,"readyReplicas":1,"availableReplicas":1}}"#;

static PLANE: LazyLock<ControlPlane> = LazyLock::new(|| {
    let plane = ControlPlane::start().unwrap_or_else(|error| panic!("{error}"));
    let root = repository();
    plane.install(&root.join("deploy"), &root.join("crds")).unwrap();
    plane.apply_path(&root.join("deploy/deployment.yaml")).unwrap();
    plane.apply_path(&root.join("examples/secrets.yaml")).unwrap();
    plane.apply_path(&root.join("examples/datadog.yaml")).unwrap();
    plane.apply(OBJECTS).unwrap();
    for name in ["datadog", "search-logs"] {
        let arguments =
            ["patch", "logdrain", name, "--namespace=shop", "--subresource=status", "--type=merge"];
        plane.kubectl_ok(arguments.iter().copied().chain(["--patch", READY]), None).unwrap();
    }
    let rolled_out = ["patch", "deployment", "logdrain-operator", "--namespace=logdrain-system"];
    let patch = ["--subresource=status", "--type=merge", "--patch", ROLLED_OUT];
    plane.kubectl_ok(rolled_out.into_iter().chain(patch), None).unwrap();
    plane
});

/// The cluster.
pub fn plane() -> &'static ControlPlane {
    &PLANE
}

/// Where the reader of a page types.
pub struct Place(TempDir);

impl Place {
    /// The checkout, with the manifests that the page has shown.
    pub fn checkout(&self) -> PathBuf {
        self.0.path().join("logdrain-operator")
    }

    /// The reader's own kustomization.
    fn production(&self) -> PathBuf {
        self.0.path().join("production")
    }
}

/// Where the reader of a page is, who has begun with the first pages.
pub fn place(page: &Page) -> Place {
    let place = Place(tempfile::tempdir().unwrap());
    let checkout = place.checkout();
    fs::create_dir(&checkout).unwrap();
    fs::create_dir(place.production()).unwrap();
    let at_home =
        page.path.parent().filter(|parent| parent.starts_with("examples")).map_or(repository(), |parent| {
            // The commands of a sample are typed in the sample.
            repository().join(parent)
        });
    for entry in fs::read_dir(at_home).unwrap().map(Result::unwrap) {
        symlink(entry.path(), checkout.join(entry.file_name())).unwrap();
    }
    fs::write(checkout.join("age.agekey"), "AGE-SECRET-KEY-1").unwrap();
    for (name, text) in manifests(page) {
        fs::write(checkout.join(format!("{name}.yaml")), text).unwrap();
    }
    fs::write(checkout.join("values.yaml"), values(page)).unwrap();
    let (_, kustomization) = manifests(&self::page("README.md").unwrap())
        .into_iter()
        .find(|(name, _)| name == "kustomization")
        .unwrap();
    fs::write(place.production().join("kustomization.yaml"), kustomization).unwrap();
    place
}

/// The values that the reader of a page has saved: those to begin with, and what the page adds to them.
fn values(page: &Page) -> String {
    let mut values: Vec<String> = Vec::new();
    for page in [&self::page("docs/getting-started.md").unwrap(), page] {
        let shown = page.blocks().into_iter().filter(|block| block.text.starts_with(VALUES_OF_THIS_CHART));
        for Block { text, .. } in shown {
            if !values.contains(&text) {
                values.push(text);
            }
        }
    }
    values.concat()
}

/// How a block begins that holds the values of a chart.
pub const VALUES: &str = "# values of ";
const VALUES_OF_THIS_CHART: &str = "# values of this chart\n";

/// The manifests that a page shows, by the name of their first object.
pub fn manifests(page: &Page) -> Vec<(String, String)> {
    let is_manifest = |block: &Block| block.language == "yaml" && !block.text.starts_with(VALUES);
    let blocks = page.blocks().into_iter().filter(is_manifest);
    blocks
        .map(|block| {
            let at = format!("{}:{}", page.path.display(), block.line);
            let objects = parse(&block.text).unwrap_or_else(|error| panic!("{at}: {error}"));
            let first = objects.first().unwrap_or_else(|| panic!("{at}: nothing"));
            let name = first["metadata"]["name"].as_str().unwrap_or("kustomization").to_owned();
            (name, block.text)
        })
        .collect()
}
