use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::call::Verb;

/// What befalls a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// It is answered as it deserves.
    #[default]
    None,
    /// It is on its way for so long. It arrives even when nobody waits for its answer any more.
    Delay(Duration),
    /// It takes effect at once, and its answer is on its way for so long.
    DelayAnswer(Duration),
    /// It does not arrive: the connection fails.
    Unreachable,
    /// It is refused with this code and has no effect.
    Status(u16),
    /// It is refused as if the object had been modified, and has no effect.
    Conflict,
    /// It takes effect, and the connection breaks before the answer.
    LoseAnswer,
    /// It does not arrive, and nothing says so.
    NeverAnswer,
    /// It takes effect, and nothing says so.
    NeverAnswerThoughMade,
}

/// A request, before anything befalls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestInfo {
    /// Counts all requests of the server, from 1.
    pub number: u64,
    /// When it was sent.
    pub at: Timestamp,
    /// The label of the connection.
    pub client: String,
    /// What it asks for.
    pub verb: Verb,
    /// The kind, such as `LogDrain`.
    pub kind: String,
    /// The namespace; empty for all namespaces, or for what is in none.
    pub namespace: String,
    /// The object; empty for a list, a watch of many, or a create.
    pub name: String,
    /// `status`, or empty.
    pub subresource: String,
}

impl RequestInfo {
    /// Whether it would change something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !matches!(self.verb, Verb::Get | Verb::List | Verb::Watch)
    }
}

/// Decides what befalls each request.
pub type Hook = Arc<dyn Fn(&RequestInfo) -> Fault + Send + Sync>;
