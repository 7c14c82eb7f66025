use scalingo_simulator::{Action, Answer, Rule, Simulator};

use super::*;
use crate::{scalingo::Endpoints, state::apps::tests::InProcess};

fn client(simulator: &Simulator, api: &str) -> (Client, ApiToken) {
    simulator.add_token("operator", "tk-us-regions");
    let endpoints = Endpoints::parse(api, "https://auth.example.com", false).unwrap();
    let clock = {
        let simulator = simulator.clone();
        Arc::new(move || simulator.now())
    };
    let client = Client::new(Arc::new(InProcess(simulator.clone())), endpoints, clock, 1_000);
    (client, ApiToken::new("tk-us-regions").unwrap())
}

fn asked(simulator: &Simulator) -> usize {
    simulator.requests("GET", "/v1/regions").len()
}

#[tokio::test(start_paused = true)]
async fn the_regions_are_asked_for_once_an_hour() {
    let (simulator, regions) = (Simulator::new(), Regions::default());
    let (client, token) = client(&simulator, "https://api.{region}.example.com");
    let instead_of = async |region: &str| regions.instead_of(&client, &token, region).await;
    for region in ["osc-fr2", "osc-fr3"] {
        assert_eq!(instead_of(region).await, Some(vec!["osc-fr1".to_owned()]));
    }
    assert_eq!(instead_of("osc-fr1").await, None);
    assert_eq!(asked(&simulator), 1);
    tokio::time::advance(HOLDS).await;
    assert!(instead_of("osc-fr2").await.is_some());
    assert_eq!(asked(&simulator), 2);
    regions.keep_only(|_| false);
    assert!(regions.0.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn regions_that_cannot_be_read_say_nothing_and_are_asked_for_again_later() {
    let (simulator, regions) = (Simulator::new(), Regions::default());
    let (client, token) = client(&simulator, "https://api.{region}.example.com");
    simulator.add_rule(Rule::new("GET", "/v1/regions", Action::respond(Answer::error(500, "no"))).once());
    for _ in 0..2 {
        assert_eq!(regions.instead_of(&client, &token, "osc-fr2").await, None);
    }
    assert_eq!(asked(&simulator), 1);
    tokio::time::advance(TRIES_AGAIN).await;
    assert!(regions.instead_of(&client, &token, "osc-fr2").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn where_one_url_serves_all_regions_none_is_missing() {
    let (simulator, regions) = (Simulator::new(), Regions::default());
    let (client, token) = client(&simulator, "https://api.example.com");
    assert_eq!(regions.instead_of(&client, &token, "osc-fr2").await, None);
    assert_eq!(asked(&simulator), 0);
}
