//! What is in sync stays as it is: no write, no second drain, whatever form the URLs have.

use scalingo_simulator::{Action, Answer, AnswerBody, Rule, UrlForm};
use serde_json::json;

use crate::{
    lifecycle::verdict,
    types::{apply_all, cases, database, write_secrets},
    world::World,
};

/// All drains, sorted: those of the app, then those of the addon.
fn drains(world: &World, addon: &str) -> [Vec<String>; 2] {
    [world.simulator.drains("shop-front"), world.simulator.drains(("shop-front", addon))].map(|mut drains| {
        drains.sort();
        drains
    })
}

fn resource_versions(world: &World) -> String {
    let columns = "custom-columns=NAME:.metadata.name,VERSION:.metadata.resourceVersion";
    world.kubectl(&["get", "logdrains", "--output", columns])
}

/// Looks on while both targets are listed several times, and demands that nothing at all is written.
async fn assert_quiet(world: &World) {
    let written =
        || world.audit().into_iter().filter(|entry| entry.resource == "logdrains" && entry.is_write());
    let (versions, writes) = (resource_versions(world), written().count());
    let requests = world.after_lists(8).await;
    let paths = ["/v1/apps", "/log_drains"];
    let others: Vec<_> = requests
        .iter()
        .filter(|entry| entry.method != "GET" || !paths.iter().any(|path| entry.path.ends_with(path)))
        .collect();
    assert!(others.is_empty(), "{others:#?}");
    assert_eq!(resource_versions(world), versions);
    assert_eq!(written().skip(writes).collect::<Vec<_>>(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn applying_the_same_again_changes_nothing_anywhere() {
    let world = World::running().await;
    let addon = database(&world);
    write_secrets(&world);
    apply_all(&world, &addon);
    let before = (resource_versions(&world), drains(&world, &addon));
    world.simulator.clear_journal();
    apply_all(&world, &addon);
    assert_eq!((resource_versions(&world), drains(&world, &addon)), before);
    assert_quiet(&world).await;
    assert!(world.writes().is_empty(), "{:#?}", world.writes());
    assert_eq!((resource_versions(&world), drains(&world, &addon)), before);
    world.finish();
}

/// Lets every type be listed in a form, and demands one quiet drain of each, and that all can be deleted.
async fn every_type_works_in(forms: &[(&str, UrlForm)]) {
    let world = World::running().await;
    let addon = database(&world);
    world.simulator.set(|settings| {
        settings.url_forms = forms.iter().map(|(name, form)| ((*name).to_owned(), form.clone())).collect();
    });
    write_secrets(&world);
    apply_all(&world, &addon);
    let added = drains(&world, &addon);
    assert_eq!(added.each_ref().map(Vec::len), [cases().len(); 2]);
    assert_quiet(&world).await;
    let versions = resource_versions(&world);
    world.stop_operator();
    world.start_operator();
    world.after_lists(1).await;
    assert_quiet(&world).await;
    assert_eq!(resource_versions(&world), versions);
    assert_eq!(drains(&world, &addon), added);
    assert_eq!(world.simulator.changes().len(), 2 * cases().len());

    world.delete_until_gone(&["logdrains", "--all"]);
    assert_eq!(drains(&world, &addon), [Vec::<String>::new(), Vec::new()]);
    world.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_that_show_nothing_of_their_destination_are_kept_and_deleted() {
    every_type_works_in(&[("*", UrlForm::Opaque)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_that_are_different_each_time_are_kept_and_deleted() {
    every_type_works_in(&[("*", UrlForm::Unique)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_forms_of_the_undocumented_types_are_kept_and_deleted() {
    let template = |text: &str| UrlForm::Template(text.to_owned());
    every_type_works_in(&[
        ("appsignal", template("https://push.appsignal.example/{host}/{port}/logs?api_key={token}&v=2")),
        ("betterstack", template("logtail+tls://{host}/{token}")),
        ("datadog", template("not a URL {token} {drain_region}")),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_parameters_that_changes_between_lists_makes_no_second_drain() {
    every_type_works_in(&[("*", UrlForm::Reordered)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_port_that_is_added_makes_no_second_drain() {
    every_type_works_in(&[("*", UrlForm::DefaultPort(443))]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_is_listed_otherwise_than_answered_is_recognised_and_not_added_again() {
    let world = World::running().await;
    world.secret("datadog", &[("api-key", "s3cret-datadog")]);
    let answered = json!({"drain": {"url": "datadog://s3cret-datadog:443/?region=eu-west-2"}});
    let answer = Answer::new(201, AnswerBody::Json(answered));
    world.simulator.add_rule(Rule::new("POST", "/v1/apps/*/log_drains", Action::respond_after(answer)));
    world.apply(
        "datadog",
        &json!({
            "app": "shop-front", "type": "datadog", "drainRegion": "eu-west-2",
            "tokenSecretRef": {"name": "datadog", "key": "api-key"},
        }),
    );
    let object = world.until_reason("datadog", "Synced").await;
    assert_eq!(ready_message(&object), "Scalingo lists the drain datadog://***:***/?region=eu-west-2");
    let object = world
        .until("datadog", "recognised", |object| {
            ready_message(object) == "Scalingo lists the drain datadog://***?region=eu-west-2"
        })
        .await;
    assert_eq!(verdict(&object)[..2], ["True", "Synced"]);
    let requests = world.after_lists(4).await;
    assert!(requests.iter().all(|entry| entry.method == "GET"), "{requests:#?}");
    assert_eq!(world.simulator.drains("shop-front"), ["datadog://s3cret-datadog?region=eu-west-2"]);
    world.finish();
}

fn ready_message(object: &serde_json::Value) -> &str {
    verdict(object)[2]
}
