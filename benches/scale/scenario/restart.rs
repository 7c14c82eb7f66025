//! The operator is restarted, while all are in sync.

use std::time::{Duration, Instant};

use http::Request;
use kube::Resource;
use kube::core::ObjectList;
use logdrain_operator::crd::LogDrain;
use tokio::task::block_in_place;
use tokio::time::sleep;

use super::in_sync::InSync;
use crate::missing::Measured;
use crate::operator::{Operator, WITHOUT_A_LIMIT, of_this_thread};
use crate::world::{World, is_about_drains};

/// As many as kube's watcher asks for at once.
const PAGE: usize = 500;
/// What is decoded in less time is decoded again: the kernel tells processor time in steps of 10 ms.
const DECODED_FOR: Duration = Duration::from_secs(1);
/// A start is over when this long little more is done than in sync.
const CALM_FOR: Duration = Duration::from_secs(4);
/// Seconds of processor time that are little in [`CALM_FOR`].
const LITTLE: f64 = 0.04;
/// How long it is waited for something that should not come.
const WATCHED_FOR: Duration = Duration::from_secs(20);

/// What a restart took.
#[derive(Clone, Debug)]
pub struct Restart {
    /// Requests for the drains of an app, of whatever kind.
    pub about_drains: usize,
    /// How many of them the routine checks of a day may have sent.
    pub routine: usize,
    /// Objects whose resource version has changed.
    pub rewritten: usize,
    /// Processor time from the start of the process until it is calm.
    pub processor: Duration,
    /// Processor time of a start that only stands by: it lists all objects, decodes and keeps them.
    pub stand_by: Duration,
    /// Processor time of decoding all objects, in this process.
    pub decoding: Duration,
    /// Most memory in KiB.
    pub peak: u64,
}

/// Starts an operator on a world that the last one has left in sync; gives the operator too.
pub async fn run(world: &World, in_sync: &InSync) -> Measured<(Operator, Restart)> {
    let decoding = decoding(world).await?;
    let standing_by = Operator::stand_by(world).await?;
    let stand_by = until_calm(&standing_by, in_sync, world.deadline()).await?;
    standing_by.stop()?;
    let (versions, sequence) = (world.population.versions(), world.simulator.sequence());
    let operator = Operator::start(world, WITHOUT_A_LIMIT).await?;
    let processor = until_calm(&operator, in_sync, world.deadline()).await?;
    sleep(WATCHED_FOR).await;

    let requests = world.simulator.journal_since(sequence);
    let now = world.population.versions();
    let rewritten = versions.iter().filter(|(name, version)| now.get(*name) != Some(*version)).count();
    let seconds = usize::try_from(operator.age().as_secs())?;
    let restart = Restart {
        about_drains: requests.iter().filter(|entry| is_about_drains(entry)).count(),
        // Each app once in 24 h, and the first one at any moment.
        routine: world.apps() * seconds / (24 * 60 * 60) + 1,
        rewritten,
        processor,
        stand_by,
        decoding,
        peak: operator.peak()?,
    };
    Ok((operator, restart))
}

async fn until_calm(operator: &Operator, in_sync: &InSync, deadline: Instant) -> Measured<Duration> {
    loop {
        let (since, before) = (Instant::now(), operator.processor()?);
        sleep(CALM_FOR).await;
        let now = operator.processor()?;
        let usual = in_sync.in_time(since.elapsed());
        let is_calm = now.saturating_sub(before).as_secs_f64() < 2.0 * usual + LITTLE;
        if is_calm {
            return Ok(before);
        }
        if Instant::now() >= deadline {
            return Ok(now);
        }
    }
}

/// Processor time of decoding what a list answers, once.
async fn decoding(world: &World) -> Measured<Duration> {
    let pages = pages(world).await?;
    block_in_place(|| {
        let before = of_this_thread()?;
        let (mut rounds, mut spent) = (0, Duration::ZERO);
        while spent < DECODED_FOR {
            for page in &pages {
                std::hint::black_box(serde_json::from_str::<ObjectList<LogDrain>>(page)?);
            }
            rounds += 1;
            spent = of_this_thread()?.saturating_sub(before);
        }
        Ok(spent / rounds)
    })
}

async fn pages(world: &World) -> Measured<Vec<String>> {
    let path = LogDrain::url_path(&(), Some(&world.namespace));
    let mut pages = Vec::new();
    let mut more = String::new();
    loop {
        let request = Request::get(format!("{path}?limit={PAGE}{more}")).body(Vec::new())?;
        let page = world.client.request_text(request).await?;
        let list: ObjectList<kube::core::PartialObjectMeta<LogDrain>> = serde_json::from_str(&page)?;
        pages.push(page);
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => more = format!("&continue={token}"),
            None => return Ok(pages),
        }
    }
}
