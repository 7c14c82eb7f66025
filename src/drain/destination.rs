use secrecy::SecretString;

use super::DrainUrl;
use crate::crd::DrainType;

/// Where a drain sends logs: a type and its fields, with the secrets resolved.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The service.
    pub drain_type: DrainType,
    /// What authenticates at the service.
    pub token: Option<SecretString>,
    /// Host name or address of the service.
    pub host: Option<String>,
    /// Port of the service.
    pub port: Option<u16>,
    /// The service's own region.
    pub drain_region: Option<String>,
    /// The whole URL, for an ELK stack.
    pub url: Option<DrainUrl>,
}
