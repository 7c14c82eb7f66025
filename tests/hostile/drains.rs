//! What is computed of URLs and values of any shape.

use logdrain_operator::drain::{Destination, Digester, Likeness, Target};
use proptest::prelude::*;

use crate::text;

/// The URL without what a destination says in the open, and the words of URLs.
fn is_public(word: &str, destination: &Destination) -> bool {
    let open = [destination.host.as_deref(), destination.drain_region.as_deref()];
    open.into_iter().flatten().any(|value| value.to_lowercase().contains(&word.to_lowercase()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn no_url_and_no_value_makes_anything_panic(
        url in text::url(), destination in text::destination(), drain_type in text::drain_type(), public in any::<bool>(),
    ) {
        let likeness = Likeness::of(&url, &destination);
        let _ = Likeness::of_forgotten(&url, drain_type, |found| *found == destination);
        let _ = url.redacted(&destination, public);
        prop_assert!(url == url.clone() && destination == destination.clone());
        prop_assert!(likeness <= Likeness::Same);
        let shown = format!("{url:?} {destination:?}");
        prop_assert!(shown.starts_with("DrainUrl(***) "), "{}", shown);
    }

    /// A token of letters would also be the name of a scheme or a parameter.
    #[test]
    fn a_token_is_hidden_wherever_the_url_holds_it(
        token in "[A-Z0-9]{8,30}", before in text::hostile(), after in text::hostile(), mut destination in text::destination(),
    ) {
        let text = format!("x://{before}{token}{after}");
        prop_assume!(!is_public(&token, &destination));
        destination.token = Some(token.clone().into());
        destination.url = None;
        let url = logdrain_operator::drain::DrainUrl::new(text);
        let shown = url.redacted(&destination, false);
        // In a whole URL, only the host is shown, in which nobody puts a password.
        if destination.drain_type != logdrain_operator::crd::DrainType::Elk {
            prop_assert!(!shown.contains(&token), "{}", shown);
        }
    }
}

proptest! {
    // Each costs milliseconds.
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_digest_of_anything_is_short_plain_and_of_its_target(
        target in text::target(), url in text::url(), destination in text::destination(),
    ) {
        let digester = Digester::default();
        let elsewhere = Target { app_id: format!("{}x", target.app_id), ..target.clone() };
        for (here, there) in [
            (digester.url(&target, &url), digester.url(&elsewhere, &url)),
            (digester.destination(&target, &destination), digester.destination(&elsewhere, &destination)),
        ] {
            let text = here.to_string();
            prop_assert_eq!(text.len(), 35);
            prop_assert!(text.starts_with("v1:") && text[3..].bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", text);
            prop_assert_ne!(&here, &there);
        }
        prop_assert_eq!(digester.url(&target, &url), Digester::default().url(&target, &url));
    }
}
