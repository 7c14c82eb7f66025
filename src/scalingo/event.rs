//! The change feed: what an event says. Types and fields as in Scalingo's developer documentation, page "Events".

use serde::Deserialize;
use serde_json::Value;

use super::wire::Meta;
use crate::drain::DrainUrl;

/// How many are asked for at once: deployments and the like of all apps come in the same feed.
pub const EVENTS_PER_PAGE: usize = 100;

/// Something that has happened to an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Tells it from others.
    pub id: String,
    /// Of the app.
    pub app_id: String,
    /// As the app was called then.
    pub app_name: String,
    /// What has happened.
    pub change: Change,
}

/// What has happened to an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A drain of the app, or of this addon, was added.
    DrainAdded {
        /// Id of the addon; none where it is the app's own drain.
        addon: Option<String>,
        /// Its URL.
        url: DrainUrl,
    },
    /// A drain of the app, or of this addon, was deleted.
    DrainDeleted {
        /// Id of the addon; none where it was the app's own drain.
        addon: Option<String>,
        /// Its URL.
        url: DrainUrl,
    },
    /// The app was made.
    AppAdded,
    /// The app was given another name.
    AppRenamed {
        /// The name that it had.
        from: String,
        /// The name that it has since.
        to: String,
    },
    /// The app was deleted.
    AppDeleted,
    /// The app was given an addon.
    AddonAdded,
    /// An addon of the app was deleted; the event does not say which.
    AddonDeleted,
    /// Nothing that concerns drains, or nothing that is understood.
    Other,
}

/// One page of the feed, newest first.
#[derive(Debug)]
pub struct EventPage {
    /// The events.
    pub events: Vec<Event>,
    /// Whether older ones are to be had.
    pub has_more: bool,
}

#[derive(Deserialize)]
pub(super) struct EventsAnswer {
    events: Vec<Value>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct EventAnswer {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    app_id: String,
    #[serde(default)]
    app_name: String,
    #[serde(default)]
    type_data: Value,
}

impl EventsAnswer {
    /// An event that cannot be read is left out: there are many types, and few concern drains.
    pub(super) fn page(self, current: u64) -> EventPage {
        let has_more = self.meta.is_some_and(|meta| meta.next_page(current).is_some());
        let read = |event| serde_json::from_value::<EventAnswer>(event).ok().map(Event::from);
        EventPage { events: self.events.into_iter().filter_map(read).collect(), has_more }
    }
}

impl From<EventAnswer> for Event {
    fn from(answer: EventAnswer) -> Self {
        let text = |name: &str| answer.type_data.get(name).and_then(Value::as_str).map(str::to_owned);
        let url = || text("url").map(DrainUrl::new);
        let addon = text("addon_uuid");
        let change = match answer.kind.as_str() {
            "new_log_drain" | "new_addon_log_drain" => {
                url().map_or(Change::Other, |url| Change::DrainAdded { addon, url })
            }
            "delete_log_drain" | "delete_addon_log_drain" => {
                url().map_or(Change::Other, |url| Change::DrainDeleted { addon, url })
            }
            "new_app" => Change::AppAdded,
            "rename_app" => Change::AppRenamed {
                from: text("old_name").unwrap_or_default(),
                to: text("new_name").unwrap_or_default(),
            },
            "delete_app" => Change::AppDeleted,
            "new_addon" => Change::AddonAdded,
            "delete_addon" => Change::AddonDeleted,
            _ => Change::Other,
        };
        Self { id: answer.id, app_id: answer.app_id, app_name: answer.app_name, change }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(answer: Value) -> EventPage {
        serde_json::from_value::<EventsAnswer>(answer).unwrap().page(1)
    }

    #[test]
    fn what_concerns_drains_is_read_and_what_is_not_understood_is_left_out() {
        let page = read(json!({
            "events": [
                {"id": "1", "type": "new_log_drain", "app_id": "a", "app_name": "shop", "type_data": {"url": "x://y"}},
                {"id": "2", "type": "delete_addon_log_drain", "app_id": "a", "app_name": "shop",
                 "type_data": {"url": "x://y", "addon_uuid": "ad-1"}},
                {"id": "3", "type": "rename_app", "app_id": "a", "app_name": "store",
                 "type_data": {"old_name": "shop", "new_name": "store"}},
                {"id": "4", "type": "deployment", "app_id": "a", "app_name": "shop", "type_data": [1]},
                {"id": "5", "type": "new_log_drain", "app_id": "a", "app_name": "shop", "type_data": null},
                {"id": "6", "type": "login_success"},
                {"id": "8", "type": "new_addon", "app_id": "a", "app_name": "shop"},
                {"id": "9", "type": "delete_addon", "app_id": "a", "app_name": "shop",
                 "type_data": {"addon_provider_name": "redis", "resource_id": "shop-1"}},
                {"id": "10", "type": "delete_app", "app_id": "a", "app_name": "shop"},
                {"id": 7, "type": "new_app"},
                "nothing",
            ],
            "meta": {"pagination": {"next_page": 2}},
        }));
        let app = |id: &str, name: &str, change| Event {
            id: id.into(),
            app_id: "a".into(),
            app_name: name.into(),
            change,
        };
        let url = || DrainUrl::new("x://y".into());
        assert_eq!(
            page.events,
            [
                app("1", "shop", Change::DrainAdded { addon: None, url: url() }),
                app("2", "shop", Change::DrainDeleted { addon: Some("ad-1".into()), url: url() }),
                app("3", "store", Change::AppRenamed { from: "shop".into(), to: "store".into() }),
                app("4", "shop", Change::Other),
                app("5", "shop", Change::Other),
                Event {
                    id: "6".into(),
                    app_id: String::new(),
                    app_name: String::new(),
                    change: Change::Other
                },
                app("8", "shop", Change::AddonAdded),
                app("9", "shop", Change::AddonDeleted),
                app("10", "shop", Change::AppDeleted),
            ]
        );
        assert!(page.has_more);
        assert!(!format!("{page:?}").contains("x://y"));
        assert!(!read(json!({"events": []})).has_more);
    }
}
