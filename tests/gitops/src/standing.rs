use logdrain_operator::crd::{Reason, Remedy};
use serde_json::Value;

/// How a `LogDrain` stands, by its generation and the operator's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is being deleted.
    Deleting,
    /// The operator has not seen its latest form.
    Behind,
    /// All is as the spec wants it.
    InOrder,
    /// Nobody looks.
    Suspended,
    /// It goes on by itself.
    Waits,
    /// A person must mend something.
    NeedsAPerson,
}

impl Standing {
    /// How an object stands; nothing where `Ready` has no reason of the operator's.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        if !object["metadata"]["deletionTimestamp"].is_null() {
            return Some(Self::Deleting);
        }
        if object["status"]["observedGeneration"] != object["metadata"]["generation"] {
            return Some(Self::Behind);
        }
        let conditions = object["status"]["conditions"].as_array()?;
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready")?;
        let reason = ready["reason"].as_str()?.parse::<Reason>().ok()?;
        Some(match (reason, reason.remedy()) {
            (Reason::Suspended, _) => Self::Suspended,
            (_, Remedy::None) => Self::InOrder,
            (_, Remedy::Time) => Self::Waits,
            (_, Remedy::Person) => Self::NeedsAPerson,
        })
    }

    /// What Argo CD is to show: Degraded fails a sync in which a later wave or a hook waits, so what passes is not. While one is
    /// being deleted it shows the same of all.
    #[must_use]
    pub fn argo_cd(self) -> &'static str {
        match self {
            Self::Deleting | Self::Behind | Self::Waits => "Progressing",
            Self::InOrder => "Healthy",
            Self::Suspended => "Suspended",
            Self::NeedsAPerson => "Degraded",
        }
    }

    /// What Flux is to go by. While one is suspended, nobody knows how it stands, and kstatus waits.
    #[must_use]
    pub fn kstatus(self) -> &'static str {
        match self {
            Self::Deleting => "Terminating",
            Self::Behind | Self::Waits | Self::Suspended => "InProgress",
            Self::InOrder => "Current",
            Self::NeedsAPerson => "Failed",
        }
    }
}
