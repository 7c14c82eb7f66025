//! Deletions that the API refuses or fails: the record stays, the condition says why, and the drain goes once it may.

use scalingo_simulator::ChangeKind::{Added, Removed};
use scalingo_simulator::{Action, Answer, AnswerBody, Rule, Simulator};
use serde_json::{Value, json};

use crate::{
    duplicates::{OTHER_URL, URL, change, changes, papertrail, with},
    errors::{PERSON, TIME, assert_failing, assert_synced},
    scene::LATER,
    world::{World, ready},
};

/// What a deletion that waits for a person says at the end.
const OR_RETAIN: &str =
    "; or set spec.deletionPolicy to Retain, which releases this resource and leaves its drains at Scalingo";

fn refuse(status: u16, text: &str) -> Action {
    Action::respond(Answer::error(status, text))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_stays_while_its_drain_cannot_be_deleted_and_says_why() {
    let world = World::running().await;
    let delete = "delete_drain failed: DELETE /v1/apps/{id}/log_drains: ";
    let cases = [
        (
            "d400",
            refuse(400, "no"),
            "Rejected",
            PERSON,
            format!("{delete}answered 400: no; delete the drain at Scalingo by hand{OR_RETAIN}"),
        ),
        (
            "d403",
            refuse(403, "read only"),
            "NotPermitted",
            PERSON,
            format!(
                "the user of the API token that spec.apiTokenSecretRef names may not manage the drains of this app: read \
                 only; a collaborator with the limited role cannot{OR_RETAIN}"
            ),
        ),
        (
            "d404-html",
            Action::respond(Answer::new(404, AnswerBody::Html)),
            "Unavailable",
            TIME,
            format!(
                "{delete}answered 404, and the body is HTML (something else than the Scalingo API answered: check the proxy, \
                 the firewall and --api-url); looking until {{until}} for what it may have done"
            ),
        ),
        (
            "d500",
            refuse(500, "boom"),
            "Unavailable",
            TIME,
            format!("{delete}answered 500: boom; this is tried again by itself"),
        ),
    ];
    for (name, action, ..) in &cases {
        world.simulator.add_app(name);
        let path = format!("/v1/apps/{name}/log_drains");
        world.simulator.add_rule(Rule::new("DELETE", &path, action.clone()));
        world.apply(name, &papertrail(name));
    }
    for (name, ..) in &cases {
        world.until_reason(name, "Synced").await;
        world.kubectl(&["delete", "logdrain", name, "--wait=false"]);
    }
    for (name, _, reason, remedy, message) in &cases {
        let object = world.until_reason(name, reason).await;
        let id = world.simulator.app_id(name).expect("the app");
        let said = ready(&object)["message"].as_str().unwrap_or_default();
        let until = said.split_once("looking until ").and_then(|(_, rest)| rest.split(' ').next());
        let message = message.replace("{id}", &id).replace("{until}", until.unwrap_or_default());
        assert_failing(&object, reason, remedy, &message);
        assert_eq!(object["status"]["drains"][0]["url"], URL, "{name} still answers for it");
        assert_eq!(world.simulator.drains(*name), [URL]);
    }
    world.simulator.clear_rules();
    for (name, ..) in &cases {
        world.until_within(LATER, world.namespace(), name, "gone", Value::is_null).await;
        assert!(world.simulator.drains(*name).is_empty(), "{name}");
    }
    world.finish();
}

/// It may still take effect, and a second one might then take what somebody has added meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_whose_answer_is_lost_is_looked_for_before_it_is_repeated() {
    let world = World::running().await;
    world.apply("drain", &papertrail("shop-front"));
    world.until_reason("drain", "Synced").await;
    let path = "/v1/apps/*/log_drains";
    world.simulator.add_rule(Rule::new("DELETE", path, refuse(502, "boom")).once());
    world.kubectl(&["delete", "logdrain", "drain", "--wait=false"]);
    let gone = |simulator: &Simulator| simulator.drains("shop-front").is_empty();
    world.until_simulator_within(LATER, "gone at last", gone).await;
    world.until("drain", "gone", Value::is_null).await;
    let sent = world.simulator.requests("DELETE", path);
    let [first, second] = sent.as_slice() else { panic!("{sent:#?}") };
    let pause = second.at.duration_since(first.at);
    assert!(pause.as_secs() >= 90, "only {pause}");
    let lists = world.simulator.requests("GET", path);
    let between =
        lists.iter().filter(|list| (first.sequence..second.sequence).contains(&list.sequence)).count();
    assert!(between > 3, "listed {between} times");
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_drain_that_cannot_be_deleted_is_told_and_goes_after_the_new_one_came() {
    let world = World::running().await;
    world.apply("drain", &papertrail("shop-front"));
    world.until_reason("drain", "Synced").await;
    world.simulator.add_rule(Rule::new("DELETE", "/v1/apps/shop-front/log_drains", refuse(503, "down")));
    world.apply("drain", &with(papertrail("shop-front"), "port", &json!(7514)));
    let object = world.until_reason("drain", "Unavailable").await;
    let id = world.simulator.app_id("shop-front").expect("the app");
    let message = format!(
        "delete_drain failed: DELETE /v1/apps/{id}/log_drains: answered 503: down; this is tried again by itself"
    );
    assert_failing(&object, "Unavailable", TIME, &message);
    assert_eq!(
        object["status"]["drains"].as_array().map(Vec::len),
        Some(2),
        "it answers for both: {object:#}"
    );
    assert_eq!(changes(&world.simulator), [change(Added, URL), change(Added, OTHER_URL)]);
    world.simulator.clear_rules();
    assert_synced(&world.until_reason("drain", "Synced").await);
    assert_eq!(
        changes(&world.simulator),
        [change(Added, URL), change(Added, OTHER_URL), change(Removed, URL)]
    );
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_no_proof_that_the_drain_is_gone() {
    let world = World::running().await;
    world.apply("drain", &papertrail("shop-front"));
    world.until_reason("drain", "Synced").await;
    world.simulator.revoke_token("operator");
    world.simulator.revoke_bearers("operator");
    world.kubectl(&["delete", "logdrain", "drain", "--wait=false"]);
    let message = format!(
        "Scalingo refuses the API token: unauthorized; look at the Secret that spec.apiTokenSecretRef names{OR_RETAIN}"
    );
    let object = world
        .until("drain", "being deleted and refused", |object| {
            !object["metadata"]["deletionTimestamp"].is_null()
                && object["status"]["observedGeneration"] == object["metadata"]["generation"]
                && object["status"]["conditions"][0]["reason"] == "Unauthorized"
        })
        .await;
    assert_failing(&object, "Unauthorized", PERSON, &message);
    assert_eq!(world.simulator.drains("shop-front"), [URL]);
    world.simulator.restore_token("operator");
    world.until("drain", "gone", Value::is_null).await;
    assert_eq!(changes(&world.simulator), [change(Added, URL), change(Removed, URL)]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_meets_a_429_goes_on_when_it_may() {
    let world = World::running().await;
    world.apply("limited", &papertrail("shop-front"));
    world.until_reason("limited", "Synced").await;
    let limited = Action::too_many_requests(Some(12));
    world.simulator.add_rule(Rule::new("DELETE", "/v1/apps/shop-front/log_drains", limited).once());
    world.kubectl(&["delete", "logdrain", "limited", "--wait=false"]);
    let object = world.until_reason("limited", "RateLimited").await;
    let message = ready(&object)["message"].as_str().expect("a message").to_owned();
    assert!(message.starts_with("Scalingo asks to send fewer requests; goes on at about 20"), "{message}");
    assert_failing(&object, "RateLimited", TIME, &message);
    assert_eq!(world.simulator.drains("shop-front"), [URL]);
    world.until("limited", "gone", Value::is_null).await;
    assert!(world.simulator.drains("shop-front").is_empty());
    let journal = world.simulator.journal();
    let place = journal.iter().position(|entry| entry.status == Some(429)).expect("a 429");
    assert!(
        journal[place + 1].at.duration_since(journal[place].at).as_secs() >= 12,
        "nothing is sent before"
    );
    world.finish();
}
