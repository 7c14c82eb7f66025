//! A region whose API is not reached: it does not exist, or it is down.

use serde_json::{Value, json};

use crate::{
    duplicates::{papertrail, with},
    errors::{PERSON, TIME, assert_failing},
    world::{World, ready},
};

/// No name below it is known to DNS.
const API: &str = "https://api.{region}.scalingo.invalid";

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_does_not_exist_is_told_with_those_that_do() {
    let world = World::new().await;
    world.start_operator_with(&["--api-url", API]);
    let in_region = |app: &str, region: &str| with(papertrail(app), "region", &json!(region));
    let message = "spec.region: there is no region osc-fr2 for this API token; set it to one of: osc-fr1";
    for app in ["shop-front", "shop-api"] {
        world.apply(app, &in_region(app, "osc-fr2"));
    }
    for app in ["shop-front", "shop-api"] {
        let object = world.until_reason(app, "RegionNotFound").await;
        assert_failing(&object, "RegionNotFound", PERSON, message);
        if app == "shop-front" {
            world.record("region-not-found", &object);
        }
    }
    world.metrics().await.assert_errors(&["region_not_found"]);

    world.change("shop-api", &json!({"region": "osc-fr1"}));
    let object = world.until_reason("shop-api", "Unavailable").await;
    let said = ready(&object)["message"].as_str().unwrap_or_default().to_owned();
    assert!(said.starts_with("list_apps failed: GET /v1/apps: the request was not sent: "), "{said}");
    assert!(said.contains(" (host api.osc-fr1.scalingo.invalid)"), "{said}");
    assert_failing(&object, "Unavailable", TIME, &said);
    assert_eq!(world.simulator.requests("GET", "/v1/regions").len(), 1, "{:#?}", world.simulator.journal());
    world.delete_until_gone(&["logdrains", "--all"]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_region_of_the_operator_is_named_where_the_spec_has_none() {
    let world = World::new().await;
    world.start_operator_with(&["--api-url", API, "--region", "osc-fr9"]);
    world.apply("drain", &papertrail("shop-front"));
    let message =
        "the operator's --region: there is no region osc-fr9 for this API token; set it to one of: osc-fr1";
    let is_told = |object: &Value| ready(object)["message"] == message;
    world.until("drain", message, is_told).await;
    world.finish();
}
