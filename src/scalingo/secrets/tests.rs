use proptest::prelude::*;

use super::*;
use crate::scalingo::scripted::assert_text_hides;

fn secrets(raw: &[&str]) -> Secrets {
    let mut secrets = Secrets::default();
    for secret in raw {
        secrets.add(secret);
    }
    secrets
}

#[test]
fn each_writing_of_a_secret_is_hidden() {
    let secret = "p+w/=&\"é<tk";
    let secrets = secrets(&[secret]);
    for writing in writings(secret) {
        let shown = secrets.scrub(&format!("host {writing} is bad"));
        assert_eq!(shown, "host *** is bad", "{writing}");
    }
    let twice =
        utf8_percent_encode(&utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(), NON_ALPHANUMERIC)
            .to_string();
    for unlisted in [twice, secret.to_uppercase()] {
        assert_eq!(secrets.scrub(&format!("host {unlisted} is bad")), "***");
    }
}

#[test]
fn what_is_not_secret_stays() {
    assert_eq!(secrets(&["tk-us-secret", ""]).scrub(" host is\tinvalid "), "host is invalid");
}

#[test]
fn control_and_invisible_characters_go() {
    let shown = secrets(&["tk-us-secret"]).scrub("a\u{1b}[31m\u{0}b\u{202e}c\r\nd\u{feff}tk-us-secret\n");
    assert_eq!(shown, "a [31m b c d ***");
}

#[test]
fn parts_of_a_url_are_secrets() {
    let cases = [
        ("ovh://:tok-1@tag1.logs.ovh.com:6514", "tok-1"),
        ("datadog://tokentoken?region=eu-west-2", "tokentoken"),
        ("https://user:p%40ss@elk.example.com/", "p@ss"),
        ("https://user:p%40ss@elk.example.com/", "p%40ss"),
        ("https://elk.example.com/?api_key=abcdefgh", "abcdefgh"),
        ("syslog://:x@custom.logs.com:1234", "syslog://:x@custom.logs.com:1234"),
        ("not a url at all", "not a url at all"),
    ];
    for (url, part) in cases {
        let mut secrets = Secrets::default();
        secrets.add_listed_url(&DrainUrl::new(url.to_owned()));
        let shown = secrets.scrub(&format!("[{part}]"));
        assert!(["[***]", "***"].contains(&shown.as_str()), "{url}: {shown}");
    }
    let text = "elk.example.com:9200 is unknown";
    let url = |text: &str| DrainUrl::new(text.to_owned());
    let mut secrets = Secrets::default();
    secrets.add_url(&url("https://user:p%40ss@elk.example.com:9200/in"));
    assert_eq!(secrets.scrub(text), text, "the host is shown anyway");
    for (add, address) in [
        (Secrets::add_url as fn(&mut Secrets, &DrainUrl), "https://elk.example.com:9200/re@st"),
        (Secrets::add_listed_url, "https://elk.example.com:9200"),
    ] {
        let mut secrets = Secrets::default();
        add(&mut secrets, &url(address));
        assert_eq!(secrets.scrub(text), "*** is unknown", "it may be a secret");
    }
}

#[test]
fn pieces_of_a_drains_secret_are_hidden_and_usual_words_are_not() {
    let mut secrets = Secrets::default();
    secrets.add_url(&DrainUrl::new(
        "https://shipper:hostile%2Fpass-77@elk.example.com/hook/1f9c?key=4d2a".into(),
    ));
    for (text, shown) in [
        (
            "host: is not reachable, password has been taken",
            "host: is not reachable, password has been taken",
        ),
        ("path /hook/1f9c is bad", "path *** is bad"),
        ("cannot parse \"hostile/pass-77@elk.ex\"", "cannot parse \"***@elk.ex\""),
        ("no such user: ship...", "no such user ***"),
        ("HOSTILE", "***"),
        ("h%6fst%69le", "***"),
        ("%2568ostile%252Fpa", "***"),
        ("77@elk and st", "*** and st"),
        ("?key=4d2a", "***"),
    ] {
        assert_eq!(secrets.scrub(text), shown);
    }
}

#[test]
fn signs_of_a_secret_are_hidden_beside_a_usual_word() {
    let mut secrets = Secrets::default();
    secrets.add_drain_token("a&:=b!an");
    for (text, shown) in
        [("(&:=elk)", "elk"), ("&:=***@elk", "***"), ("\"!an\"", "an"), ("\"elk\": an", "\"elk\": an")]
    {
        assert_eq!(secrets.scrub(text), shown);
    }
}

#[test]
fn a_usual_word_in_an_unusual_writing_is_a_piece_of_a_secret() {
    let mut secrets = Secrets::default();
    secrets.add_drain_token("{{BAd:");
    for (text, shown) in [("{BAd is", "*** is"), ("BAd", "***"), ("bad", "bad"), ("Bad BAD", "Bad BAD")] {
        assert_eq!(secrets.scrub(text), shown);
    }
}

#[test]
fn no_url_is_shown_whoever_it_belongs_to() {
    for (text, shown) in [
        ("500 for syslog://:tok@logs.example.com:1 here", "500 for *** here"),
        ("url=tcp+tls://logs.example.com:1, sorry", "url=*** sorry"),
        ("(\"https:\\/\\/user:pw@elk.example.com\\/\")", "(\"***"),
        ("DATADOG%3A%2F%2Ftok%3Fregion x", "*** x"),
        ("datadog%253a%252f%252ftok", "***"),
        ("a: / / b 1:2 //c", "a: / / b 1:2 //c"),
    ] {
        assert_eq!(Secrets::default().scrub(text), shown);
    }
}

#[test]
fn a_long_text_is_cut_after_secrets_are_hidden() {
    let secrets = secrets(&["0123456789abcdef"]);
    let shown = secrets.scrub(&"é".repeat(LONGEST_TEXT * 4));
    assert_eq!(shown.chars().count(), LONGEST_MESSAGE + 1);
    assert!(shown.ends_with('…'));
    // The secret lies across the place of the cut.
    let shown = secrets.scrub(&format!("{}0123456789abcdef", "x".repeat(LONGEST_MESSAGE - 4)));
    assert!(!shown.contains("0123"), "{shown}");
    let shown = secrets.scrub(&"0123456789abcdef-".repeat(LONGEST_TEXT));
    assert!(!shown.contains("0123"), "{shown}");
    let shown = secrets.scrub(&format!(" {}", "0123456789abcdef".repeat(LONGEST_TEXT)));
    assert!(!shown.contains("0123"), "{shown}");
}

#[test]
fn debug_shows_nothing() {
    assert_text_hides(&format!("{:?}", secrets(&["tk-us-secret"])), &["tk-us-secret"]);
}

/// How Scalingo may quote a URL, or a part of it from one place to another.
fn quoted(url: &str, from: usize, to: usize, way: usize) -> String {
    let characters: Vec<char> = url.chars().collect();
    let (from, to) = (from.min(characters.len()), to.min(characters.len()));
    let cut: String = characters[from.min(to)..from.max(to)].iter().collect();
    let decoded = || percent_decode_str(&cut).decode_utf8_lossy().into_owned();
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    match way {
        0 => cut,
        1 => decoded(),
        2 => encoded(&cut),
        3 => encoded(&encoded(&cut)),
        4 => cut.to_uppercase(),
        5 => serde_json::Value::from(cut).to_string(),
        // The path alone, with what is no path where the password is not encoded.
        _ => url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_run_of_three_characters_of_a_password_is_shown_however_the_url_is_quoted(
        password in "[!-~]{3,20}", is_encoded in any::<bool>(), listed in any::<bool>(),
        from in 0_usize..80, to in 0_usize..80, way in 0_usize..7,
    ) {
        let encoded = utf8_percent_encode(&password, NON_ALPHANUMERIC).to_string();
        let written = if is_encoded { &encoded } else { &password };
        let url = format!("https://user:{written}@elk.example.com:9200/in/{written}?x={written}");
        let mut secrets = Secrets::default();
        let add = if listed { Secrets::add_listed_url } else { Secrets::add_url };
        add(&mut secrets, &DrainUrl::new(url.clone()));
        let said = |quoted: &str| secrets.scrub(&format!("url: {quoted} cannot be parsed"));
        let shown = said(&quoted(&url, from, to, way));
        // That a usual word is shown says nothing of the password.
        let shown = shown.split(' ').filter(|word| usual(word) != Some(word)).collect::<Vec<_>>().join(" ");
        let harmless = format!("{} elk.example.com:9200", said("***"));
        let characters: Vec<char> = password.chars().collect();
        for run in characters.windows(3).map(|run| run.iter().collect::<String>()) {
            prop_assert!(!shown.contains(&run) || harmless.contains(&run), "{run:?} in {shown:?}");
        }
    }
}

proptest! {
    #[test]
    fn no_secret_survives(secret in "[ -~]{0,2}[!-~]{6,20}", before in ".{0,40}", after in ".{0,40}", which in 0_usize..12) {
        let secret = secret.trim();
        prop_assume!(!"***".contains(secret));
        let secrets = secrets(&[secret]);
        let writing = writings(secret).swap_remove(which);
        let shown = secrets.scrub(&format!("{before}{writing}{after}"));
        prop_assert!(!shown.contains(&writing), "{}", shown);
        prop_assert!(!shown.contains(secret), "{}", shown);
        prop_assert!(!shown.chars().any(char::is_control));
    }
}
