//! A server whose certificate is of an authority of its own, as a proxy that looks inside TLS has: the API server is one.

use std::fs;

use serde_json::json;

use crate::world::{World, ready};

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_ones_own_is_accepted_once_it_is_named() {
    let world = World::new().await;
    world.start_operator_at(world.plane.server(), &[]);
    world.apply(
        "drain",
        &json!({"app": "shop-front", "type": "papertrail", "host": "logs.example.com", "port": 6514}),
    );
    let refused = world.until_reason("drain", "Unavailable").await;
    let message = ready(&refused)["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("UnknownIssuer"), "{message}");
    world.stop_operator();

    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), world.plane.certificate_authority()).expect("it is written");
    world.start_operator_at(world.plane.server(), &["--ca-file", &file.path().to_string_lossy()]);
    // Whoever answers knows nothing of API tokens, but answers.
    world.until_reason("drain", "Unauthorized").await;
    world.finish();
}
