use std::io::Write;
use std::sync::{Arc, Mutex};

use super::*;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(format: LogFormat, directives: &str, is_coloured: bool, work: impl FnOnce()) -> String {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = subscriber(format, directives, is_coloured, move || writer.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, work);
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn speak() {
    tracing::debug!("quiet words");
    tracing::info!(namespace = "shop", "plain words");
}

#[test]
fn info_is_the_default() {
    for directives in ["", "info"] {
        let text = logged(LogFormat::Text, directives, false, speak);
        assert!(text.contains("plain words") && !text.contains("quiet words"), "{text}");
    }
    let text = logged(LogFormat::Text, "logdrain_operator=debug", false, speak);
    assert!(text.contains("quiet words"), "{text}");
    assert_eq!(logged(LogFormat::Text, "off", false, speak), "");
}

#[test]
fn text_has_colours_only_where_they_are_wanted() {
    assert!(!logged(LogFormat::Text, "", false, speak).contains('\u{1b}'));
    assert!(logged(LogFormat::Text, "", true, speak).contains('\u{1b}'));
}

#[test]
fn json_is_one_object_in_each_line() {
    let text = logged(LogFormat::Json, "debug", true, || {
        tracing::info_span!("reconcile", object = "datadog").in_scope(speak);
        tracing::info!(level = "a field", "other words");
    });
    let objects: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(objects.len(), 3, "{text}");
    assert_eq!(objects[1]["fields"]["message"], "plain words");
    assert_eq!(objects[1]["fields"]["namespace"], "shop");
    assert_eq!(objects[1]["level"], "INFO");
    assert_eq!(objects[1]["span"]["object"], "datadog");
    assert_eq!((&objects[2]["level"], &objects[2]["fields"]["level"]), (&"INFO".into(), &"a field".into()));
}

#[test]
fn malformed_directives_are_refused() {
    for directives in ["logdrain_operator=loud", "a=b=c", "[", "info,,=x="] {
        let result = subscriber(LogFormat::Text, directives, false, io::stderr);
        assert_eq!(result.err(), Some(TelemetryError::Directives), "{directives}");
    }
}

#[test]
fn bodies_that_the_kubernetes_client_cannot_read_stay_out_of_the_log() {
    let text = logged(LogFormat::Text, "trace", false, || {
        tracing::warn!(target: "kube_client::client", "a-secret-body, EOF");
        tracing::trace!(target: "kube_client::client", "a-secret-body");
        tracing::debug!(target: "kube_runtime::watcher", "a-secret-body");
        tracing::warn!(target: "kube_runtime::watcher", "a-repeated-warning");
        tracing::error!(target: "kube_client::client", "an error");
        tracing::warn!(target: "kube_client::client::builder", "another module");
    });
    assert!(!text.contains("a-secret-body"), "{text}");
    assert!(!text.contains("a-repeated-warning"), "{text}");
    for kept in ["an error", "another module"] {
        assert!(text.contains(kept), "{text}");
    }
}
