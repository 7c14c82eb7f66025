use scalingo_simulator::{Hosts, UrlForm};
use serde_json::{Value, json};

use crate::shop;

const PATH: &str = "/v1/apps/shop/log_drains";

fn datadog() -> Value {
    json!({"drain": {"type": "datadog", "token": "secret", "drain_region": "eu"}})
}

#[tokio::test]
async fn each_type_has_its_url() {
    let (simulator, client) = shop().await;
    for (drain, url) in [
        (
            json!({"type": "datadog", "token": "a/b c", "drain_region": "eu-west-2"}),
            "datadog://a%2Fb%20c?region=eu-west-2",
        ),
        (
            json!({"type": "ovh-graylog", "token": "5af9-34e5", "host": "tag1.logs.ovh.com"}),
            "ovh://:5af9-34e5@tag1.logs.ovh.com:6514",
        ),
        (
            json!({"type": "papertrail", "host": "logs.example", "port": "1234"}),
            "tcp+tls://logs.example:1234",
        ),
        (json!({"type": "syslog", "host": "10.0.0.1", "port": "514"}), "tcp+tls://10.0.0.1:514"),
        (
            json!({"type": "syslog", "token": "t:@", "host": "2001:db8::1", "port": "514"}),
            "syslog://:t%3A%40@[2001:db8::1]:514",
        ),
        (json!({"type": "elk", "url": "https://u:p@elk.example/a?b=c"}), "https://u:p@elk.example/a?b=c"),
        (json!({"type": "appsignal", "token": "t"}), "appsignal://t"),
        (json!({"type": "appsignal", "token": "t", "host": "h.example"}), "appsignal://:t@h.example"),
        (
            json!({"type": "appsignal", "token": "t", "host": "h.example", "port": "99"}),
            "appsignal://:t@h.example:99",
        ),
        (
            json!({"type": "betterstack", "token": "t", "host": "h.example"}),
            "betterstack://:t@h.example:6514",
        ),
        (json!({"type": "logtail", "token": "t"}), "logtail://t"),
        (
            json!({"type": "opensearch", "url": "https://u:p@search.example/a"}),
            "https://u:p@search.example/a",
        ),
    ] {
        let answer = client.post(PATH, &json!({"drain": drain})).await;
        assert_eq!((answer.status, answer.json()), (201, json!({"drain": {"url": url}})));
    }
    assert_eq!(client.get(PATH).await.urls().len(), 12);
    assert_eq!(simulator.complaints(), [""; 0]);
}

#[tokio::test]
async fn an_opaque_url_tells_nothing_and_names_the_drain() {
    for form in [UrlForm::Opaque, UrlForm::Unique] {
        let (simulator, client) = shop().await;
        simulator.set(|settings| settings.url_forms = [("datadog".to_owned(), form.clone())].into());
        let url = client.post(PATH, &datadog()).await.json()["drain"]["url"].as_str().unwrap().to_owned();
        assert!(url.starts_with("https://intake.example/"), "{url}");
        assert!(!url.contains("secret") && !url.contains("eu"), "{url}");
        assert_eq!(client.post(PATH, &datadog()).await.status, 422, "a duplicate is known all the same");
        assert_eq!(client.delete(PATH, &json!({"url": url})).await.status, 204);
        let again = client.post(PATH, &datadog()).await.json()["drain"]["url"].as_str().unwrap().to_owned();
        assert_eq!(again == url, form == UrlForm::Opaque);
    }
}

#[tokio::test]
async fn a_default_port_is_added_where_there_is_none() {
    let (simulator, client) = shop().await;
    simulator.set(|settings| settings.url_forms = [("*".to_owned(), UrlForm::DefaultPort(443))].into());
    assert_eq!(client.post(PATH, &datadog()).await.json()["drain"]["url"], "datadog://secret:443?region=eu");
    let elk = json!({"drain": {"type": "elk", "url": "https://u:p@elk.example/in"}});
    assert_eq!(client.post(PATH, &elk).await.json()["drain"]["url"], "https://u:p@elk.example:443/in");
    let syslog = json!({"drain": {"type": "syslog", "host": "h", "port": "1"}});
    assert_eq!(client.post(PATH, &syslog).await.json()["drain"]["url"], "tcp+tls://h:1");
}

#[tokio::test]
async fn the_order_of_parameters_differs_from_list_to_list() {
    let (simulator, client) = shop().await;
    simulator.set(|settings| settings.url_forms = [("datadog".to_owned(), UrlForm::Reordered)].into());
    client.post(PATH, &datadog()).await;
    let one = client.get(PATH).await.urls();
    let two = client.get(PATH).await.urls();
    assert_ne!(one, two);
    for part in ["region=eu", "source=scalingo", "format=rfc5424"] {
        assert!(one[0].contains(part) && two[0].contains(part));
    }
    assert_eq!(client.delete(PATH, &json!({"url": one[0]})).await.status, 204);
    assert_eq!(simulator.drains("shop"), [""; 0]);
}

#[tokio::test]
async fn a_template_writes_any_other_form() {
    let (simulator, client) = shop().await;
    let form = UrlForm::Template("dd://{drain_region}.example/{token}".to_owned());
    simulator.set(|settings| settings.url_forms = [("datadog".to_owned(), form)].into());
    assert_eq!(client.post(PATH, &datadog()).await.json()["drain"]["url"], "dd://eu.example/secret");
}

#[tokio::test]
async fn a_token_is_shown_encoded_or_as_it_was_given() {
    let (simulator, client) = shop().await;
    let drain = |token: &str| json!({"drain": {"type": "datadog", "token": token, "drain_region": "eu"}});
    let encoded = client.post(PATH, &drain("ab/+=%41")).await.json();
    assert_eq!(encoded["drain"]["url"], "datadog://ab%2F%2B%3D%2541?region=eu");
    simulator.set(|settings| settings.raw_tokens = true);
    let raw = client.post(PATH, &drain("cd/+=%41")).await.json();
    assert_eq!(raw["drain"]["url"], "datadog://cd/+=%41?region=eu");
    assert_eq!(client.post(PATH, &drain("ab/+=%41")).await.status, 422, "a duplicate is known all the same");
}

#[tokio::test]
async fn two_spellings_of_a_host_are_one_drain_or_two() {
    let drain = |host: &str| json!({"drain": {"type": "syslog", "host": host, "port": "1"}});
    for (one, other, form, hosts) in [
        ("2001:DB8:0::7", "2001:db8::7", "[2001:db8::7]", ["[2001:DB8:0::7]", "[2001:db8::7]"]),
        ("LOGS.example", "logs.example.", "logs.example", ["LOGS.example", "logs.example."]),
    ] {
        let (simulator, client) = shop().await;
        assert_eq!(
            client.post(PATH, &drain(one)).await.json()["drain"]["url"],
            format!("tcp+tls://{form}:1")
        );
        assert_eq!(client.post(PATH, &drain(other)).await.status, 422);
        let (simulator_as_given, client) = shop().await;
        simulator_as_given.set(|settings| settings.hosts = Hosts::AsGiven);
        for (given, shown) in [one, other].into_iter().zip(hosts) {
            let answer = client.post(PATH, &drain(given)).await;
            assert_eq!(answer.json()["drain"]["url"], format!("tcp+tls://{shown}:1"));
        }
        let documented = format!("tcp+tls://{form}:1");
        assert_eq!(simulator_as_given.documented_drains("shop"), [documented.clone(), documented]);
        drop(simulator);
    }
}
