//! Texts, destinations and targets that nobody would write in good faith.

use logdrain_operator::{
    crd::DrainType,
    drain::{Destination, DrainUrl, Target},
};
use proptest::{option, prelude::*, sample::select};
use strum::IntoEnumIterator as _;

/// Short texts of what has a meaning somewhere in a URL, a header, a path or JSON, and of anything else.
pub fn hostile() -> impl Strategy<Value = String> {
    let pieces = vec![
        ".",
        "..",
        "/",
        "\\",
        "//",
        "../../",
        "?",
        "#",
        "%",
        "%2e%2e",
        "%2F",
        "%00",
        "@",
        ":",
        ":443",
        "\t",
        "\n",
        "\r\nHost: evil.example\r\n",
        ";",
        "&",
        " ",
        "http://",
        "https://evil.example/",
        "xn--",
        "\u{ff0f}",
        "\u{2024}",
        "\u{202e}",
        "v1",
        "\0",
        "{region}",
        "\"",
        "\"}",
        "'",
        "<",
        "[",
        "]",
        "[::1]",
        "log_drains",
        "tokens/exchange",
        "-",
        "_",
        "\u{e9}",
    ];
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        4 => "[a-z0-9-]{1,8}",
        4 => select(pieces).prop_map(str::to_owned),
        1 => Just("a".repeat(300)),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// The same, and as often something in good order, so that calls get beyond the first check.
pub fn maybe_hostile(good: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![Just(good.to_owned()), hostile()]
}

pub fn target() -> impl Strategy<Value = Target> {
    let addon = option::of(maybe_hostile("ad-1"));
    let parts = (maybe_hostile("osc-fr1"), maybe_hostile("shop"), addon);
    parts.prop_map(|(region, app_id, addon)| Target { region, app_id, addon })
}

pub fn url() -> impl Strategy<Value = DrainUrl> {
    let scheme =
        select(vec!["", "https://", "datadog://", "ovh://:", "syslog://:", "tcp+tls://", "data:", "x://u:"]);
    (scheme, hostile(), select(vec!["", "@host:1", "?region=eu", "@[::1]:65536"]))
        .prop_map(|(scheme, middle, end)| DrainUrl::new(format!("{scheme}{middle}{end}")))
}

pub fn drain_type() -> impl Strategy<Value = DrainType> {
    select(DrainType::iter().collect::<Vec<_>>())
}

/// Any fields, whether or not the type has them.
pub fn destination() -> impl Strategy<Value = Destination> {
    let fields = (option::of(hostile()), option::of(hostile()), any::<Option<u16>>(), option::of(hostile()));
    (drain_type(), fields, option::of(url())).prop_map(
        |(drain_type, (token, host, port, drain_region), url)| Destination {
            token: token.map(Into::into),
            host,
            port,
            drain_region,
            url,
            ..Destination::new(drain_type)
        },
    )
}
