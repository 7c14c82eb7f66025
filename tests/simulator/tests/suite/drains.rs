use scalingo_simulator::{Duplicates, UnheededDelete};
use serde_json::{Value, json};

use crate::{added, shop};

const PATH: &str = "/v1/apps/shop/log_drains";

#[tokio::test]
async fn drains_are_listed_in_order_by_name_and_by_id() {
    let (simulator, client) = shop().await;
    let id = simulator.app_id("shop").unwrap();
    simulator.add_drain_behind("shop", "ovh://:t@h:6514").unwrap();
    let answer = client.add(1).await.unwrap();
    assert_eq!((answer.status, answer.json()), (201, json!({"drain": {"url": added(1)}})));
    let expected =
        json!({"drains": [{"app_id": id, "url": "ovh://:t@h:6514"}, {"app_id": id, "url": added(1)}]});
    assert_eq!(client.get(PATH).await.json(), expected);
    assert_eq!(client.get(&format!("/v1/apps/{id}/log_drains")).await.json(), expected);
    assert_eq!(simulator.drains("shop"), simulator.drains(&id));
    assert_eq!(simulator.drains("shop").len(), 2);
    simulator.set(|settings| settings.created_shows_app_id = true);
    assert_eq!(client.add(2).await.unwrap().json()["drain"]["app_id"], id.as_str());
    assert_eq!(simulator.complaints(), [""; 0]);
}

#[tokio::test]
async fn an_addon_has_drains_of_its_own() {
    let (simulator, client) = shop().await;
    let database = simulator.add_addon("shop", "postgresql", true).unwrap();
    let path = format!("/v1/apps/shop/addons/{database}/log_drains");
    assert!(database.starts_with("ad-") && database.len() == 39, "{database}");
    let body = json!({"drain": {"type": "elk", "url": "https://elk.example/in"}});
    assert_eq!(client.post(&path, &body).await.status, 201);
    assert_eq!(client.get(&path).await.urls(), ["https://elk.example/in"]);
    assert_eq!(client.get(PATH).await.urls(), [""; 0]);
    assert_eq!(simulator.drains(("shop", &database)), ["https://elk.example/in"]);
    assert_eq!(client.delete(&path, &json!({"url": "https://elk.example/in"})).await.status, 204);
    assert_eq!(client.get(&path).await.urls(), [""; 0]);
    let addons = client.get("/v1/apps/shop/addons").await.json();
    assert_eq!(addons["addons"][0]["id"], database.as_str());
    assert_eq!(addons["addons"][0]["addon_provider"]["id"], "postgresql");
    simulator.delete_addon("shop", &database).unwrap();
    let answer = client.get(&path).await;
    assert_eq!((answer.status, answer.json()), (404, json!({"resource": "addon", "error": "not found"})));
    assert_eq!(simulator.complaints(), [""; 0]);
}

#[tokio::test]
async fn an_addon_that_is_no_database_refuses_all_drain_calls() {
    let (simulator, client) = shop().await;
    let addon = simulator.add_addon("shop", "mailjet", false).unwrap();
    let path = format!("/v1/apps/shop/addons/{addon}/log_drains");
    let expected = (400, json!({"error": "This addon doesn't support log drains"}));
    let body = json!({"drain": {"type": "elk", "url": "https://elk.example/in"}});
    for answer in [
        client.get(&path).await,
        client.post(&path, &body).await,
        client.delete(&path, &json!({"url": "https://elk.example/in"})).await,
    ] {
        assert_eq!((answer.status, answer.json()), expected);
    }
}

#[tokio::test]
async fn a_duplicate_is_refused_accepted_or_merged() {
    let (simulator, client) = shop().await;
    assert_eq!(client.add(1).await.unwrap().status, 201);
    let refused = client.add(1).await.unwrap();
    assert_eq!(refused.status, 422);
    assert!(refused.json()["errors"]["url"][0].is_string());
    simulator.set(|settings| settings.duplicate_status = 400);
    let refused = client.add(1).await.unwrap();
    assert_eq!((refused.status, refused.json()), (400, json!({"error": "This log drain already exists"})));
    assert_eq!(simulator.drains("shop"), [added(1)]);
    simulator.set(|settings| settings.duplicates = Duplicates::Merged);
    let merged = client.add(1).await.unwrap();
    assert_eq!((merged.status, merged.json()["drain"]["url"].clone()), (201, json!(added(1))));
    assert_eq!(simulator.drains("shop"), [added(1)]);
    simulator.set(|settings| settings.duplicates = Duplicates::Accepted);
    assert_eq!(client.add(1).await.unwrap().status, 201);
    assert_eq!(client.get(PATH).await.urls(), [added(1), added(1)]);
    assert_eq!(simulator.complaints(), [""; 0]);
}

#[tokio::test]
async fn one_delete_removes_one_or_all_of_a_url() {
    let (simulator, client) = shop().await;
    simulator.set(|settings| settings.duplicates = Duplicates::Accepted);
    for _ in 0..3 {
        client.add(1).await.unwrap();
    }
    client.delete(PATH, &json!({"url": added(1)})).await;
    assert_eq!(simulator.drains("shop"), [added(1), added(1)]);
    simulator.set(|settings| settings.delete_removes_all = true);
    client.delete(PATH, &json!({"url": added(1)})).await;
    assert_eq!(simulator.drains("shop"), [""; 0]);
    let answer = client.delete(PATH, &json!({"url": added(1)})).await;
    assert_eq!((answer.status, answer.json()["error"].clone()), (404, json!("not found")));
    assert_eq!(simulator.complaints(), [""; 0]);
}

#[tokio::test]
async fn both_forms_of_delete_are_heeded() {
    let (simulator, client) = shop().await;
    let url = "datadog://to%2Fken?region=eu&x=1";
    simulator.add_drain_behind("shop", url).unwrap();
    simulator.add_drain_behind("shop", url).unwrap();
    assert_eq!(client.delete(PATH, &json!({"url": url})).await.status, 204);
    let query: String = url::form_urlencoded::byte_serialize(url.as_bytes()).collect();
    let request = client.request("DELETE", &format!("{PATH}?url={query}"), None);
    let answer = client.send(request).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(simulator.drains("shop"), [""; 0]);
    assert_eq!(simulator.complaints(), [""; 0]);
}

#[tokio::test]
async fn each_form_of_delete_can_be_switched_off() {
    let (simulator, client) = shop().await;
    simulator.add_drain_behind("shop", "x://y").unwrap();
    let with_body = || client.request("DELETE", PATH, Some(&json!({"url": "x://y"})));
    let with_query = || client.request("DELETE", &format!("{PATH}?url=x://y"), None);
    simulator.set(|settings| (settings.delete_by_body, settings.delete_by_query) = (false, false));
    for (unheeded, status) in
        [(UnheededDelete::Ignored, 204), (UnheededDelete::Refused400, 400), (UnheededDelete::Refused422, 422)]
    {
        simulator.set(|settings| settings.unheeded_delete = unheeded);
        for request in [with_body(), with_query()] {
            assert_eq!(client.send(request).await.unwrap().status, status);
        }
        assert_eq!(simulator.drains("shop"), ["x://y"]);
    }
    simulator.set(|settings| settings.delete_by_query = true);
    assert_eq!(client.send(with_body()).await.unwrap().status, 422);
    assert_eq!(client.send(with_query()).await.unwrap().status, 204);
    assert_eq!(simulator.drains("shop"), [""; 0]);
    simulator.add_drain_behind("shop", "x://y").unwrap();
    simulator.set(|settings| (settings.delete_by_body, settings.delete_by_query) = (true, false));
    assert_eq!(client.send(with_query()).await.unwrap().status, 422);
    assert_eq!(client.send(with_body()).await.unwrap().status, 204);
    assert_eq!(simulator.drains("shop"), [""; 0]);
}

#[tokio::test]
async fn a_renamed_app_keeps_its_id_and_drains_and_a_deleted_one_is_gone() {
    let (simulator, client) = shop().await;
    let id = simulator.app_id("shop").unwrap();
    client.add(1).await.unwrap();
    simulator.rename_app("shop", "store").unwrap();
    assert_eq!(client.get("/v1/apps/shop").await.status, 404);
    assert_eq!(client.get("/v1/apps/store").await.json()["app"]["id"], id.as_str());
    assert_eq!(client.get("/v1/apps/store/log_drains").await.urls(), [added(1)]);
    let other = simulator.add_app("shop");
    assert_ne!(other, id);
    assert_eq!(client.get(PATH).await.urls(), [""; 0]);
    simulator.delete_app(&id).unwrap();
    assert_eq!(client.get(&format!("/v1/apps/{id}/log_drains")).await.status, 404);
    assert_eq!(client.get("/v1/apps").await.json()["apps"].as_array().unwrap().len(), 1);
    assert!(simulator.rename_app(&id, "x").is_err());
    assert!(simulator.add_drain_behind(&id, "x://y").is_err());
    assert!(simulator.remove_drain_behind("shop", "x://y").is_err());
    assert_eq!(simulator.complaints(), [""; 0]);
}

#[tokio::test]
async fn an_app_is_listed_with_its_project() {
    let (simulator, client) = shop().await;
    let apps: Value = client.get("/v1/apps").await.json();
    assert_eq!(apps["apps"][0]["id"], simulator.app_id("shop").unwrap().as_str());
    assert!(apps["apps"][0]["project"]["id"].is_string());
}
