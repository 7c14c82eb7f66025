//! What a person asks for beside the spec.

use std::collections::BTreeMap;

use super::LogDrain;

/// Annotation that asks for a check now: any text that it did not have before.
pub const REQUESTED_AT: &str = "logs.scalingo.com/requestedAt";

/// How much of a request counts, in bytes.
const LONGEST_REQUEST: usize = 1024;

impl LogDrain {
    /// The text of the [annotation](REQUESTED_AT), as far as it counts; `None` without one, or where it is empty.
    #[must_use]
    pub fn requested_at(&self) -> Option<&str> {
        let annotations: &BTreeMap<String, String> = self.metadata.annotations.as_ref()?;
        let text = annotations.get(REQUESTED_AT).map(String::as_str).filter(|text| !text.is_empty())?;
        let end = (0..=text.len().min(LONGEST_REQUEST)).rev().find(|end| text.is_char_boundary(*end));
        end.and_then(|end| text.get(..end))
    }

    /// The same, unless it has been handled.
    #[must_use]
    pub fn open_request(&self) -> Option<&str> {
        let handled = self.status.as_ref().and_then(|status| status.last_handled_requested_at.as_deref());
        self.requested_at().filter(|text| Some(*text) != handled)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crd::{DrainType, LogDrainSpec, LogDrainStatus};

    fn asking(text: &str) -> LogDrain {
        let mut object = LogDrain::new("x", LogDrainSpec::new("shop", DrainType::Datadog));
        object.metadata.annotations = Some([(REQUESTED_AT.to_owned(), text.to_owned())].into());
        object
    }

    fn handled(mut object: LogDrain) -> LogDrain {
        let last_handled_requested_at = object.requested_at().map(str::to_owned);
        object.status = Some(LogDrainStatus { last_handled_requested_at, ..LogDrainStatus::default() });
        object
    }

    #[test]
    fn a_text_is_a_request_until_it_is_handled() {
        let object = asking("now");
        assert_eq!(object.open_request(), Some("now"));
        let mut object = handled(object);
        assert_eq!(object.open_request(), None);
        object.metadata.annotations = asking("again").metadata.annotations;
        assert_eq!(object.open_request(), Some("again"));
        object.metadata.annotations = None;
        assert_eq!(object.open_request(), None, "to take it away asks for nothing");
        assert_eq!(asking("").open_request(), None);
    }

    #[test]
    fn of_a_long_text_the_beginning_counts() {
        let long = "\u{e9}".repeat(600);
        let object = asking(&format!("x{long}"));
        assert_eq!(object.requested_at().map(str::len), Some(1023), "cut where a character ends");
        let mut object = handled(object);
        object.metadata.annotations = asking(&format!("x{long}, otherwise")).metadata.annotations;
        assert_eq!(object.open_request(), None);
    }

    proptest! {
        #[test]
        fn any_text_that_is_handled_asks_for_nothing(text in ".*|[a-z\u{20ac}]{1000,1100}") {
            let object = handled(asking(&text));
            prop_assert_eq!(object.open_request(), None);
            let kept = object.requested_at().unwrap_or_default();
            prop_assert!(kept.len() <= 1024 && text.starts_with(kept));
            prop_assert!(kept.len() == text.len() || kept.len() > 1020);
        }
    }
}
