use super::*;

#[test]
fn a_note_is_cut_to_what_the_api_server_takes_and_never_within_a_letter() {
    let long = |length: usize| "x".repeat(length);
    assert_eq!(cut(long(1_024)), long(1_024), "just short enough");
    assert_eq!(cut(long(1_025)), long(1_024));
    assert_eq!(cut(long(1_023) + "\u{e4}"), long(1_023), "its last letter takes two bytes, one too many");
    assert_eq!(cut(long(1_022) + "\u{e4}"), long(1_022) + "\u{e4}");
    assert_eq!(cut(String::new()), "");
}
