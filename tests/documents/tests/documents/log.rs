//! `docs/monitoring.md` lists each name that a line of the log may have.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use packaging::repository;

/// What makes a line at the default level, or the span of one, with how its fields are listed.
const MACROS: [(&str, &str); 4] = [
    ("tracing::info!(", "fields"),
    ("tracing::warn!(", "fields"),
    ("tracing::error!(", "fields"),
    ("tracing::info_span!(", "span"),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let is_source =
        |path: &PathBuf| path.file_name().is_some_and(|name| name != "tests.rs" && name != "tests");
    let files = files.into_iter().filter(is_source);
    files.chain(folders.iter().filter(|path| is_source(path)).flat_map(|folder| sources(folder))).collect()
}

/// The arguments of a macro, of which `text` is all that follows its parenthesis.
fn arguments(text: &str) -> Vec<String> {
    let (mut depth, mut is_quoted, mut is_escaped) = (0_u32, false, false);
    let mut arguments = vec![String::new()];
    for letter in text.chars() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '(' | '[' | '{' if !is_quoted => depth += 1,
            ')' if !is_quoted && depth == 0 => break,
            ')' | ']' | '}' if !is_quoted => depth -= 1,
            ',' if !is_quoted && depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        arguments.last_mut().unwrap().push(letter);
    }
    arguments.iter().map(|argument| argument.trim().to_owned()).collect()
}

/// The names before the text of a line; of a span all, for its name is the text.
fn names(arguments: &[String], part: &str) -> Vec<String> {
    let fields = arguments.iter().skip(usize::from(part == "span"));
    let fields = fields.take_while(|argument| !argument.starts_with('"') && !argument.is_empty());
    let name =
        |field: &String| field.split('=').next().unwrap().trim().trim_start_matches(['%', '?']).to_owned();
    fields.map(name).collect()
}

#[test]
fn each_field_that_is_logged_at_the_default_level_is_listed() {
    let page = fs::read_to_string(repository().join("docs/monitoring.md")).unwrap();
    let mut logged = BTreeSet::new();
    for source in sources(&repository().join("src")) {
        let text = fs::read_to_string(&source).unwrap();
        for (call, part) in MACROS {
            for following in text.split(call).skip(1) {
                logged.extend(
                    names(&arguments(following), part).into_iter().map(|name| format!("{part}.{name}")),
                );
            }
        }
    }
    assert!(logged.len() > 15, "{logged:?}");
    let missing: Vec<&String> = logged.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?} are not in the table");
}

#[test]
fn the_names_of_a_line_are_found_whatever_their_values() {
    let found = |text: &str, part| names(&arguments(text), part);
    assert_eq!(
        found(r#"action, error = %f(1, "a,b"), ?it, "why {}", x); y, z"#, "fields"),
        ["action", "error", "it"]
    );
    assert_eq!(found(r#""name", app = object.spec.app, secret,) + 1"#, "span"), ["app", "secret"]);
    assert_eq!(found(r#""plain \") words")"#, "fields"), [""; 0]);
}
