//! Two releases in one cluster, each for a namespace of its own.

use control_plane::ControlPlane;
use packaging::{Helm, chart};
use serde_json::{Value, json};

use super::cluster::{get, path, prepare};

#[test]
fn two_releases_for_different_namespaces_do_not_clash() {
    let plane = ControlPlane::start().unwrap();
    prepare(&plane, &["operators", "shop", "blog"]);
    let helm = Helm::new(Some(&plane.kubeconfig_admin())).unwrap();
    let chart = chart();
    let install = |release: &str, values: Value| {
        let values = helm.values(&values).unwrap();
        helm.run([
            "install",
            release,
            path(&chart),
            "--namespace",
            "operators",
            "--values",
            path(values.path()),
        ])
    };
    install("shop", json!({"watchNamespaces": ["shop"]})).unwrap();
    // The definition is the other's.
    let error = install("blog", json!({"watchNamespaces": ["blog"]})).unwrap_err();
    assert!(error.contains("logdrains.logs.scalingo.com") && error.contains("release-name"), "{error}");
    let notes = install("blog", json!({"watchNamespaces": ["blog"], "crds": {"enabled": false}})).unwrap();
    assert!(notes.contains("watches the namespaces blog"), "{notes}");
    assert!(notes.contains("This release has no CRD"), "{notes}");

    let may = |release: &str, verb: &str, resource: &str, namespace: &str| {
        let account = format!("--as=system:serviceaccount:operators:{release}-logdrain-operator");
        plane.kubectl_ok(["auth", "can-i", verb, resource, "--namespace", namespace, &account], None).is_ok()
    };
    for (release, other) in [("shop", "blog"), ("blog", "shop")] {
        for (verb, resource) in [("list", "secrets"), ("patch", "logdrains.logs.scalingo.com")] {
            assert!(may(release, verb, resource, release), "{release}: {verb} {resource}");
            for elsewhere in [other, "operators", "default"] {
                assert!(
                    !may(release, verb, resource, elsewhere),
                    "{release}: {verb} {resource} in {elsewhere}"
                );
            }
        }
        let lease = |name: &str| format!("leases.coordination.k8s.io/{name}-logdrain-operator");
        assert!(may(release, "update", &lease(release), "operators"));
        assert!(!may(release, "update", &lease(other), "operators"));
        let deployment = format!("deployment/{release}-logdrain-operator");
        let deployment = get(&plane, &[&deployment, "--namespace", "operators"]).unwrap();
        assert_eq!(
            deployment["spec"]["template"]["spec"]["containers"][0]["args"],
            json!([
                "run",
                format!("--watch-namespace={release}"),
                format!("--lease-name={release}-logdrain-operator")
            ])
        );
    }

    // What one leaves does not touch the other.
    helm.run(["uninstall", "blog", "--namespace", "operators"]).unwrap();
    assert!(may("shop", "list", "secrets", "shop"));
    assert!(get(&plane, &["customresourcedefinition", "logdrains.logs.scalingo.com"]).is_some());
}
