//! The table that `kubectl get` prints.

use std::ops::Range;

/// Widths of name, app, type and Ready, where lines are written one after the other.
const WIDTHS: [usize; 4] = [16, 10, 11, 5];

/// The columns of one row by their heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(Vec<(String, String)>);

impl Row {
    /// What stands under a heading; nothing where there is no such column.
    pub fn get(&self, heading: &str) -> &str {
        self.0.iter().find(|(name, _)| name == heading).map_or("", |(_, cell)| cell)
    }

    fn lasting(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter().filter(|(name, _)| name != "AGE")
    }

    fn headings(&self) -> String {
        aligned(self.lasting().map(|(name, _)| name))
    }

    fn cells(&self) -> String {
        aligned(self.lasting().map(|(_, cell)| cell))
    }
}

/// What `kubectl get` has printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    lines: Vec<String>,
    rows: Vec<Row>,
}

impl Table {
    /// Reads it: cells stand exactly below their headings, and may be empty.
    pub fn read(text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        let columns = lines.first().map_or_else(Vec::new, |heading| columns(heading));
        let rows = lines.iter().skip(1).map(|line| {
            let cells = columns.iter().map(|(name, place)| (name.clone(), cell(line, place)));
            Row(cells.collect())
        });
        Self { rows: rows.collect(), lines }
    }

    /// As printed.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The rows below the heading.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many rows are Ready.
    pub fn ready(&self) -> usize {
        self.rows.iter().filter(|row| row.get("READY") == "True").count()
    }

    /// Lines for the rows that are new or say something new since `before`, under a heading the first time. They are aligned
    /// whatever comes later, and hold no age: to grow older is nothing new.
    pub fn news_since(&self, before: Option<&Self>) -> Vec<String> {
        let is_first = before.is_none_or(|before| before.rows.is_empty());
        let heading = self.rows.first().filter(|_| is_first).map(Row::headings);
        let told = |row: &Row| before.is_some_and(|before| before.rows.iter().any(|old| is_same(old, row)));
        let rows = self.rows.iter().filter(|row| !told(row)).map(Row::cells);
        heading.into_iter().chain(rows).collect()
    }
}

fn is_same(one: &Row, other: &Row) -> bool {
    one.lasting().eq(other.lasting())
}

fn aligned<'a>(cells: impl Iterator<Item = &'a String>) -> String {
    let widths = WIDTHS.into_iter().chain(std::iter::repeat(0));
    let cells: Vec<String> = cells.zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    cells.join("   ").trim_end().to_owned()
}

/// Where each column stands, counted in characters: from its heading to the next one.
fn columns(heading: &str) -> Vec<(String, Range<usize>)> {
    let mut columns: Vec<(String, Range<usize>)> = Vec::new();
    let mut before = ' ';
    for (place, character) in heading.chars().enumerate() {
        if before == ' ' && character != ' ' {
            if let Some((_, last)) = columns.last_mut() {
                last.end = place;
            }
            columns.push((String::new(), place..usize::MAX));
        }
        if let Some((name, _)) = columns.last_mut().filter(|_| character != ' ') {
            name.push(character);
        }
        before = character;
    }
    columns
}

fn cell(line: &str, place: &Range<usize>) -> String {
    let characters = line.chars().skip(place.start).take(place.end - place.start);
    characters.collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: &str = "\
NAME        APP         TYPE        READY   REASON        AGE
appsignal   shop-front  appsignal   False   Progressing   1s
elk         shop-front  elk                               1s
";
    const LATE: &str = "\
NAME        APP         TYPE        READY   REASON   AGE
appsignal   shop-front  appsignal   True    Synced   9s
elk         shop-front  elk                          9s
";

    #[test]
    fn cells_stand_below_their_headings_and_may_be_empty() {
        let table = Table::read(EARLY);
        let cells =
            |row: &Row| ["NAME", "READY", "REASON", "AGE", "URL"].map(|name| row.get(name).to_owned());
        assert_eq!(
            table.rows().iter().map(cells).collect::<Vec<_>>(),
            [["appsignal", "False", "Progressing", "1s", ""], ["elk", "", "", "1s", ""]]
        );
        assert_eq!(table.ready(), 0);
        assert_eq!(Table::read(LATE).ready(), 1);
    }

    #[test]
    fn only_rows_that_say_something_new_are_news() {
        let (early, late) = (Table::read(EARLY), Table::read(LATE));
        let all = [
            "NAME               APP          TYPE          READY   REASON",
            "appsignal          shop-front   appsignal     False   Progressing",
            "elk                shop-front   elk",
        ];
        assert_eq!(early.news_since(None), all);
        assert_eq!(early.news_since(Some(&Table::read(""))), all);
        assert_eq!(
            late.news_since(Some(&early)),
            ["appsignal          shop-front   appsignal     True    Synced"]
        );
        assert_eq!(late.news_since(Some(&late)), Vec::<String>::new());
    }

    #[test]
    fn nothing_printed_is_a_table_without_rows() {
        let table = Table::read("");
        assert_eq!((table.rows().len(), table.ready(), table.news_since(None)), (0, 0, Vec::new()));
    }
}
