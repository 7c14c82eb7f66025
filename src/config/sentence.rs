//! clap's errors as sentences.

use std::error::Error;

use clap::error::{ContextKind, ContextValue, ErrorKind};

const SEE_HELP: &str = "`logdrain-operator run --help` lists the flags";

/// clap's error, several lines meant for a terminal, as one sentence. Values are left out: people paste
/// credentials into the wrong place.
pub(super) fn of(error: &clap::Error, definition: &clap::Command) -> String {
    let argument = context(error, ContextKind::InvalidArg).map(|text| flag_only(&text));
    match (error.kind(), argument) {
        (ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand, _) => {
            "Say what to do: `logdrain-operator run` or `logdrain-operator crd`.".to_owned()
        }
        (ErrorKind::InvalidSubcommand, _) => {
            "There is no such command: use `logdrain-operator run` or `logdrain-operator crd`.".to_owned()
        }
        (ErrorKind::UnknownArgument, Some(flag)) => {
            let suggestion = match context(error, ContextKind::SuggestedArg) {
                Some(suggested) => format!("use {}", flag_only(&suggested).unwrap_or(suggested)),
                None => SEE_HELP.to_owned(),
            };
            match flag {
                Some(flag) => format!("There is no flag {flag}: {suggestion}."),
                None => format!("An argument belongs to no flag: take it out; {SEE_HELP}."),
            }
        }
        (ErrorKind::InvalidValue, Some(Some(flag))) => {
            let name = with_variable(definition, &flag);
            match context(error, ContextKind::ValidValue) {
                Some(_) if is_empty(error) => format!("{name} needs a value: {SEE_HELP}."),
                Some(values) => format!("{name} must be one of: {values}."),
                None => format!("{name} needs a value: {SEE_HELP}."),
            }
        }
        (ErrorKind::ValueValidation, Some(Some(flag))) => {
            let name = with_variable(definition, &flag);
            match error.source() {
                Some(reason) => format!("{name} {reason}."),
                None => format!("{name} cannot have this value: {SEE_HELP}."),
            }
        }
        (ErrorKind::TooManyValues, Some(Some(flag))) => {
            format!("{flag} takes no value: leave out what follows it.")
        }
        (ErrorKind::ArgumentConflict, Some(Some(flag))) => format!("{flag} is given twice: keep one."),
        (ErrorKind::InvalidUtf8, _) => {
            "An argument or a variable is not valid UTF-8: write it in plain text.".to_owned()
        }
        _ => format!("The command line cannot be read: {SEE_HELP}."),
    }
}

fn is_empty(error: &clap::Error) -> bool {
    context(error, ContextKind::InvalidValue).is_some_and(|value| value.is_empty())
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        _ => None,
    }
}

/// `--flag` of `--flag <VALUE>` or `--flag=value`. `None` for what is no flag, and so may be a secret.
fn flag_only(text: &str) -> Option<String> {
    let name = text.split(['=', ' ']).next().unwrap_or_default();
    let letters = name.strip_prefix("--")?;
    let is_flag = letters.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    (is_flag && letters.len() <= 32).then(|| name.to_owned())
}

/// The flag, and the variable that may have set it instead.
fn with_variable(definition: &clap::Command, flag: &str) -> String {
    let variable = definition
        .get_subcommands()
        .flat_map(clap::Command::get_arguments)
        .find(|argument| argument.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long)))
        .and_then(clap::Arg::get_env);
    match variable {
        Some(variable) => format!("{flag} ({})", variable.display()),
        None => flag.to_owned(),
    }
}
