//! Reads the change feeds, and calls the resources that an event concerns.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::{
    StreamExt,
    future::{pending, try_join_all},
    stream::FuturesUnordered,
};
use kube::ResourceExt;
use tokio::time::{Instant, sleep_until};

use crate::{
    crd::{DrainState, LogDrain},
    drain::{Digest, DrainUrl, Target},
    duration,
    logdrain::{
        context::Context,
        plan::Rank,
        view::{FoundBy, rank},
    },
    metrics::FailureKind,
    scalingo::{
        self, ApiToken, ErrorKind, Requester,
        budget::{Class, Owner},
        event::{Change, Event},
    },
    state::{
        credentials::Tokens,
        feeds::{FeedKey, Kind},
    },
};

/// How many pages are read back at the most to find the last event that is known.
const MOST_PAGES: u64 = 5;
/// How long it is waited for more tokens once one is new: most come together.
const GATHER: Duration = Duration::from_millis(100);

/// What was read of a feed.
struct Reading {
    asked: Instant,
    is_first: bool,
    /// Newest first.
    events: Vec<Event>,
    /// Whether nothing can lie between these events and those that are known.
    is_complete: bool,
}

/// A change of a drain that a feed tells of.
struct Told {
    kind: Kind,
    url: DrainUrl,
}

/// Reads each feed now and then. Never ends.
pub async fn poll_change_feeds(context: &Context) {
    let Some(interval) = context.settings.feed_interval else { return pending().await };
    context.ready().await;
    let mut polls = FuturesUnordered::new();
    let mut judgements = FuturesUnordered::new();
    let mut at = Instant::now();
    let mut coverage = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = sleep_until(at) => {
                let now = Instant::now();
                let in_use = in_use(context);
                let keys: BTreeSet<FeedKey> = in_use.keys().cloned().collect();
                let due = context.remote.feeds().due(&keys, now);
                let due = due.into_iter().filter_map(|key| in_use.get(&key).map(|token| (key, token.clone())));
                polls.extend(due.map(|(key, token)| read(context, key, token)));
                at = context.remote.feeds().next().unwrap_or(now + interval).min(now + interval);
            }
            () = context.tokens.changed.notified() => at = at.min(Instant::now() + GATHER),
            Some((key, result)) = polls.next(), if !polls.is_empty() => {
                let now = Instant::now();
                match result {
                    Ok(reading) => judgements.extend(take_in(context, &key, reading, now)),
                    Err(error) => fail(context, &key, &error, now),
                }
                at = context.remote.feeds().next().map_or(at, |next| next.min(at));
                // A look at the sweeps goes through all targets.
                let before = std::mem::replace(&mut coverage, context.remote.feeds().coverage(now));
                if before != coverage {
                    context.dispatch.coverage_changed();
                }
            }
            Some(()) = judgements.next(), if !judgements.is_empty() => {}
        }
    }
}

/// The feeds of all tokens that a resource uses which is looked after.
fn in_use(context: &Context) -> BTreeMap<FeedKey, ApiToken> {
    context.tokens.used_by(|uid| context.view.get(uid).is_some_and(|object| is_worked_on(&object)))
}

/// Whether a change at Scalingo concerns a resource now.
fn is_worked_on(object: &LogDrain) -> bool {
    !object.spec.suspend || object.metadata.deletion_timestamp.is_some()
}

async fn read(
    context: &Context,
    key: FeedKey,
    token: ApiToken,
) -> (FeedKey, Result<Reading, scalingo::Error>) {
    let owner = Owner { namespace: String::new(), name: "change feed".to_owned() };
    let reader = Requester::new(Class::Background, owner);
    let first = context.remote.client.on_behalf_of(reader.clone());
    // Pages that are read much later show the same events again.
    let next = context.remote.client.on_behalf_of(reader.going_on());
    let is_first = context.remote.feeds().is_first(&key);
    let asked = Instant::now();
    let mut events = Vec::new();
    let mut is_complete = false;
    let mut number = 1;
    while !is_complete && number <= MOST_PAGES {
        // Asked for together, they come together: each alone would wait for the budget, and the next would shift.
        let most = if is_first { 1 } else { number.max(context.remote.feeds().pages(&key)).min(MOST_PAGES) };
        let pages = (number..=most).map(|number| {
            let client = if number == 1 { &first } else { &next };
            client.events(&token, &key.1, number)
        });
        let pages = match try_join_all(pages).await {
            Ok(pages) => pages,
            Err(error) => return (key, Err(error)),
        };
        for page in pages {
            let (unseen, meets) = context.remote.feeds().unseen(&key, page.events);
            events.extend(unseen);
            is_complete |= meets || is_first || !page.has_more;
        }
        number = most + 1;
    }
    // Pages shift when something happens meanwhile.
    let mut ids = HashSet::new();
    events.retain(|event| ids.insert(event.id.clone()));
    (key, Ok(Reading { asked, is_first, events, is_complete }))
}

fn fail(context: &Context, key: &FeedKey, error: &scalingo::Error, now: Instant) {
    let (token, region) = (key.0.label(), &key.1);
    context.metrics.error(FailureKind::ChangeFeed);
    if matches!(error.kind(), ErrorKind::RateLimited { .. }) {
        context.remote.feeds().put_off(key, now);
    } else if context.remote.feeds().failed(key, now) {
        let resync = duration::shown(context.settings.resync);
        tracing::warn!(
            region,
            token,
            %error,
            "the change feed does not answer: until it does, drift is only found every {resync}"
        );
    } else {
        tracing::debug!(region, token, %error, "the change feed still does not answer");
    }
}

/// Notes what was read, and gives what is left to judge: one for each target.
fn take_in<'a>(
    context: &'a Context,
    key: &FeedKey,
    reading: Reading,
    now: Instant,
) -> Vec<impl Future<Output = ()> + use<'a>> {
    // As in the metrics: it tells tokens apart, and nothing else.
    let (token, region) = (key.0.label(), &key.1);
    if context.remote.feeds().is_failing(key) {
        tracing::info!(region, token, "the change feed answers again");
    }
    for app_id in context.remote.feeds().read(key, reading.asked, &reading.events, reading.is_complete, now) {
        let resync = duration::shown(context.settings.resync);
        tracing::warn!(
            region,
            token,
            app_id,
            "the change feed does not show own changes of this app: it is checked every {resync}"
        );
    }
    if !reading.is_complete {
        tracing::warn!(
            region,
            token,
            "more has happened than the change feed was read for: all targets are checked soon"
        );
        context.dispatch.lose_track(key.0, region);
    }
    let mut drains: BTreeMap<Target, Vec<Told>> = BTreeMap::new();
    for event in reading.events {
        let target = |addon| Target { region: region.clone(), app_id: event.app_id.clone(), addon };
        let (target, told) = match event.change {
            Change::DrainAdded { addon, url } => (target(addon), Told { kind: Kind::Added, url }),
            Change::DrainDeleted { addon, url } => (target(addon), Told { kind: Kind::Deleted, url }),
            Change::Other => continue,
            _ => {
                call_for_app(context, key, &event, reading.is_first);
                continue;
            }
        };
        drains.entry(target).or_default().push(told);
    }
    drains.retain(|target, _| !users(context, key, target).is_empty());
    let (key, is_first) = (key.clone(), reading.is_first);
    drains
        .into_iter()
        .map(move |(target, told)| judge(context, key.clone(), target, told, is_first))
        .collect()
}

/// The resources with a record on a target that use the token of a feed in its region, in the order of ownership.
fn users(context: &Context, key: &FeedKey, target: &Target) -> Vec<Arc<LogDrain>> {
    let mut users = context.view.find(&FoundBy::Target(target.clone()));
    users.retain(|user| uses(&context.tokens, user, key) && has_record(user, target));
    users.sort_by_cached_key(|user| rank(user));
    users
}

/// Whether a resource uses the token of a feed in its region now.
fn uses(tokens: &Tokens, object: &LogDrain, key: &FeedKey) -> bool {
    object.metadata.uid.as_ref().is_some_and(|uid| tokens.uses(uid, key)) && is_worked_on(object)
}

fn has_record(object: &LogDrain, target: &Target) -> bool {
    object.records().iter().any(|record| record.is_on(target))
}

/// Calls for a reconciliation of all on a target, unless all that is told of it is what we have done ourselves.
async fn judge(context: &Context, key: FeedKey, target: Target, told: Vec<Told>, is_first: bool) {
    // Whether it is the echo of what is under way is known once that has ended.
    context.remote.lists.until_settled(&target).await;
    // Of before this process, an addition is no news. To tell whose it was takes a digest.
    let has_deletion = told.iter().any(|told| told.kind == Kind::Deleted);
    if is_first && !has_deletion && !context.remote.feeds().may_echo(&key, &target, Kind::Added) {
        return;
    }
    let users = users(context, &key, &target);
    let mut is_news = false;
    let mut newer: HashSet<Digest> = HashSet::new();
    // The oldest first of those that follow one another.
    let told: Vec<Told> = if is_first { told } else { told.into_iter().rev().collect() };
    for Told { kind, url } in told {
        let url = context.digester.url(&target, &url);
        let is_echo = context.remote.feeds().is_echo(&key, &target, kind, &url);
        if is_first {
            // Of before this process: only what contradicts the records is news, and only the latest of each drain.
            let is_latest = newer.insert(url.clone());
            is_news |= is_latest && !is_echo && kind == Kind::Deleted && is_recorded(&users, &target, &url);
        } else {
            is_news |= !is_echo;
            // What was told before the echo of an own addition was before that addition, too.
            if !is_echo && !context.remote.feeds().may_echo(&key, &target, Kind::Added) {
                context.remote.doubts.told(&target, &url, kind, Instant::now());
            }
        }
    }
    if is_news {
        tracing::debug!(drains_of = %target, "the change feed tells of a change");
        context.remote.lists.forget(&target);
        let now = Instant::now();
        let mut is_checked = false;
        for user in users {
            let uid = user.uid().unwrap_or_default();
            // One list covers all resources at rest. A resource under way may fail before it lists.
            if context.dispatch.rests(&uid) && std::mem::replace(&mut is_checked, true) {
                continue;
            }
            context.dispatch.call(&uid, now);
        }
    }
}

fn is_recorded(users: &[Arc<LogDrain>], target: &Target, url: &Digest) -> bool {
    let url = url.to_string();
    users.iter().flat_map(|user| user.records()).any(|record| {
        record.state == DrainState::Active && record.url_digest.as_ref() == Some(&url) && record.is_on(target)
    })
}

/// Calls for those to be reconciled whom a change of an app concerns.
fn call_for_app(context: &Context, key: &FeedKey, event: &Event, is_first: bool) {
    let Event { app_id, app_name, change, .. } = event;
    let old_name = match change {
        Change::AppRenamed { from, .. } => from,
        // What was there when the process began, it has found for itself.
        Change::AppAdded | Change::AddonAdded | Change::AddonDeleted if is_first => return,
        _ => app_name,
    };
    let is_about_addons = matches!(change, Change::AddonAdded | Change::AddonDeleted);
    if !is_about_addons {
        context.remote.apps.forget_list(key.0, &key.1);
    }
    let now = Instant::now();
    let concerned: BTreeMap<Rank, Arc<LogDrain>> = [old_name, app_name, app_id]
        .into_iter()
        .flat_map(|app| context.view.find(&FoundBy::App(app.clone())))
        .filter(|user| uses(&context.tokens, user, key))
        .map(|user| (rank(&user), user))
        .collect();
    for user in concerned.values() {
        let records = user.records();
        let is_recorded = || records.iter().any(|record| record.app_id == *app_id);
        let is_named = [old_name, app_name, app_id].contains(&&user.spec.app);
        let has_addon = || user.spec.addon.is_some() || records.iter().any(|record| record.addon.is_some());
        if (is_named || is_recorded()) && (!is_about_addons || has_addon()) {
            context.dispatch.call(&user.uid().unwrap_or_default(), now);
        }
    }
}
