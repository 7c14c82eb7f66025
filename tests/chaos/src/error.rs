use std::io;

/// Why a campaign could not be carried out. A broken promise is no error.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum Error {
    #[error(transparent)]
    ControlPlane(#[from] control_plane::Error),
    #[error("{0}: {1}")]
    Io(&'static str, #[source] io::Error),
    #[error("{0}: {1}")]
    Kubernetes(&'static str, #[source] Box<kube::Error>),
    #[error("the administrator's kubeconfig cannot be used: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    #[error(transparent)]
    Build(#[from] control_plane::CargoError),
}

impl Error {
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io(what, error)
    }

    pub(crate) fn kubernetes(what: &'static str) -> impl FnOnce(kube::Error) -> Self {
        move |error| Self::Kubernetes(what, Box::new(error))
    }
}
