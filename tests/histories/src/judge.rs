//! What must hold once faults have stopped and time has passed.

use std::collections::{BTreeMap, BTreeSet};

use logdrain_operator::crd::{DrainRecord, DrainState, LogDrain, Reason};
use logdrain_operator::drain::DrainUrl;
use scalingo_simulator::{ChangeKind, Target};
use serde_json::Value;

use crate::universe::{Destination, GOOD_TOKENS, Namespace, REGION, Slot, VERSIONS, in_order};
use crate::world::{Listed, World};

/// A `LogDrain` at the end.
struct Standing {
    name: String,
    object: LogDrain,
    /// What it must have, unless something that only a person can mend is missing.
    wanted: Option<(Target, String, Vec<String>)>,
}

/// What is not as it must be, as sentences.
pub fn judge(world: &World) -> Vec<String> {
    let mut broken = deletions(world);
    let standings: Vec<Standing> = Slot::ALL.iter().filter_map(|slot| standing(world, *slot)).collect();
    let mut wanted: BTreeMap<(&Target, &str), &Standing> = BTreeMap::new();
    for standing in &standings {
        let name = &standing.name;
        let (reason, message) = ready(&standing.object);
        if standing.object.metadata.deletion_timestamp.is_some() {
            broken.push(format!("promise 4: {name} is still being deleted: {reason}: {message}"));
        }
        if let Some(text) = standing.object.open_request() {
            broken.push(format!("{name} has not been checked, though a person has asked for it: {text}"));
        }
        if let Some((target, documented, urls)) = &standing.wanted {
            wanted.insert((target, documented), standing);
            let there = count(world, target, urls);
            let is_refused = reason == Reason::Rejected.as_ref() && there > 0;
            let is_duplicate = reason == Reason::Duplicate.as_ref();
            if is_duplicate && !standings.iter().any(|other| is_owner(other, standing, &message)) {
                broken.push(format!("{name} is a duplicate of nobody: {message}"));
            } else if reason != Reason::Synced.as_ref() && !is_duplicate && !is_refused {
                broken.push(format!("{name} is not in sync: {reason}: {message}"));
            }
        }
    }
    for ((target, documented), standing) in &wanted {
        let Some((_, _, urls)) = &standing.wanted else { continue };
        let copies = world.copies.get(&((*target).clone(), (*documented).to_owned())).copied().unwrap_or(0);
        let there = count(world, target, urls);
        let is_excused = |url: &String| {
            world.excused.contains(url) || world.was_unreadable && world.retained.contains(url)
        };
        let excused =
            urls.iter().any(is_excused) || world.had_two_at_work() || world.sight.is_given_up(&target.app);
        if there == 0 && !world.had_two_at_work() {
            broken.push(format!("promise 2: the drain of {} is not there", standing.name));
        } else if there > 1 + copies && !excused {
            broken.push(format!("promise 2: the drain of {} is there {there} times", standing.name));
        }
    }
    let is_wanted = |at: &Target, drain: &Listed| {
        let mut all = standings.iter().filter_map(|standing| standing.wanted.as_ref());
        all.any(|(target, _, urls)| target == at && drain.is_among(urls))
    };
    if world.had_one_operator() && world.over_limit() > 0 {
        broken.push(format!("promise 6: {} requests were refused as too many", world.over_limit()));
    }
    for (target, drains) in world.drains() {
        let mut foreign: Vec<String> =
            world.foreign.iter().filter(|(at, _)| *at == target).map(|(_, url)| in_order(url)).collect();
        let mut left: Vec<Listed> = Vec::new();
        for drain in drains {
            match foreign.iter().position(|other| *other == drain.url) {
                Some(index) => drop(foreign.remove(index)),
                None => left.push(drain),
            }
        }
        for url in foreign {
            broken.push(format!("promise 1: the foreign drain {url} of {target} is gone"));
        }
        let distinct: BTreeSet<&Listed> = left.iter().collect();
        for drain in distinct.into_iter().filter(|drain| !is_wanted(&target, drain)) {
            if !world.had_two_at_work()
                && !drain.is_among(world.excused.union(&world.retained))
                && !world.sight.is_given_up(&target.app)
                && !is_kept(&standings, world, &target, &drain.url)
            {
                let copies = copies(world, &target, drain);
                if left.iter().filter(|other| *other == drain).count() > copies {
                    broken.push(format!("promise 4: {} of {target} is left behind", drain.url));
                }
            }
        }
    }
    broken.extend(taken_copies(world, &standings));
    broken.extend(world.simulator().complaints().into_iter().map(|text| format!("complaint: {text}")));
    broken
}

/// Of the copies that people keep beside drains of operators, none is gone. What has no other drain beside it any more may be
/// adopted, and goes as an own one then.
fn taken_copies(world: &World, standings: &[Standing]) -> Vec<String> {
    let is_adopted = |event: &Value| event["reason"] == "Adopted";
    let are_kept = !world.server().list("Event", "").iter().any(is_adopted);
    let mut broken = Vec::new();
    for (target, documented, copies) in world.kept.all().filter(|_| are_kept) {
        let has_own = standings.iter().any(|standing| {
            let is_in_order = ["Synced", "Duplicate"].contains(&ready(&standing.object).0.as_str());
            let wanted = standing.wanted.as_ref().filter(|_| is_in_order);
            wanted.is_some_and(|(at, url, _)| at == target && url == documented)
        });
        let there = count(world, target, std::slice::from_ref(documented));
        // One that no operator has added was adopted, though the event may have gone with the process.
        let own = usize::from(has_own && has_added(world, target, documented));
        if there < copies + own {
            broken.push(format!(
                "promise 1: {there} drains {documented} of {target} are there; people keep {copies}, operators have own: {has_own}"
            ));
        }
    }
    broken
}

/// Operators removed only drains that a `LogDrain` had recorded, and no foreign one. Where Kubernetes has refused writes,
/// operators may also remove what they added.
pub fn deletions(world: &World) -> Vec<String> {
    let mut broken = Vec::new();
    let mut added = BTreeSet::new();
    for change in world.simulator().changes() {
        if change.by.is_none() {
            continue;
        }
        let target = &change.target;
        if change.kind == ChangeKind::Added {
            added.insert((target.clone(), change.url.clone()));
            continue;
        }
        let is_known = || world.forbidden > 0 && added.contains(&(target.clone(), change.url.clone()));
        if !world.witness().was_recorded(&digest_target(target), &change.url) && !is_known() {
            broken.push(format!(
                "promise 1: {} of {target} was deleted, and nobody had recorded it",
                change.url
            ));
        }
        if world.foreign.iter().any(|(at, url)| at == target && *url == change.url) {
            broken.push(format!("promise 1: the foreign drain {} of {target} was deleted", change.url));
        }
    }
    broken
}

pub fn digest_target(target: &Target) -> logdrain_operator::drain::Target {
    logdrain_operator::drain::Target {
        region: REGION.to_owned(),
        app_id: target.app.clone(),
        addon: target.addon.clone(),
    }
}

fn standing(world: &World, slot: Slot) -> Option<Standing> {
    let object: LogDrain = serde_json::from_value(world.object(slot)?).ok()?;
    let name = format!("{}/{}", slot.namespace().name(), slot.name());
    let wanted = wanted(world, slot.namespace(), &object);
    Some(Standing { name, object, wanted })
}

/// Whether this message of a duplicate names a resource that comes before it.
fn is_owner(other: &Standing, duplicate: &Standing, message: &str) -> bool {
    let rank = |standing: &Standing| {
        let metadata = &standing.object.metadata;
        (metadata.creation_timestamp.clone().map(|time| time.0), metadata.uid.clone())
    };
    message.contains(&format!("LogDrain {} ", other.name))
        && other.object.metadata.deletion_timestamp.is_none()
        && rank(other) < rank(duplicate)
}

fn wanted(world: &World, namespace: Namespace, object: &LogDrain) -> Option<(Target, String, Vec<String>)> {
    let spec = &object.spec;
    if spec.suspend
        || object.metadata.deletion_timestamp.is_some()
        || world.tokens.get(&namespace).is_none_or(|version| *version >= GOOD_TOKENS)
    {
        return None;
    }
    let name = spec.custom_type.as_deref().unwrap_or(spec.drain_type.as_ref());
    let destination = *Destination::ALL.iter().find(|one| one.secret() == name)?;
    let version = if destination.has_secret() { *world.secrets.get(&(namespace, destination))? } else { 0 };
    if version >= VERSIONS {
        return None;
    }
    let simulator = world.simulator();
    let drains = simulator.all_drains();
    let is_there = |id: &String| drains.iter().any(|(target, _)| target.app == *id);
    let by_record = || {
        let records = object.status.iter().flat_map(|status| &status.drains);
        let mut of_app = records.filter(|record| record.app == spec.app);
        of_app.find(|record| is_there(&record.app_id)).map(|record| record.app_id.clone())
    };
    let by_id = Some(&spec.app).filter(|app| is_there(app)).cloned();
    let id = simulator.app_id(&spec.app).or(by_id).or_else(by_record)?;
    let target = Target { app: id, addon: spec.addon.clone() };
    if !drains.iter().any(|(there, _)| *there == target) {
        return None;
    }
    Some((target, destination.documented(version), destination.urls(version)))
}

/// Whether Scalingo refuses what a `LogDrain` wants: it is asked again now and then.
pub fn is_refused(world: &World) -> bool {
    let mut standings = Slot::ALL.iter().filter_map(|slot| standing(world, *slot));
    standings.any(|standing| ready(&standing.object).0 == Reason::Rejected.as_ref())
}

fn ready(object: &LogDrain) -> (String, String) {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready");
    ready.map_or_else(
        || ("no condition".to_owned(), String::new()),
        |ready| (ready.reason.clone(), ready.message.clone()),
    )
}

fn count(world: &World, target: &Target, urls: &[String]) -> usize {
    let drains = world.drains();
    let here = drains.iter().filter(|(at, _)| at == target).flat_map(|(_, listed)| listed);
    here.filter(|drain| drain.is_among(urls)).count()
}

/// Whether operators have added more drains like this than they have removed.
fn has_added(world: &World, target: &Target, documented: &String) -> bool {
    let drains = world.drains();
    let here = drains.iter().filter(|(at, _)| at == target).flat_map(|(_, listed)| listed);
    let urls: BTreeSet<&String> =
        here.filter(|drain| drain.is_among([documented])).map(|drain| &drain.url).collect();
    let changes = world.simulator().changes();
    let changes = changes.iter().filter(|change| change.by.is_some() && change.target == *target);
    let (added, removed): (Vec<_>, Vec<_>) = changes
        .filter(|change| urls.contains(&in_order(&change.url)))
        .partition(|change| change.kind == ChangeKind::Added);
    added.len() > removed.len()
}

/// How many drains like this were added by hand.
fn copies(world: &World, target: &Target, drain: &Listed) -> usize {
    let of = |documented: &String| {
        Destination::ALL.iter().any(|destination| {
            (0..VERSIONS).any(|version| {
                destination.documented(version) == *documented && drain.is_among(&destination.urls(version))
            })
        })
    };
    let copies = world.copies.iter().filter(|((at, documented), _)| at == target && of(documented));
    copies.map(|(_, count)| *count).sum()
}

/// Whether a `LogDrain` has recorded a drain and cannot do anything about it now.
fn is_kept(standings: &[Standing], world: &World, target: &Target, url: &str) -> bool {
    let listed = world.simulator().drains(target.clone()).into_iter();
    let digests: BTreeSet<String> = listed
        .filter(|listed| in_order(listed) == url)
        .map(|listed| {
            world.witness().digester.url(&digest_target(target), &DrainUrl::new(listed)).to_string()
        })
        .collect();
    // One that Scalingo refuses keeps its predecessor.
    let cannot = |standing: &&Standing| {
        standing.wanted.is_none() || ready(&standing.object).0 == Reason::Rejected.as_ref()
    };
    standings.iter().filter(cannot).any(|standing| {
        let mut records = standing.object.status.iter().flat_map(|status| &status.drains);
        records.any(|record| match &record.url_digest {
            Some(url) => digests.contains(url),
            // It is known that it may have been added, and looked for once the new target can be reached.
            None => record.state == DrainState::Adding && record.target() == digest_target(target),
        })
    })
}

/// Lets a person do what the message of an ambiguous resource asks for. Gives whether there was anything to do.
pub fn decide(world: &mut World) -> bool {
    let mut decided = false;
    let standings: Vec<Standing> = Slot::ALL.iter().filter_map(|slot| standing(world, *slot)).collect();
    if !standings.iter().any(|standing| ready(&standing.object).0 == Reason::Ambiguous.as_ref()) {
        return false;
    }
    for sentence in taken_copies(world, &standings) {
        world.witness().breaks(sentence);
    }
    let statuses = standings.iter().filter_map(|standing| standing.object.status.as_ref());
    let records: Vec<&DrainRecord> = statuses.flat_map(|status| &status.drains).collect();
    let recorded: BTreeSet<&String> =
        records.iter().filter_map(|record| record.url_digest.as_ref()).collect();
    // What a person leaves of them is nobody else's.
    let several: BTreeSet<&String> = records
        .iter()
        .filter(|record| record.state == DrainState::Deleting && record.listed_before.len() > 1)
        .filter_map(|record| record.url_digest.as_ref())
        .collect();
    for (target, urls) in world.simulator().all_drains() {
        let mut once = BTreeSet::new();
        for url in urls {
            let is_foreign = world.foreign.iter().any(|(at, foreign)| *at == target && *foreign == url);
            let digest = world
                .witness()
                .digester
                .url(&digest_target(&target), &DrainUrl::new(url.clone()))
                .to_string();
            let is_first = once.insert(digest.clone());
            if !(is_foreign || is_first && recorded.contains(&digest)) {
                world.witness().is_restless();
                if several.contains(&digest) {
                    world.kept.leave_one(&target, &url);
                } else {
                    world.kept.cannot_be_told();
                }
                decided |= world.simulator().remove_drain_behind(target.clone(), &url).is_ok();
            }
        }
    }
    decided
}
