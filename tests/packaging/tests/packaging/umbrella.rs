//! The chart as a part of somebody else's.

use std::fs;

use packaging::{Helm, chart, of_kind, parse};
use serde_json::{Value, json};

use super::cluster::{OLDEST, path};

#[test]
fn another_chart_turns_it_on_and_off_and_gives_it_values() {
    for (version, helm) in Helm::both(None).unwrap() {
        turn_on_and_off(version, &helm);
    }
}

fn turn_on_and_off(version: &str, helm: &Helm) {
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
            // Of a null here, Helm would leave the default of the part.
            "logdrain-operator": {"enabled": is_enabled, "replicas": 3, "runAsUser": "", "dnsConfig": {"options": []}},
        });
        fs::write(umbrella.path().join("values.yaml"), values.to_string()).unwrap();
        let arguments = ["template", "platform", path(umbrella.path()), "--kube-version", OLDEST];
        parse(&helm.run(arguments).unwrap_or_else(|error| panic!("{version}: {error}"))).unwrap()
    };
    let objects = render(true);
    let deployment = &of_kind(&objects, "Deployment")[0]["spec"];
    assert_eq!(deployment["replicas"], 3);
    let pod = &deployment["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsUser"], Value::Null, "{version}");
    assert_eq!(pod["dnsConfig"], json!({"options": []}), "{version}");
    assert_eq!(of_kind(&objects, "CustomResourceDefinition").len(), 1);
    assert_eq!(render(false), Vec::<Value>::new());
}
