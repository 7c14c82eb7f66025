use std::fmt::Write;

use crate::Simulator;
use crate::state::{Drain, redact};

/// A page for people: apps and their drains, redacted.
pub(super) fn write(simulator: &Simulator) -> String {
    let state = simulator.state();
    let mut rows = String::new();
    for app in &state.apps {
        let name = escape(&app.name);
        row(&mut rows, &format!("{name}<br><small>{}</small>", escape(&app.id)), &app.drains);
        for addon in &app.addons {
            let text =
                format!("{name} · {}<br><small>{}</small>", escape(&addon.provider), escape(&addon.id));
            row(&mut rows, &text, &addon.drains);
        }
    }
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Scalingo simulator</title>\
         <style>body{{font:1rem sans-serif;margin:2rem}}td{{padding:.3rem 2rem .3rem 0;vertical-align:top}}</style></head>\
         <body><h1>Scalingo simulator</h1><p>{} requests so far, {} complaints. Secrets are shown as ***.</p>\
         <table><tr><th align=\"left\">Target</th><th align=\"left\">Log drains</th></tr>{rows}</table></body></html>",
        state.journal.len(),
        state.complaints.len(),
    )
}

fn row(rows: &mut String, name: &str, drains: &[Drain]) {
    let urls: Vec<String> = drains.iter().map(|drain| escape(&redact(&drain.url))).collect();
    let urls = if urls.is_empty() { "–".to_owned() } else { urls.join("<br>") };
    // Writing to a String cannot fail.
    let _ = write!(rows, "<tr><td>{name}</td><td>{urls}</td></tr>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
