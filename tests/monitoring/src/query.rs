//! Which series and labels a query names. Whether it is a query at all, promtool judges.

use super::Error;

/// Words that are neither a metric nor a function.
const WORDS: [&str; 8] = ["and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"];
/// Words that labels follow.
const GROUPINGS: [&str; 6] = ["by", "on", "without", "ignoring", "group_left", "group_right"];

/// What a query names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The series.
    pub selectors: Vec<Selector>,
    /// The labels that it groups and joins by.
    pub groupings: Vec<String>,
}

/// Series of a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// Name of the metric.
    pub metric: String,
    /// What its labels must be.
    pub matchers: Vec<Matcher>,
}

/// What a label must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    /// Name of the label.
    pub label: String,
    /// The values that are named, those of an expression apart.
    pub values: Vec<String>,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// A brace, a range or a string does not end, or a matcher is none.
    pub fn read(text: &str) -> Result<Self, Error> {
        let failed = |message: &str| Error::Query { query: text.to_owned(), message: message.to_owned() };
        let mut query = Self::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if first == '"' {
                (_, rest) = rest[1..].split_once('"').ok_or_else(|| failed("a string does not end"))?;
            } else if first == '[' {
                // A time, and of a subquery the step.
                (_, rest) = rest.split_once(']').ok_or_else(|| failed("a range does not end"))?;
            } else if first.is_ascii_digit() {
                // With the unit of a duration.
                rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.');
            } else if is_of_name(first) {
                let (name, after) = split_name(rest);
                rest = after.trim_start();
                if GROUPINGS.contains(&name) {
                    if let Some(list) = rest.strip_prefix('(') {
                        let (labels, after) =
                            list.split_once(')').ok_or_else(|| failed("a list does not end"))?;
                        let labels = labels.split(',').map(str::trim).filter(|label| !label.is_empty());
                        query.groupings.extend(labels.map(str::to_owned));
                        rest = after;
                    }
                } else if let Some(list) = rest.strip_prefix('{') {
                    let (matchers, after) = matchers(list).ok_or_else(|| failed("a matcher is none"))?;
                    query.selectors.push(Selector { metric: name.to_owned(), matchers });
                    rest = after;
                } else if !is_function(rest) && !WORDS.contains(&name.to_lowercase().as_str()) {
                    query.selectors.push(Selector { metric: name.to_owned(), matchers: Vec::new() });
                }
            } else {
                rest = &rest[first.len_utf8()..];
            }
        }
        Ok(query)
    }
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | ':')
}

fn split_name(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !is_of_name(c)).unwrap_or(text.len()))
}

/// A function or an aggregation, whose labels may come before what it aggregates.
fn is_function(rest: &str) -> bool {
    let (name, after) = split_name(rest);
    rest.starts_with('(') || (matches!(name, "by" | "without") && after.trim_start().starts_with('('))
}

/// What stands between braces, and what comes after them.
fn matchers(mut rest: &str) -> Option<(Vec<Matcher>, &str)> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
        if let Some(after) = rest.strip_prefix('}') {
            return Some((found, after));
        }
        let (label, after) = split_name(rest);
        let operators = ["=~", "!~", "!=", "="];
        let operator = operators.into_iter().find(|operator| after.trim_start().starts_with(operator))?;
        let value = after.trim_start()[operator.len()..].trim_start().strip_prefix('"')?;
        let (value, after) = value.split_once('"')?;
        let is_expression = operator.ends_with('~');
        let values = if is_expression { value.split('|').collect() } else { vec![value] };
        let is_plain = |value: &&str| !is_expression || value.chars().all(is_of_name);
        let values = values.into_iter().filter(is_plain).map(str::to_owned).collect();
        if label.is_empty() {
            return None;
        }
        found.push(Matcher { label: label.to_owned(), values });
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_matchers_and_groupings_are_found_wherever_they_stand() {
        let text = r#"histogram_quantile(0.9, sum by (le, job) (rate(x_bucket{a="b",c=~"d|e|$f"}[5m])))
            * on (pod) group_left () y unless max without(z)(w{} offset 1h)[10m:1m] > 1.5e3 and absent(v)"#;
        let query = Query::read(text).unwrap();
        let metrics: Vec<&str> = query.selectors.iter().map(|selector| selector.metric.as_str()).collect();
        assert_eq!(metrics, ["x_bucket", "y", "w", "v"]);
        assert_eq!(query.groupings, ["le", "job", "pod", "z"]);
        let matcher = |label: &str, values: &[&str]| Matcher {
            label: label.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        assert_eq!(query.selectors[0].matchers, [matcher("a", &["b"]), matcher("c", &["d", "e"])]);
    }

    #[test]
    fn what_does_not_end_is_refused() {
        for text in [r#"x{a="b"#, r#"x{a="b""#, "x{a}", "sum by (a", r#"x{="b"}"#, "rate(x[5m)"] {
            assert!(Query::read(text).is_err(), "{text}");
        }
    }
}
