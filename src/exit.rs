//! With which status the process ends.

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter)]
pub enum Exit {
    /// As it was asked to.
    Done,
    /// With a sentence that says what has failed.
    Failed,
    /// With a sentence that says what to change before the next start.
    Misconfigured,
    /// At once, steps cut off.
    CutOff,
}

impl Exit {
    /// The status.
    #[must_use]
    pub const fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Misconfigured => 2,
            // What a shell shows for SIGINT.
            Self::CutOff => 130,
        }
    }

    /// When it ends so, for the documents.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "It was asked to end, by SIGTERM or SIGINT, or has printed what it was asked for",
            Self::Failed => {
                "It could not start or go on: no cluster, the admin address is taken, or the Lease was lost. The last line on \
                 standard error says why; the next start may go well"
            }
            Self::Misconfigured => {
                "A flag or variable is wrong: the line on standard error says which, and what it should be. It will not start \
                 before that is changed"
            }
            Self::CutOff => "A second signal came while it was ending, and cut the last steps off",
        }
    }
}
