//! Runs the scripts as Argo CD does.
//!
//! Argo CD interprets Lua 5.1. A script finds the object in the global `obj`. Of the standard library it has the basic functions,
//! `table`, and by `require("os")` the functions `time` and `date`; not `string`, nor `os` without being asked for
//! (`util/lua/lua.go` and `oslib_safe.go` in `argoproj/argo-cd`).

use std::collections::BTreeMap;

use mlua::{Lua, LuaOptions, LuaSerdeExt, StdLib, Table, serde::SerializeOptions};
use serde::Deserialize;
use serde_json::Value;

use crate::{Error, read, scripts};

/// What the clock shows to scripts.
pub const NOW: &str = "2026-11-23T12:00:00Z";

/// The flags of `os.date` that Argo CD knows and that are used here, and what they show of [`NOW`].
const DATE_FLAGS: [(char, &str); 6] =
    [('Y', "2026"), ('m', "11"), ('d', "23"), ('H', "12"), ('M', "00"), ('S', "00")];

/// What `health.lua` says of an object.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// `Healthy`, `Progressing`, `Degraded` or `Suspended`.
    pub status: String,
    /// Why, for people.
    #[serde(default)]
    pub message: String,
}

/// An action that is offered for an object.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Action {
    /// Whether it is shown but cannot be chosen.
    #[serde(default)]
    pub disabled: bool,
    /// What is shown beside it.
    #[serde(default)]
    pub icon_class: String,
    /// What it is called on the screen.
    #[serde(default)]
    pub display_name: String,
}

/// What Argo CD says of every object that is being deleted: no script is asked then (`GetResourceHealth` in
/// `gitops-engine/pkg/health/health.go` of `argoproj/argo-cd`).
pub const PENDING_DELETION: &str = "Pending deletion";

/// What Argo CD shows as the health of an object.
///
/// # Errors
/// A script that is not there, fails, or returns something else.
pub fn health(object: &Value) -> Result<Health, Error> {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Ok(Health { status: "Progressing".to_owned(), message: PENDING_DELETION.to_owned() });
    }
    let script = read(&scripts().join("health.lua"))?;
    run(&script, object)
}

/// The actions that Argo CD offers for an object, by name.
///
/// # Errors
/// As [`health`].
pub fn actions(object: &Value) -> Result<BTreeMap<String, Action>, Error> {
    let script = read(&scripts().join("actions/discovery.lua"))?;
    run(&script, object)
}

/// The object as an action leaves it.
///
/// # Errors
/// As [`health`].
pub fn act(action: &str, object: &Value) -> Result<Value, Error> {
    let script = read(&scripts().join("actions").join(action).join("action.lua"))?;
    run(&script, object)
}

/// Runs a script with an object, and gives what it returns.
///
/// # Errors
/// A script that fails, or returns something else.
pub fn run<T: for<'de> Deserialize<'de>>(script: &str, object: &Value) -> Result<T, Error> {
    let lua = Lua::new_with(StdLib::TABLE, LuaOptions::default())?;
    let options = SerializeOptions::new()
        .set_array_metatable(false)
        .serialize_none_to_null(false)
        .serialize_unit_to_null(false);
    lua.globals().set("obj", lua.to_value_with(object, options)?)?;
    let os = clock(&lua)?;
    let require = lua.create_function(move |_, module: String| match module.as_str() {
        "os" => Ok(os.clone()),
        _ => Err(mlua::Error::runtime(format!("module {module} not found"))),
    })?;
    lua.globals().set("require", require)?;
    let returned: mlua::Value = lua.load(script).eval()?;
    Ok(lua.from_value(returned)?)
}

/// `os` as far as it is needed, at a fixed time: Argo CD's `date` is its own and knows fewer flags than others.
fn clock(lua: &Lua) -> mlua::Result<Table> {
    let date = lua.create_function(|_, format: String| {
        let format = format
            .strip_prefix('!')
            .ok_or_else(|| mlua::Error::runtime("a time that is not UTC tells nobody else when it was"))?;
        let mut shown = String::new();
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                shown.push(character);
                continue;
            }
            let flag = characters.next();
            let known = DATE_FLAGS.iter().find(|(known, _)| Some(*known) == flag);
            let (_, text) = known.ok_or_else(|| mlua::Error::runtime(format!("unknown flag {flag:?}")))?;
            shown.push_str(text);
        }
        Ok(shown)
    })?;
    let os = lua.create_table()?;
    os.set("date", date)?;
    Ok(os)
}
