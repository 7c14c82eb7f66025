//! What a reconciliation waits for while nothing is under way for it, and what it is given then.

use futures::future::BoxFuture;

use super::schedule::Trigger;
use crate::{
    scalingo::{self, Client},
    state::listings::Waiting,
};

/// A client with a request to spend and the list that is kept for it, or why there is none.
pub(crate) type Given = Result<(Client, Option<Waiting>), scalingo::Error>;

/// What a reconciliation has waited for, before it had begun anything.
pub(crate) struct Admitted {
    /// The client that keeps a request, unless what it would have asked for is known, and the list that is kept for it.
    pub(crate) client: Given,
    /// Why the resource is reconciled.
    pub(crate) trigger: Trigger,
}

impl Admitted {
    /// Whether others wait for what it keeps.
    pub(crate) fn holds_a_request(&self) -> bool {
        self.client.as_ref().is_ok_and(|(client, _)| client.holds_a_request())
    }
}

/// A wait that nothing is under way for.
pub(super) type Admission = BoxFuture<'static, Given>;
