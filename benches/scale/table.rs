//! Figures in columns, one for each count, beside their goals.

use std::fmt;

use crate::missing::Missing;

/// One figure with one count.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// It was not asked for.
    NotRun,
    /// What came out, and how it is shown.
    Figure(f64, String),
    /// Nothing came out.
    Missing(Missing),
}

/// One figure with all counts.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is.
    pub what: String,
    /// In the order of the counts.
    pub cells: Vec<Cell>,
    /// What should come out.
    pub goal: String,
    /// Whether it did; none where it was not run.
    pub kept: Option<bool>,
}

/// All figures.
#[derive(Clone, Debug)]
pub struct Table {
    /// One for each column.
    pub counts: Vec<usize>,
    /// One after the other.
    pub rows: Vec<Row>,
}

impl Cell {
    /// The figure, if it was run.
    pub fn figure(&self) -> Option<f64> {
        if let Self::Figure(figure, _) = self { Some(*figure) } else { None }
    }

    /// Whether it was run and nothing came out.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }

    fn shown(&self) -> String {
        match self {
            Self::NotRun => String::new(),
            Self::Figure(_, shown) => shown.clone(),
            Self::Missing(Missing(why)) => why.lines().next().unwrap_or_default().replace('|', "/"),
        }
    }
}

impl Row {
    /// Whether it was asked for with any count.
    pub fn was_run(&self) -> bool {
        self.cells.iter().any(|cell| *cell != Cell::NotRun)
    }
}

impl Table {
    /// How many goals are missed.
    pub fn missed(&self) -> usize {
        self.rows.iter().filter(|row| row.kept == Some(false)).count()
    }

    /// How many have a verdict.
    pub fn judged(&self) -> usize {
        self.rows.iter().filter(|row| row.kept.is_some()).count()
    }

    fn lines(&self) -> Vec<Vec<String>> {
        let counts = self.counts.iter().map(|count| format!("{} LogDrains", grouped(*count)));
        let first = ["On the real API server".to_owned()].into_iter().chain(counts);
        let first = first.chain(["Goal".to_owned(), String::new()]).collect();
        let rows = self.rows.iter().map(|row| {
            let mark = match row.kept {
                Some(true) => "kept",
                Some(false) => "MISSED",
                None => "",
            };
            let cells = row.cells.iter().map(Cell::shown);
            let line = [row.what.clone()].into_iter().chain(cells);
            line.chain([row.goal.clone(), mark.to_owned()]).collect()
        });
        [first].into_iter().chain(rows).collect()
    }
}

/// With commas.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let (head, rest) = digits.split_at(first);
    let groups = rest.as_bytes().chunks(3).map(String::from_utf8_lossy);
    let all = Some(head.into()).filter(|_| first > 0).into_iter().chain(groups);
    all.collect::<Vec<_>>().join(",")
}

impl fmt::Display for Table {
    /// As Markdown, in columns.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        let columns = lines.first().map_or(0, Vec::len);
        let width =
            |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, line) in lines.iter().enumerate() {
            for (cell, width) in line.iter().zip(&widths) {
                write!(formatter, "| {cell:width$} ")?;
            }
            writeln!(formatter, "|")?;
            if index == 0 {
                let rules = widths.iter().map(|width| "-".repeat(width + 2));
                writeln!(formatter, "|{}|", rules.collect::<Vec<_>>().join("|"))?;
            }
        }
        Ok(())
    }
}
