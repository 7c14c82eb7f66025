use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::secrets::SecretName;
use crate::{
    crd::LogDrain,
    scalingo::{ApiToken, TokenKey},
};

/// A key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    secret: SecretName,
    key: String,
}

impl Place {
    /// Where the API token of a resource stands.
    #[must_use]
    pub fn of(object: &LogDrain) -> Self {
        let reference = &object.spec.api_token_secret_ref;
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        Self { secret: SecretName { namespace, name: reference.name.clone() }, key: reference.key.clone() }
    }
}

/// The API tokens that were last read, for when their Secret goes before its resources do.
#[derive(Default)]
pub struct Tokens {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    by_resource: HashMap<String, ApiToken>,
    /// A resource that has read none itself uses what another has read there.
    by_place: HashMap<Place, ApiToken>,
}

impl Tokens {
    /// Remembers a resource's token, read here. Gives its predecessor, if no resource is known with that any more.
    #[must_use]
    pub fn remember(&self, uid: &str, place: Place, token: &ApiToken) -> Option<ApiToken> {
        let mut known = self.known();
        known.by_place.insert(place, token.clone());
        let before = known.by_resource.insert(uid.to_owned(), token.clone())?;
        let is_used = known.by_resource.values().any(|other| *other == before);
        (!is_used).then_some(before)
    }

    /// The token of a resource.
    #[must_use]
    pub fn last(&self, uid: &str) -> Option<ApiToken> {
        self.known().by_resource.get(uid).cloned()
    }

    /// The token that anybody has last read here, else the resource's own.
    #[must_use]
    pub fn last_at(&self, uid: &str, place: &Place) -> Option<ApiToken> {
        let known = self.known();
        known.by_place.get(place).or_else(|| known.by_resource.get(uid)).cloned()
    }

    /// All tokens that resources are known with, each once.
    #[must_use]
    pub fn in_use(&self) -> BTreeSet<TokenKey> {
        self.known().by_resource.values().map(ApiToken::key).collect()
    }

    /// Forgets a resource.
    pub fn forget(&self, uid: &str) {
        self.known().by_resource.remove(uid);
    }

    /// Forgets the resources and the places that are not among these.
    pub fn keep_only(&self, uids: &HashSet<String>, places: &HashSet<Place>) {
        let mut known = self.known();
        known.by_resource.retain(|uid, _| uids.contains(uid));
        known.by_place.retain(|place, _| places.contains(place));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Place {
        Place { secret: SecretName { namespace: "shop".into(), name: name.into() }, key: "api_token".into() }
    }

    #[test]
    fn a_predecessor_is_given_once_nobody_is_known_with_it() {
        let [old, new] = ["tk-old", "tk-new"].map(|token| ApiToken::new(token).unwrap());
        let tokens = Tokens::default();
        let remember = |uid: &str, token| tokens.remember(uid, place("scalingo"), token);
        assert_eq!(remember("a", &old), None);
        assert_eq!(remember("b", &old), None);
        assert_eq!(remember("a", &old), None, "it is its own successor");
        assert_eq!(remember("a", &new), None, "b still uses it");
        assert_eq!(remember("b", &new), Some(old));
        assert_eq!(tokens.last("a"), Some(new.clone()));
        assert_eq!(tokens.in_use(), [new.key()].into());
        tokens.keep_only(&["b".to_owned()].into(), &HashSet::new());
        assert_eq!((tokens.last("a"), tokens.last("b")), (None, Some(new)));
        tokens.forget("b");
        assert_eq!(tokens.last("b"), None);
    }

    #[test]
    fn what_a_sibling_has_read_serves_for_as_long_as_somebody_names_the_place() {
        let [old, new] = ["tk-old", "tk-new"].map(|token| ApiToken::new(token).unwrap());
        let tokens = Tokens::default();
        assert_eq!(tokens.last_at("a", &place("scalingo")), None);
        let _ = tokens.remember("a", place("scalingo"), &old);
        let _ = tokens.remember("b", place("scalingo"), &new);
        assert_eq!(tokens.last_at("a", &place("scalingo")), Some(new.clone()), "the newest");
        assert_eq!(tokens.last_at("a", &place("other")), Some(old), "its own");
        tokens.forget("b");
        assert_eq!(tokens.last_at("c", &place("scalingo")), Some(new));
        tokens.keep_only(&HashSet::new(), &HashSet::new());
        assert_eq!(tokens.last_at("c", &place("scalingo")), None);
    }
}
