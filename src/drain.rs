//! What a log drain is: where it is attached, where it sends logs, and the URL that names it.
//!
//! Pure: no Kubernetes client, no HTTP, no clock.

mod destination;
mod target;
mod url;

pub use destination::Destination;
pub use target::Target;
pub use url::DrainUrl;
