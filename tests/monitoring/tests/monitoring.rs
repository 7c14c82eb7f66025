//! What `deploy/monitoring` says is true of the metrics that there are, and alerts when it should.
#![expect(clippy::unwrap_used, reason = "a test may panic in the functions it shares, too")]

mod monitoring {
    mod alerts;
    mod dashboard;
    mod document;
    mod drawn;
    mod firing;
    mod kube_state;
    mod kube_state_metrics;
    mod parsed;
}
