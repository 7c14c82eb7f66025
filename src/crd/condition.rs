//! Reasons and conditions.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use strum::{AsRefStr, Display, EnumIter, EnumString, IntoStaticStr};

/// Why a `LogDrain` is `Ready` or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsRefStr, Display, EnumIter, EnumString, IntoStaticStr)]
pub enum Reason {
    /// Scalingo lists the drain as the spec wants it. It says nothing of whether logs arrive.
    Synced,
    /// Work is under way.
    Progressing,
    /// `spec.suspend` is true.
    Suspended,
    /// A Secret that the spec names is not there.
    SecretNotFound,
    /// The Secret with the API token is not there.
    ApiTokenNotFound,
    /// Scalingo refuses the API token.
    Unauthorized,
    /// The API token's user may not manage the drains of the app.
    NotPermitted,
    /// There is no such region.
    RegionNotFound,
    /// There is no such app.
    AppNotFound,
    /// There is no such addon.
    AddonNotFound,
    /// The addon has no log drains.
    AddonUnsupported,
    /// Scalingo refuses the drain.
    Rejected,
    /// An older `LogDrain` wants the same drain and owns it. The drain is there.
    Duplicate,
    /// Several drains may be this resource's.
    Ambiguous,
    /// Scalingo asks to send fewer requests.
    RateLimited,
    /// Scalingo or Kubernetes does not answer as it should.
    Unavailable,
}

/// Who can mend what a reason tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing to mend.
    None,
    /// Time.
    Time,
    /// A person.
    Person,
}

impl Reason {
    /// Who can mend it.
    #[must_use]
    pub fn remedy(self) -> Remedy {
        match self {
            Self::Synced | Self::Duplicate | Self::Suspended => Remedy::None,
            Self::Progressing
            | Self::SecretNotFound
            | Self::ApiTokenNotFound
            | Self::RateLimited
            | Self::Unavailable => Remedy::Time,
            Self::Unauthorized
            | Self::NotPermitted
            | Self::RegionNotFound
            | Self::AppNotFound
            | Self::AddonNotFound
            | Self::AddonUnsupported
            | Self::Rejected
            | Self::Ambiguous => Remedy::Person,
        }
    }

    /// What it means, for the documents.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Synced => "Scalingo lists the drain as the spec says",
            Self::Suspended => "`spec.suspend` is true: nobody looks",
            Self::Progressing => {
                "work is under way: a drain is being added or deleted, an answer was lost and is looked for, or another \
                 `LogDrain` is adding or deleting the same drain"
            }
            Self::SecretNotFound => "a Secret or key of `tokenSecretRef` or `urlSecretRef` is not there",
            Self::ApiTokenNotFound => "the Secret or key of `apiTokenSecretRef` is not there",
            Self::RateLimited => {
                "Scalingo asks for fewer requests, or the budget has been used up for more than 10 s"
            }
            Self::Unavailable => "Scalingo or Kubernetes does not answer as it should",
            Self::Unauthorized => "Scalingo refuses the API token",
            Self::NotPermitted => "the API token's user may not manage the drains of the app",
            Self::RegionNotFound => "Scalingo has no such region for this token",
            Self::AppNotFound => "no such app in that region for this token",
            Self::AddonNotFound => "the app has no such addon",
            Self::AddonUnsupported => "the addon is no database and has no drains",
            Self::Rejected => "Scalingo refuses the drain, or a Secret holds what cannot be used",
            Self::Duplicate => "the drain is there, and an older `LogDrain` owns it",
            Self::Ambiguous => "several drains may be this resource's; nothing is added or deleted",
        }
    }

    /// Status of the `Ready` condition. While suspended nobody looks, so nobody knows.
    #[must_use]
    pub fn ready(self) -> &'static str {
        match self {
            Self::Synced | Self::Duplicate => "True",
            Self::Suspended => "Unknown",
            _ => "False",
        }
    }
}

/// Longest message that the API server takes in a condition.
const LONGEST_MESSAGE: usize = 32_768;

/// The conditions for one reason, as kstatus reads them: `Ready` always, `Reconciling` or `Stalled`
/// only while true. A transition time moves only when its status does.
#[must_use]
pub fn conditions(
    previous: &[Condition],
    reason: Reason,
    message: &str,
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let message: String = message.chars().take(LONGEST_MESSAGE / 4).collect();
    let condition = |type_: &str, status: &str| {
        let unchanged =
            previous.iter().find(|condition| condition.type_ == type_ && condition.status == status);
        Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.to_string(),
            message: message.clone(),
            observed_generation: generation,
            last_transition_time: unchanged
                .map_or_else(|| Time(now), |condition| condition.last_transition_time.clone()),
        }
    };
    let mut conditions = vec![condition("Ready", reason.ready())];
    match reason.remedy() {
        Remedy::None => {}
        Remedy::Time => conditions.push(condition("Reconciling", "True")),
        Remedy::Person => conditions.push(condition("Stalled", "True")),
    }
    conditions
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn every_reason_is_ready_reconciling_or_stalled_and_never_two_of_them() {
        for reason in Reason::iter() {
            let conditions = conditions(&[], reason, "", Some(1), at(0));
            let is_true = |type_: &str| {
                conditions.iter().any(|condition| condition.type_ == type_ && condition.status == "True")
            };
            let count =
                ["Ready", "Reconciling", "Stalled"].into_iter().filter(|type_| is_true(type_)).count();
            assert_eq!(count, usize::from(reason != Reason::Suspended), "{reason}");
            assert_eq!(conditions[0].type_, "Ready");
            assert!(conditions.iter().skip(1).all(|condition| condition.status == "True"));
            assert!(conditions.iter().all(|condition| condition.observed_generation == Some(1)));
        }
    }

    #[test]
    fn a_transition_time_moves_only_with_its_status() {
        let first = conditions(&[], Reason::Unavailable, "a", Some(1), at(1));
        let second = conditions(&first, Reason::RateLimited, "b", Some(2), at(2));
        assert!(second.iter().all(|condition| condition.last_transition_time.0 == at(1)));
        let third = conditions(&second, Reason::Synced, "", Some(2), at(3));
        assert_eq!(third.len(), 1);
        assert_eq!(third[0].last_transition_time.0, at(3));
    }
}
