//! What happens at Scalingo, behind the operator's back and to its requests.

use logdrain_operator::drain::DrainUrl;
use scalingo_simulator::{Hosts, ListLag, RateLimit, Target, UnheededDelete, UrlForm};

use super::World;
use crate::judge::digest_target;
use crate::step::{DeleteForm, Duplicates, Lag, Step};
use crate::universe::{ADDON, AppSlot, Destination, Form, GOOD_TOKENS, Slot, foreign, in_order};

/// A drain that Scalingo lists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its parameters in order.
    pub url: String,
    /// In the documented form, where an operator has added it; else as it is.
    pub documented: String,
}

impl Listed {
    /// Whether it is one of these, by its URL in any form.
    pub fn is_among<'url>(&self, urls: impl IntoIterator<Item = &'url String>) -> bool {
        urls.into_iter().any(|url| *url == self.url || *url == self.documented)
    }
}

impl World {
    pub(super) fn happen_at_scalingo(&mut self, step: &Step) {
        match *step {
            Step::RevokeBearers => {
                for version in 0..GOOD_TOKENS {
                    self.simulator().revoke_bearers(&format!("operator-{version}"));
                }
            }
            Step::Foreign { app, addon, number } => self.add_foreign(app, addon, number),
            Step::Copy { app, addon, destination, version } => self.copy(app, addon, destination, version),
            Step::RemoveBehind { app, addon, nth } => self.remove_behind(app, addon, nth),
            Step::RenameApp { app } => {
                let Some(id) = self.apps.get(&app) else { return };
                let [first, second] = app.names();
                let is_first = self.simulator().app_id(first).as_ref() == Some(id);
                let name = if is_first { second } else { first };
                if self.simulator().app_id(name).is_none() {
                    let _ = self.simulator().rename_app(id, name);
                }
            }
            Step::DeleteApp { app } => self.delete_app(app),
            Step::CreateApp { app } => self.create_app(app),
            Step::DeleteAddon { app } => self.delete_addon(app),
            Step::CreateAddon { app } => self.create_addon(app),
            Step::Scalingo { requests, fault, times } => {
                self.witness().count(&format!("Scalingo: {}", fault.name()));
                for rule in fault.rules(requests, times) {
                    self.simulator().add_rule(rule);
                }
            }
            Step::Budget { per_minute, fixed } if self.started == 0 => {
                self.requests_per_minute = per_minute.into();
                let limit = u32::from(per_minute) + 1 + u32::from(per_minute) / 5;
                let limit = if fixed { RateLimit::fixed(limit) } else { RateLimit::sliding(limit) };
                self.simulator().set(|settings| settings.rate_limit = Some(limit));
            }
            Step::Feed { shown, delay_seconds, hidden_for, addon_names } => {
                self.hidden = hidden_for;
                let hidden = hidden_for.and_then(|app| self.apps.get(&app)).cloned();
                self.simulator().set(|settings| {
                    settings.events = shown;
                    settings.event_delay_seconds = delay_seconds.into();
                    settings.events_hidden_for = hidden.into_iter().collect();
                    settings.addon_event_names = addon_names;
                });
            }
            Step::Sight { app, version, sees } => {
                let Some(id) = self.apps.get(&app).cloned() else { return };
                if sees {
                    self.show(&id, version);
                } else {
                    self.witness().count("an app hidden from a token");
                    self.sight.lose(&id, version);
                    self.sight.apply(self.simulator());
                }
            }
            Step::ScalingoCalm => {
                self.simulator().clear_rules();
                for (app, version) in self.sight.hidden() {
                    self.show(&app, version);
                }
            }
            Step::Lag { seconds, kind } => self.let_lists_lag(seconds, kind),
            Step::Form(form) => self.write_in(form),
            Step::HostsAsGiven(given) => {
                let hosts = if given { Hosts::AsGiven } else { Hosts::Canonical };
                self.simulator().set(|settings| settings.hosts = hosts);
            }
            Step::Duplicates(duplicates) => {
                if duplicates != Duplicates::Accepted {
                    self.kept.cannot_be_told();
                }
                self.simulator().set(|settings| {
                    settings.duplicates = match duplicates {
                        Duplicates::Refused => scalingo_simulator::Duplicates::Refused,
                        Duplicates::Accepted => scalingo_simulator::Duplicates::Accepted,
                        Duplicates::Merged => scalingo_simulator::Duplicates::Merged,
                    };
                });
            }
            Step::DeleteRemovesAll(all) => self.simulator().set(|settings| settings.delete_removes_all = all),
            // A way to delete that was seen to work is trusted from then on: an API that would no longer heed it, and say
            // that it does, is none that could be lived with.
            Step::DeleteForm(DeleteForm::QueryElseIgnored) if self.started > 0 => {}
            Step::DeleteForm(form) => self.simulator().set(|settings| {
                settings.delete_by_body = matches!(form, DeleteForm::Either | DeleteForm::BodyElseRefused);
                settings.delete_by_query = form != DeleteForm::BodyElseRefused;
                settings.unheeded_delete = match form {
                    DeleteForm::QueryElseIgnored => UnheededDelete::Ignored,
                    _ => UnheededDelete::Refused422,
                };
            }),
            _ => {}
        }
    }

    fn delete_app(&mut self, app: AppSlot) {
        let Some(id) = self.apps.remove(&app) else { return };
        self.witness().is_restless();
        self.foreign.retain(|(target, _)| target.app != id);
        self.copies.retain(|(target, _), _| target.app != id);
        self.kept.leave(|target| target.app == id);
        let _ = self.simulator().delete_app(&id);
    }

    fn delete_addon(&mut self, app: AppSlot) {
        let Some(id) = self.apps.get(&app).cloned() else { return };
        self.witness().is_restless();
        let gone = Target::from((&id, ADDON));
        self.foreign.retain(|(target, _)| *target != gone);
        self.copies.retain(|(target, _), _| *target != gone);
        self.kept.leave(|target| *target == gone);
        let _ = self.simulator().delete_addon(&id, ADDON);
    }

    /// The token of this version sees an app again.
    fn show(&mut self, app: &str, version: u8) {
        if self.sight.regain(app, version) {
            self.witness().count("an app hidden for longer than operators wait");
            self.kept.leave(|target| target.app == app);
        }
        self.sight.apply(self.simulator());
    }

    /// Nobody can see a copy that a list does not show yet: a deletion may take it along.
    fn let_lists_lag(&mut self, seconds: u8, kind: Lag) {
        if seconds > 0 {
            self.kept.cannot_be_told();
            self.witness().count(&format!("lists lag: {kind:?}"));
        }
        let kind = match kind {
            Lag::All => scalingo_simulator::Lag::Steady,
            Lag::Some => scalingo_simulator::Lag::Varying,
            Lag::First => scalingo_simulator::Lag::Once,
        };
        let lag = (seconds > 0).then_some(ListLag { seconds: seconds.into(), kind });
        self.simulator().set(|settings| settings.list_lag = lag);
    }

    pub(super) fn write_in(&mut self, form: Form) {
        self.form = form;
        if form != Form::Documented {
            self.kept.cannot_be_told();
            self.was_undocumented = true;
        }
        self.was_unreadable |= matches!(form, Form::Opaque | Form::Unique);
        self.simulator().set(|settings| settings.raw_tokens = form == Form::Raw);
        let form = match form {
            Form::Documented | Form::Raw => UrlForm::Documented,
            Form::Reordered => UrlForm::Reordered,
            Form::Opaque => UrlForm::Opaque,
            Form::Unique => UrlForm::Unique,
        };
        self.simulator().set(|settings| settings.url_forms = [("*".to_owned(), form)].into());
    }

    pub(super) fn target(&self, app: AppSlot, addon: bool) -> Option<Target> {
        let id = self.apps.get(&app)?;
        let target = if addon { Target::from((id, ADDON)) } else { Target::from(id) };
        let is_there = self.simulator().all_drains().iter().any(|(there, _)| *there == target);
        is_there.then_some(target)
    }

    /// A drain in no documented form that comes while an answer is missing cannot be told from the one that was asked for
    /// (design: likeness), so such drains come before the first operator only.
    pub(super) fn add_foreign(&mut self, app: AppSlot, addon: bool, number: u8) {
        let url = foreign(number);
        if url.starts_with("https") && self.started > 0 {
            return;
        }
        let Some(target) = self.target(app, addon) else { return };
        if self.simulator().add_drain_behind(target.clone(), &url).is_ok() {
            self.foreign.push((target, url));
        }
    }

    /// As for [`Self::add_foreign`]: only what shows in its form that it leads elsewhere may come at any time.
    pub(super) fn copy(&mut self, app: AppSlot, addon: bool, destination: Destination, version: u8) {
        let tells =
            matches!(destination, Destination::Datadog | Destination::Syslog | Destination::Papertrail);
        if self.started > 0 && !(tells && self.form == Form::Documented) {
            return;
        }
        let Some(target) = self.target(app, addon) else { return };
        let documented = destination.documented(version);
        let is_there = self.simulator().drains(target.clone()).contains(&documented);
        if self.simulator().add_drain_behind(target.clone(), &self.form.write(&documented)).is_ok() {
            let accepts = self.simulator().settings().duplicates == scalingo_simulator::Duplicates::Accepted;
            if accepts && is_there && self.form == Form::Documented && self.is_recorded(&target, &documented)
            {
                self.kept.add(&target, &documented);
                self.witness().count("a copy beside a recorded drain");
            }
            *self.copies.entry((target, documented)).or_default() += 1;
        }
    }

    /// Whether a `LogDrain` says that it has a drain with this URL.
    fn is_recorded(&self, target: &Target, url: &str) -> bool {
        let digest = self.witness().digester.url(&digest_target(target), &DrainUrl::new(url.to_owned()));
        Slot::ALL.iter().filter_map(|slot| self.object(*slot)).any(|object| {
            let mut records = object["status"]["drains"].as_array().into_iter().flatten();
            records.any(|record| {
                record["state"] == "Active"
                    && record["appId"] == target.app.as_str()
                    && record["urlDigest"] == digest.to_string()
            })
        })
    }

    pub(super) fn remove_behind(&mut self, app: AppSlot, addon: bool, nth: u8) {
        let Some(target) = self.target(app, addon) else { return };
        let is_foreign =
            |url: &String| self.foreign.iter().any(|(at, foreign)| *at == target && foreign == url);
        let mut urls = self.simulator().drains(target.clone());
        urls.retain(|url| !is_foreign(url));
        if let Some(url) = urls.get(usize::from(nth) % urls.len().max(1)) {
            self.witness().is_restless();
            self.kept.forget(&target, url);
            let _ = self.simulator().remove_drain_behind(target, url);
        }
    }

    pub(super) fn create_app(&mut self, app: AppSlot) {
        let name = app.names()[0];
        if self.simulator().app_id(name).is_none() {
            self.apps_made += 1;
            let id = format!("5af97be7ff688d00012200{:02x}", self.apps_made);
            if self.hidden == Some(app) {
                self.simulator().set(|settings| settings.events_hidden_for.extend([id.clone()]));
            }
            self.simulator().add_app_with_id(name, &id);
            self.sight.apply(self.simulator());
            self.apps.insert(app, id);
        }
    }

    pub(super) fn create_addon(&self, app: AppSlot) {
        if let (Some(id), None) = (self.apps.get(&app), self.target(app, true)) {
            let _ = self.simulator().add_addon_with_id(id, "postgresql", true, ADDON);
        }
    }

    /// All drains.
    pub fn drains(&self) -> Vec<(Target, Vec<Listed>)> {
        let listed = |(target, urls): (Target, Vec<String>)| {
            let documented = self.simulator().documented_drains(target.clone());
            let drains = urls.iter().zip(documented);
            (target, drains.map(|(url, documented)| Listed { url: in_order(url), documented }).collect())
        };
        self.simulator().all_drains().into_iter().map(listed).collect()
    }

    /// How often requests were refused since there were too many, no fault being the reason.
    pub fn over_limit(&self) -> usize {
        let journal = self.simulator().journal();
        journal.iter().filter(|entry| entry.status == Some(429) && entry.fault.is_none()).count()
    }
}
