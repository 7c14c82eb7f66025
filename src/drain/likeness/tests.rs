use proptest::prelude::*;
use secrecy::SecretString;

use super::*;

fn url(text: &str) -> DrainUrl {
    DrainUrl::new(text.into())
}

fn datadog(token: &str, region: &str) -> Destination {
    Destination {
        token: Some(SecretString::from(token)),
        drain_region: Some(region.into()),
        ..Destination::new(DrainType::Datadog)
    }
}

fn syslog(token: Option<&str>, host: &str, port: u16) -> Destination {
    Destination {
        token: token.map(SecretString::from),
        host: Some(host.into()),
        port: Some(port),
        ..Destination::new(DrainType::Syslog)
    }
}

#[test]
fn documented_forms_are_told_apart_exactly() {
    use Likeness::{Other, Possible, Same};
    let papertrail = Destination { drain_type: DrainType::Papertrail, ..syslog(None, "h.example", 514) };
    for (listed, destination, likeness) in [
        ("datadog://tok?region=eu", datadog("tok", "eu"), Same),
        ("datadog://tok?region=eu", datadog("tok", "us"), Other),
        ("datadog://t%2Fok?region=eu", datadog("t/ok", "eu"), Same),
        ("tcp+tls://h.example:514", papertrail.clone(), Same),
        ("tcp+tls://H.example:514", papertrail.clone(), Same),
        ("tcp+tls://h.example:514", syslog(None, "h.example", 514), Same),
        // Every value of the Papertrail drain stands here, and it is another drain.
        ("syslog://:tok@h.example:514", papertrail, Other),
        ("syslog://:tok@h.example:514", syslog(Some("tok"), "h.example", 514), Same),
        ("syslog://:tok@[::1]:514", syslog(Some("tok"), "::1", 514), Same),
        // The port passes for a token only until the form is read.
        ("tcp+tls://h.example:514", syslog(Some("514"), "h.example", 514), Other),
        ("syslog://:other@elsewhere.example:1", datadog("tok", "eu"), Other),
        // A port or a host that others have too makes no likeness, a token does.
        ("ovh://:other@elsewhere.example:6514", syslog(Some("tok"), "h.example", 6514), Other),
        ("ovh://:other@h.example:6514", syslog(Some("tok"), "h.example", 6514), Other),
        ("ovh://:tok@elsewhere.example:6514", syslog(Some("tok"), "h.example", 1), Possible),
        ("ovh://:other@h.example:6514", syslog(None, "h.example", 1), Possible),
    ] {
        assert_eq!(Likeness::of(&url(listed), &destination), likeness, "{listed}");
    }
}

#[test]
fn an_unknown_form_is_recognised_by_all_values_as_whole_components() {
    use Likeness::{Possible, Same};
    for (listed, likeness) in [
        ("https://intake.example/v2?site=eu&key=tok", Same),
        ("dd+v2://eu:tok@intake.example:443", Same),
        ("datadog://tok:443?region=eu", Same),
        ("https://intake.example/v2?key=tok", Possible),
        ("https://intake.example/v2?site=eu&key=token", Possible),
        ("https://tok.example/eu", Possible),
        ("https://intake.example/0f1e2d", Possible),
        ("", Possible),
    ] {
        assert_eq!(Likeness::of(&url(listed), &datadog("tok", "eu")), likeness, "{listed}");
    }
}

#[test]
fn a_value_that_occurs_twice_must_stand_twice() {
    let destination = syslog(Some("6514"), "h.example", 6514);
    assert_eq!(Likeness::of(&url("x://h.example/6514"), &destination), Likeness::Possible);
    assert_eq!(Likeness::of(&url("x://6514@h.example/6514"), &destination), Likeness::Same);
}

#[test]
fn a_whole_url_is_the_same_in_another_spelling_only() {
    let elk = Destination {
        url: Some(url("https://user:pass@elk.example.com")),
        ..Destination::new(DrainType::Elk)
    };
    assert_eq!(Likeness::of(&url("https://user:pass@elk.example.com:443/"), &elk), Likeness::Same);
    assert_eq!(Likeness::of(&url("https://user:pass2@elk.example.com"), &elk), Likeness::Possible);
    assert_eq!(Likeness::of(&url("tcp+tls://elk.example.com:443"), &elk), Likeness::Other);
}

#[test]
fn a_forgotten_destination_is_known_again_by_its_digest() {
    let wanted = datadog("tok", "eu");
    let of = |listed| Likeness::of_forgotten(&url(listed), DrainType::Datadog, |found| *found == wanted);
    assert_eq!(of("datadog://tok?region=eu"), Likeness::Same);
    assert_eq!(of("datadog://tok?region=us"), Likeness::Other);
    assert_eq!(of("https://intake.example/1"), Likeness::Possible);
}

#[test]
fn a_token_is_recognised_encoded_and_as_it_was_given() {
    use Likeness::{Other, Possible, Same};
    let odd = || syslog(Some("ab/+=%41@x"), "h.example", 514);
    let papertrail = Destination { drain_type: DrainType::Papertrail, ..syslog(None, "h.example", 514) };
    for (listed, destination, likeness) in [
        ("datadog://%41?region=eu", datadog("%41", "eu"), Same),
        ("datadog://%2541?region=eu", datadog("%41", "eu"), Same),
        // Of two tokens that differ only so, each drain is one's.
        ("datadog://%41?region=eu", datadog("A", "eu"), Other),
        ("datadog://A?region=eu", datadog("%41", "eu"), Other),
        ("datadog://a%2Fb?region=eu", datadog("a/b", "eu"), Same),
        ("datadog://a%2fb?region=eu", datadog("a/b", "eu"), Same),
        ("datadog://a%2Fb?region=eu", datadog("a%2Fb", "eu"), Same),
        ("datadog://ab/+=?region=eu", datadog("ab/+=", "eu"), Same),
        ("datadog://ab/+=?region=us", datadog("ab/+=", "eu"), Possible),
        ("syslog://:ab/+=%41@x@h.example:514", odd(), Same),
        ("syslog://:ab%2F%2B%3D%2541%40x@h.example:514", odd(), Same),
        ("syslog://:ab/+=%41@x@h.example:515", odd(), Other),
        ("syslog://:ab/+=%41@x@h.example:514", syslog(Some("ab"), "h.example", 514), Other),
        // Every value of it stands there.
        ("syslog://:ab/+=%41@x@h.example:514", papertrail, Other),
        ("x://h.example/514/%41", syslog(Some("%41"), "h.example", 514), Same),
        ("x://h.example/514/%41", syslog(Some("A"), "h.example", 514), Possible),
    ] {
        assert_eq!(Likeness::of(&url(listed), &destination), likeness, "{listed}");
    }
}

#[test]
fn a_host_is_recognised_in_every_spelling() {
    use Likeness::{Other, Possible, Same};
    for (listed, host, likeness) in [
        ("tcp+tls://[2001:db8::7]:514", "2001:DB8:0:0:0:0:0:7", Same),
        ("tcp+tls://2001:DB8:0:0:0:0:0:7:514", "2001:db8::7", Same),
        ("tcp+tls://[2001:db8::8]:514", "2001:db8::7", Other),
        ("tcp+tls://LOGS.example.com.:514", "logs.example.com", Same),
        ("tcp+tls://b%C3%BCcher.example:514", "XN--BCHER-KVA.example", Same),
        ("tcp+tls://0xc0.0.2.7:514", "192.0.2.7", Same),
        ("x+y://[2001:0db8:0000:0000:0000:0000:0000:0007]/514", "2001:db8::7", Same),
        ("x+y://2001:DB8::7/514", "2001:db8:0::7", Same),
        ("x+y://LOGS.example.com./514", "logs.example.com", Same),
        ("x+y://logs.example.org/514", "logs.example.com", Possible),
    ] {
        assert_eq!(Likeness::of(&url(listed), &syslog(None, host, 514)), likeness, "{listed}");
    }
    // A token is no host: its case counts.
    assert_eq!(Likeness::of(&url("x://T.OK/eu"), &datadog("t.ok", "eu")), Possible);
}

fn custom(name: &str, token: Option<&str>) -> Destination {
    Destination { token: token.map(SecretString::from), ..Destination::custom(name) }
}

#[test]
fn a_custom_type_of_a_known_name_is_that_type() {
    let datadog = datadog("tok", "eu");
    let custom = Destination { drain_region: Some("eu".into()), ..custom("datadog", Some("tok")) };
    assert_eq!(custom, datadog);
    assert_eq!(Likeness::of(&url("datadog://tok?region=eu"), &custom), Likeness::Same);
    let papertrail =
        Destination { host: Some("h.example".into()), port: Some(514), ..Destination::custom("papertrail") };
    assert_eq!(papertrail, syslog(None, "h.example", 514));
    assert_ne!(Destination::custom("logtail"), Destination::custom("opensearch"));
}

#[test]
fn a_custom_type_is_recognised_by_all_its_values_in_any_form() {
    use Likeness::{Other, Possible, Same};
    let logtail = || custom("logtail", Some("tok"));
    let host = || Destination { host: Some("h.example".into()), port: Some(514), ..custom("x", None) };
    let whole = || Destination { url: Some(url("https://u:p@s.example/in")), ..custom("opensearch", None) };
    for (listed, destination, likeness) in [
        ("logtail://tok", logtail(), Same),
        ("syslog://:tok@in.logtail.example:6514", logtail(), Same),
        ("syslog://:other@in.logtail.example:6514", logtail(), Other),
        ("https://in.logtail.example/other", logtail(), Possible),
        ("tcp+tls://h.example:514", host(), Same),
        // Every value of it stands there, and it is another's.
        ("syslog://:tok@h.example:514", host(), Possible),
        ("https://u:p@S.example:443/in", whole(), Same),
        ("https://u:p@s.example/out", whole(), Possible),
        ("https://u:p@s.example/in", Destination { port: Some(9), ..whole() }, Possible),
        ("datadog://tok?region=eu", custom("opensearch", None), Other),
        ("https://s.example/in", custom("opensearch", None), Possible),
    ] {
        assert_eq!(Likeness::of(&url(listed), &destination), likeness, "{listed}");
    }
}

proptest! {
    /// Whatever the token is made of, the URL that shows it as it was given is recognised too.
    #[test]
    fn any_token_is_found_as_it_was_given(token in "[!-~]{1,40}") {
        let destination = syslog(Some(&token), "h.example", 514);
        let listed = url(&format!("syslog://:{token}@H.example:514"));
        prop_assert_eq!(Likeness::of(&listed, &destination), Likeness::Same);
        prop_assert_eq!(Likeness::of(&url(&format!("x://h.example/514/{token}")), &destination), Likeness::Same);
        prop_assert_eq!(Likeness::of(&url(&format!("datadog://{token}?region=eu")), &datadog(&token, "eu")), Likeness::Same);
    }

    /// Whatever the token is made of, the URL that holds it encoded is recognised, and a token
    /// that merely contains it is not.
    #[test]
    fn any_token_is_found_once_encoded(token in "[!-~]{1,40}", more in "[a-z]{1,5}") {
        let encode = |text: &str| percent_encoding::utf8_percent_encode(
            text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let listed = url(&format!("x://{}?site=eu", encode(&token)));
        prop_assert_eq!(Likeness::of(&listed, &datadog(&token, "eu")), Likeness::Same);
        let longer = url(&format!("x://{}?site=eu", encode(&format!("{token}{more}"))));
        prop_assert_eq!(Likeness::of(&longer, &datadog(&token, "eu")), Likeness::Possible);
    }

    #[test]
    fn no_url_makes_it_panic(listed in ".{0,200}", token in ".{0,20}") {
        let _ = Likeness::of(&url(&listed), &datadog(&token, "eu"));
        let _ = Likeness::of(&url(&format!("syslog://{listed}")), &syslog(Some(&token), &listed, 1));
        let _ = url(&listed).redacted(&syslog(Some(&token), &token, 1), false);
    }
}
