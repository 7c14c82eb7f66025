//! The manifests of `deploy/`: each is accepted, and the operator's permissions are what it uses, no more and no less.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use control_plane::ControlPlane;
use serde_json::{Value, json};

const ACCOUNT: &str = "system:serviceaccount:logdrain-system:logdrain-operator";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// `deploy/` is that of the repository, the definition a stand-in.
fn installed() -> &'static ControlPlane {
    let plane = ControlPlane::shared().unwrap();
    let crds = tempfile::tempdir().unwrap();
    fs::write(crds.path().join("logdrains.yaml"), include_str!("logdrains.yaml")).unwrap();
    plane.install(&repository().join("deploy"), crds.path()).unwrap();
    plane
}

fn get(plane: &ControlPlane, arguments: &[&str]) -> Value {
    let arguments = ["get", "-o", "json"].iter().chain(arguments);
    serde_json::from_str(&plane.kubectl_ok(arguments, None).unwrap()).unwrap()
}

#[test]
fn the_server_accepts_each_manifest_without_a_warning() {
    let plane = installed();
    let mut files = Vec::new();
    for entry in fs::read_dir(repository().join("deploy")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !path.is_file() || name == "kustomization.yaml" {
            continue;
        }
        let output = plane
            .kubectl()
            .args(["apply", "--dry-run=server", "--validate=strict", "-f"])
            .arg(&path)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
        assert!(output.status.success(), "{name}");
        files.push(name);
    }
    files.sort();
    assert_eq!(files, ["deployment.yaml", "namespace.yaml", "rbac.yaml", "service-account.yaml"]);
}

#[test]
fn the_pods_meet_the_restricted_standard_which_is_enforced() {
    let plane = installed();
    let manifest = fs::read_to_string(repository().join("deploy/deployment.yaml")).unwrap();
    let deployment =
        plane.kubectl_ok(["create", "--dry-run=client", "-o", "json", "-f", "-"], Some(&manifest)).unwrap();
    let deployment: Value = serde_json::from_str(&deployment).unwrap();
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "operator", "namespace": "logdrain-system"}});
    pod["spec"] = deployment["spec"]["template"]["spec"].clone();
    let create =
        |pod: &Value| plane.kubectl_ok(["create", "--dry-run=server", "-f", "-"], Some(&pod.to_string()));
    create(&pod).unwrap();
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = true.into();
    let error = create(&pod).unwrap_err().to_string();
    assert!(error.contains("violates PodSecurity \"restricted:"), "{error}");
}

#[test]
fn kustomize_finds_everything() {
    let plane = installed();
    let tree = tempfile::tempdir().unwrap();
    let definition = tree.path().join("chart/files/crds/logs.scalingo.com_logdrains.yaml");
    fs::create_dir_all(definition.parent().unwrap()).unwrap();
    fs::write(definition, include_str!("logdrains.yaml")).unwrap();
    for entry in fs::read_dir(repository().join("deploy")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, tree.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let deploy = tree.path().to_str().unwrap();
    let applied = plane.kubectl_ok(["apply", "-o", "name", "-k", deploy], None).unwrap();
    let mut applied: Vec<_> = applied.lines().collect();
    applied.sort_unstable();
    assert_eq!(
        applied,
        [
            "clusterrole.rbac.authorization.k8s.io/logdrain-operator",
            "clusterrolebinding.rbac.authorization.k8s.io/logdrain-operator",
            "customresourcedefinition.apiextensions.k8s.io/logdrains.logs.scalingo.com",
            "deployment.apps/logdrain-operator",
            "namespace/logdrain-system",
            "role.rbac.authorization.k8s.io/logdrain-operator-leader-election",
            "rolebinding.rbac.authorization.k8s.io/logdrain-operator-leader-election",
            "serviceaccount/logdrain-operator",
        ]
    );
    let deployment = get(plane, &["deployment", "logdrain-operator", "-n", "logdrain-system"]);
    assert_eq!(
        deployment["spec"]["strategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    );
    assert_eq!(deployment["spec"]["template"]["spec"]["serviceAccountName"], "logdrain-operator");
}

#[test]
fn the_role_holds_what_the_operator_uses_and_no_more() {
    let plane = installed();
    let role = get(plane, &["clusterrole", "logdrain-operator"]);
    assert_eq!(
        role["rules"],
        json!([
            {"apiGroups": ["logs.scalingo.com"], "resources": ["logdrains"], "verbs": ["get", "list", "watch", "patch"]},
            {"apiGroups": ["logs.scalingo.com"], "resources": ["logdrains/status"], "verbs": ["update"]},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
        ])
    );
    let bindings = |kind: &str| {
        let all = get(plane, &[kind, "--all-namespaces"]);
        let bound = all["items"].as_array().unwrap().iter().filter(|binding| {
            let subjects = binding["subjects"].as_array().into_iter().flatten();
            subjects.into_iter().any(|subject| subject["name"] == "logdrain-operator")
        });
        bound.map(|binding| binding["roleRef"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(bindings("clusterrolebindings"), ["logdrain-operator"]);
    assert_eq!(bindings("rolebindings"), ["logdrain-operator-leader-election"]);
    let role = get(plane, &["role", "logdrain-operator-leader-election", "-n", "logdrain-system"]);
    assert_eq!(
        role["rules"],
        json!([
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
            {
                "apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
                "resourceNames": ["logdrain-operator"], "verbs": ["get", "update"],
            },
        ])
    );
}

#[test]
fn the_service_account_may_do_just_that() {
    let plane = installed();
    let namespace = plane.namespace().unwrap();
    plane
        .kubectl_ok(["create", "secret", "generic", "s", "--from-literal=k=v", "-n", &namespace], None)
        .unwrap();
    let kubeconfig = plane.service_account_kubeconfig("logdrain-system", "logdrain-operator").unwrap();
    let run = |arguments: &[&str]| -> Output {
        plane.kubectl().env("KUBECONFIG", &kubeconfig).args(arguments).output().unwrap()
    };
    let who = run(&["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"]);
    assert_eq!(String::from_utf8_lossy(&who.stdout), ACCOUNT);

    let output = run(&["get", "logdrains", "--all-namespaces"]);
    assert!(output.status.success(), "{output:?}");
    let output = run(&["get", "secret", "s", "-n", &namespace]);
    assert!(output.status.success(), "{output:?}");
    for refused in [["get", "pods"], ["delete", "secret/s"], ["delete", "logdrain/d"], ["get", "configmaps"]]
    {
        let output = run(&[&refused[..], &["-n", &namespace]].concat());
        assert!(String::from_utf8_lossy(&output.stderr).contains("(Forbidden)"), "{refused:?}: {output:?}");
    }

    let lease = |verb: &str, name: &str, namespace: &str| {
        run(&["auth", "can-i", verb, &format!("leases.coordination.k8s.io{name}"), "-n", namespace])
            .status
            .success()
    };
    for (verb, name) in [("create", ""), ("get", "/logdrain-operator"), ("update", "/logdrain-operator")] {
        assert!(lease(verb, name, "logdrain-system"), "{verb} {name}");
        assert!(!lease(verb, name, &namespace), "{verb} {name}");
    }
    for (verb, name) in [("get", "/other"), ("update", ""), ("list", ""), ("delete", "/logdrain-operator")] {
        assert!(!lease(verb, name, "logdrain-system"), "{verb} {name}");
    }

    let mut allowed = Vec::new();
    for resource in
        ["logdrains.logs.scalingo.com", "secrets", "events.events.k8s.io", "leases.coordination.k8s.io"]
    {
        for verb in ["get", "list", "watch", "create", "update", "patch", "delete"] {
            let answer = run(&["auth", "can-i", verb, resource, "-n", &namespace]);
            if answer.status.success() {
                allowed.push(format!("{verb} {resource}"));
            }
        }
    }
    for verb in ["get", "update", "patch"] {
        if run(&["auth", "can-i", verb, "logdrains.logs.scalingo.com", "--subresource=status"])
            .status
            .success()
        {
            allowed.push(format!("{verb} status"));
        }
    }
    assert_eq!(
        allowed,
        [
            "get logdrains.logs.scalingo.com",
            "list logdrains.logs.scalingo.com",
            "watch logdrains.logs.scalingo.com",
            "patch logdrains.logs.scalingo.com",
            "get secrets",
            "list secrets",
            "watch secrets",
            "create events.events.k8s.io",
            "patch events.events.k8s.io",
            "update status",
        ]
    );
}
