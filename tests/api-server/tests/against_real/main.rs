//! The server in memory against the real one: the same random sequences of requests, the same answers.
//!
//! `SEQUENCE=17` runs that one alone, `SEQUENCES=5000` so many.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on shall panic")]

mod compare;
mod operation;
mod side;

use std::{collections::BTreeSet, path::Path, time::Instant};

use control_plane::ControlPlane;
use futures::{StreamExt, stream};
use in_memory_api_server::{ApiServer, Definition, Settings};
use kube::{Client, Config, config::KubeConfigOptions, config::Kubeconfig};

use compare::Transcript;
use operation::{OPERATIONS, Operation};
use side::Side;

const SEQUENCES: u64 = 240;

/// The real server compares a write with its watch cache first, and answers one that would change nothing from there. How old
/// the cache is is chance: an outdated version was met by 200 instead of 409 in one run of many. What differs has to differ
/// each time.
const TRIES: u32 = 4;

/// So many at once.
const WIDTH: usize = 24;

#[test]
fn both_servers_answer_the_same() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds: Vec<u64> = match number("SEQUENCE") {
        Some(seed) => vec![seed],
        None => (1..=number("SEQUENCES").unwrap_or(SEQUENCES)).collect(),
    };
    let everything = seeds.len() >= 200;
    with_both(|real, memory, _| async move {
        let begin = Instant::now();
        let count = seeds.len();
        let results: Vec<_> = stream::iter(seeds)
            .map(|seed| sequence(seed, real.clone(), memory.clone()))
            .buffer_unordered(WIDTH)
            .collect()
            .await;
        eprintln!("{count} sequences of {OPERATIONS} operations in {:?}", begin.elapsed());
        let mut met = BTreeSet::new();
        let mut failures = Vec::new();
        for (codes, failure) in results {
            met.extend(codes);
            failures.extend(failure);
        }
        assert!(failures.is_empty(), "{} of {count} differ; one of them:\n{}", failures.len(), failures[0]);
        // Code 0 stands for events of watches.
        assert!(!everything || met == BTreeSet::from([0, 200, 201, 400, 404, 409, 422, 500]), "{met:?}");
    });
}

#[test]
fn both_servers_refuse_versions_that_are_too_old_or_too_new() {
    with_both(|real, memory, server| async move {
        let mut transcripts = Vec::new();
        server.expire_watches();
        for client in [real, memory] {
            let mut side = Side::new(client, "versions");
            side.begin().await;
            side.watch_the_forgotten().await;
            side.get_the_future().await;
            transcripts.push(side.finish().await);
        }
        let difference = compare::difference(&transcripts[0], &transcripts[1]);
        assert!(difference.is_none(), "{}", difference.unwrap().1);
    });
}

/// Runs a test with a client of each.
fn with_both<F: Future<Output = ()>>(test: impl FnOnce(Client, Client, ApiServer) -> F) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let plane = ControlPlane::shared().unwrap_or_else(|error| panic!("{error}"));
    plane.install(&repository.join("deploy"), &repository.join("crds")).unwrap();
    let crd = std::fs::read_to_string(repository.join("crds/logs.scalingo.com_logdrains.yaml")).unwrap();
    let crd: serde_json::Value = serde_saphyr::from_str(&crd).unwrap();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let kubeconfig = Kubeconfig::read_from(plane.kubeconfig_admin()).unwrap();
        let mut config =
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        config.proxy_url = None;
        // It would ask again, for minutes, after some of the refusals.
        config.default_retry = false;
        let real = Client::try_from(config).unwrap();
        let mut definitions = Definition::builtin();
        definitions.push(Definition::from_crd(&crd).unwrap());
        let server = ApiServer::new(Settings::default(), definitions);
        let memory = server.client("default");
        test(real, memory, server).await;
    });
}

/// The codes that were met, and what differs each time, with the operations up to there.
async fn sequence(seed: u64, real: Client, memory: Client) -> (Vec<u16>, Option<String>) {
    let operations = operation::sequence(seed);
    let mut codes = Vec::new();
    let mut failure = None;
    for attempt in 0..TRIES {
        let namespace = format!("sequence-{seed}-{attempt}");
        let real = run(Side::new(real.clone(), &namespace), &operations).await;
        let memory = run(Side::new(memory.clone(), &namespace), &operations).await;
        codes.extend(real.codes());
        failure = compare::difference(&real, &memory).map(|(step, what)| {
            let mut text = format!("SEQUENCE={seed}, after {step} operations:\n");
            let steps = operations.iter().take(step + 1).enumerate();
            text.extend(
                steps.flat_map(|(number, operation)| [format!("{number:3} {operation:?}"), "\n".to_owned()]),
            );
            text + &what
        });
        if failure.is_none() {
            break;
        }
    }
    (codes, failure)
}

async fn run(mut side: Side, operations: &[Operation]) -> Transcript {
    side.begin().await;
    for operation in operations {
        side.perform(operation).await;
    }
    side.finish().await
}
