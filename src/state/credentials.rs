//! The API tokens that resources were last seen with.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::secrets::{SecretName, Version};
use crate::{
    crd::SecretKeyRef,
    scalingo::{ApiToken, TokenKey},
};

/// A key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    secret: SecretName,
    key: String,
}

impl Place {
    /// Where this stands, as an object of the namespace names it.
    #[must_use]
    pub fn new(namespace: Option<&str>, SecretKeyRef { name, key }: &SecretKeyRef) -> Self {
        let namespace = namespace.unwrap_or_default().to_owned();
        Self { secret: SecretName { namespace, name: name.clone() }, key: key.clone() }
    }
}

/// The API tokens that were last read, for when their Secret goes before its resources do.
#[derive(Default)]
pub struct Tokens {
    /// Told when a resource is seen with a token that it had not before.
    pub changed: Notify,
    known: Mutex<Known>,
}

/// A token, and a region where it is used.
pub type Account = (TokenKey, String);

#[derive(Default)]
struct Known {
    by_resource: HashMap<Arc<str>, Arc<Account>>,
    /// Each account that is in use, with its token and the uids of the resources that use it.
    accounts: BTreeMap<Arc<Account>, (ApiToken, BTreeSet<Arc<str>>)>,
    /// A resource that has read none itself uses what another has read there, and in which version of the Secret.
    by_place: HashMap<Place, (ApiToken, Version)>,
}

impl Known {
    fn forget(&mut self, uid: &str) -> Option<ApiToken> {
        let account = self.by_resource.remove(uid)?;
        let (token, users) = self.accounts.get_mut(&account)?;
        let token = token.clone();
        users.remove(uid);
        if users.is_empty() {
            self.accounts.remove(&account);
        }
        Some(token)
    }

    fn last(&self, uid: &str) -> Option<ApiToken> {
        let (token, _) = self.accounts.get(self.by_resource.get(uid)?)?;
        Some(token.clone())
    }

    fn is_used(&self, key: TokenKey) -> bool {
        let mut accounts = self.accounts.range((key, String::new())..);
        accounts.next().is_some_and(|(account, _)| account.0 == key)
    }
}

impl Tokens {
    /// Remembers a resource's token, read here in this version and used in this region. Gives its predecessor, if no resource is
    /// known with that any more.
    #[must_use]
    pub fn remember(
        &self,
        uid: &str,
        (place, version): (Place, Version),
        region: String,
        token: &ApiToken,
    ) -> Option<ApiToken> {
        let mut known = self.known();
        known.by_place.insert(place, (token.clone(), version));
        let before = known.forget(uid);
        if before.as_ref() != Some(token) {
            self.changed.notify_one();
        }
        let account = (token.key(), region);
        let account = known
            .accounts
            .get_key_value(&account)
            .map_or_else(|| Arc::new(account), |(known, _)| known.clone());
        let (_, users) =
            known.accounts.entry(account.clone()).or_insert_with(|| (token.clone(), BTreeSet::new()));
        let uid: Arc<str> = uid.into();
        users.insert(uid.clone());
        known.by_resource.insert(uid, account);
        before.filter(|before| !known.is_used(before.key()))
    }

    /// The token of a resource.
    #[must_use]
    pub fn last(&self, uid: &str) -> Option<ApiToken> {
        self.known().last(uid)
    }

    /// Whether a resource uses a token in a region.
    #[must_use]
    pub fn uses(&self, uid: &str, account: &Account) -> bool {
        self.known().by_resource.get(uid).is_some_and(|used| **used == *account)
    }

    /// The token that anybody has last read here, and in which version of the Secret.
    #[must_use]
    pub fn at(&self, place: &Place) -> Option<(ApiToken, Version)> {
        self.known().by_place.get(place).cloned()
    }

    /// The same, else the resource's own, whose Secret is another.
    #[must_use]
    pub fn last_at(&self, uid: &str, place: &Place) -> Option<(ApiToken, Version)> {
        self.at(place).or_else(|| Some((self.last(uid)?, Version::Gone)))
    }

    /// All tokens that resources are known with, each once.
    #[must_use]
    pub fn in_use(&self) -> BTreeSet<TokenKey> {
        self.known().accounts.keys().map(|account| account.0).collect()
    }

    /// All that such a resource uses.
    #[must_use]
    pub fn used_by(&self, is_one: impl Fn(&str) -> bool) -> BTreeMap<Account, ApiToken> {
        let known = self.known();
        let used = known.accounts.iter().filter(|(_, (_, users))| users.iter().any(|uid| is_one(uid)));
        used.map(|(account, (token, _))| (Account::clone(account), token.clone())).collect()
    }

    /// Forgets a resource.
    pub fn forget(&self, uid: &str) {
        self.known().forget(uid);
    }

    /// Forgets the places that are not kept.
    pub fn keep_places(&self, is_kept: impl Fn(&Place) -> bool) {
        self.known().by_place.retain(|place, _| is_kept(place));
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
        let here = || (place("scalingo"), Version::At(1));
        let remember = |uid: &str, token| tokens.remember(uid, here(), "r".into(), token);
        assert_eq!(remember("a", &old), None);
        assert_eq!(remember("b", &old), None);
        assert_eq!(remember("a", &old), None, "it is its own successor");
        assert_eq!(remember("a", &new), None, "b still uses it");
        assert_eq!(remember("b", &new), Some(old));
        assert_eq!(tokens.last("a"), Some(new.clone()));
        assert_eq!(tokens.in_use(), [new.key()].into());
        let account = |region: &str| (new.key(), region.to_owned());
        assert!(tokens.uses("a", &account("r")) && !tokens.uses("a", &account("s")));
        assert_eq!(tokens.used_by(|uid| uid == "b"), [(account("r"), new.clone())].into());
        assert_eq!(tokens.used_by(|_| false), BTreeMap::new());
        tokens.forget("a");
        assert_eq!((tokens.last("a"), tokens.last("b")), (None, Some(new.clone())));
        tokens.forget("b");
        assert_eq!((tokens.last("b"), tokens.in_use()), (None, BTreeSet::new()));
    }

    #[test]
    fn what_a_sibling_has_read_serves_for_as_long_as_somebody_names_the_place() {
        let [old, new] = ["tk-old", "tk-new"].map(|token| ApiToken::new(token).unwrap());
        let tokens = Tokens::default();
        assert_eq!(tokens.last_at("a", &place("scalingo")), None);
        let [first, second] = [1, 2].map(Version::At);
        let _ = tokens.remember("a", (place("scalingo"), first), "r".into(), &old);
        let _ = tokens.remember("b", (place("scalingo"), second), "r".into(), &new);
        assert_eq!(tokens.last_at("a", &place("scalingo")), Some((new.clone(), second)), "the newest");
        assert_eq!(tokens.last_at("a", &place("other")), Some((old, Version::Gone)), "its own");
        tokens.forget("b");
        assert_eq!(tokens.last_at("c", &place("scalingo")), Some((new, second)));
        tokens.keep_places(|_| false);
        assert_eq!(tokens.last_at("c", &place("scalingo")), None);
    }
}
