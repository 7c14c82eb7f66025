//! Where logs go.

use secrecy::{ExposeSecret, SecretString};

use super::{DrainUrl, normal};
use crate::crd::DrainType;

/// Where a drain sends logs: a type and its fields, with the secrets resolved.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The service.
    pub drain_type: DrainType,
    /// The API's name of the type where `drain_type` is `Custom`.
    pub custom_type: Option<String>,
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

impl Destination {
    /// A destination of this type with no field set.
    #[must_use]
    pub fn new(drain_type: DrainType) -> Self {
        Self {
            drain_type,
            custom_type: None,
            token: None,
            host: None,
            port: None,
            drain_region: None,
            url: None,
        }
    }

    /// A destination of the type that the API calls so, with no field set: whoever writes a known type as a custom one wants the same
    /// drain.
    #[must_use]
    pub fn custom(name: &str) -> Self {
        match DrainType::known(name) {
            Some(known) => Self::new(known),
            None => Self { custom_type: Some(name.to_owned()), ..Self::new(DrainType::Custom) },
        }
    }

    /// The API's name of the type.
    #[must_use]
    pub fn type_name(&self) -> &str {
        self.custom_type.as_deref().unwrap_or(self.drain_type.as_ref())
    }

    /// The type that stands for all types whose drains Scalingo cannot tell apart.
    ///
    /// A Papertrail drain and a syslog drain without a token are listed with the same URL,
    /// `tcp+tls://HOST:PORT`: they are one destination.
    #[must_use]
    pub(super) fn family(drain_type: DrainType) -> DrainType {
        match drain_type {
            DrainType::Papertrail => DrainType::Syslog,
            other => other,
        }
    }

    /// Everything that tells this destination from others, each value in its normal form under its name.
    pub(super) fn identity(&self) -> Vec<(&'static str, String)> {
        self.values(normal::host, DrainUrl::normalised)
    }

    /// The same in earlier versions.
    pub(super) fn former_identity(&self) -> Vec<(&'static str, String)> {
        self.values(str::to_ascii_lowercase, DrainUrl::formerly_normalised)
    }

    /// Whether an earlier version may have recorded it by another digest.
    #[must_use]
    pub fn has_former_digest(&self) -> bool {
        self.former_identity() != self.identity()
    }

    fn values(
        &self,
        host_form: fn(&str) -> String,
        url_form: fn(&DrainUrl) -> String,
    ) -> Vec<(&'static str, String)> {
        let family = Self::family(self.drain_type);
        let mut values = vec![("type", self.custom_type.as_deref().unwrap_or(family.as_ref()).to_owned())];
        if let Some(token) = &self.token {
            values.push(("token", token.expose_secret().to_owned()));
        }
        if let Some(host) = &self.host {
            values.push(("host", host_form(host)));
        }
        if let Some(port) = self.port {
            values.push(("port", port.to_string()));
        }
        if let Some(region) = &self.drain_region {
            values.push(("drain_region", region.clone()));
        }
        if let Some(url) = &self.url {
            values.push(("url", url_form(url)));
        }
        values
    }
}

impl PartialEq for Destination {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Destination {}
