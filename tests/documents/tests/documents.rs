//! README and `docs/`, held against the code, the API server and Helm.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic in the functions it shares, too")]

mod documents {
    mod commands;
    mod log;
    mod manifests;
    mod names;
    mod reference;
    mod releases;
    mod setting;
}
