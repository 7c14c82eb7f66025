//! A cluster with the namespaces that the tests speak of, and what Helm makes of the chart for it.

use std::path::Path;

use control_plane::ControlPlane;
use packaging::{Helm, chart, parse, repository};
use serde_json::Value;

/// Where the operator is installed; its pods must meet the standard `restricted`.
pub const HOME: &str = "logdrain-system";

/// Makes the operator's namespace as `deploy/` has it, and others.
pub fn prepare(plane: &ControlPlane, namespaces: &[&str]) {
    plane.apply_path(&repository().join("deploy/namespace.yaml")).unwrap();
    for namespace in namespaces {
        plane
            .apply(&format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}"))
            .unwrap();
    }
}

/// The oldest Kubernetes that the operator is built for. Without a version Helm takes the one that it was built with.
pub const OLDEST: &str = "1.33.0";

/// `helm template` with these values.
pub fn render(helm: &Helm, release: &str, namespace: &str, values: &Value) -> Result<Vec<Value>, String> {
    let values = helm.values(values).unwrap();
    let chart = chart();
    let arguments = ["template", release, path(&chart), "--kube-version", OLDEST, "--namespace", namespace];
    parse(&helm.run(arguments.into_iter().chain(["--values", path(values.path())]))?)
}

/// For a command line.
pub fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// An object as the server has it, or nothing.
pub fn get(plane: &ControlPlane, arguments: &[&str]) -> Option<Value> {
    let arguments = ["get", "--output=json", "--ignore-not-found"].iter().chain(arguments);
    let text = plane.kubectl_ok(arguments, None).unwrap();
    (!text.is_empty()).then(|| serde_json::from_str(&text).unwrap())
}
