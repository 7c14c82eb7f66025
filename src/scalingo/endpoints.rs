//! Where the API is.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::Uri;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

const REGION: &str = "{region}";
/// Stands in for a region while a template is checked.
const SAMPLE_REGION: &str = "sample-region-0";
const VERSION: &str = "v1";
/// Far above any name or id, far below what a server refuses.
const LONGEST_SEGMENT: usize = 256;

/// Where the API and its token exchange are. No resource can change it: requests carry credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    api: String,
    auth: Url,
}

/// Why a URL cannot be used as an endpoint; a sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It does not parse.
    #[error("The {0} is not a URL: write it like https://api.osc-fr1.scalingo.com.")]
    NotAUrl(&'static str),
    /// Neither `https` nor `http`.
    #[error("The {0} must begin with https://.")]
    Scheme(&'static str),
    /// `http` to another machine.
    #[error("The {0} sends credentials unencrypted: use https://, or --allow-http if that is intended.")]
    Unencrypted(&'static str),
    /// User or password in it.
    #[error("The {0} holds a user or a password: take it out, the API token comes from Secrets.")]
    UserInfo(&'static str),
    /// A path, a query or a fragment in it.
    #[error("The {0} may hold only scheme, host and port: take out what follows.")]
    Excess(&'static str),
    /// `{region}` where it must not be.
    #[error(
        "The {0} may hold {{region}} once, in the host and before its last label, as in https://api.{{region}}.scalingo.com."
    )]
    Region(&'static str),
}

impl Endpoints {
    /// Checks both URLs. `api` may hold `{region}` in its host; a trailing `/v1` is understood.
    ///
    /// # Errors
    /// A sentence for whoever configured it.
    pub fn parse(api: &str, auth: &str, allow_http: bool) -> Result<Self, EndpointError> {
        let api_name = "API URL (--api-url)";
        let sample = check(api_name, &api.replace(REGION, SAMPLE_REGION), allow_http)?;
        match api.matches(REGION).count() {
            0 => {}
            1 => {
                let host = sample.host_str().unwrap_or_default();
                let Some((_, after)) = host.split_once(SAMPLE_REGION) else {
                    return Err(EndpointError::Region(api_name));
                };
                // In the last label the region would name the domain itself.
                if !after.contains('.') {
                    return Err(EndpointError::Region(api_name));
                }
            }
            _ => return Err(EndpointError::Region(api_name)),
        }
        let auth_name = "auth URL (--auth-url)";
        if auth.contains(REGION) {
            return Err(EndpointError::Region(auth_name));
        }
        let api = sample.as_str().replacen(SAMPLE_REGION, REGION, api.matches(REGION).count());
        Ok(Self { api, auth: check(auth_name, auth, allow_http)? })
    }

    /// Whether the API of each region has a host of its own.
    pub(super) fn tells_regions_apart(&self) -> bool {
        self.api.contains(REGION)
    }

    /// URL of an API call in a region. The path is built by segments, each checked.
    pub(super) fn api(&self, region: &str, segments: &[&str]) -> Result<Url, String> {
        let permitted = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if region.is_empty() || region.len() > 63 || !region.bytes().all(permitted) {
            return Err("The region may hold only lower-case letters, digits and hyphens.".to_owned());
        }
        let unusable = || "The region does not make a host name.".to_owned();
        let text = self.api.replace(REGION, region);
        let base = Url::parse(&text).map_err(|_| unusable())?;
        // IDNA may rewrite a label such as `xn--…`.
        if base.as_str() != text {
            return Err(unusable());
        }
        below_version(base, segments)
    }

    /// URL of a call to the authentication service.
    pub(super) fn auth(&self, segments: &[&str]) -> Result<Url, String> {
        below_version(self.auth.clone(), segments)
    }
}

fn check(name: &'static str, text: &str, allow_http: bool) -> Result<Url, EndpointError> {
    // The parser drops white space and control characters silently.
    if text.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return Err(EndpointError::NotAUrl(name));
    }
    let mut url = Url::parse(text).map_err(|_| EndpointError::NotAUrl(name))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(EndpointError::Scheme(name));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EndpointError::UserInfo(name));
    }
    if url.query().is_some() || url.fragment().is_some() || !matches!(url.path(), "/" | "/v1" | "/v1/") {
        return Err(EndpointError::Excess(name));
    }
    if url.scheme() == "http" && !allow_http && !url.host_str().is_some_and(is_loopback) {
        return Err(EndpointError::Unencrypted(name));
    }
    url.set_path("/");
    // `Url` takes some hosts that no request can be made to.
    if url.as_str().parse::<Uri>().is_err() {
        return Err(EndpointError::NotAUrl(name));
    }
    Ok(url)
}

/// Whether requests to this host, as it stands in a URL, stay on this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Ok(Host::Ipv4(address)) => Ipv4Addr::is_loopback(&address),
        Ok(Host::Ipv6(address)) => Ipv6Addr::is_loopback(&address),
        Err(_) => false,
    }
}

fn below_version(mut url: Url, segments: &[&str]) -> Result<Url, String> {
    for segment in segments {
        check_segment(segment)?;
    }
    let unusable = || "The name cannot stand in a URL.".to_owned();
    url.path_segments_mut().map_err(|()| unusable())?.clear().push(VERSION).extend(segments);

    // The parser has rules of its own for some segments: what it made must be what was meant.
    let expected = std::iter::once(VERSION).chain(segments.iter().copied());
    let made = url.path_segments().ok_or_else(unusable)?;
    let is_as_meant = made.map(|segment| percent_decode_str(segment).collect::<Vec<u8>>());
    if !is_as_meant.eq(expected.map(|segment| segment.as_bytes().to_vec())) {
        return Err(unusable());
    }
    if url.as_str().parse::<Uri>().is_err() {
        return Err(unusable());
    }
    Ok(url)
}

fn check_segment(segment: &str) -> Result<(), String> {
    if segment.is_empty() {
        return Err("A name or id is empty.".to_owned());
    }
    if segment.len() > LONGEST_SEGMENT {
        return Err(format!("A name or id is longer than {LONGEST_SEGMENT} bytes."));
    }
    let forbidden = |character: char| character.is_control() || "/\\?#%".contains(character);
    if segment == "." || segment == ".." || segment.chars().any(forbidden) {
        return Err("A name or id holds what may not stand in a path.".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
