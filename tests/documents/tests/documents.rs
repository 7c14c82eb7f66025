//! README and `docs/`, held against the code, the API server and Helm.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic in the functions it shares, too")]

mod documents {
    mod commands;
    mod from_terraform;
    mod log;
    mod manifests;
    mod names;
    mod reference;
    mod releases;
    mod releasing;
    mod secrets_in_git;
    mod setting;
    mod tools;
}
