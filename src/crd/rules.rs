//! Which fields each type of drain takes: one table, and all that follows from it.

use std::fmt;

use schemars::Schema;
use serde_json::{Value, json};
use strum::{AsRefStr, Display, EnumIter, IntoEnumIterator as _, IntoStaticStr};

use super::DrainType;

/// A field of the spec whose presence depends on the type, in the order of the table's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsRefStr, Display, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "camelCase")]
pub enum Field {
    /// `spec.customType`.
    CustomType,
    /// `spec.tokenSecretRef`.
    TokenSecretRef,
    /// `spec.host`.
    Host,
    /// `spec.port`.
    Port,
    /// `spec.drainRegion`.
    DrainRegion,
    /// `spec.url`.
    Url,
    /// `spec.urlSecretRef`.
    UrlSecretRef,
}

/// Whether a field may or must be there for a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// Must be there.
    Required,
    /// Exactly one of the type's `OneOf` fields must be there.
    OneOf,
    /// May be there.
    Optional,
    /// Must not be there: it would say something that Scalingo never hears.
    Forbidden,
}

use Presence::{Forbidden, OneOf, Optional, Required};

impl DrainType {
    /// The table of the API's documentation: the fields that each type takes, in the order of [`Field`].
    ///
    /// Better Stack, and `AppSignal` without host and port, are from the public guide; the rest is from the
    /// API reference.
    #[expect(clippy::match_same_arms, reason = "each type has a line of the table")]
    #[rustfmt::skip]
    const fn row(self) -> [Presence; 7] {
        match self {
            //                   customType  tokenSecretRef  host      port       drainRegion  url       urlSecretRef
            Self::Appsignal   => [Forbidden, Required,     Optional,  Optional,  Forbidden,  Forbidden, Forbidden],
            Self::Betterstack => [Forbidden, Required,     Required,  Forbidden, Forbidden,  Forbidden, Forbidden],
            Self::Datadog     => [Forbidden, Required,     Forbidden, Forbidden, Required,   Forbidden, Forbidden],
            Self::OvhGraylog  => [Forbidden, Required,     Required,  Forbidden, Forbidden,  Forbidden, Forbidden],
            Self::Papertrail  => [Forbidden, Forbidden,    Required,  Required,  Forbidden,  Forbidden, Forbidden],
            Self::Syslog      => [Forbidden, Optional,     Required,  Required,  Forbidden,  Forbidden, Forbidden],
            Self::Elk         => [Forbidden, Forbidden,    Forbidden, Forbidden, Forbidden,  OneOf,     OneOf],
            Self::Custom      => [Required,  Optional,     Optional,  Optional,  Optional,   Optional,  Optional],
        }
    }

    /// The type of this name; `None` of a name that only Scalingo may know.
    #[must_use]
    pub fn known(name: &str) -> Option<Self> {
        name.parse().ok().filter(|one| *one != Self::Custom)
    }

    /// Whether `field` may or must be there for this type.
    #[must_use]
    pub const fn presence(self, field: Field) -> Presence {
        // The discriminants are the columns.
        self.row()[field as usize]
    }

    /// The fields whose presence is `presence` for this type, in the order of [`Field`].
    pub fn fields(self, presence: Presence) -> impl Iterator<Item = Field> {
        Field::iter().filter(move |field| self.presence(*field) == presence)
    }
}

/// Adds the table to the schema of the spec: as rules, and in words to the descriptions.
pub(super) fn add_to(schema: &mut Schema) {
    schema.insert("x-kubernetes-validations".to_owned(), DrainType::iter().flat_map(rules).collect());
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (field, words) in
        Field::iter().map(|field| (field.into(), types_in_words(field))).chain([("type", fields_in_words())])
    {
        if let Some(Value::String(description)) =
            properties.get_mut(field).and_then(|property| property.get_mut("description"))
        {
            description.push_str("\n\n");
            description.push_str(&words);
        }
    }
}

fn rules(drain_type: DrainType) -> Vec<Value> {
    let mut rules = Vec::new();
    let mut add = |condition: String, message: String, field: Field, reason: &str| {
        rules.push(json!({
            "rule": format!("self.type != '{drain_type}' || {condition}"),
            "message": message,
            "fieldPath": format!(".{field}"),
            "reason": reason,
        }));
    };
    for field in Field::iter() {
        match drain_type.presence(field) {
            Required => add(
                format!("has(self.{field})"),
                format!("spec.{field} is required when type is {drain_type}"),
                field,
                "FieldValueRequired",
            ),
            Forbidden => add(
                format!("!has(self.{field})"),
                format!("spec.{field} is not used by type {drain_type}: remove it"),
                field,
                "FieldValueForbidden",
            ),
            Optional | OneOf => {}
        }
    }
    let choices: Vec<Field> = drain_type.fields(OneOf).collect();
    if let [first, ..] = choices[..] {
        add(
            format!("({})", join(choices.iter().map(|field| format!("has(self.{field})")), " || ")),
            format!(
                "{} is required when type is {drain_type}",
                join(choices.iter().map(|field| format!("spec.{field}")), " or ")
            ),
            first,
            "FieldValueRequired",
        );
    }
    let (one, other) = (Field::Url, Field::UrlSecretRef);
    if [one, other].iter().all(|field| drain_type.presence(*field) != Forbidden) {
        add(
            format!("!(has(self.{one}) && has(self.{other}))"),
            format!("spec.{one} and spec.{other} exclude each other when type is {drain_type}: keep one"),
            other,
            "FieldValueForbidden",
        );
    }
    rules
}

fn fields_in_words() -> String {
    let of_type = |drain_type: DrainType| {
        let mut fields: Vec<String> = drain_type.fields(Required).map(|field| field.to_string()).collect();
        let choices = join(drain_type.fields(OneOf), " or ");
        if !choices.is_empty() {
            fields.push(choices);
        }
        fields.extend(drain_type.fields(Optional).map(|field| format!("optional {field}")));
        format!("`{drain_type}` ({})", fields.join(", "))
    };
    format!("Types and their fields: {}.", join(DrainType::iter().map(of_type), "; "))
}

fn types_in_words(field: Field) -> String {
    let types = |presence| {
        join(DrainType::iter().filter(move |drain_type| drain_type.presence(field) == presence), ", ")
    };
    let words: Vec<String> =
        [("required by", Required), ("optional for", Optional), ("one of the two ways for", OneOf)]
            .into_iter()
            .map(|(words, presence)| (words, types(presence)))
            .filter(|(_, types)| !types.is_empty())
            .map(|(words, types)| format!("{words} {types}"))
            .collect();
    format!("By type: {}; refused for all others.", words.join("; "))
}

fn join(parts: impl IntoIterator<Item = impl fmt::Display>, separator: &str) -> String {
    parts.into_iter().map(|part| part.to_string()).collect::<Vec<_>>().join(separator)
}
