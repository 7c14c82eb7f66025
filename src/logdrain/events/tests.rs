use in_memory_api_server::{ApiServer, Definition, Fault, Settings};

use super::*;

#[test]
fn a_note_is_cut_to_what_the_api_server_takes_and_never_within_a_letter() {
    let long = |length: usize| "x".repeat(length);
    assert_eq!(cut(long(1_024)), long(1_024), "just short enough");
    assert_eq!(cut(long(1_025)), long(1_024));
    assert_eq!(cut(long(1_023) + "\u{e4}"), long(1_023), "its last letter takes two bytes, one too many");
    assert_eq!(cut(long(1_022) + "\u{e4}"), long(1_022) + "\u{e4}");
    assert_eq!(cut(String::new()), "");
}

#[tokio::test(start_paused = true)]
async fn no_more_events_are_kept_than_some_and_the_one_used_last_is_kept() {
    let server = ApiServer::new(Settings::default(), Definition::builtin());
    let (client, _) = server.client_with("operator", "shop", |_| Fault::None);
    let events = Events::new(client, Metrics::default());
    let event = |note: &str| ("uid".to_owned(), note.to_owned());
    for number in 0..MOST_EVENTS * 2 {
        tokio::time::advance(Duration::from_millis(1)).await;
        let _ = events.recorder(event("again and again"));
        let _ = events.recorder(event(&format!("note {number}")));
    }
    let known = events.recorders.lock().unwrap();
    assert_eq!(known.len(), MOST_EVENTS);
    assert!(known.contains_key(&event("again and again")));
    let last = format!("note {}", MOST_EVENTS * 2 - 1);
    assert!(known.contains_key(&event(&last)) && !known.contains_key(&event("note 0")));
}
