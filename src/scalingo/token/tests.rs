use std::collections::HashSet;

use super::*;
use crate::scalingo::scripted::assert_text_hides;

#[test]
fn tokens_are_told_apart_without_their_value() {
    let one = ApiToken::new("tk-us-one").unwrap();
    let same = ApiToken::new("tk-us-one".to_owned()).unwrap();
    let other = ApiToken::new("tk-us-other").unwrap();
    assert_eq!(one, same);
    assert_ne!(one, other);
    assert_eq!(HashSet::from([one, same, other]).len(), 2);
}

#[test]
fn printing_shows_nothing_of_the_token() {
    let token = ApiToken::new("tk-us-one").unwrap();
    assert_text_hides(&format!("{token:?} {:?}", token.key()), &["tk-us-one", "one"]);
    // Four bytes of 32: enough to tell tokens apart in a log of one process.
    assert_eq!(format!("{:?}", token.key()).len(), "TokenKey(00000000…)".len());
}

#[test]
fn what_cannot_be_a_token_is_refused_with_a_sentence() {
    for empty in ["", "  "] {
        assert_eq!(ApiToken::new(empty).unwrap_err(), TokenError::Empty);
    }
    for control in ["tk\n", "tk\r\nHost: evil", "\0", "tk\u{85}"] {
        assert_eq!(ApiToken::new(control).unwrap_err(), TokenError::ControlCharacter);
    }
    for error in [TokenError::Empty, TokenError::ControlCharacter] {
        assert!(error.to_string().ends_with('.'));
    }
}
