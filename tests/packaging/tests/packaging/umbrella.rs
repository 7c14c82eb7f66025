//! The chart as a part of somebody else's.

use std::fs;

use packaging::{Helm, chart, of_kind, parse};
use serde_json::json;

use super::cluster::path;

#[test]
fn another_chart_turns_it_on_and_off_and_gives_it_values() {
    let helm = Helm::new(None).unwrap();
    let umbrella = tempfile::tempdir().unwrap();
    let metadata = json!({
        "apiVersion": "v2", "name": "platform", "version": "1.0.0",
        "dependencies": [{
            "name": "logdrain-operator", "version": env!("CARGO_PKG_VERSION"),
            "repository": format!("file://{}", chart().display()), "condition": "logdrain-operator.enabled",
        }],
    });
    fs::write(umbrella.path().join("Chart.yaml"), metadata.to_string()).unwrap();
    helm.run(["dependency", "update", path(umbrella.path())]).unwrap();
    let packed = format!("charts/logdrain-operator-{}.tgz", env!("CARGO_PKG_VERSION"));
    assert!(umbrella.path().join(packed).is_file());
    let render = |is_enabled: bool| {
        let values = json!({
            "global": {"team": "platform"},
            "logdrain-operator": {"enabled": is_enabled, "replicas": 3},
        });
        fs::write(umbrella.path().join("values.yaml"), values.to_string()).unwrap();
        parse(&helm.run(["template", "platform", path(umbrella.path())]).unwrap()).unwrap()
    };
    let objects = render(true);
    assert_eq!(of_kind(&objects, "Deployment")[0]["spec"]["replicas"], 3);
    assert_eq!(of_kind(&objects, "CustomResourceDefinition").len(), 1);
    assert_eq!(render(false), Vec::<serde_json::Value>::new());
}
