//! What a list that has just come tells of other resources than the one that asked for it: those are called.

use tokio::time::Instant;

use super::dispatch::Dispatch;
use crate::{
    crd::DrainRecord,
    drain::Digest,
    scalingo::{App, TokenKey},
    state::{apps::named, doubts::Doubts, listings::Key, observation::Observation},
};

/// A list that has just come checks all resources of its target: those whose drain it does not show are called,
/// and may use it.
pub fn compare_all(
    dispatch: &Dispatch,
    doubts: &Doubts,
    key: &Key,
    observation: &Observation,
    except_uid: &str,
) {
    for uid in dispatch.members(key).into_iter().filter(|uid| uid != except_uid) {
        let Some(object) = dispatch.view.get(&uid) else { continue };
        // It looks by itself, and once is enough.
        if object.open_request().is_some() {
            continue;
        }
        let mut here = object.records().iter().filter(|record| record.is_on(&key.1));
        if here.any(|record| !is_shown(doubts, record, observation)) {
            dispatch.call(&uid, observation.sent());
        }
    }
}

/// A list of apps that has just come tells of all names: those resources are called whose app goes by another, or
/// whose name has come to mean another app.
pub fn compare_names(dispatch: &Dispatch, token: TokenKey, region: &str, apps: &[App]) {
    for (uid, target) in dispatch.members_of(token, region) {
        let Some(object) = dispatch.view.get(&uid) else { continue };
        let is_other = match named(apps, &object.spec.app) {
            Some(app) => app.id != target.app_id,
            // Not every app may be in the list.
            None => apps.iter().find(|app| app.id == target.app_id).is_some_and(|app| {
                object.status.as_ref().and_then(|status| status.renamed_to.as_ref()) != Some(&app.name)
            }),
        };
        if is_other {
            dispatch.call(&uid, Instant::now());
        }
    }
}

fn is_shown(doubts: &Doubts, record: &DrainRecord, observation: &Observation) -> bool {
    let url = record.url_digest.as_deref().map(Digest::recorded);
    url.is_some_and(|url| doubts.shows(observation, &url))
}
