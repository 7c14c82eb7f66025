//! The chart and the kustomizations of `deploy/`, with the real Helm and kubectl.

#[test]
fn builds() {
    packaging::Helm::new(None).unwrap();
}
