use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;

const TOKEN: &str = "tk-us-Ab3_x-9";
const USES: [Use; 3] = [Use::ApiToken, Use::DrainToken, Use::Url];

fn cleaned(text: &str, purpose: Use) -> Result<String, Fault> {
    clean(text.as_bytes(), purpose).map(|value| value.expose_secret().to_owned())
}

fn good(purpose: Use) -> &'static str {
    match purpose {
        Use::ApiToken => TOKEN,
        Use::DrainToken => "ab/+=3f9c",
        Use::Url => "https://user:p%40ss@elk.example.com:9200/in",
    }
}

#[test]
fn what_surrounds_a_value_is_no_part_of_it() {
    for purpose in USES {
        let value = good(purpose);
        assert_eq!(cleaned(value, purpose).as_deref(), Ok(value));
        for around in [
            "\n",
            "\r\n\r\n",
            " ",
            "\t",
            "\u{a0}",
            "\u{3000}",
            "\u{2028}",
            "\u{feff}",
            "\u{200b}",
            "\u{ad}\n\u{200e}",
        ] {
            for text in
                [format!("{around}{value}"), format!("{value}{around}"), format!("{around}{value}{around}")]
            {
                assert_eq!(cleaned(&text, purpose).as_deref(), Ok(value), "{text:?}");
                assert_eq!(strip(text.as_bytes()), value.as_bytes());
            }
        }
    }
}

#[test]
fn a_character_that_cannot_stand_in_a_credential_is_named_with_its_place() {
    for (text, character, position) in [
        ("ab c", Character::Space, 3),
        ("\u{feff}ab\tc", Character::Tab, 3),
        ("a\nb", Character::LineBreak, 2),
        ("a\r\nb", Character::LineBreak, 2),
        ("abc\u{a0}d", Character::NoBreakSpace, 4),
        ("a\u{3000}d", Character::OtherSpace, 2),
        ("ab\u{feff}c", Character::ByteOrderMark, 3),
        ("ab\u{200b}c", Character::ZeroWidth, 3),
        ("ab\u{ad}c", Character::Invisible, 3),
        ("ab\u{0}", Character::Control, 3),
        ("\u{1b}ab", Character::Control, 1),
        ("\u{e9}\u{e9}", Character::NotAscii, 1),
        ("ab\u{ff0f}", Character::NotAscii, 3),
    ] {
        for purpose in USES {
            assert_eq!(cleaned(text, purpose), Err(Fault::Character { character, position }), "{text:?}");
        }
    }
    let fault = clean(b" \xc3\xa9b\xff", Use::DrainToken).map(|_| ());
    assert_eq!(fault, Err(Fault::Character { character: Character::NotText, position: 4 }));
}

#[test]
fn nothing_too_much_and_another_encoding_are_told_apart() {
    let mebibyte = "x".repeat(1024 * 1024);
    for purpose in USES {
        assert_eq!(cleaned("", purpose), Err(Fault::Empty));
        assert_eq!(cleaned("\r\n\u{feff} \n", purpose), Err(Fault::Blank));
        assert_eq!(cleaned(&mebibyte, purpose), Err(Fault::TooLong(1024 * 1024)));
        for utf16 in [b"\xff\xfet\0".as_slice(), b"\xfe\xff\0t"] {
            assert_eq!(clean(utf16, purpose).map(|_| ()), Err(Fault::Utf16));
        }
    }
    assert!(cleaned(&format!("{}\n", "x".repeat(LONGEST)), Use::DrainToken).is_ok());
}

/// What is a mistake whatever the value is for, with the value that was meant.
fn mistaken(value: &str) -> Vec<(String, Mistake)> {
    let once = STANDARD.encode(value);
    vec![
        (format!("\"{value}\""), Mistake::Quoted),
        (format!("'{value}'\n"), Mistake::Quoted),
        (format!("`{value}`"), Mistake::Quoted),
        (format!("\u{201c}{value}\u{201d}"), Mistake::Quoted),
        (format!("DATADOG_API_KEY={value}"), Mistake::Assignment),
        (format!("TOKEN={value}"), Mistake::Assignment),
        (format!("export api_key={value}"), Mistake::Assignment),
        (format!("api-key: {value}"), Mistake::Assignment),
        (format!("key = {value}"), Mistake::Assignment),
        (format!("Bearer {value}"), Mistake::Header),
        (format!("bearer\u{a0}{value}"), Mistake::Header),
        (format!("Authorization: Bearer {value}"), Mistake::Header),
        (STANDARD.encode(format!("{value}\n")), Mistake::EncodedTwice),
        (once.replace('=', ""), Mistake::EncodedTwice),
        (STANDARD.encode(&once), Mistake::EncodedTwice),
    ]
}

#[test]
fn the_usual_mistakes_are_refused() {
    for purpose in USES {
        for (text, mistake) in mistaken(good(purpose)) {
            let is_certain = mistake != Mistake::EncodedTwice || purpose != Use::DrainToken;
            if is_certain {
                assert_eq!(cleaned(&text, purpose), Err(Fault::Mistake(mistake)), "{text:?}");
            }
        }
    }
    let line = STANDARD.encode("ab3f9c-token\n");
    assert_eq!(cleaned(&line, Use::DrainToken), Err(Fault::Mistake(Mistake::EncodedTwice)));
    assert_eq!(cleaned("\"\"", Use::DrainToken), Err(Fault::Mistake(Mistake::Quoted)));
    assert_eq!(cleaned(TOKEN, Use::DrainToken), Err(Fault::ApiToken), "the service would get it");
}

#[test]
fn a_drain_token_that_may_be_meant_is_used_and_suspected() {
    for (text, mistake) in [
        ("\"p!ss;w$rd\"", Mistake::Quoted),
        ("'p\"ss'", Mistake::Quoted),
        ("token=3f9c", Mistake::Assignment),
        ("aB3=xY", Mistake::Assignment),
        // Some services' tokens are made like this.
        ("aWQ6c2VjcmV0LWtleQ==", Mistake::EncodedTwice),
    ] {
        assert_eq!(cleaned(text, Use::DrainToken).as_deref(), Ok(text));
        assert_eq!(Mistake::possible(text), Some(mistake), "{text}");
    }
    for text in [
        "3f9c",
        "ab/+=3f9c",
        "dGVzdA==",
        "f2f3c0a1d4e5968778695a4b3c2d1e0f",
        "abc=",
        "a==",
        "\"",
        "bearer",
        "%41",
        "a:b",
    ] {
        assert_eq!(cleaned(text, Use::DrainToken).as_deref(), Ok(text));
        assert_eq!(Mistake::possible(text), None, "{text}");
    }
    for (text, _) in mistaken("ab3f9c-token") {
        if cleaned(&text, Use::DrainToken).is_err() {
            assert_eq!(Mistake::possible(&text), None, "it is refused: {text}");
        }
    }
}

#[test]
fn an_api_token_is_itself_whatever_stands_in_it() {
    for text in ["tk-us-0Aa+/=&secret", "tk-us-a=b", "not-of-the-known-form"] {
        assert_eq!(cleaned(text, Use::ApiToken).as_deref(), Ok(text));
    }
}

#[test]
fn a_url_is_used_where_it_has_one_reading() {
    assert_eq!(cleaned("https://user:1234/rest@host:9200", Use::Url), Err(Fault::TwoReadings));
    for text in ["secret", "user:pw@host", "mailto:user@host", "https://"] {
        assert_eq!(cleaned(text, Use::Url), Err(Fault::NotUrl), "{text}");
    }
}

proptest! {
    /// The words are of the fault alone, and all of what is used is visible.
    #[test]
    fn whatever_was_pasted_is_clean_or_refused_without_a_word_of_it(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            "\\PC{0,40}".prop_map(String::into_bytes),
            "[ -~]{0,60}".prop_map(String::into_bytes),
            "(export )?[A-Z_]{1,6}[=: ]{1,2}[\"'`]?[ -~]{0,20}[\"'`]?".prop_map(String::into_bytes),
        ],
        which in 0..USES.len(),
    ) {
        let purpose = USES[which];
        match clean(&bytes, purpose) {
            Ok(value) => {
                let value = value.expose_secret();
                prop_assert!(!value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert_eq!(cleaned(value, purpose), Ok(value.to_owned()), "cleaning it again changes nothing");
                prop_assert_eq!(strip(&bytes), value.as_bytes());
            }
            Err(fault) => {
                let words = match fault {
                    Fault::Character { character, .. } => Fault::Character { character, position: 0 },
                    fault => fault,
                };
                let constant = words.to_string();
                let said = fault.to_string();
                let digits = |text: &str| text.replace(|character: char| character.is_ascii_digit(), "");
                prop_assert_eq!(digits(&said), digits(&constant));
            }
        }
    }
}
