//! The control plane as its users see it, and the manifests of `deploy/` on it.
#![expect(clippy::unwrap_used, reason = "a test may panic in the functions it shares, too")]

mod plane {
    mod client;
    mod deploy;
    mod namespaces;
}
