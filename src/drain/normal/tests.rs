use proptest::prelude::*;

use super::*;

#[test]
fn every_spelling_of_a_host_has_one_form() {
    for (form, spellings) in [
        ("logs.example.com", vec!["LOGS.Example.COM", "logs.example.com.", "Logs.example.com."]),
        ("xn--bcher-kva.example", vec!["bücher.example", "BÜCHER.example.", "XN--BCHER-KVA.example"]),
        ("127.0.0.1", vec!["0x7f.1", "0177.0.0.1", "2130706433", "127.1", "127.0.0.1."]),
        ("2001:db8::7", vec!["2001:DB8:0:0:0:0:0:7", "[2001:db8::7]", "2001:0db8::0007", "[2001:DB8:0::7]"]),
        ("::ffff:192.0.2.7", vec!["::FFFF:c000:207", "[::ffff:192.0.2.7]"]),
        ("fe80::1%eth0", vec!["fe80::1%eth0", "[fe80::1%eth0]"]),
        ("a_b.example", vec!["A_b.example"]),
    ] {
        for spelling in spellings {
            assert_eq!(host(spelling), form, "{spelling}");
        }
        assert_eq!(host(form), form);
    }
    assert_ne!(host("192.0.2.7"), host("::ffff:192.0.2.7"));
}

#[test]
fn every_spelling_of_a_url_of_the_web_has_one_form() {
    for (form, spellings) in [
        ("https://elk.example.com/", vec!["HTTPS://ELK.example.com.:443", "https://elk.example.com/a/../"]),
        ("https://xn--bcher-kva.example/", vec!["https://b%C3%BCcher.example", "https://bücher.example/"]),
        ("http://127.0.0.1/", vec!["http://0x7f.1:80", "http://2130706433/."]),
        ("https://[2001:db8::7]:9200/in", vec!["https://[2001:DB8:0:0:0:0:0:7]:9200/./in"]),
        (
            "https://u:p%2Fw@h/~a-b?k=%2B1",
            vec!["https://u:p%2fw@h/%7ea%2Db?k=%2b1", "https://%75:p%2Fw@h/%7E%61-b?%6b=%2B1"],
        ),
        ("https://h/?a=1&b=2", vec!["https://h?b=2&a=1", "https://h?%62=2&a=1"]),
    ] {
        for spelling in spellings {
            assert_eq!(url(spelling), form, "{spelling}");
        }
        assert_eq!(url(form), form);
    }
    for (one, other) in [
        ("https://h/a%2Fb", "https://h/a/b"),
        ("https://h/A", "https://h/a"),
        ("https://h:9200/", "https://h/"),
        ("https://u:P@h/", "https://u:p@h/"),
        ("https://h/a%2541", "https://h/a%41"),
    ] {
        assert_ne!(url(one), url(other));
    }
}

#[test]
fn of_a_drains_url_the_host_has_one_form_and_a_token_stays_as_it_is() {
    for (form, spelling) in [
        ("syslog://:Tok@logs.example.com:514", "syslog://:Tok@LOGS.example.com.:514"),
        ("syslog://:a/b+=%41@logs.example.com:514", "syslog://:a/b+=%41@LOGS.example.com:514"),
        ("syslog://:tok@[2001:db8::7]:514?x=A", "syslog://:tok@2001:DB8:0:0:0:0:0:7:514?x=A"),
        ("tcp+tls://127.0.0.1:514", "tcp+tls://0x7f.1:514"),
        ("ovh://:tok@xn--bcher-kva.example:6514", "ovh://:tok@b%C3%BCcher.example:6514"),
        ("x://Tok?a=1&b=2", "x://Tok?b=2&a=1"),
    ] {
        assert_eq!(url(spelling), form);
        assert_eq!(url(form), form);
    }
    for (one, other) in [
        ("datadog://TOK?region=eu", "datadog://tok?region=eu"),
        ("datadog://%41?region=eu", "datadog://A?region=eu"),
        ("syslog://:%41@h:1", "syslog://:A@h:1"),
        ("syslog://:%2f@h:1", "syslog://:%2F@h:1"),
    ] {
        assert_ne!(url(one), url(other));
    }
}

#[test]
fn letters_and_digits_are_never_escaped_so_what_looks_so_is_as_it_was_given() {
    assert_eq!(decoded("a%2Fb%25%C3%BC%7E").as_deref(), Some("a/b%ü~"));
    assert_eq!(decoded("100%").as_deref(), Some("100%"));
    assert_eq!(decoded("%41"), None);
    assert_eq!(decoded("%FF"), None);
}

proptest! {
    #[test]
    fn a_normal_form_is_its_own(text in "[ -~]{0,40}|.{0,40}") {
        prop_assert_eq!(host(&host(&text)), host(&text));
        for text in [text.clone(), format!("https://{text}"), format!("syslog://:{text}@h:1"), format!("tcp://{text}:1")] {
            prop_assert_eq!(url(&url(&text)), url(&text));
        }
    }
}
