//! What people do behind the client's back, and what tests prepare and look up.

use serde_json::json;

use super::{Simulator, Unknown};
use crate::journal::ChangeKind;
use crate::state::{Addon, ApiToken, App, Drain, State, Target};

const DATABASES: [&str; 7] =
    ["postgresql", "mysql", "mongodb", "redis", "elasticsearch", "influxdb", "opensearch"];

/// Whether addons of this provider are databases, whose logs can be drained.
pub(crate) fn is_database(provider: &str) -> bool {
    DATABASES.contains(&provider)
}

impl Simulator {
    /// Accepts an API token. `label` names it in the journal, and in the calls below; tokens of one label share its budget.
    pub fn add_token(&self, label: &str, token: &str) {
        let (label, secret) = (label.to_owned(), token.to_owned());
        self.state().tokens.push(ApiToken { label, secret, revoked: false, limited: false, apps: None });
    }

    /// Accepts the API token no longer for exchanges; its bearer tokens stay valid.
    pub fn revoke_token(&self, label: &str) {
        self.change_token(label, |token| token.revoked = true);
    }

    /// Accepts a revoked API token again.
    pub fn restore_token(&self, label: &str) {
        self.change_token(label, |token| token.revoked = false);
    }

    /// Accepts the bearer tokens no longer that this API token was exchanged for; it can be exchanged for others.
    pub fn revoke_bearers(&self, label: &str) {
        self.state().bearers.retain(|_, bearer| bearer.label != label);
    }

    /// The bearer tokens that this API token was exchanged for and that were not revoked, expired ones too: secrets.
    #[must_use]
    pub fn bearers(&self, label: &str) -> Vec<String> {
        let state = self.state();
        let of_label = state.bearers.iter().filter(|(_, bearer)| bearer.label == label);
        of_label.map(|(jwt, _)| jwt.clone()).collect()
    }

    /// Whether the token's user is a collaborator with the limited role, who meets 403 at log drains.
    pub fn set_limited(&self, label: &str, limited: bool) {
        self.change_token(label, |token| token.limited = limited);
    }

    /// Lets the token see only these apps, by name or id; all with `None`.
    pub fn show_only(&self, label: &str, apps: Option<&[&str]>) {
        let apps = apps.map(|apps| {
            let state = self.state();
            apps.iter().filter_map(|key| state.app(key).map(|app| app.id.clone())).collect::<Vec<_>>()
        });
        self.change_token(label, |token| token.apps.clone_from(&apps));
    }

    fn change_token(&self, label: &str, change: impl Fn(&mut ApiToken)) {
        self.state().tokens.iter_mut().filter(|token| token.label == label).for_each(change);
    }

    /// Makes an app; gives its id, of 24 hexadecimal digits.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn add_app(&self, name: &str) -> String {
        let id = self.state().object_id();
        self.add_app_with_id(name, &id);
        id
    }

    /// Makes an app with this id.
    pub fn add_app_with_id(&self, name: &str, id: &str) {
        let now = self.now();
        let mut state = self.state();
        let app = App { id: id.to_owned(), name: name.to_owned(), drains: Vec::new(), addons: Vec::new() };
        state.apps.push(app);
        state.add_event("new_app", id, name, &json!({}), now);
        drop(state);
        self.notify();
    }

    /// Renames an app, given by name or id. Its id and its drains stay.
    ///
    /// # Errors
    /// When there is no such app.
    pub fn rename_app(&self, app: &str, name: &str) -> Result<(), Unknown> {
        let now = self.now();
        let mut state = self.state();
        let found = state.app_mut(app).ok_or(Unknown("app"))?;
        let old_name = std::mem::replace(&mut found.name, name.to_owned());
        let id = found.id.clone();
        state.add_event("rename_app", &id, name, &json!({ "old_name": old_name, "new_name": name }), now);
        drop(state);
        self.notify();
        Ok(())
    }

    /// Deletes an app with its addons and drains.
    ///
    /// # Errors
    /// When there is no such app.
    pub fn delete_app(&self, app: &str) -> Result<(), Unknown> {
        let now = self.now();
        let mut state = self.state();
        let found = state.app(app).ok_or(Unknown("app"))?;
        let (id, name) = (found.id.clone(), found.name.clone());
        let addons: Vec<_> = found.addons.iter().map(|addon| (id.clone(), addon.id.clone()).into()).collect();
        for target in addons.into_iter().chain([Target::from(&id)]) {
            remove_all(&mut state, &target, now);
        }
        state.apps.retain(|app| app.id != id);
        state.add_event("delete_app", &id, &name, &json!({}), now);
        drop(state);
        self.notify();
        Ok(())
    }

    /// Gives an app an addon; gives the addon's id, `ad-` and a UUID.
    ///
    /// # Errors
    /// When there is no such app.
    pub fn add_addon(&self, app: &str, provider: &str, supports_drains: bool) -> Result<String, Unknown> {
        let id = format!("ad-{}", self.state().uuid());
        self.add_addon_with_id(app, provider, supports_drains, &id)?;
        Ok(id)
    }

    /// Gives an app an addon with this id.
    ///
    /// # Errors
    /// When there is no such app.
    pub fn add_addon_with_id(
        &self,
        app: &str,
        provider: &str,
        supports_drains: bool,
        id: &str,
    ) -> Result<(), Unknown> {
        let now = self.now();
        let mut state = self.state();
        let found = state.app_mut(app).ok_or(Unknown("app"))?;
        let (id, provider) = (id.to_owned(), provider.to_owned());
        let data = json!({ "addon_uuid": id, "addon_provider_name": provider });
        found.addons.push(Addon { id, provider, supports_drains, drains: Vec::new() });
        let (app_id, app_name) = (found.id.clone(), found.name.clone());
        state.add_event("new_addon", &app_id, &app_name, &data, now);
        drop(state);
        self.notify();
        Ok(())
    }

    /// Deletes an addon with its drains.
    ///
    /// # Errors
    /// When there is no such addon.
    pub fn delete_addon(&self, app: &str, addon: &str) -> Result<(), Unknown> {
        let now = self.now();
        let mut state = self.state();
        let target = Target::from((app, addon));
        state.drains(&target).ok_or(Unknown("addon"))?;
        remove_all(&mut state, &target, now);
        let found = state.app_mut(app).ok_or(Unknown("app"))?;
        found.addons.retain(|other| other.id != addon);
        let (app_id, app_name) = (found.id.clone(), found.name.clone());
        state.add_event("delete_addon", &app_id, &app_name, &json!({ "addon_uuid": addon }), now);
        drop(state);
        self.notify();
        Ok(())
    }

    /// Adds a drain behind the client's back. It shows up in the change feed.
    ///
    /// # Errors
    /// When there is no such target.
    pub fn add_drain_behind(&self, target: impl Into<Target>, url: &str) -> Result<(), Unknown> {
        let now = self.now();
        let added = self.state().add_drain(&target.into(), Drain::foreign(url), None, now);
        self.notify();
        if added { Ok(()) } else { Err(Unknown("target")) }
    }

    /// Removes a drain behind the client's back: the first of this URL. It shows up in the change feed.
    ///
    /// # Errors
    /// When there is no such target or drain.
    pub fn remove_drain_behind(&self, target: impl Into<Target>, url: &str) -> Result<(), Unknown> {
        let now = self.now();
        let removed = self.state().remove_drain(&target.into(), url, false, None, now);
        self.notify();
        match removed {
            None => Err(Unknown("target")),
            Some(0) => Err(Unknown("drain")),
            Some(_) => Ok(()),
        }
    }

    /// The URLs of a target's drains, in the order in which they were added; none for a target that is not there.
    #[must_use]
    pub fn drains(&self, target: impl Into<Target>) -> Vec<String> {
        let state = self.state();
        let drains = state.drains(&target.into());
        drains.map_or_else(Vec::new, |drains| drains.iter().map(|drain| drain.url.clone()).collect())
    }

    /// The same drains, each URL in its documented form, its host in one spelling; one that was added behind the client's back, as it was given.
    #[must_use]
    pub fn documented_drains(&self, target: impl Into<Target>) -> Vec<String> {
        let state = self.state();
        let drains = state.drains(&target.into());
        drains.map_or_else(Vec::new, |drains| drains.iter().map(|drain| drain.documented.clone()).collect())
    }

    /// All targets with their drains: each app by id, and after it its addons.
    #[must_use]
    pub fn all_drains(&self) -> Vec<(Target, Vec<String>)> {
        let state = self.state();
        let urls = |drains: &[Drain]| drains.iter().map(|drain| drain.url.clone()).collect();
        let of_app = |app: &App| {
            let addons = app.addons.iter().map(|addon| ((&app.id, &addon.id).into(), urls(&addon.drains)));
            [(Target::from(&app.id), urls(&app.drains))].into_iter().chain(addons).collect::<Vec<_>>()
        };
        state.apps.iter().flat_map(of_app).collect()
    }

    /// The id of an app, given by name.
    #[must_use]
    pub fn app_id(&self, name: &str) -> Option<String> {
        self.state().app(name).map(|app| app.id.clone())
    }
}

fn remove_all(state: &mut State, target: &Target, now: jiff::Timestamp) {
    let urls: Vec<String> = state
        .drains(target)
        .map_or_else(Vec::new, |drains| drains.iter().map(|drain| drain.url.clone()).collect());
    for url in urls {
        state.record(ChangeKind::Removed, target, url, None, now);
    }
    if let Some(app) = state.app(&target.app) {
        let target = Target { app: app.id.clone(), addon: target.addon.clone() };
        state.past.forget(&target);
    }
}
