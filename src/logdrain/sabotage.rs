//! Deliberate bugs, to show that the random histories find them.

/// A deliberate bug. The random histories are tried on each, to show that they would find it. They alone turn on the feature
/// without which none of this is compiled but the names.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// The request to add a drain is sent before anything is recorded.
    IntentNotWritten,
    /// Old drains go before new ones come.
    DeleteBeforeAdd,
    /// What other resources have recorded counts for nothing.
    OwnershipIgnored,
    /// A refused credential is taken for a target that is gone.
    UnauthorizedIsNotFound,
    /// A target that is not found is taken for gone at once.
    NotFoundIsGone,
    /// One list is enough to take a drain for gone or for there.
    ListsDoNotLag,
}
