//! Kubeconfig files that stand alone.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Error;

/// Writes one that verifies the server against `certificate_authority` (PEM), shows `token`, and is at home in `namespace`, as a pod is in
/// that of its account.
pub(crate) fn write(
    path: &Path,
    server: &str,
    certificate_authority: &[u8],
    (namespace, user): (&str, &str),
    token: &str,
) -> Result<(), Error> {
    let authority = STANDARD.encode(certificate_authority);
    let text = format!(
        "apiVersion: v1
kind: Config
clusters:
- name: control-plane
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: {user}
  user:
    token: {token}
contexts:
- name: control-plane
  context:
    cluster: control-plane
    namespace: {namespace}
    user: {user}
current-context: control-plane
"
    );
    fs::write(path, text).map_err(Error::io(format!("write {}", path.display())))
}
