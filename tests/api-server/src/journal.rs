use crate::fault::{Fault, RequestInfo};

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The request.
    pub request: RequestInfo,
    /// What befell it.
    pub fault: Fault,
    /// What the server made of it; `None` when it did not arrive.
    pub handled: Option<u16>,
    /// Whether it changed something.
    pub changed: bool,
    /// What the client was told; `None` when it was told nothing, or had gone.
    pub answered: Option<u16>,
}
