//! The command line and the environment.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};

use super::value;
use crate::admin;
use crate::scalingo::CertificateAuthorities;

// Help texts that name a kind are attributes: in a doc comment it would need markup, which help would show.

/// Variables of the environment that stand for no flag, and what each does.
pub const ENVIRONMENT: [(&str, &str); 13] = [
    ("RUST_LOG", "What is logged, `info` by default; for example `info,logdrain_operator=debug`"),
    ("KUBECONFIG", "The cluster, outside of one; `~/.kube/config` by default"),
    (
        "KUBERNETES_SERVICE_HOST",
        "Host of the API server in a pod, where Kubernetes sets it; it counts where there is no kubeconfig",
    ),
    ("KUBERNETES_SERVICE_PORT", "Its port"),
    (
        "KUBE_RS_DEBUG_OVERRIDE_URL",
        "For development: another address for the API server; `KUBE_RS_DEBUG_IMPERSONATE_USER` and \
         `KUBE_RS_DEBUG_IMPERSONATE_GROUP`: who to act as. kube reads the three: set none in a cluster",
    ),
    (
        "HTTPS_PROXY",
        "Proxy on the way to Scalingo, or `https_proxy` where it is not set; to the API server too, but only where a \
         kubeconfig leads there that has no `proxy-url`",
    ),
    (
        "HTTP_PROXY",
        "Proxy, or `http_proxy`, on the way to an address without TLS, which `--allow-http` allows; to the API server too, as \
         `HTTPS_PROXY`",
    ),
    (
        "ALL_PROXY",
        "Proxy on the way to Scalingo, or `all_proxy`, where the one of the two above that counts is not set",
    ),
    (
        "NO_PROXY",
        "Hosts and networks that are reached without a proxy, or `no_proxy`, separated by commas; loopback always is",
    ),
    (
        "SSL_CERT_FILE",
        "File with the certificate authorities to take instead of the system's on the way to Scalingo; `--ca-file` adds \
         to them",
    ),
    (
        "SSL_CERT_DIR",
        "Directories with such files, separated by colons; either of the two is instead of the system's",
    ),
    ("NO_COLOR", "Log lines without colours where they go to a terminal, if it is not empty"),
    (
        "HOSTNAME",
        "The pod's name, by which a leader is told from others; what the kernel says where it is not set",
    ),
];

#[derive(Debug, Parser)]
#[command(
    name = "logdrain-operator",
    version,
    about = "Keeps Scalingo log drains as the LogDrain resources of a Kubernetes cluster say",
    arg_required_else_help = false,
    disable_help_subcommand = true
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) subcommand: Subcommand,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Subcommand {
    #[command(
        about = "Watch LogDrain resources and keep the log drains at Scalingo as they say",
        long_about = "Watch LogDrain resources and keep the log drains at Scalingo as they say\n\n\
                      The cluster is found as kubectl finds it: KUBECONFIG, ~/.kube/config, or the service account\n\
                      of the pod. API tokens come from the Secrets that the LogDrain resources name, never\n\
                      from here. SIGTERM and SIGINT end it within 25 seconds; a second signal ends it at once.",
        after_help = "RUST_LOG sets what is logged, info by default; for example \
                      RUST_LOG=info,logdrain_operator=debug."
    )]
    Run(Box<RunArguments>),
    #[command(about = "Print the CustomResourceDefinition of LogDrain as YAML")]
    Crd,
}

#[derive(Args, Debug)]
pub(super) struct RunArguments {
    #[arg(
        long,
        help = "URL of the Scalingo API; {region} stands for the region of the LogDrain",
        env = "SCALINGO_API_URL",
        hide_env_values = true,
        value_name = "URL",
        default_value = "https://api.{region}.scalingo.com"
    )]
    pub(super) api_url: String,
    /// URL of the service that exchanges API tokens
    #[arg(
        long,
        env = "SCALINGO_AUTH_URL",
        hide_env_values = true,
        value_name = "URL",
        default_value = "https://auth.scalingo.com"
    )]
    pub(super) auth_url: String,
    /// Accept http:// URLs to other machines; credentials then travel unencrypted
    #[arg(long)]
    pub(super) allow_http: bool,
    #[arg(
        long,
        help = "Scalingo region of each LogDrain that names none",
        env = "SCALINGO_REGION", hide_env_values = true, default_value = "osc-fr1", value_parser = value::region)]
    pub(super) region: String,
    /// Namespace to watch, repeatable or separated by commas; all namespaces when absent
    #[arg(
        long,
        env = "WATCH_NAMESPACE", hide_env_values = true,
        value_name = "NAMESPACE",
        value_delimiter = ',',
        value_parser = value::namespace
    )]
    pub(super) watch_namespace: Vec<String>,
    #[arg(
        long,
        help = "How often the change feed is read, which tells of the drains of all apps at once: from 1s to 1h, or 0 to turn \
                it off",
        value_name = "DURATION", default_value = "15s", value_parser = value::feed_interval)]
    pub(super) feed_interval: Duration,
    #[arg(
        long,
        help = "How often the drains of an app are listed where the change feed does not show its changes: from 1s to 24h, such \
                as 90s or 10m",
        value_name = "DURATION", default_value = "10m", value_parser = value::interval)]
    pub(super) resync: Duration,
    #[arg(
        long,
        help = "How often the drains of an app are listed where the change feed shows its changes: from 1s to 24h, not shorter \
                than --resync",
        value_name = "DURATION", default_value = "24h", value_parser = value::interval)]
    pub(super) sweep_interval: Duration,
    #[arg(
        long,
        help = "How long the deletion of a drain waits whose app or addon is not found, before the drain is taken for gone: from 1s \
                to 24h. The API token may have lost access to it; where the change feed tells that it was deleted, nothing waits",
        value_name = "DURATION", default_value = "10m", value_parser = value::interval)]
    pub(super) gone_after: Duration,
    #[arg(
        long,
        help = "Most requests within any 60 seconds with one API token, from 2 to 10000; Scalingo allows 60, for all who use it",
        value_name = "NUMBER", default_value = "50", value_parser = value::requests_per_minute)]
    pub(super) requests_per_minute: usize,
    #[arg(
        long,
        help = "How many LogDrains are reconciled at once, from 1 to 256; a quarter more where people wait. Those that wait for the \
                request budget do not count",
        value_name = "NUMBER", default_value = "32", value_parser = value::reconciles)]
    pub(super) max_concurrent_reconciles: usize,
    /// Work at once, without a Lease; never run two of this kind
    #[arg(long)]
    pub(super) no_leader_election: bool,
    /// Name of the Lease that tells which of several operators works: at most 63 characters, without dots
    #[arg(long, value_name = "NAME", default_value = "logdrain-operator", value_parser = value::lease_name)]
    pub(super) lease_name: String,
    /// Namespace of the Lease; when absent the operator's own, or that of the kubeconfig's context
    #[arg(long, value_name = "NAMESPACE", value_parser = value::lease_namespace)]
    pub(super) lease_namespace: Option<String>,
    #[arg(
        long,
        help = "How long others wait before they take the Lease from a leader that is not heard of: whole seconds, from 1s to \
                1h, the same for all replicas",
        value_name = "DURATION", default_value = "15s", value_parser = value::lease_duration)]
    pub(super) lease_duration: Duration,
    #[arg(
        long,
        help = "After which time without renewal the leader ends: whole seconds, from 1s to 1h, shorter than --lease-duration",
        value_name = "DURATION", default_value = "10s", value_parser = value::lease_duration)]
    pub(super) renew_deadline: Duration,
    #[arg(
        long,
        help = "How often the Lease is renewed, or how often a standby tries to take it: whole seconds, from 1s to 1h, at most a \
                third of --renew-deadline",
        value_name = "DURATION", default_value = "2s", value_parser = value::lease_duration)]
    pub(super) retry_period: Duration,
    #[arg(
        long,
        help = "Address and port of /livez, /readyz and /metrics; where there is no IPv6, the default means 0.0.0.0:8080", value_name = "ADDRESS", default_value = admin::DEFAULT_ADDRESS, value_parser = value::address)]
    pub(super) admin_address: SocketAddr,
    /// File with further certificate authorities, in PEM, to accept from the Scalingo API beside the system's
    #[arg(
        long,
        env = "CA_FILE", hide_env_values = true,
        value_name = "FILE",
        value_parser = value::authorities
    )]
    pub(super) ca_file: Option<CertificateAuthorities>,
    /// How log lines are written to standard error
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) log_format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[value(help = "for people")]
    Text,
    /// One JSON object in each line.
    #[value(help = "one JSON object in each line")]
    Json,
}
