//! `docs/reference.md` is what the code says; `WRITE_GENERATED=1` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use logdrain_operator::config;
use logdrain_operator::crd::{
    self, DrainType, FINALIZER, Field, Presence, REQUESTED_AT, Reason, Remedy, SecretKeyRef,
};
use logdrain_operator::drain::pasted::Mistake;
use logdrain_operator::exit::Exit;
use logdrain_operator::logdrain::{Event, label_values};
use logdrain_operator::metrics::FAMILIES;
use packaging::repository;
use serde_json::Value;
use strum::IntoEnumIterator as _;

const HEADER: &str = "\
# Reference

Generated from the code, and compared with it by a test; do not edit. To write it anew: `WRITE_GENERATED=1 cargo test -p documents`.
The pages that explain it are listed in the [index](README.md).
";

/// In a cell of a table.
fn cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('|', "\\|").replace('<', "&lt;")
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}

fn kind_of(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().filter_map(Value::as_str).map(code).collect::<Vec<_>>().join(", ");
    }
    match schema["type"].as_str().unwrap() {
        "array" => format!("list of {}", schema["items"]["type"].as_str().unwrap()),
        other => schema["format"].as_str().unwrap_or(other).to_owned(),
    }
}

/// The rows of all fields below a schema.
fn fields(schema: &Value, path: &str, rows: &mut String) {
    let properties = match schema["type"].as_str() {
        Some("array") => &schema["items"]["properties"],
        _ => &schema["properties"],
    };
    let required = schema["required"].as_array().or_else(|| schema["items"]["required"].as_array());
    for (name, field) in properties.as_object().into_iter().flatten() {
        let path = format!("{path}{name}");
        let is_required = required.into_iter().flatten().any(|one| one == name.as_str());
        let default = match &field["default"] {
            Value::Null if is_required => "required".to_owned(),
            Value::Null => String::new(),
            Value::String(text) => code(text),
            value => code(&value.to_string()),
        };
        let description = field["description"].as_str().unwrap_or_default();
        writeln!(rows, "| `{path}` | {} | {default} | {} |", kind_of(field), cell(description)).unwrap();
        let nested = if field["type"] == "array" { format!("{path}[].") } else { format!("{path}.") };
        fields(field, &nested, rows);
    }
}

/// The texts at a place of each of a list.
fn each(list: &Value, pointer: &str) -> Vec<String> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|one| one.pointer(pointer).unwrap().as_str().unwrap().to_owned())
        .collect()
}

/// How it is spoken of on a command line.
fn names(definition: &Value, text: &mut String) {
    let (spec, version) = (&definition["spec"], &definition["spec"]["versions"][0]);
    let names = &spec["names"];
    let code_each = |list: &[String]| list.iter().map(|one| code(one)).collect::<Vec<_>>().join(", ");
    let word = |value: &Value| code(value.as_str().unwrap());
    let selectable: Vec<String> = each(&version["selectableFields"], "/jsonPath")
        .iter()
        .map(|path| format!("`--field-selector {}=…`", path.trim_start_matches('.')))
        .collect();
    let columns = |is_wide: bool| {
        let columns = version["additionalPrinterColumns"].as_array().unwrap().iter();
        let columns =
            columns.filter(|column| (column["priority"].as_i64().unwrap_or_default() > 0) == is_wide);
        columns.map(|column| column["name"].as_str().unwrap()).collect::<Vec<_>>().join(", ")
    };
    let api = format!("{}/{}", spec["group"].as_str().unwrap(), version["name"].as_str().unwrap());
    text.push_str("\n## The resource\n\n| | |\n|---|---|\n");
    for (what, said) in [
        ("API version, kind", format!("{}, {}", code(&api), word(&names["kind"]))),
        ("Scope", spec["scope"].as_str().unwrap().to_lowercase()),
        ("Names", format!("{}, {}", word(&names["plural"]), word(&names["singular"]))),
        ("Short name", code_each(&each(&names["shortNames"], ""))),
        ("Category", code_each(&each(&names["categories"], ""))),
        ("Selected by", selectable.join(", ")),
        ("Columns", format!("{}; with `--output wide` also {}", columns(false), columns(true))),
        (
            "Finalizer",
            format!("{}: keeps the resource until the drains that it has recorded are gone", code(FINALIZER)),
        ),
    ] {
        writeln!(text, "| {what} | {said} |").unwrap();
    }
}

fn resource(text: &mut String) {
    let definition = serde_json::to_value(crd::definition()).unwrap();
    let version = &definition["spec"]["versions"][0];
    names(&definition, text);
    for part in ["spec", "status"] {
        let schema = &version["schema"]["openAPIV3Schema"]["properties"][part];
        write!(text, "\n## Fields of `{part}`\n\n{}\n\n", cell(schema["description"].as_str().unwrap()))
            .unwrap();
        text.push_str("| Field | Kind | Default | |\n|---|---|---|---|\n");
        fields(schema, "", text);
    }
    text.push_str("\n## Fields by type of drain\n\n| `type` |");
    for field in Field::iter() {
        write!(text, " `{field}` |").unwrap();
    }
    writeln!(text, "\n|---|{}", "---|".repeat(Field::iter().len())).unwrap();
    for drain_type in DrainType::iter() {
        write!(text, "| `{drain_type}` |").unwrap();
        for field in Field::iter() {
            text.push_str(match drain_type.presence(field) {
                Presence::Required => " required |",
                Presence::OneOf => " one of them |",
                Presence::Optional => " optional |",
                Presence::Forbidden => " |",
            });
        }
        text.push('\n');
    }
    writeln!(
        text,
        "\n## Annotations\n\n| Annotation | |\n|---|---|\n| `{REQUESTED_AT}` | any text that it did not have before asks for a check \
         now; of a longer one the first 1,024 bytes count |"
    )
    .unwrap();
}

/// What a flag that takes one of a few values takes.
fn choice(flag: &clap::Arg) -> String {
    let values = flag.get_possible_values();
    if values.is_empty() || !flag.get_action().takes_values() {
        return String::new();
    }
    let said = values.iter().map(|value| {
        format!(
            "{} {}",
            code(value.get_name()),
            value.get_help().map(ToString::to_string).unwrap_or_default()
        )
    });
    format!(": {}", said.collect::<Vec<_>>().join(", "))
}

fn command_line(text: &mut String) {
    let mut definition = config::definition();
    definition.build();
    text.push_str("\n## Subcommands and flags\n");
    for subcommand in definition.get_subcommands() {
        let about = subcommand.get_about().unwrap();
        write!(text, "\n`logdrain-operator {}`: {}\n", subcommand.get_name(), cell(&about.to_string()))
            .unwrap();
        let flags: Vec<&clap::Arg> = subcommand
            .get_arguments()
            .filter(|flag| !["help", "version"].contains(&flag.get_id().as_str()))
            .collect();
        if !flags.is_empty() {
            text.push_str("\n| Flag | Variable | Default | |\n|---|---|---|---|\n");
        }
        for flag in flags {
            let variable = flag.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let defaults: Vec<String> = match flag.get_action() {
                clap::ArgAction::SetTrue => Vec::new(),
                _ => flag
                    .get_default_values()
                    .iter()
                    .map(|value| value.to_string_lossy().into_owned())
                    .collect(),
            };
            let name = flag.get_long().unwrap();
            let help = cell(&format!("{}{}", flag.get_help().unwrap(), choice(flag)));
            writeln!(text, "| `--{name}` | {} | {} | {help} |", code(&variable), code(&defaults.join(",")))
                .unwrap();
        }
    }
    text.push_str("\n## Further environment variables\n\n| Variable | |\n|---|---|\n");
    for (name, help) in config::ENVIRONMENT {
        writeln!(text, "| `{name}` | {help} |").unwrap();
    }
    text.push_str("\n## Exit statuses\n\n| Status | |\n|---|---|\n");
    for exit in Exit::iter() {
        writeln!(text, "| {} | {} |", exit.status(), exit.meaning()).unwrap();
    }
}

fn metrics(text: &mut String) {
    text.push_str("\n## Metrics\n\nAt `/metrics` of the admin address.\n\n| Metric | Kind | Labels | |\n|---|---|---|---|\n");
    for family in FAMILIES {
        let labels: Vec<String> = family.labels.iter().map(|label| code(label)).collect();
        let (kind, labels) = (family.kind, labels.join(", "));
        writeln!(text, "| `{}` | {kind} | {labels} | {} |", family.name, cell(family.help)).unwrap();
    }
    // Metrics that share a label mostly share its values.
    let mut rows: Vec<(&str, Vec<&str>, Vec<String>)> = Vec::new();
    for family in FAMILIES {
        for label in family.labels {
            let (values, name) = (label_values(family.name, label), code(family.name));
            match rows.iter_mut().find(|row| (row.0, &row.1) == (*label, &values)) {
                Some(row) => row.2.push(name),
                None => rows.push((label, values, vec![name])),
            }
        }
    }
    text.push_str("\n### Values of the labels\n\n| Label | Of | Values |\n|---|---|---|\n");
    for (label, values, metrics) in rows {
        let values = match values.as_slice() {
            [] => "known only while it runs".to_owned(),
            values => values.iter().map(|value| code(value)).collect::<Vec<_>>().join(", "),
        };
        writeln!(text, "| `{label}` | {} | {values} |", metrics.join(", ")).unwrap();
    }
}

/// Each happening with each of its notes, but for the failures, whose events are the reasons.
fn happenings() -> Vec<Event> {
    let url = || "<url>".to_owned();
    let all = vec![
        Event::Added { url: url(), instead_of: None },
        Event::Added { url: url(), instead_of: Some(url()) },
        Event::Added { url: "<new url>".to_owned(), instead_of: Some("<old url>".to_owned()) },
        Event::SuspiciousToken {
            secret: SecretKeyRef { name: "<name>".to_owned(), key: "<key>".to_owned() },
            mistake: Mistake::Quoted,
        },
        Event::Adopted { url: url() },
        Event::DriftHealed { url: url() },
        Event::Replaced { old: url(), new: url() },
        Event::Replaced { old: "<old url>".to_owned(), new: "<new url>".to_owned() },
        Event::Deleted { url: url() },
        Event::TargetNotFound { target: "the app <name>".to_owned(), url: url() },
        Event::GoneWithTarget { target: "the app <name>".to_owned(), url: url() },
        Event::Retained { url: url() },
        Event::MayBeLeft { url: url() },
        Event::Renamed { from: "<old>".to_owned(), to: "<new>".to_owned() },
        Event::Resumed,
        Event::ReadyAgain { message: "<message of the condition>".to_owned() },
        Event::TakenOver { message: "<message of the condition>".to_owned() },
    ];
    // A new one does not compile here until it is above.
    for happening in &all {
        match happening {
            Event::Added { .. }
            | Event::SuspiciousToken { .. }
            | Event::Adopted { .. }
            | Event::DriftHealed { .. }
            | Event::Replaced { .. }
            | Event::Deleted { .. }
            | Event::TargetNotFound { .. }
            | Event::GoneWithTarget { .. }
            | Event::Retained { .. }
            | Event::MayBeLeft { .. }
            | Event::Renamed { .. }
            | Event::Resumed
            | Event::ReadyAgain { .. }
            | Event::TakenOver { .. }
            | Event::NotReady { .. } => {}
        }
    }
    all
}

fn events(text: &mut String) {
    text.push_str("\n## Events\n\n| Reason | Type | Action | Note |\n|---|---|---|---|\n");
    let mut row = |happening: &Event, note: &str| {
        let kind = if happening.is_warning() { "Warning" } else { "Normal" };
        writeln!(text, "| `{}` | {kind} | `{}` | {note} |", happening.reason(), happening.action()).unwrap();
    };
    for happening in happenings() {
        row(&happening, &cell(&happening.note()));
    }
    // Each reason for which a condition is told of that was fine before.
    for happening in Reason::iter().filter_map(|reason| Event::of_condition(None, reason, "", None)) {
        row(&happening, "the message of the condition");
    }
}

fn reasons(text: &mut String) {
    text.push_str(
        "\n## Reasons\n\nOf the conditions; each has its section in the [runbook](runbook.md).\n\n\
         | Reason | `Ready` | also True | Mended by | |\n|---|---|---|---|---|\n",
    );
    for reason in Reason::iter() {
        let (also, by) = match reason.remedy() {
            Remedy::None => ("", ""),
            Remedy::Time => ("`Reconciling`", "time"),
            Remedy::Person => ("`Stalled`", "a person"),
        };
        let link = format!("[{reason}](runbook.md#{})", reason.as_ref().to_lowercase());
        writeln!(text, "| {link} | {} | {also} | {by} | {} |", reason.ready(), reason.meaning()).unwrap();
    }
}

#[test]
fn it_is_what_the_code_says() {
    let mut expected = HEADER.to_owned();
    resource(&mut expected);
    command_line(&mut expected);
    metrics(&mut expected);
    events(&mut expected);
    reasons(&mut expected);
    let path = repository().join("docs/reference.md");
    if env::var_os("WRITE_GENERATED").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    // The whole page, twice, would hide what has changed.
    let differing =
        kept.lines().zip(expected.lines()).enumerate().find(|(_, (kept, expected))| kept != expected);
    let advice = "docs/reference.md is out of date; WRITE_GENERATED=1 cargo test -p documents writes it anew";
    assert_eq!(differing, None, "{advice}");
    assert!(kept == expected, "{advice}: its length differs");
}

/// All Rust files below a directory.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

#[test]
fn every_variable_that_the_operator_reads_is_listed() {
    let mut read = BTreeSet::new();
    for path in sources(&repository().join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        for call in ["env::var(\"", "env::var_os(\""] {
            read.extend(text.split(call).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
    }
    assert!(read.len() > 1, "{read:?}");
    for name in read {
        assert!(config::ENVIRONMENT.iter().any(|(listed, _)| *listed == name), "{name} is not listed");
    }
}

#[test]
fn the_readme_has_each_flag_with_its_variable_and_default() {
    let readme = documents::page("README.md").unwrap();
    let mut definition = config::definition();
    definition.build();
    let run = definition.find_subcommand("run").unwrap();
    for flag in run.get_arguments().filter(|flag| flag.get_id() != "help") {
        let name = flag.get_long().unwrap();
        let variable = flag.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let start = format!("| `--{name}` | {}", code(&variable));
        let row = readme.prose().find(|line| line.starts_with(start.trim_end()));
        let row = row.unwrap_or_else(|| panic!("the README has no row {start}"));
        if !matches!(flag.get_action(), clap::ArgAction::SetTrue) {
            for default in flag.get_default_values() {
                assert!(row.contains(&code(&default.to_string_lossy())), "{row}");
            }
        }
    }
}
