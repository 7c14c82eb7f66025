//! The `LogDrain` resource: what a user writes, and what the operator answers.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A log drain that should be there at Scalingo.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "logs.scalingo.com",
    version = "v1",
    kind = "LogDrain",
    namespaced,
    status = "LogDrainStatus",
    shortname = "ld",
    category = "scalingo",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct LogDrainSpec {
    /// Name or id of the app.
    pub app: String,
    /// Id of the addon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addon: Option<String>,
    /// Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Type.
    #[serde(rename = "type")]
    pub drain_type: DrainType,
    /// Secret that holds the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_secret_ref: Option<SecretKeyRef>,
    /// Host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Region of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_region: Option<String>,
    /// URL without a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Secret that holds the whole URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_secret_ref: Option<SecretKeyRef>,
    /// Secret that holds the API token.
    #[serde(default = "SecretKeyRef::api_token")]
    pub api_token_secret_ref: SecretKeyRef,
    /// What becomes of the drain when the resource goes.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Changes nothing at Scalingo while true.
    #[serde(default)]
    pub suspend: bool,
}

/// The services that Scalingo can send logs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DrainType {
    /// `AppSignal`.
    Appsignal,
    /// Better Stack.
    Betterstack,
    /// Datadog.
    Datadog,
    /// Graylog hosted by OVH.
    OvhGraylog,
    /// Papertrail.
    Papertrail,
    /// Any syslog server.
    Syslog,
    /// A self-hosted ELK stack.
    Elk,
}

/// One key of a Secret in the `LogDrain`'s own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SecretKeyRef {
    /// Name of the Secret.
    pub name: String,
    /// Key in its data.
    pub key: String,
}

impl SecretKeyRef {
    /// Where the API token is looked for when the spec does not say.
    #[must_use]
    pub fn api_token() -> Self {
        Self { name: "scalingo".into(), key: "api_token".into() }
    }
}

/// What becomes of the drain when the resource goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Delete the drain at Scalingo first.
    #[default]
    Delete,
    /// Leave the drain at Scalingo.
    Retain,
}

/// What the operator answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogDrainStatus {
    /// The generation that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready` always; `Reconciling` or `Stalled` only while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The drains that this resource answers for: the operator's only memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drains: Vec<DrainRecord>,
}

/// A drain that this resource answers for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DrainRecord {
    /// Region of the app.
    pub region: String,
    /// The app as the spec named it.
    pub app: String,
    /// Id of the app.
    pub app_id: String,
    /// Id of the addon, when the drain is an addon's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addon: Option<String>,
    /// The URL with its secrets replaced by `***`; absent until Scalingo has answered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Digest of the URL that Scalingo answered; absent until it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_digest: Option<String>,
    /// Digest of the destination that was asked for.
    pub destination_digest: String,
    /// How far the drain has come.
    pub state: DrainState,
    /// When the request that `state` announces was about to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Digests of the URLs that were listed before the request that `state` announces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listed_before: Vec<String>,
}

/// How far a drain has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DrainState {
    /// About to be added, or added with the answer lost.
    Adding,
    /// There, as far as known.
    Active,
    /// About to be deleted while its URL is listed more than once.
    Deleting,
}
