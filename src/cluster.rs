//! Where the Kubernetes API is and how to reach it, found as kubectl finds it.
//!
//! kube's own loader holds `NO_PROXY` against the proxy's address instead of the server's.

mod proxy;

use std::io;

use kube::Config;
use kube::config::{ExecAuthCluster, InClusterError, Kubeconfig, KubeconfigError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use self::proxy::{Proxies, ProxyError};

/// Why no cluster can be talked to; a sentence. It holds no credential.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no kubeconfig, and this is no pod.
    #[error(
        "No Kubernetes cluster is configured ({0}): set KUBECONFIG to a valid file, or run inside of a cluster."
    )]
    Nowhere(String),
    /// There is a kubeconfig.
    #[error("The kubeconfig (KUBECONFIG or ~/.kube/config) cannot be used: {0}.")]
    Kubeconfig(String),
    /// This is a pod.
    #[error("The cluster of this pod cannot be used: {0}.")]
    Pod(InClusterError),
    /// A proxy is named on the way to the cluster.
    #[error("The proxy on the way to the Kubernetes API cannot be used: {0}.")]
    Proxy(#[from] ProxyError),
}

/// The cluster of the kubeconfig, or that of the pod where there is no kubeconfig.
///
/// # Errors
/// What is missing or wrong.
pub fn config() -> Result<Config, Error> {
    let mut config = match Kubeconfig::read() {
        Ok(kubeconfig) if kubeconfig.contexts.is_empty() && kubeconfig.clusters.is_empty() => {
            of_pod("the kubeconfig is empty".to_owned())
        }
        Ok(kubeconfig) => of_kubeconfig(kubeconfig, &Proxies::of_environment()),
        Err(KubeconfigError::FindPath) => of_pod("there is no kubeconfig".to_owned()),
        Err(KubeconfigError::ReadConfig(error, path)) if error.kind() == io::ErrorKind::NotFound => {
            of_pod(format!("{} is not there", path.display()))
        }
        Err(error) => Err(unusable(&error)),
    }?;
    config.apply_debug_overrides();
    Ok(config)
}

fn of_pod(instead_of: String) -> Result<Config, Error> {
    Config::incluster().map_err(|error| match error {
        InClusterError::ReadEnvironmentVariable(_) => Error::Nowhere(instead_of),
        error => Error::Pod(error),
    })
}

fn of_kubeconfig(kubeconfig: Kubeconfig, proxies: &Proxies) -> Result<Config, Error> {
    let missing = |error| unusable(&error);
    let name = kubeconfig.current_context.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| missing(KubeconfigError::CurrentContextNotSet))?;
    let context = kubeconfig.contexts.into_iter().find(|context| context.name == name);
    let context = context.and_then(|context| context.context);
    let context = context.ok_or_else(|| missing(KubeconfigError::LoadContext(name)))?;
    let cluster = kubeconfig.clusters.into_iter().find(|cluster| cluster.name == context.cluster);
    let cluster = cluster.and_then(|cluster| cluster.cluster);
    let cluster =
        cluster.ok_or_else(|| missing(KubeconfigError::LoadClusterOfContext(context.cluster.clone())))?;
    let user = kubeconfig.auth_infos.into_iter().find(|user| Some(&user.name) == context.user.as_ref());
    let mut user = user.and_then(|user| user.auth_info).unwrap_or_default();

    let for_plugin = ExecAuthCluster::try_from(&cluster).map_err(|error| unusable(&error))?;
    let authorities = for_plugin.certificate_authority_data.as_deref().map(certificates).transpose()?;
    if let Some(exec) = user.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        exec.cluster = Some(for_plugin);
    }
    let server = cluster.server.ok_or_else(|| missing(KubeconfigError::MissingClusterUrl))?;
    let server: http::Uri =
        server.parse().map_err(|error| missing(KubeconfigError::ParseClusterUrl(error)))?;
    let proxy = match cluster.proxy_url.filter(|url| !url.is_empty()) {
        Some(url) => Some(proxy::parse(&url)?),
        None => proxies.on_the_way_to(&server)?,
    };

    let mut config = Config::new(server);
    if let Some(namespace) = context.namespace.filter(|namespace| !namespace.is_empty()) {
        config.default_namespace = namespace;
    }
    config.root_cert = authorities;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name;
    config.auth_info = user;
    config.proxy_url = proxy;
    Ok(config)
}

fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let certificates = CertificateDer::pem_slice_iter(pem).map(|one| one.map(|der| der.to_vec()));
    let certificates: Result<Vec<_>, _> = certificates.collect();
    let invalid = || Error::Kubeconfig("its certificate authority is no certificate in PEM".to_owned());
    certificates.ok().filter(|certificates| !certificates.is_empty()).ok_or_else(invalid)
}

fn unusable(error: &KubeconfigError) -> Error {
    Error::Kubeconfig(match error {
        // The parser quotes the file, which holds credentials.
        KubeconfigError::Parse(_) => "it is not valid YAML".to_owned(),
        error => error.to_string(),
    })
}

#[cfg(test)]
mod tests;
