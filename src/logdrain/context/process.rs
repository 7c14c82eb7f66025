//! What this process may do: whether it leads, since when, and whether it is stopping.

use jiff::Timestamp;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    lease::Leadership,
    logdrain::{error::Error, sabotage::Sabotage},
};

/// This process, of which another may take the lead, and its clock.
pub struct Process {
    /// Cancelled when no further step may begin.
    pub stopping: CancellationToken,
    /// Whether this process leads.
    pub leadership: Leadership,
    pub(super) clock: Clock,
    /// Since when this process leads.
    pub(super) begun: OnceCell<Timestamp>,
    #[cfg(feature = "sabotage")]
    pub(super) sabotage: Option<Sabotage>,
}

impl Process {
    /// Whether this is to be done wrong.
    #[cfg(feature = "sabotage")]
    #[must_use]
    pub(crate) fn is_sabotaged(&self, how: Sabotage) -> bool {
        self.sabotage == Some(how)
    }

    /// Nothing is to be done wrong.
    #[cfg(not(feature = "sabotage"))]
    #[expect(clippy::unused_self, reason = "it stands in for the one above")]
    #[must_use]
    pub(crate) const fn is_sabotaged(&self, _how: Sabotage) -> bool {
        false
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// When this process began to lead, by its own clock. Where none is elected there is nobody whose clock differs.
    #[must_use]
    pub fn led_since(&self) -> Timestamp {
        let begun = self.begun.get().filter(|_| self.leadership.is_elected());
        begun.copied().unwrap_or(Timestamp::MIN)
    }

    /// Whether another step may begin.
    ///
    /// # Errors
    /// When the operator is stopping, or does not lead any more, which ends it too.
    pub fn go_on(&self) -> Result<(), Error> {
        if self.stopping.is_cancelled() { Err(Error::Stopping) } else { self.leads() }
    }

    /// Whether what was begun may be written down.
    ///
    /// # Errors
    /// When this process does not lead any more: another says now how things stand.
    pub fn leads(&self) -> Result<(), Error> {
        if self.leadership.holds() { Ok(()) } else { Err(Error::Stopping) }
    }
}
