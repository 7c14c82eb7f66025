//! What a log drain is: where it is attached, where it sends logs, and the URL that names it.
//!
//! Pure: no Kubernetes client, no HTTP, no clock.

mod destination;
mod digest;
mod form;
mod likeness;
mod normal;
pub mod pasted;
mod reading;
mod redact;
mod target;
mod url;

pub use destination::Destination;
pub use digest::{Digest, Digester};
pub use likeness::Likeness;
pub use target::Target;
pub use url::DrainUrl;
