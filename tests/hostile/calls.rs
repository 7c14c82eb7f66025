//! Every call of the client, over a transport that is not a network.

use std::sync::Arc;

use logdrain_operator::{
    drain::{Destination, DrainUrl, Target},
    scalingo::{ApiToken, Client, DeleteForm, Endpoints, Error, Operation, Transport},
};

pub const API: &str = "https://api.{region}.scalingo.example:8443";
pub const AUTH: &str = "https://auth.scalingo.example";

pub fn client(transport: Arc<dyn Transport>) -> Client {
    let endpoints = Endpoints::parse(API, AUTH, false).expect("good URLs");
    Client::new(transport, endpoints, Arc::new(jiff::Timestamp::now), 1_000_000)
}

/// What calls are made with.
#[derive(Clone, Debug)]
pub struct Given {
    pub token: ApiToken,
    pub target: Target,
    pub destination: Destination,
    pub url: DrainUrl,
}

/// Makes each call once; gives what was called and how it failed, if it did.
pub fn call_all(client: &Client, given: &Given) -> Vec<(Operation, Option<Error>)> {
    let Given { token, target, destination, url } = given;
    // A 429 pauses the token: in virtual time nobody waits for that.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        vec![
            (Operation::ListApps, client.apps(token, &target.region).await.err()),
            (Operation::GetApp, client.app(token, &target.region, &target.app_id).await.err()),
            (Operation::ListDrains, client.drains(token, target).await.err()),
            (Operation::AddDrain, client.add_drain(token, target, destination).await.err()),
            (Operation::DeleteDrain, client.delete_drain(token, target, url, DeleteForm::Body).await.err()),
            (Operation::DeleteDrain, client.delete_drain(token, target, url, DeleteForm::Query).await.err()),
        ]
    })
}
