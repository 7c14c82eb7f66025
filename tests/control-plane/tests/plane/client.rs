//! Who may do what, and what is noted of it.

use std::fs;

use control_plane::{AuditEntry, ControlPlane};

const CRD: &str = include_str!("logdrains.yaml");

#[test]
fn serves_the_release_that_is_pinned_and_is_started_once() {
    let plane = ControlPlane::shared().unwrap();
    let versions = plane.kubectl_ok(["version", "-o", "json"], None).unwrap();
    let versions: serde_json::Value = serde_json::from_str(&versions).unwrap();
    assert_eq!(versions["clientVersion"]["gitVersion"], "v1.37.2");
    assert_eq!(versions["serverVersion"]["gitVersion"], "v1.37.2");
    assert!(std::ptr::eq(plane, ControlPlane::shared().unwrap()));
    assert_eq!(format!("{plane:?}"), format!("ControlPlane {{ server: {:?}, .. }}", plane.server()));
}

#[test]
fn the_administrator_may_do_anything() {
    let plane = ControlPlane::shared().unwrap();
    let (namespace, other) = (plane.namespace().unwrap(), plane.namespace().unwrap());
    assert_ne!(namespace, other);
    plane.kubectl_ok(["auth", "can-i", "*", "*", "--all-namespaces"], None).unwrap();
    let map = |value: &str| {
        format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: map, namespace: {namespace}}}, data: {{k: {value}}}}}"
        )
    };
    assert_eq!(plane.apply(&map("first")).unwrap(), "configmap/map created\n");
    let file = plane.directory().join("map.yaml");
    fs::write(&file, map("second")).unwrap();
    assert_eq!(plane.apply_path(&file).unwrap(), "configmap/map configured\n");
    let read = plane
        .kubectl_ok(["get", "configmap", "map", "-n", &namespace, "-o", "jsonpath={.data.k}"], None)
        .unwrap();
    assert_eq!(read, "second");
}

#[test]
fn an_error_holds_what_kubectl_said() {
    let plane = ControlPlane::shared().unwrap();
    let error = plane.apply("{apiVersion: v1, kind: Nothing, metadata: {name: nothing}}").unwrap_err();
    assert!(error.to_string().contains("no matches for kind \"Nothing\""), "{error}");
    assert!(error.to_string().starts_with("`kubectl apply -f -` failed (exit status: 1): "), "{error}");
    let error = plane.service_account_kubeconfig("default", "nobody").unwrap_err();
    assert!(error.to_string().contains("\"nobody\" not found"), "{error}");
}

#[test]
fn clients_verify_the_certificate() {
    let plane = ControlPlane::shared().unwrap();
    let other = ControlPlane::start().unwrap();
    assert_ne!(plane.certificate_authority(), other.certificate_authority());
    // The right server and token, and the certificate of another server.
    let kubeconfig = fs::read_to_string(plane.kubeconfig_admin()).unwrap();
    assert!(!kubeconfig.contains("insecure"), "{kubeconfig}");
    let authority = |text: &str| {
        text.lines().find(|line| line.contains("certificate-authority-data")).unwrap().to_owned()
    };
    let wrong = authority(&fs::read_to_string(other.kubeconfig_admin()).unwrap());
    let path = plane.directory().join("wrong.kubeconfig");
    fs::write(&path, kubeconfig.replace(&authority(&kubeconfig), &wrong)).unwrap();
    let output = plane.kubectl().env("KUBECONFIG", &path).args(["get", "--raw", "/readyz"]).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("certificate signed by unknown authority"), "{said}");
}

#[test]
fn without_a_token_nothing_is_allowed() {
    let plane = ControlPlane::shared().unwrap();
    let kubeconfig = fs::read_to_string(plane.kubeconfig_admin()).unwrap();
    let token = kubeconfig.lines().find(|line| line.trim_start().starts_with("token: ")).unwrap();
    let path = plane.directory().join("forged.kubeconfig");
    fs::write(&path, kubeconfig.replace(token, "    token: forged")).unwrap();
    let output = plane.kubectl().env("KUBECONFIG", &path).args(["get", "namespaces"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("Unauthorized"), "{said}");
}

#[test]
fn a_service_account_is_held_to_its_role_and_the_audit_log_shows_it() {
    let plane = ControlPlane::shared().unwrap();
    let namespace = plane.namespace().unwrap();
    plane.kubectl_ok(["create", "serviceaccount", "reader", "-n", &namespace], None).unwrap();
    plane
        .kubectl_ok(["create", "role", "reader", "--verb=get", "--resource=secrets", "-n", &namespace], None)
        .unwrap();
    let account = format!("--serviceaccount={namespace}:reader");
    plane
        .kubectl_ok(["create", "rolebinding", "reader", "--role=reader", &account, "-n", &namespace], None)
        .unwrap();
    plane
        .kubectl_ok(["create", "secret", "generic", "s", "--from-literal=k=v", "-n", &namespace], None)
        .unwrap();
    let kubeconfig = plane.service_account_kubeconfig(&namespace, "reader").unwrap();
    let as_reader = |arguments: &[&str]| {
        plane
            .kubectl()
            .env("KUBECONFIG", &kubeconfig)
            .args(arguments)
            .args(["-n", &namespace])
            .output()
            .unwrap()
    };
    assert!(as_reader(&["get", "secret", "s"]).status.success());
    for refused in [["get", "secrets"], ["delete", "secret/s"]] {
        let output = as_reader(&refused);
        assert!(String::from_utf8_lossy(&output.stderr).contains("Forbidden"), "{output:?}");
    }

    let user = format!("system:serviceaccount:{namespace}:reader");
    let of_reader = |entries: &[AuditEntry]| {
        let secrets = entries.iter().filter(|entry| entry.user == user && entry.resource == "secrets");
        secrets
            .map(|entry| (entry.verb.clone(), entry.name.clone(), entry.code, entry.is_write()))
            .collect::<Vec<_>>()
    };
    let entries = plane.wait_for_audit("three requests", |entries| of_reader(entries).len() == 3).unwrap();
    assert_eq!(
        of_reader(&entries),
        [
            ("get".to_owned(), "s".to_owned(), 200, false),
            ("list".to_owned(), String::new(), 403, false),
            ("delete".to_owned(), "s".to_owned(), 403, true),
        ]
    );
    let mine: Vec<_> = entries.iter().filter(|entry| entry.user == user).collect();
    assert!(mine.iter().all(|entry| entry.user_agent.starts_with("kubectl/")), "{mine:?}");
    assert!(entries.iter().any(|entry| entry.user == "admin" && entry.verb == "create" && entry.code == 201));
}

#[test]
fn install_needs_definitions_and_manifests() {
    let plane = ControlPlane::shared().unwrap();
    let empty = tempfile::tempdir().unwrap();
    let error = plane.install(empty.path(), &empty.path().join("crds")).unwrap_err();
    assert!(
        error.to_string().contains("read the CRDs in ") && error.to_string().contains("No such file"),
        "{error}"
    );
    let error = plane.install(empty.path(), empty.path()).unwrap_err();
    assert!(error.to_string().contains("no .yaml file"), "{error}");
    // A kind of its own: others ask for log drains meanwhile.
    fs::write(
        empty.path().join("crd.yaml"),
        CRD.replace("logdrain", "example").replace("LogDrain", "Example"),
    )
    .unwrap();
    let error = plane.install(empty.path(), empty.path()).unwrap_err();
    assert!(error.to_string().contains("namespace.yaml"), "{error}");
    // Served all the same: what was applied before the failure was waited for.
    plane.kubectl_ok(["get", "examples.logs.scalingo.com", "-A"], None).unwrap();
}
