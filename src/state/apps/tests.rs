use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use scalingo_simulator::{Action, Answer, Rule, Simulator};

use super::*;
use crate::scalingo::{BodyFailure, Endpoints, Transport, TransportError};

const KEEP: Duration = Duration::from_secs(600);

pub(crate) struct InProcess(pub Simulator);

impl Transport for InProcess {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        async move {
            let answer = self.0.answer(request.map(Body::from)).await;
            let (head, body) = answer.map_err(|_| TransportError::Broken("broken".into()))?.into_parts();
            match axum::body::to_bytes(body, usize::MAX).await {
                Ok(body) => Ok(http::Response::from_parts(head, body)),
                Err(_) => Err(TransportError::Body { head: Box::new(head), failure: BodyFailure::CutShort }),
            }
        }
        .boxed()
    }
}

struct Case {
    simulator: Simulator,
    client: Client,
    token: ApiToken,
    apps: Apps,
}

impl Case {
    fn new() -> Self {
        let simulator = Simulator::new();
        simulator.add_token("operator", "tk-us-apps");
        let endpoints =
            Endpoints::parse("https://api.example.com", "https://auth.example.com", false).unwrap();
        let clock = Arc::new(jiff::Timestamp::now);
        let client = Client::new(Arc::new(InProcess(simulator.clone())), endpoints, clock, 1_000);
        Self { simulator, client, token: ApiToken::new("tk-us-apps").unwrap(), apps: Apps::default() }
    }

    async fn resolve(&self, name_or_id: &str, recorded: Option<&str>) -> Result<Resolved, Error> {
        let fresh = Fresh { since: Instant::now(), keep: KEEP };
        self.apps.resolve(&self.client, &self.token, "osc-fr1", (name_or_id, recorded), fresh).await
    }

    fn requests(&self, path: &str) -> usize {
        self.simulator.requests("GET", path).len()
    }
}

#[tokio::test(start_paused = true)]
async fn all_names_and_ids_are_resolved_by_one_list() {
    let case = Case::new();
    let ids: Vec<String> = (0..20).map(|index| case.simulator.add_app(&format!("app-{index}"))).collect();
    let names: Vec<String> = (0..20).map(|index| format!("app-{index}")).collect();
    let found = join_all(names.iter().chain(&ids).map(|name_or_id| case.resolve(name_or_id, None))).await;
    for (found, id) in found.into_iter().zip(ids.iter().chain(&ids)) {
        assert!(matches!(found.unwrap(), Resolved::App(app) if app.id == *id));
    }
    assert_eq!(case.requests("/v1/apps"), 1);
    tokio::time::advance(KEEP).await;
    case.resolve("app-1", None).await.unwrap();
    assert_eq!(case.requests("/v1/apps"), 2, "a list that is too old is fetched again");
    assert_eq!(case.requests("/v1/apps/*"), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_told_of_the_list_that_another_fetches() {
    let case = Case::new();
    let fresh = Fresh { since: Instant::now(), keep: KEEP };
    let mut known = std::pin::pin!(case.apps.until_known(&case.token, "osc-fr1", fresh));
    assert!(known.as_mut().now_or_never().is_none());
    case.resolve("shop", None).await.unwrap();
    assert!(known.as_mut().now_or_never().is_some());
    let news = || case.apps.news(&case.token, "osc-fr1");
    assert_eq!(news().await, Some(Arc::default()));
    assert_eq!(news().await, None, "they were told before");
    case.apps.forget(&case.token, "osc-fr1");
    assert!(case.apps.until_known(&case.token, "osc-fr1", fresh).now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_by_those_who_waited_and_tried_again_by_the_next() {
    let case = Case::new();
    case.simulator.add_app("shop");
    let failure = Action::respond(Answer::error(500, "down"));
    case.simulator.add_rule(Rule::new("GET", "/v1/apps", failure).once());
    let all = join_all((0..5).map(|_| case.resolve("shop", None))).await;
    assert!(all.iter().all(Result::is_err));
    assert_eq!(case.requests("/v1/apps"), 1);
    tokio::time::advance(Duration::from_millis(1)).await;
    case.resolve("shop", None).await.unwrap();
    assert_eq!(case.requests("/v1/apps"), 2);
}

#[tokio::test(start_paused = true)]
async fn an_app_that_is_younger_than_the_list_is_asked_for_once() {
    let case = Case::new();
    assert_eq!(case.resolve("new", None).await.unwrap(), Resolved::Nothing);
    let id = case.simulator.add_app("new");
    assert_eq!(case.resolve("new", None).await.unwrap(), Resolved::Nothing, "it was asked for since then");
    assert_eq!(case.requests("/v1/apps/*"), 1);
    tokio::time::advance(Duration::from_millis(1)).await;
    for _ in 0..2 {
        assert!(matches!(case.resolve("new", None).await.unwrap(), Resolved::App(app) if app.id == id));
    }
    assert_eq!(case.requests("/v1/apps"), 1);
    assert_eq!(case.requests("/v1/apps/*"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_renamed_app_is_found_by_the_recorded_id_until_another_takes_its_name() {
    let case = Case::new();
    let id = case.simulator.add_app("old");
    case.simulator.rename_app("old", "new").unwrap();
    let resolved = case.resolve("old", Some(&id)).await.unwrap();
    assert_eq!(resolved, Resolved::Renamed(App { id: id.clone(), name: "new".into() }));
    let other = case.simulator.add_app("old");
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(matches!(case.resolve("old", Some(&id)).await.unwrap(), Resolved::App(app) if app.id == other));
}
