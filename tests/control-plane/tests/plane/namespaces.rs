//! With the controller manager, a namespace ends, and what hangs on an owner goes with it.

use std::time::Duration;

use control_plane::ControlPlane;

#[test]
fn with_the_controller_manager_a_namespace_ends_and_garbage_is_collected() {
    let plane = ControlPlane::shared().unwrap();
    plane.controller_manager().unwrap();
    plane.controller_manager().unwrap();
    let namespace = plane.namespace().unwrap();
    plane.kubectl_ok(["create", "configmap", "owner", "-n", &namespace], None).unwrap();
    let uid = ["get", "configmap", "owner", "-n", &namespace, "--output=jsonpath={.metadata.uid}"];
    let uid = plane.kubectl_ok(uid, None).unwrap();
    let owned = format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: owned, namespace: {namespace}, ownerReferences: \
         [{{apiVersion: v1, kind: ConfigMap, name: owner, uid: {uid}}}]}}}}"
    );
    plane.apply(&owned).unwrap();
    plane.kubectl_ok(["delete", "configmap", "owner", "-n", &namespace], None).unwrap();
    let is_gone = || Ok(plane.kubectl_ok(["get", "configmap", "owned", "-n", &namespace], None).is_err());
    plane.wait_until("what the owner had to go too", Duration::from_secs(120), is_gone).unwrap();
    plane.kubectl_ok(["delete", "namespace", &namespace, "--timeout=120s"], None).unwrap();
}
