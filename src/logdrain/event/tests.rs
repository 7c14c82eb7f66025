use strum::IntoEnumIterator as _;

use super::*;

#[test]
fn a_condition_is_told_of_when_it_turns_bad_and_when_it_is_good_again() {
    let told = |before: Option<Reason>, reason| {
        let before = before.map(|before| Told { reason: before.into(), message: "why", generation: Some(1) });
        let event = Event::of_condition(before, reason, "why", Some(1));
        event.map(|event| (event.reason(), event.note()))
    };
    for before in Reason::iter().map(Some).chain([None]) {
        assert_eq!(told(before, Reason::Progressing), None, "{before:?}");
        for reason in Reason::iter() {
            let is_quiet = matches!(reason, Reason::Progressing | Reason::Synced) || before == Some(reason);
            let expected = (!is_quiet).then(|| (reason.as_ref(), "why".to_owned()));
            if reason != Reason::Synced {
                assert_eq!(told(before, reason), expected, "{before:?} {reason}");
            }
        }
    }
    for before in [None, Some(Reason::Synced), Some(Reason::Progressing), Some(Reason::Suspended)] {
        assert_eq!(told(before, Reason::Synced), None, "{before:?}");
    }
    for (before, note) in [
        (Reason::Unavailable, "ready again: why"),
        (Reason::SecretNotFound, "ready again: why"),
        (Reason::Duplicate, "no longer a duplicate: why"),
    ] {
        assert_eq!(told(Some(before), Reason::Synced), Some(("Synced", note.to_owned())), "{before}");
    }
}

#[test]
fn only_what_somebody_or_time_must_mend_is_a_warning() {
    for reason in Reason::iter().filter(|reason| ![Reason::Synced, Reason::Progressing].contains(reason)) {
        let told = Event::of_condition(None, reason, "why", None).expect("it is told");
        let is_fine = [Reason::Suspended, Reason::Duplicate].contains(&reason);
        assert_eq!(told.is_warning(), !is_fine, "{reason}");
    }
}

/// Whether it is told that a condition of this reason goes from one message and generation to another.
fn is_told(reason: Reason, before: (&str, i64), now: (&str, i64)) -> bool {
    let told = Told { reason: reason.as_ref(), message: before.0, generation: Some(before.1) };
    let event = Event::of_condition(Some(told), reason, now.0, Some(now.1));
    if let Some(event) = &event {
        assert_eq!((event.reason(), event.note()), (reason.as_ref(), now.0.to_owned()));
    }
    event.is_some()
}

#[test]
fn a_failure_is_told_again_to_whoever_has_changed_the_resource() {
    for reason in Reason::iter() {
        assert!(!is_told(reason, ("why", 1), ("why", 1)), "{reason}");
        let is_failure = reason.remedy() != Remedy::None && reason != Reason::Progressing;
        assert_eq!(is_told(reason, ("why", 1), ("why", 2)), is_failure, "{reason}");
    }
}

#[test]
fn a_failure_is_told_again_where_there_is_something_else_to_mend() {
    for (reason, before, now) in [
        (
            Reason::Unauthorized,
            "Scalingo refuses the API token: no",
            "the user may not manage the drains: no",
        ),
        (
            Reason::SecretNotFound,
            "spec.tokenSecretRef: Secret a1 is not there",
            "spec.tokenSecretRef: Secret a2 is not there",
        ),
        (Reason::ApiTokenNotFound, "Secret scalingo is not there", "Secret scalingo has no key api_token"),
        (Reason::Duplicate, "LogDrain shop/a-1 is older", "LogDrain shop/a-2 is older"),
        (Reason::Rejected, "Scalingo refuses the drain: no host", "Scalingo refuses the drain: no port"),
    ] {
        assert!(is_told(reason, (before, 1), (now, 1)), "{reason}");
        assert!(!is_told(reason, (now, 1), (now, 1)), "{reason}");
    }
}

#[test]
fn what_changes_by_itself_is_not_told_again_and_again() {
    for (reason, before, now) in [
        (Reason::RateLimited, "goes on at about 10:00", "goes on at about 10:01"),
        (Reason::Unavailable, "answered 502", "no answer came in time"),
        (Reason::Unauthorized, "refused (request 9f3c)", "refused (request 1b07)"),
        (Reason::Suspended, "one word", "another"),
        (Reason::Synced, "Scalingo lists the drain a", "Scalingo lists the drain b"),
    ] {
        assert!(!is_told(reason, (before, 1), (now, 1)), "{reason}");
    }
}
