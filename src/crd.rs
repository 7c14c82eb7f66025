//! The `LogDrain` resource: what a user writes, and what the operator answers.
//!
//! The doc comments of the fields become the descriptions that `kubectl explain` prints, so they speak to
//! whoever writes a manifest, and each gives an example.

mod condition;
mod definition;
mod request;
mod revision;
mod rules;
mod schema;
mod standing;
#[cfg(test)]
pub(crate) mod tests;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumIter, EnumString, IntoStaticStr};

pub use condition::{Reason, Remedy, conditions};
pub use definition::{YamlError, definition, yaml};
pub use request::REQUESTED_AT;
pub use revision::Revision;
pub use rules::{Field, Presence};
pub use standing::FINALIZER;

/// What should be: one log drain on one app or addon. Example: `{app: shop-front, type: datadog,
/// drainRegion: eu-west-2, tokenSecretRef: {name: datadog, key: api-key}}`.
///
/// Every field may be changed in place. When the destination changes, the new drain is in place before the
/// old one goes.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "logs.scalingo.com",
    version = "v1",
    kind = "LogDrain",
    doc = "A log drain that should be there at Scalingo: the logs of one app, or of one of its addons, are sent to one service. The operator adds it, keeps it there, replaces it when the spec or a Secret changes, and deletes it when the resource is deleted. Example: `kubectl get logdrains --field-selector spec.app=shop-front`.",
    namespaced,
    status = "LogDrainStatus",
    shortname = "ld",
    category = "scalingo",
    derive = "PartialEq",
    selectable = ".spec.app",
    selectable = ".spec.type",
    printcolumn = r#"{"name": "App", "type": "string", "jsonPath": ".spec.app", "description": "The app, as the spec names it."}"#,
    printcolumn = r#"{"name": "Type", "type": "string", "jsonPath": ".spec.type", "description": "The service that the logs are sent to."}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status", "description": "Whether the drain is there at Scalingo as the spec says."}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason", "description": "Why, in one word."}"#,
    printcolumn = r#"{"name": "Addon", "type": "string", "priority": 1, "jsonPath": ".spec.addon", "description": "The addon, when the drain is an addon's."}"#,
    printcolumn = r#"{"name": "URL", "type": "string", "priority": 1, "jsonPath": ".status.drains[0].url", "description": "The drain's URL with its secrets replaced by ***."}"#,
    printcolumn = r#"{"name": "Message", "type": "string", "priority": 1, "jsonPath": ".status.conditions[?(@.type==\"Ready\")].message", "description": "Why, in a sentence."}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "description": "How long the resource has been there."}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::add_to, transform = schema::tidy)]
pub struct LogDrainSpec {
    /// Name or id of the app at Scalingo. A name and an id of one app mean the same app; an id survives a
    /// renaming. Example: `shop-front`, or `5af97be7ff688d0001228ffb`.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9][a-z0-9-]*$"))]
    pub app: String,
    /// Id of one of the app's addons. When given, that addon's logs are sent and not the app's; only databases
    /// have log drains. `scalingo --app shop-front addons` lists the ids.
    /// Example: `ad-9be0fc04-bee6-4981-a403-a9dd4981bd1f`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 4, max = 63), regex(pattern = r"^ad-[A-Za-z0-9-]+$"))]
    pub addon: Option<String>,
    /// Scalingo region that the app runs in. The operator's own region (`--region`) when absent.
    /// Example: `osc-fr1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z0-9][a-z0-9-]*$"))]
    pub region: Option<String>,
    /// Service that the logs are sent to. It decides which of the other fields are needed and which are
    /// refused. Example: `datadog`.
    #[serde(rename = "type")]
    pub drain_type: DrainType,
    /// Name of a type that this operator does not know, as Scalingo's API calls it. Which fields it takes is not known here: what is given
    /// is sent, and Scalingo decides. The name of a known type means that type. Example: `opensearch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), extend("x-kubernetes-validations" = schema::custom_type_rules()))]
    pub custom_type: Option<String>,
    /// Key of a Secret in this namespace that holds the token with which Scalingo authenticates at the
    /// service. A new value in the Secret replaces the drain. Example: `{name: datadog, key: api-key}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_secret_ref: Option<SecretKeyRef>,
    /// Host of the service: a DNS name, an IPv4 address, or an IPv6 address without brackets; no scheme, port
    /// or path. Example: `tag1.logs.ovh.com`, `192.0.2.7`, or `2001:db8::7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[0-9A-Za-z.:-]+$"),
        extend("x-kubernetes-validations" = schema::host_rules())
    )]
    pub host: Option<String>,
    /// Port of the service. Example: `6514`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// Region of the service's own servers, as the service names it. Example: `eu-west-2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[!-~]+$"))]
    pub drain_region: Option<String>,
    /// URL of the service, when there is no secret in it: it may hold no `@`. A URL with a password comes
    /// through urlSecretRef. Example: `https://logstash.example.com:8443/scalingo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 2048),
        regex(pattern = r"^[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9\[][!-~]*$"),
        extend("x-kubernetes-validations" = schema::url_rules())
    )]
    pub url: Option<String>,
    /// Key of a Secret in this namespace that holds the whole URL of the service, for a URL with a user and a
    /// password. Example: `{name: logstash, key: url}`, where the Secret's `url` is
    /// `https://user:password@logstash.example.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = schema::show_url)]
    pub url_secret_ref: Option<SecretKeyRef>,
    /// Key of a Secret in this namespace that holds the Scalingo API token (`tk-us-…`) with which this drain is
    /// managed. The token's user must be the app's owner or a collaborator who may manage its drains.
    /// Example: `{name: scalingo, key: api_token}`, which is also the default.
    #[serde(default = "SecretKeyRef::api_token")]
    #[schemars(transform = schema::default_to_api_token)]
    pub api_token_secret_ref: SecretKeyRef,
    /// What becomes of the drain at Scalingo when this resource is deleted: `Delete` deletes it first, `Retain`
    /// leaves it there. Example: `Retain`.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// While true, the operator changes nothing at Scalingo for this resource: it neither adds nor replaces the
    /// drain. A suspended resource that is deleted still takes its drains along, unless `deletionPolicy` is
    /// `Retain`. Example: `true`, during a migration by hand.
    #[serde(default)]
    pub suspend: bool,
}

impl LogDrainSpec {
    /// A spec with nothing but what every drain has; its type may need more.
    #[must_use]
    pub fn new(app: &str, drain_type: DrainType) -> Self {
        Self {
            app: app.to_owned(),
            addon: None,
            region: None,
            drain_type,
            custom_type: None,
            token_secret_ref: None,
            host: None,
            port: None,
            drain_region: None,
            url: None,
            url_secret_ref: None,
            api_token_secret_ref: SecretKeyRef::api_token(),
            deletion_policy: DeletionPolicy::default(),
            suspend: false,
        }
    }
}

/// The services that Scalingo can send logs to.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    AsRefStr,
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
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
    /// Any other that Scalingo knows by the name in `customType`.
    Custom,
}

/// One key of a Secret in the `LogDrain`'s own namespace. Example: `{name: datadog, key: api-key}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct SecretKeyRef {
    /// Name of the Secret. Example: `datadog`.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
    )]
    pub name: String,
    /// Key in the Secret's data. Example: `api-key`.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
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

/// What the operator has seen and done. It is written by the operator alone. Example: `kubectl wait
/// --for=condition=Ready logdrain/datadog` waits for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::tidy)]
pub struct LogDrainStatus {
    /// The metadata.generation that the conditions speak of: when it is lower than that, the operator has not
    /// yet seen the latest change; -1 before its first visit. Example: `3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub observed_generation: Option<i64>,
    /// The text of the annotation logs.scalingo.com/requestedAt for which the drain was last checked; of a longer
    /// one the first 1,024 bytes. While the annotation has another text, a check is to come.
    /// Example: `2026-11-23T15:44:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub last_handled_requested_at: Option<String>,
    /// The older `LogDrain` that owns the same drain, where `Ready` has the reason `Duplicate`.
    /// Example: `shop/datadog`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 317))]
    pub duplicate_of: Option<String>,
    /// What the app is called now, where spec.app has an earlier name of it. Example: `shop-front`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub renamed_to: Option<String>,
    /// How things stand. `Ready` is always there: True means that Scalingo lists the drain as the spec wants it,
    /// not that the service receives the logs. `Reconciling` is there while work is going on or will be tried
    /// again by itself, `Stalled` while a person has to mend something; never both.
    /// Example: `[{type: Ready, status: "True", reason: Synced}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The drains at Scalingo that this resource answers for. The operator deletes no drain that is not
    /// recorded here or in another `LogDrain`, so this list should not be edited.
    /// Example: `[{app: shop-front, url: "datadog://***?region=eu-west-2", state: Active}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub drains: Vec<DrainRecord>,
}

/// A drain that this resource answers for. Example:
/// `{app: shop-front, url: "datadog://***?region=eu-west-2", state: Active}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DrainRecord {
    /// Scalingo region of the app. Example: `osc-fr1`.
    #[schemars(length(max = 63))]
    pub region: String,
    /// The app, as the spec named it then. Example: `shop-front`.
    #[schemars(length(max = 253))]
    pub app: String,
    /// Id of the app, which is its identity. Example: `5af97be7ff688d0001228ffb`.
    #[schemars(length(max = 253))]
    pub app_id: String,
    /// Id of the addon, when the drain is an addon's. Example: `ad-9be0fc04-bee6-4981-a403-a9dd4981bd1f`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub addon: Option<String>,
    /// Type of the drain. Example: `datadog`.
    #[serde(rename = "type")]
    pub drain_type: DrainType,
    /// The drain's URL with its secrets replaced by `***`; absent until Scalingo has answered it.
    /// Example: `datadog://***?region=eu-west-2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8192))]
    pub url: Option<String>,
    /// Salted digest of the URL that Scalingo answered, by which the drain is found again; absent until it has.
    /// Example: `v1:9c56cc51b374c3ba189210d5b6d4bf57`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub url_digest: Option<String>,
    /// Salted digest of the destination that was asked for, by which a change of the spec or of a Secret is
    /// seen. Example: `v1:c3ab8ff13720e8ad9047dd39466b3c89`.
    #[schemars(length(max = 256))]
    pub destination_digest: String,
    /// resourceVersion of the Secret whose value is in the destination, as it was read then: while the Secret stands in it, a
    /// restart does not read it. Example: `48211`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub secret_version: Option<String>,
    /// How far the drain has come: `Adding` is about to be added, or was with the answer lost; `Active` is
    /// there; `Deleting` is about to be deleted, or was with the answer lost. Example: `Active`.
    pub state: DrainState,
    /// When the request that `state` announces was about to be sent. Example: `2026-11-23T15:44:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Salted digests of the URLs that Scalingo listed before the request that `state` announces.
    /// Example: `[v1:9c56cc51b374c3ba189210d5b6d4bf57]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(max = 256)), extend("x-kubernetes-list-type" = "atomic"))]
    pub listed_before: Vec<String>,
}

/// How far a drain has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DrainState {
    /// About to be added, or added with the answer lost.
    Adding,
    /// There, as far as known.
    Active,
    /// About to be deleted.
    Deleting,
}
