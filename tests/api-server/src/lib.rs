//! A Kubernetes API server kept in memory, so that a real controller runs in one thread, in virtual time.
//!
//! - [`ApiServer`] holds the objects. Its methods are the hands of a person with kubectl, and the eyes of an observer.
//! - [`ApiServer::connection`] is the way in of one process: [`Connection::client`] is an ordinary [`kube::Client`] whose
//!   requests a [`Fault`] can befall, and which can be ended as a process is.
//! - [`Definition`] says which kinds there are. A custom resource is taken from its own definition, with its defaults.
//!
//! # Guarantees
//! - Nothing reads the wall clock, another thread, or a source of randomness other than the seed: the same calls in the same
//!   order give the same answers, uids, resource versions and times. Time is tokio's, so paused time moves it.
//! - What is answered is what kube-apiserver 1.37 answers, as far as `tests/against_real` can tell: the same random
//!   sequences of requests are sent to both.
//! - A request that has been sent takes effect, or not, all at once; one that a fault holds up takes effect even when its
//!   client is gone by then.
//!
//! # Caveats
//! - Left out: `managedFields`, server-side apply, strategic and JSON patches, `deletecollection`, `dryRun`, selectors other
//!   than `metadata.name`, pages, foreground and orphaning deletion, garbage collection, discovery, authorization. Each is
//!   refused, but for pages (all come at once) and authorization (everybody may do anything).
//! - A schema gives defaults and drops what it does not know; it validates nothing.
//! - The client does not try again by itself, as one made by `Client::try_from` does after 429, 503 and 504.
//!
//! ```
//! use in_memory_api_server::{ApiServer, Definition, Settings};
//! use k8s_openapi::api::core::v1::Secret;
//! use kube::Api;
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = ApiServer::new(Settings::default(), Definition::builtin());
//! server.apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "shop", "name": "datadog"}}))?;
//! let secrets: Api<Secret> = Api::namespaced(server.client("shop"), "shop");
//! assert_eq!(secrets.list(&Default::default()).await?.items.len(), 1);
//! # Ok(())
//! # }
//! ```

mod answer;
mod call;
mod connection;
mod definition;
mod fault;
mod hands;
mod journal;
mod metadata;
mod refusal;
mod schema;
mod server;
mod store;
mod turns;
mod watch;
mod write;

pub use call::Verb;
pub use connection::Connection;
pub use definition::{Definition, DefinitionError};
pub use fault::{Fault, RequestInfo};
pub use journal::Entry;
pub use refusal::Refusal;
pub use server::{ApiServer, Settings};
pub use store::Backup;
pub use turns::Turns;
