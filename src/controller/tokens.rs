use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::scalingo::{ApiToken, TokenKey};

/// The API token that each resource was last seen with, for when its Secret goes first.
#[derive(Default)]
pub struct Tokens {
    known: Mutex<HashMap<String, ApiToken>>,
}

impl Tokens {
    /// Remembers a resource's token. Gives its predecessor, if no resource is known with that any more.
    #[must_use]
    pub fn remember(&self, uid: &str, token: &ApiToken) -> Option<ApiToken> {
        let mut known = self.known();
        let before = known.insert(uid.to_owned(), token.clone())?;
        let is_used = known.values().any(|other| *other == before);
        (!is_used).then_some(before)
    }

    /// The token of a resource.
    #[must_use]
    pub fn last(&self, uid: &str) -> Option<ApiToken> {
        self.known().get(uid).cloned()
    }

    /// All tokens that are known, each once.
    #[must_use]
    pub fn in_use(&self) -> BTreeSet<TokenKey> {
        self.known().values().map(ApiToken::key).collect()
    }

    /// Forgets a resource.
    pub fn forget(&self, uid: &str) {
        self.known().remove(uid);
    }

    /// Forgets the resources that are not among these.
    pub fn keep_only(&self, uids: &HashSet<String>) {
        self.known().retain(|uid, _| uids.contains(uid));
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, ApiToken>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_predecessor_is_given_once_nobody_is_known_with_it() {
        let [old, new] = ["tk-old", "tk-new"].map(|token| ApiToken::new(token).unwrap());
        let tokens = Tokens::default();
        assert_eq!(tokens.remember("a", &old), None);
        assert_eq!(tokens.remember("b", &old), None);
        assert_eq!(tokens.remember("a", &old), None, "it is its own successor");
        assert_eq!(tokens.remember("a", &new), None, "b still uses it");
        assert_eq!(tokens.remember("b", &new), Some(old));
        assert_eq!(tokens.last("a"), Some(new.clone()));
        assert_eq!(tokens.in_use(), [new.key()].into());
        tokens.keep_only(&["b".to_owned()].into());
        assert_eq!((tokens.last("a"), tokens.last("b")), (None, Some(new)));
        tokens.forget("b");
        assert_eq!(tokens.last("b"), None);
    }
}
