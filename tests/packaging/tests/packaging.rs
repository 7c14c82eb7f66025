//! The chart and the kustomizations of `deploy/`, with the real Helm, kubectl and API server.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic in the functions it shares, too")]

mod packaging {
    mod agreement;
    mod cases;
    mod cluster;
    mod features;
    mod helm_3;
    mod image;
    mod kustomize;
    mod lifecycle;
    mod neighbours;
    mod notes;
    mod render;
    mod schema;
    mod selectors;
    mod umbrella;
    mod workflows;
}
