//! The server in memory against the real one: the same random sequences of requests, the same answers.

#[path = "against_real/compare.rs"]
mod compare;
#[path = "against_real/operation.rs"]
mod operation;
#[path = "against_real/side.rs"]
mod side;

use std::{path::Path, time::Instant};

use control_plane::ControlPlane;
use futures::{StreamExt, stream};
use in_memory_api_server::{ApiServer, Definition, Settings};
use kube::{Client, Config, config::KubeConfigOptions, config::Kubeconfig};

use compare::Transcript;
use operation::{OPERATIONS, Operation};
use side::Side;

const SEQUENCES: u64 = 240;

/// At once; the real server has 4 processors at most to itself.
const WIDTH: usize = 24;

#[test]
fn both_servers_answer_the_same() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let plane = ControlPlane::shared().unwrap_or_else(|error| panic!("{error}"));
    plane.install(&repository.join("deploy"), &repository.join("crds")).unwrap();
    let crd = std::fs::read_to_string(repository.join("crds/logs.scalingo.com_logdrains.yaml")).unwrap();
    let crd: serde_json::Value = serde_saphyr::from_str(&crd).unwrap();
    let only: Option<u64> = std::env::var("SEQUENCE").ok().map(|seed| seed.parse().unwrap());
    let seeds: Vec<u64> = only.map_or_else(|| (1..=SEQUENCES).collect(), |seed| vec![seed]);

    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let kubeconfig = Kubeconfig::read_from(plane.kubeconfig_admin()).unwrap();
        let mut config =
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        config.proxy_url = None;
        let real = Client::try_from(config).unwrap();
        let mut definitions = Definition::builtin();
        definitions.push(Definition::from_crd(&crd).unwrap());
        let server = ApiServer::new(Settings::default(), definitions);
        let memory = server.client("default");

        let begin = Instant::now();
        let count = seeds.len();
        let failures: Vec<String> = stream::iter(seeds)
            .map(|seed| {
                let (real, memory) = (real.clone(), memory.clone());
                async move { sequence(seed, real, memory).await }
            })
            .buffer_unordered(WIDTH)
            .filter_map(|failure| async { failure })
            .collect()
            .await;
        eprintln!("{count} sequences of {OPERATIONS} operations in {:?}", begin.elapsed());
        assert!(failures.is_empty(), "{} of {count} differ; the first:\n{}", failures.len(), failures[0]);
    });
}

/// What differs, with the operations up to there.
async fn sequence(seed: u64, real: Client, memory: Client) -> Option<String> {
    let operations = operation::sequence(seed);
    let namespace = format!("sequence-{seed}");
    let real = run(Side::new(real, &namespace), &operations).await;
    let memory = run(Side::new(memory, &namespace), &operations).await;
    compare::difference(&real, &memory).map(|(step, what)| {
        let mut text = format!("SEQUENCE={seed}, after {step} operations:\n");
        for (number, operation) in operations.iter().take(step + 1).enumerate() {
            text.push_str(&format!("{number:3} {operation:?}\n"));
        }
        text + &what
    })
}

async fn run(mut side: Side, operations: &[Operation]) -> Transcript {
    side.begin().await;
    for operation in operations {
        side.perform(operation).await;
    }
    side.finish().await
}
