//! The Helm chart and the kustomizations of `deploy/`, tried with the real programs.

mod helm;

pub use helm::Helm;
